import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { type WantedRow, writeRows } from '../history/ledger-rows.js';
import { codes, queriesDuring, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let alice: TestPlayer;
let token: { alice: string; bob: string; support: string; foreign: string; operator: string };
/** Whether the provider starts games. */
let starting: boolean;

const provider = createServer((incoming, response) => {
  const login = incoming.url?.endsWith('/auth') === true;
  const body = login ? { token: 'provider-token', expires_in: '3600' } : { url: 'https://games.example/play' };
  response.writeHead(login || starting ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});

beforeAll(async () => {
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const address = provider.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  app = await startTestApp({ apiUrl: `http://127.0.0.1:${port}` });
  await createTestPlayer(app.database, { externalId: 'bob' });
});
beforeEach(async () => {
  starting = true;
  alice = await createTestPlayer(app.database, { balances: { EUR: '0', USD: '0' } });
  token = {
    alice: await app.token('player', alice.externalId),
    bob: await app.token('player', 'bob'),
    support: await app.token('support'),
    foreign: await app.token('operator', 'boss', { brand: 'other' }),
    operator: await app.token('operator'),
  };
});
afterAll(async () => {
  await app.close();
  provider.close();
});

const playerId = (): string => formatId('player', alice);

async function launch(more: object = {}): Promise<string | undefined> {
  const answer = await request(
    app,
    token.alice,
    'mutation ($input: LaunchGameInput!) { launchGame(input: $input) { ... on LaunchSession { id } } }',
    { input: { integration: 'igpx-demo', currency: 'EUR', ...more } },
  );
  const launched = answer.data?.['launchGame'] as { id?: string } | undefined;
  return answer.errors.length > 0 ? String(codes(answer)) : launched?.id;
}

/** Launches as they were at some minutes of a day long ago. @returns public ids */
async function launchedAt(minutes: readonly number[], more = ''): Promise<string[]> {
  const { rows } = await app.database.owner.query<{ id: string }>(
    `insert into game_session (lane, player_id, integration, currency, game, failed, created_at)
     select $1, $2, 'igpx-demo', 'EUR', 'g1', $4, '2026-05-01T10:00:00Z'::timestamptz + minute * interval '1 minute'
     from unnest($3::int[]) minute returning id`,
    [alice.lane, alice.id, minutes, more === 'failed'],
  );
  return rows.map(({ id }) => formatId('session', { lane: alice.lane, id: BigInt(id) }));
}

const at = (minute: number, effect: bigint, more: Partial<WantedRow> = {}): WantedRow => ({
  createdAt: new Date(Date.parse('2026-05-01T10:00:00Z') + minute * 60_000),
  effect,
  ...more,
});

const fields = `id player { externalId } integration { id } externalGame game { name } currency device platform demo failed
  createdAt lastPlayedAt endedAt bets rounds stakes { amount currency } payouts { amount }`;

test('a launch becomes a session with what it said of the device', async () => {
  const id = await launch({ device: 'Mozilla/5.0 (iPhone; ü)', platform: 'MOBILE', demo: true, game: 'g/1' });
  const { data, errors } = await request(app, token.alice, `query ($id: ID!) { session(id: $id) { ${fields} } }`, {
    id,
  });
  expect(errors).toEqual([]);
  expect(data).toEqual({
    session: {
      id,
      player: { externalId: alice.externalId },
      integration: { id: 'igpx-demo' },
      externalGame: 'g/1',
      game: null,
      currency: 'EUR',
      device: 'Mozilla/5.0 (iPhone; ü)',
      platform: 'MOBILE',
      demo: true,
      failed: false,
      createdAt: expect.stringMatching(/Z$/),
      lastPlayedAt: null,
      endedAt: null,
      bets: 0,
      rounds: 0,
      stakes: { amount: '0.00', currency: 'EUR' },
      payouts: { amount: '0.00' },
    },
  });
  const silent = await launch();
  const answer = await request(app, token.alice, 'query ($id: ID!) { session(id: $id) { device } }', { id: silent });
  expect(answer.data).toEqual({ session: { device: null } });
});

test('a device that cannot be kept as it is, is refused before the provider is asked', async () => {
  for (const device of ['', ' phone', 'a\u0000b', 'a\nb', '\ud800', 'x'.repeat(256), 'é'.repeat(128)]) {
    expect(await launch({ device })).toBe('BAD_USER_INPUT');
  }
  expect(await launch({ device: 'é'.repeat(127) + 'x' })).toMatch(/^se_/);
});

describe('sessions of a player', () => {
  const query = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    player(id: $id) { sessions(first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } } }`;
  interface Page {
    readonly ids: readonly string[];
    readonly pageInfo: Record<string, unknown>;
  }
  async function page(as: string, variables: object = {}): Promise<Page> {
    const { data, errors } = await request(app, as, query, { id: playerId(), ...variables });
    expect(errors).toEqual([]);
    const player = data?.['player'] as {
      sessions: { edges: { node: { id: string } }[]; pageInfo: Record<string, unknown> };
    };
    const { sessions } = player;
    return { ids: sessions.edges.map(({ node }) => node.id), pageInfo: sessions.pageInfo };
  }

  test('come newest first, page by page, in both directions', async () => {
    const newestFirst = (await launchedAt([0, 1, 1, 2, 3])).toReversed();
    const first = await page(token.alice, { first: 2 });
    expect(first).toMatchObject({
      ids: newestFirst.slice(0, 2),
      pageInfo: { hasNextPage: true, hasPreviousPage: false },
    });
    const second = await page(token.alice, { first: 2, after: first.pageInfo['endCursor'] });
    expect(second.ids).toEqual(newestFirst.slice(2, 4));
    const third = await page(token.support, { first: 2, after: second.pageInfo['endCursor'] });
    expect(third).toMatchObject({ ids: newestFirst.slice(4), pageInfo: { hasNextPage: false } });
    expect((await page(token.alice, { last: 2, before: third.pageInfo['startCursor'] })).ids).toEqual(second.ids);
    expect((await page(token.alice, { last: 1 })).ids).toEqual(newestFirst.slice(4));
  });

  test('that the provider did not start are for staff', async () => {
    starting = false;
    expect(await launch()).toBeUndefined();
    const [failed] = (await page(token.support)).ids;
    const one = 'query ($id: ID!) { session(id: $id) { failed endedAt createdAt } }';
    expect((await page(token.alice)).ids).toEqual([]);
    expect((await request(app, token.alice, one, { id: failed })).data).toEqual({ session: null });
    const seen = (await request(app, token.support, one, { id: failed })).data?.['session'] as Record<string, unknown>;
    expect(seen).toEqual({ failed: true, createdAt: seen['endedAt'], endedAt: seen['createdAt'] });
  });

  test('refuse cursors of other lists, and sizes out of range', async () => {
    await launchedAt([0, 1]);
    const other = await createTestPlayer(app.database);
    const { pageInfo } = await page(token.support, { first: 1 });
    const refused = async (variables: object) =>
      codes(await request(app, token.support, query, { id: playerId(), ...variables }));
    expect(await refused({ id: formatId('player', other), after: pageInfo['endCursor'] })).toEqual(['BAD_USER_INPUT']);
    for (const bad of [{ first: 0 }, { first: 101 }, { first: -1 }, { last: 0 }, { first: 1, last: 1 }, { after: 'x' }])
      expect(await refused(bad)).toEqual(['BAD_USER_INPUT']);
  });
});

test('a session shows what was played from its launch to the next, and each transaction its session', async () => {
  const [first, second] = await launchedAt([0, 60]);
  await writeRows(app.database, alice, [
    at(-5, 90_000_000n, { kind: 'deposit', integration: 'cashier' }),
    at(-1, -1_000_000n),
    at(1, -2_500_000n, { round: 'r1' }),
    at(2, 4_000_000n, { round: 'r1' }),
    at(61, -3_000_000n, { round: 'r2' }),
  ]);
  const { data } = await request(
    app,
    token.alice,
    `query ($id: ID!) { player(id: $id) { sessions {
       edges { node { id bets rounds stakes { amount } payouts { amount } lastPlayedAt endedAt } } } }
     transactions(first: 5) { edges { node { sequence session { id } } } } }`,
    { id: playerId() },
  );
  const day = '2026-05-01T';
  expect(data).toEqual({
    player: {
      sessions: {
        edges: [
          {
            node: {
              id: second,
              bets: 1,
              rounds: 1,
              stakes: { amount: '3.00' },
              payouts: { amount: '0.00' },
              lastPlayedAt: `${day}11:01:00.000Z`,
              endedAt: `${day}11:31:00.000Z`,
            },
          },
          {
            node: {
              id: first,
              bets: 1,
              rounds: 1,
              stakes: { amount: '2.50' },
              payouts: { amount: '4.00' },
              lastPlayedAt: `${day}10:02:00.000Z`,
              endedAt: `${day}10:32:00.000Z`,
            },
          },
        ],
      },
    },
    transactions: {
      edges: [
        { node: { sequence: '5', session: { id: second } } },
        { node: { sequence: '4', session: { id: first } } },
        { node: { sequence: '3', session: { id: first } } },
        { node: { sequence: '2', session: null } },
        { node: { sequence: '1', session: null } },
      ],
    },
  });
});

test('a list of sessions and a list of transactions ask as often as one of each', async () => {
  await launchedAt(Array.from({ length: 12 }, (_, minute) => minute));
  await writeRows(
    app.database,
    alice,
    Array.from({ length: 12 }, (_, minute) => at(minute, 1n)),
  );
  for (const query of [
    'query ($first: Int) { me { sessions(first: $first) { edges { node { bets stakes { amount } endedAt game { id } } } } } }',
    'query ($first: Int) { transactions(first: $first) { edges { node { session { id endedAt } } } } }',
  ]) {
    // The gateway asks for other things of its own accord.
    const statements = async (first: number): Promise<number> => {
      const sent = await queriesDuring(app, async () => {
        expect((await request(app, token.alice, query, { first })).errors).toEqual([]);
      });
      return sent.filter((text) => text.includes('game_session')).length;
    };
    expect(await statements(1)).toBe(2);
    expect(await statements(12)).toBe(2);
  }
});

describe('what the token may not see', () => {
  test('is answered exactly as what does not exist', async () => {
    const [id] = await launchedAt([0]);
    const query =
      'query ($id: ID!, $player: ID!) { session(id: $id) { id } player(id: $player) { sessions { edges { cursor } } } }';
    const unknown = await request(app, token.bob, query, { id: 'se_00zzzz', player: 'pl_00zzzz' });
    expect(unknown.data).toEqual({ session: null, player: null });
    for (const as of [token.bob, token.foreign]) {
      expect((await request(app, as, query, { id, player: playerId() })).text).toBe(unknown.text);
    }
    for (const forged of ['', 'se_', 'se_1', playerId(), `${id}0`, `${id}'`, 'se_zz1', '\u0000'])
      expect((await request(app, token.alice, query, { id: forged, player: '' })).text).toBe(unknown.text);
    expect((await request(app, token.support, 'query ($id: ID!) { session(id: $id) { id } }', { id })).data).toEqual({
      session: { id },
    });
  });
});

