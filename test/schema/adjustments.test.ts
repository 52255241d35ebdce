import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { adjustmentIdSql } from '../../src/adjustments/adjustment-list.js';
import { formatId, parseId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let second: Awaited<ReturnType<typeof startTestApp>>;
let alice: TestPlayer;
let token: { ann: string; ben: string; cat: string; support: string; player: string; foreign: string };

beforeAll(async () => {
  app = await startTestApp();
  second = await startTestApp({ database: app.database });
});
beforeEach(async () => {
  alice = await createTestPlayer(app.database, { balances: { EUR: '10', BTC: '1' } });
  token = {
    ann: await app.token('operator', 'ann'),
    ben: await app.token('operator', 'ben'),
    cat: await app.token('operator', 'cat'),
    support: await app.token('support'),
    player: await app.token('player', alice.externalId),
    foreign: await app.token('operator', 'boss', { brand: 'other' }),
  };
});
afterAll(async () => {
  await second.close();
  await app.close();
});

const proposal = `id player { externalId } amount { amount currency } reason state proposedBy proposedAt approvedBy approvedAt
  transaction { id }`;

async function propose(as: string, input: object = {}) {
  const answer = await request(
    app,
    as,
    `mutation ($input: AdjustmentInput!) { proposeAdjustment(input: $input) { ${proposal} } }`,
    {
      input: { playerId: formatId('player', alice), currency: 'EUR', amount: '2.5', reason: 'A lost round', ...input },
    },
  );
  return answer.errors.length > 0 ? codes(answer) : (answer.data?.['proposeAdjustment'] as Record<string, unknown>);
}

async function proposed(input: object = {}, as = token.ann): Promise<string> {
  const answer = await propose(as, input);
  if (Array.isArray(answer)) throw new Error(String(answer));
  return String(answer['id']);
}

async function approve(as: string, id: string, at = app) {
  const answer = await request(
    at,
    as,
    `mutation ($id: ID!) { approveAdjustment(id: $id) { __typename
      ... on AdjustmentReceipt { repeated adjustment { state approvedBy transaction { id } }
        transaction { id kind amount { amount } externalKey integration { id } session { id } } wallet { balance { amount } } }
      ... on InsufficientFunds { balance { amount } } ... on CurrencyNotSupported { currency } } }`,
    { id },
  );
  return answer.errors.length > 0 ? codes(answer) : (answer.data?.['approveAdjustment'] as Record<string, unknown>);
}

async function rowCount(): Promise<number> {
  const { rows } = await app.database.owner.query<{ count: number }>(
    "select count(*)::int as count from ledger_transaction where player_id = $1 and kind = 'adjustment'",
    [alice.id],
  );
  return rows[0]?.count ?? -1;
}

test('an adjustment moves money when a second person approves it', async () => {
  const wish = await propose(token.ann);
  expect(wish).toEqual({
    id: expect.stringMatching(/^ad_/),
    player: { externalId: alice.externalId },
    amount: { amount: '2.50', currency: 'EUR' },
    reason: 'A lost round',
    state: 'PROPOSED',
    proposedBy: 'ann',
    proposedAt: expect.stringMatching(/Z$/),
    approvedBy: null,
    approvedAt: null,
    transaction: null,
  });
  expect(await rowCount()).toBe(0);
  const id = String((wish as Record<string, unknown>)['id']);
  const receipt = await approve(token.ben, id);
  expect(receipt).toMatchObject({
    __typename: 'AdjustmentReceipt',
    repeated: false,
    adjustment: { state: 'APPLIED', approvedBy: 'ben' },
    transaction: { kind: 'ADJUSTMENT', amount: { amount: '2.50' }, externalKey: id, integration: null, session: null },
    wallet: { balance: { amount: '12.50' } },
  });
  expect(receipt).toMatchObject({ adjustment: { transaction: { id: expect.stringMatching(/^tx_/) } } });
});

test('whoever proposed it cannot approve it, before or after somebody else did', async () => {
  const id = await proposed();
  expect(await approve(token.ann, id)).toEqual({ __typename: 'OwnProposal' });
  expect(await rowCount()).toBe(0);
  await approve(token.ben, id);
  expect(await approve(token.ann, id)).toEqual({ __typename: 'OwnProposal' });
  expect(await rowCount()).toBe(1);
});

test('approved again, by anybody else, it answers the first receipt', async () => {
  const id = await proposed({ amount: '-1' });
  const first = await approve(token.ben, id);
  if (Array.isArray(first)) throw new Error(String(first));
  for (const as of [token.ben, token.cat]) {
    expect(await approve(as, id, second)).toEqual({ ...first, repeated: true });
  }
  expect(first).toMatchObject({ adjustment: { approvedBy: 'ben' } });
  expect(await rowCount()).toBe(1);
});

test('approved many times at once, through two gateways, it moves money once', async () => {
  const id = await proposed();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      approve(index % 2 === 0 ? token.ben : token.cat, id, index % 3 === 0 ? second : app),
    ),
  );
  expect(answers.filter((each) => !Array.isArray(each) && each['repeated'] === false)).toHaveLength(1);
  expect(answers.filter((each) => !Array.isArray(each) && each['repeated'] === true)).toHaveLength(11);
  expect(await rowCount()).toBe(1);
});