describe('the balance at a moment', () => {
  const query = `query ($id: ID!, $time: DateTime!, $now: DateTime!) { wallet(id: $id) {
    past: balanceAt(time: $time) { amount currency } later: balanceAt(time: $now) { amount } balance { amount } } }`;
  const walletId = (): string => formatId('wallet', { lane: alice.lane, id: alice.wallets.get('EUR') ?? 0n });

  test('is what the wallet held then; in a time to come, what it holds now', async () => {
    await writeRows(app.database, alice, [at(0, 5_000_000n), at(1, -1_500_000n), at(2, 9_000_000n)]);
    const variables = { id: walletId(), time: '2026-05-01T12:01:59.999+02:00', now: '2999-01-01T00:00:00Z' };
    const { data, errors } = await request(app, token.alice, query, variables);
    expect(errors).toEqual([]);
    expect(data).toEqual({
      wallet: {
        past: { amount: '3.50', currency: 'EUR' },
        later: { amount: '12.50' },
        balance: { amount: '12.50' },
      },
    });
    const before = { ...variables, time: '1900-01-01T00:00:00Z' };
    expect((await request(app, token.support, query, before)).data).toMatchObject({
      wallet: { past: { amount: '0.00' } },
    });
  });

  test('of every wallet of a player is asked at once', async () => {
    await writeRows(app.database, alice, [at(0, 5_000_000n)]);
    await writeRows(app.database, alice, [at(1, 7_000_000n)], 'USD');
    const { data } = await request(
      app,
      token.alice,
      '{ me { wallets { currency balanceAt(time: "2026-05-01T10:00:30Z") { amount } } } }',
    );
    expect(data).toEqual({
      me: {
        wallets: [
          { currency: 'EUR', balanceAt: { amount: '5.00' } },
          { currency: 'USD', balanceAt: { amount: '0.00' } },
        ],
      },
    });
  });

  test('needs a moment that there is', async () => {
    for (const time of ['', 'now', '2026-02-31T00:00:00Z', '2026-05-01', 1_777_000_000, null]) {
      const variables = { id: walletId(), time, now: '2026-05-01T10:00:00Z' };
      expect(codes(await request(app, token.alice, query, variables))).toEqual(['BAD_USER_INPUT']);
    }
  });
});