test('one that a gateway left approved without its money is completed by the next approval', async () => {
  const id = await proposed();
  const key = parseId('adjustment', id);
  await app.database.owner.query(
    "update adjustment set approved_by = 'ben', approved_at = now() where lane = $1 and id = $2",
    [key?.lane, key?.id],
  );
  const { data } = await request(app, token.support, '{ adjustments(first: 1) { edges { node { id state } } } }');
  expect(data).toEqual({ adjustments: { edges: [{ node: { id, state: 'APPROVED' } }] } });
  expect(await approve(token.cat, id)).toMatchObject({
    repeated: false,
    adjustment: { state: 'APPLIED', approvedBy: 'ben' },
    wallet: { balance: { amount: '12.50' } },
  });
  expect(await rowCount()).toBe(1);
});

test('one that the funds do not cover moves nothing, and can be approved again once they do', async () => {
  const id = await proposed({ amount: '-10.000001' });
  expect(await approve(token.ben, id)).toEqual({ __typename: 'InsufficientFunds', balance: { amount: '10.00' } });
  expect(await rowCount()).toBe(0);
  await approve(token.ben, await proposed({ amount: '0.000001' }));
  expect(await approve(token.cat, id)).toMatchObject({ repeated: false, wallet: { balance: { amount: '0.00' } } });
});

test('a proposal that could never be applied is refused', async () => {
  for (const amount of ['0', '-0.00', '1.0000001', '-1.0000001', '99999999999999999999', '', '1e3', ' 1', 5, null])
    expect(await propose(token.ann, { amount })).toEqual(['BAD_USER_INPUT']);
  for (const reason of ['', '  \n', 'a\u0000b', '\ud800', 'é'.repeat(501)])
    expect(await propose(token.ann, { reason })).toEqual(['BAD_USER_INPUT']);
  for (const currency of ['USD', 'GBP', 'eur', '', '__proto__'])
    expect(await propose(token.ann, { currency })).toEqual(['CURRENCY_NOT_ALLOWED']);
  expect(await propose(token.ann, { reason: 'é'.repeat(500), currency: 'BTC', amount: '-0.00000001' })).toMatchObject({
    amount: { amount: '-0.00000001', currency: 'BTC' },
  });
});

test('only operators propose and approve, and only staff sees', async () => {
  const id = await proposed();
  const others = [token.support, token.player, await app.token('analyst'), await app.token('service')];
  for (const as of others) {
    expect(await propose(as)).toEqual(['FORBIDDEN']);
    expect(await approve(as, id)).toEqual(['FORBIDDEN']);
  }
  expect(codes(await request(app, token.player, '{ adjustments { edges { cursor } } }'))).toEqual(['FORBIDDEN']);
  expect(await rowCount()).toBe(0);
});

test('adjustments and players of another brand are as unknown as those who do not exist', async () => {
  const id = await proposed();
  for (const each of [id, 'ad_00zzzz', '', 'ad_', formatId('player', alice), `${id}0`, "ad_00'; drop", '\u0000'])
    expect(await approve(token.foreign, each)).toEqual(['NOT_FOUND']);
  expect(await propose(token.foreign)).toEqual(['NOT_FOUND']);
  expect(await propose(token.ann, { playerId: 'pl_00zzzz' })).toEqual(['NOT_FOUND']);
  const query =
    'query ($id: ID) { adjustments(filter: { playerId: $id }) { edges { node { id } } pageInfo { hasNextPage } } }';
  const unknown = await request(app, token.foreign, query, { id: 'pl_00zzzz' });
  expect((await request(app, token.foreign, query, { id: formatId('player', alice) })).text).toBe(unknown.text);
  expect((await request(app, token.foreign, query)).text).toBe(unknown.text);
});

describe('the list', () => {
  const query = `query ($filter: AdjustmentFilter, $first: Int, $after: String, $last: Int, $before: String) {
    adjustments(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id } } pageInfo { hasNextPage endCursor startCursor } } }`;
  async function list(variables: Record<string, unknown>) {
    const { data, errors } = await request(app, token.support, query, variables);
    expect(errors).toEqual([]);
    const connection = data?.['adjustments'] as {
      edges: { node: { id: string } }[];
      pageInfo: Record<string, unknown>;
    };
    const { edges, pageInfo } = connection;
    return { ids: edges.map(({ node }) => node.id), pageInfo };
  }

  test('goes from the last proposal on, page by page, through its filter', async () => {
    const filter = { playerId: formatId('player', alice) };
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) ids.push(await proposed());
    await approve(token.ben, ids[1] ?? '');
    const newestFirst = ids.toReversed();
    const first = await list({ filter, first: 3 });
    expect(first).toMatchObject({ ids: newestFirst.slice(0, 3), pageInfo: { hasNextPage: true } });
    const rest = await list({ filter, first: 3, after: first.pageInfo['endCursor'] });
    expect(rest).toMatchObject({ ids: newestFirst.slice(3), pageInfo: { hasNextPage: false } });
    expect((await list({ filter, last: 2, before: rest.pageInfo['startCursor'] })).ids).toEqual(
      newestFirst.slice(1, 3),
    );
    expect((await list({ filter: { ...filter, state: 'APPLIED' } })).ids).toEqual([ids[1]]);
    expect((await list({ filter: { ...filter, state: 'APPROVED' } })).ids).toEqual([]);
    expect((await list({ filter: { ...filter, state: 'PROPOSED' } })).ids).toEqual(
      newestFirst.filter((each) => each !== ids[1]),
    );
    const elsewhere = { filter: { ...filter, state: 'PROPOSED' }, first: 1, after: first.pageInfo['endCursor'] };
    expect(codes(await request(app, token.support, query, elsewhere))).toEqual(['BAD_USER_INPUT']);
  });

  test('knows an adjustment by the id that the ledger has it under', async () => {
    const keys = [0, 1, 35, 36, 63].flatMap((lane) =>
      [1n, 35n, 36n, 1_295n, 1_296n, 2n ** 53n + 1n, 2n ** 63n - 1n].map((id) => ({ lane, id })),
    );
    const { rows } = await app.database.owner.query<{ id: string }>(
      `select ${adjustmentIdSql('k.lane', 'k.id')} as id
       from unnest($1::smallint[], $2::bigint[]) with ordinality k (lane, id, place) order by place`,
      [keys.map(({ lane }) => lane), keys.map(({ id }) => id)],
    );
    expect(rows.map(({ id }) => id)).toEqual(keys.map((key) => formatId('adjustment', key)));
  });
});
