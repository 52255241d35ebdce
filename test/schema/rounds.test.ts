import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Movement } from '../../src/ledger/commands.js';
import { formatId } from '../../src/ledger/ids.js';
import { createProjector, type Projector } from '../../src/reports/projector.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { expectTrueProjections, untilProjected } from '../support/projections.js';
import { codes, queriesDuring, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let projector: Projector;
let support: string;

beforeAll(async () => {
  app = await startTestApp();
  projector = createProjector({
    connection: { connectionString: app.database.url },
    logger: pino({ level: 'silent' }),
  });
  support = await app.token('support');
  await app.database.owner.query(
    `insert into game (integration, id, name, sort_name, features, currencies, status, first_seen_at, changed_at)
     values ('igpx-demo', 'g1', 'Book of Rules', 'book of rules', '{}', '{}', 'ACTIVE', now(), now())`,
  );
});
afterAll(async () => {
  await projector.close();
  await app.close();
});
afterEach(() => expectTrueProjections(app.database));

const amount = (units: bigint) => ({ digits: units, decimals: 0 });

async function play(
  player: TestPlayer,
  ...movements: (Pick<Movement, 'kind'> & Record<string, unknown>)[]
): Promise<void> {
  for (const movement of movements) {
    const command = {
      brand: player.brand,
      player: player.externalId,
      integration: 'igpx-demo',
      currency: 'EUR',
      ...movement,
    };
    const { outcome } = await app.app.ledger.execute(command as Movement, { policy, deadlineMs: 5_000 });
    if (outcome.type === 'refused') throw new Error(outcome.code);
  }
  projector.wake();
}

const idOf = (player: TestPlayer): string => formatId('player', player);
const walletOf = (player: TestPlayer, currency = 'EUR'): string =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get(currency) ?? 0n });

interface Page {
  readonly edges: readonly {
    readonly cursor: string;
    readonly node: { readonly id: string; readonly externalId: string };
  }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
    readonly endCursor: string;
  };
}
const list = `query ($filter: RoundFilter, $first: Int, $after: String, $last: Int, $before: String) {
  rounds(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id externalId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

async function page(filter: object, args: object = {}, token = support): Promise<Page> {
  await untilProjected(app.database);
  const { data, errors } = await request(app, token, list, { filter, ...args });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data?.['rounds'] as Page;
}

const names = ({ edges }: Page): string[] => edges.map(({ node }) => node.externalId);
const found = async (filter: object, token?: string): Promise<string[]> =>
  names(await page(filter, { first: 100 }, token));

const whole = `id externalId state betCount winCount rollbackCount startedAt lastAt closedAt
  integration { id } game { name } player { externalId } wallet { id }
  stakes { amount currency } payouts { amount } ggr { amount }
  transactions { edges { node { externalKey kind round { externalId } game { name } } } }`;

describe('a round', () => {
  test('tells what was staked and won in it, and its transactions from the first to the last', async () => {
    const player = await createTestPlayer(app.database);
    const round = `whole-${player.id}`;
    await play(
      player,
      { kind: 'bet', key: 'b1', amount: amount(5n), round, game: 'g1' },
      { kind: 'bet', key: 'b2', amount: amount(3n), round, game: 'g1' },
      { kind: 'win', key: 'w1', amount: amount(12n), pays: { bet: 'b1' } },
      { kind: 'rollback', key: 'u2', target: 'b2' },
      { kind: 'bet', key: 'elsewhere', amount: amount(1n), round: 'elsewhere', game: 'unknown' },
    );
    await untilProjected(app.database);
    const query = `query ($e: String!) { round(integration: "igpx-demo", externalId: $e) { ${whole} } }`;
    const { data, errors } = await request(app, support, query, { e: round });
    expect(errors).toEqual([]);
    const node = (externalKey: string, kind: string, game = true) => ({
      node: { externalKey, kind, round: { externalId: round }, game: game ? { name: 'Book of Rules' } : null },
    });
    expect(data?.['round']).toEqual({
      id: `rd_${walletOf(player).slice(3)}_2`,
      externalId: round,
      state: 'SETTLED',
      betCount: 1,
      winCount: 1,
      rollbackCount: 1,
      startedAt: expect.any(String),
      lastAt: expect.any(String),
      closedAt: null,
      integration: { id: 'igpx-demo' },
      game: { name: 'Book of Rules' },
      player: { externalId: player.externalId },
      wallet: { id: walletOf(player) },
      stakes: { amount: '5.00', currency: 'EUR' },
      payouts: { amount: '12.00' },
      ggr: { amount: '-7.00' },
      transactions: {
        edges: [node('b1', 'BET'), node('b2', 'BET'), node('w1', 'WIN', false), node('u2', 'ROLLBACK', false)],
      },
    });
    const id = `rd_${walletOf(player).slice(3)}_2`;
    const slices = await request(
      app,
      support,
      `query ($id: ID) { round(id: $id) {
        top: transactions(first: 2) { edges { node { sequence } } pageInfo { hasNextPage endCursor } }
        end: transactions(last: 3) { edges { node { sequence } } pageInfo { hasPreviousPage hasNextPage } } } }`,
      { id },
    );
    const sequences = (...all: number[]) => all.map((sequence) => ({ node: { sequence: String(sequence) } }));
    expect(slices.data).toEqual({
      round: {
        top: { edges: sequences(2, 3), pageInfo: { hasNextPage: true, endCursor: expect.any(String) } },
        end: { edges: sequences(3, 4, 5), pageInfo: { hasPreviousPage: true, hasNextPage: false } },
      },
    });
    const { endCursor } = ((slices.data ?? {})['round'] as { top: { pageInfo: { endCursor: string } } }).top.pageInfo;
    const next = `query ($id: ID, $after: String) { round(id: $id) { transactions(after: $after) { edges { node { sequence } } } } }`;
    expect((await request(app, support, next, { id, after: endCursor })).data).toEqual({
      round: { transactions: { edges: sequences(4, 5) } },
    });
    const forged = await request(app, support, next, { id, after: `${endCursor}A` });
    expect(codes(forged)).toEqual(['BAD_USER_INPUT']);
  });

  test('that players share is the newest one, or that of the player who is named', async () => {
    const [one, two] = [await createTestPlayer(app.database), await createTestPlayer(app.database)];
    for (const player of [one, two])
      await play(player, { kind: 'bet', key: 'b', amount: amount(1n), round: 'crash-9' });
    await untilProjected(app.database);
    const query = `query ($p: ID) { round(integration: "igpx-demo", externalId: "crash-9", playerId: $p) { player { externalId } } }`;
    const seen = async (token: string, p?: string) => (await request(app, token, query, { p })).data?.['round'];
    const as = (player: TestPlayer) => app.token('player', player.externalId);
    expect(await seen(support)).toEqual({ player: { externalId: two.externalId } });
    expect(await seen(support, idOf(one))).toEqual({ player: { externalId: one.externalId } });
    expect(await seen(await as(one))).toEqual({ player: { externalId: one.externalId } });
    expect(await seen(await as(one), idOf(two))).toBeNull();
    const foreign = await app.token('operator', 'boss', { brand: 'other' });
    expect(await seen(foreign)).toBeNull();
    const byId = 'query ($id: ID) { round(id: $id) { externalId } }';
    const id = `rd_${walletOf(one).slice(3)}_2`;
    expect((await request(app, await as(one), byId, { id })).data).toEqual({ round: { externalId: 'crash-9' } });
    for (const token of [await as(two), foreign]) {
      expect((await request(app, token, byId, { id })).data).toEqual({ round: null });
    }
    for (const nothing of ['rd_00zz_1', 'tx_001_1', '', 'rd_', `${id} `]) {
      expect((await request(app, support, byId, { id: nothing })).data).toEqual({ round: null });
    }
  });

  test.each([
    '',
    '(id: "rd_001_1", externalId: "x")',
    '(integration: "igpx-demo")',
    '(externalId: "x")',
    '(playerId: "pl_001")',
    '(integration: "igpx-demo", externalId: "")',
  ])('is not found by halves: round%s', async (args) => {
    expect(codes(await request(app, support, `{ round${args} { id } }`))).toEqual(['BAD_USER_INPUT']);
  });

  test('is told of any number of transactions in one query', async () => {
    const player = await createTestPlayer(app.database);
    for (let index = 0; index < 12; index += 1) {
      await play(player, {
        kind: 'bet',
        key: `n${index}`,
        amount: amount(1n),
        round: `n-${player.id}-${index}`,
        game: 'g1',
      });
    }
    await untilProjected(app.database);
    const query = `query ($filter: TransactionFilter, $first: Int) { transactions(filter: $filter, first: $first) {
      edges { node { round { externalId transactions { edges { node { id } } } } game { name } } } } }`;
    const count = async (first: number) => {
      const queries = await queriesDuring(app, async () => {
        const { errors } = await request(app, support, query, {
          first,
          filter: { playerId: idOf(player), kind: 'BET' },
        });
        expect(errors).toEqual([]);
      });
      // What the gateway asks from time to time, whoever reads, is none of it.
      return queries.filter((query) => !query.includes('token_cutoff')).length;
    };
    // The player; the page; its rounds; its games; the transactions of its rounds.
    expect(await count(1)).toBe(5);
    expect(await count(12)).toBe(5);
  });
});

describe('rounds', () => {
  test('are found by what they are', async () => {
    const player = await createTestPlayer(app.database, { balances: { EUR: '100', USD: '100' } });
    const name = (each: string): string => `${each}-${player.externalId}`;
    await play(
      player,
      { kind: 'bet', key: 'o', amount: amount(5n), round: name('open'), game: 'g1' },
      { kind: 'bet', key: 's', amount: amount(7n), round: name('settled') },
      { kind: 'win', key: 'sw', amount: amount(0n), round: name('settled') },
      { kind: 'bet', key: 'u', amount: amount(9n), round: name('undone'), integration: 'igpx-second' },
      { kind: 'rollback', key: 'uu', target: 'u', integration: 'igpx-second' },
      { kind: 'bet', key: 'c', amount: amount(2n), round: name('closed'), currency: 'USD' },
      { kind: 'deposit', key: 'd', amount: amount(2n), round: name('reference'), integration: 'cashier' },
    );
    await app.database.owner.query(
      `insert into round_closure (lane, player_id, integration, external_id, closed_at) values ($1, $2, 'igpx-demo', $3, now())`,
      [player.lane, player.id, name('closed')],
    );
    for (const scope of [{ playerId: idOf(player) }, {}]) {
      const of = async (filter: object): Promise<string[]> =>
        (await found({ ...scope, ...filter }))
          .filter((each) => each.endsWith(player.externalId))
          .map((each) => each.split('-')[0] ?? '');
      expect(await of({})).toEqual(['closed', 'undone', 'settled', 'open']);
      expect(await of({ state: 'OPEN' })).toEqual(['open']);
      expect(await of({ state: 'SETTLED' })).toEqual(['settled']);
      expect(await of({ state: 'ROLLED_BACK' })).toEqual(['undone']);
      expect(await of({ state: 'CLOSED' })).toEqual(['closed']);
      expect(await of({ integration: 'igpx-second' })).toEqual(['undone']);
      expect(await of({ integration: 'cashier' })).toEqual([]);
      expect(await of({ game: 'g1' })).toEqual(['open']);
      expect(await of({ currency: 'USD' })).toEqual(['closed']);
      expect(await of({ currency: 'EUR', minStake: '5.0000001' })).toEqual(['settled']);
      expect(await of({ from: '2926-01-01T00:00:00Z' })).toEqual([]);
      expect(await of({ to: '2926-01-01T00:00:00Z', state: 'OPEN' })).toEqual(['open']);
    }
    expect(await found({ walletId: walletOf(player, 'USD') })).toEqual([name('closed')]);
    expect(await found({}, await app.token('player', player.externalId))).toHaveLength(4);
    const foreign = await app.token('operator', 'boss', { brand: 'other' });
    for (const filter of [
      {},
      { playerId: idOf(player) },
      { walletId: walletOf(player) },
      { integration: 'igpx-demo' },
    ]) {
      expect(await found(filter, foreign)).toEqual([]);
    }
    const stranger = await createTestPlayer(app.database);
    expect(await found({ playerId: idOf(player) }, await app.token('player', stranger.externalId))).toEqual([]);
  });

  test('begun in a session are those between its launch and the next', async () => {
    const player = await createTestPlayer(app.database);
    const launched = async () => {
      const { rows } = await app.database.owner.query<{ id: string }>(
        `insert into game_session (lane, player_id, integration, currency) values ($1, $2, 'igpx-demo', 'EUR') returning id`,
        [player.lane, player.id],
      );
      return formatId('session', { lane: player.lane, id: BigInt(rows[0]?.id ?? 0) });
    };
    await play(player, { kind: 'bet', key: 'before', amount: amount(1n), round: 's-before' });
    const first = await launched();
    await play(player, { kind: 'bet', key: 'in', amount: amount(1n), round: 's-in' });
    const second = await launched();
    await play(player, { kind: 'win', key: 'late', amount: amount(1n), round: 's-in' });
    expect(await found({ sessionId: first })).toEqual(['s-in']);
    expect(await found({ sessionId: second })).toEqual([]);
  });

  test.each([['of a player'], ['of the brand'], ['that are open']])(
    '%s are paged both ways while more of them begin, each once',
    async (which) => {
      const player = await createTestPlayer(app.database, { balances: { EUR: '100', USD: '100' } });
      const begin = (index: number) =>
        play(player, {
          kind: 'bet',
          key: `p${index}`,
          amount: amount(1n),
          round: `p-${player.id}-${index}`,
          currency: index % 3 === 0 ? 'USD' : 'EUR',
        });
      for (let index = 0; index < 17; index += 1) await begin(index);
      const filter =
        which === 'of a player' ? { playerId: idOf(player) } : which === 'of the brand' ? {} : { state: 'OPEN' };
      const idsOf = ({ edges }: Page): string[] => edges.map(({ node }) => node.id);
      const there = idsOf(await page(filter, { first: 100 }));
      let more = 100;
      for (const direction of ['forward', 'backward'] as const) {
        const read: string[] = [];
        let args: object = direction === 'forward' ? { first: 9 } : { last: 9 };
        for (;;) {
          const each = await page(filter, args);
          read.push(...idsOf(each));
          await begin((more += 1));
          const { hasNextPage, hasPreviousPage, startCursor, endCursor } = each.pageInfo;
          if (!(direction === 'forward' ? hasNextPage : hasPreviousPage)) break;
          args = direction === 'forward' ? { first: 9, after: endCursor } : { last: 9, before: startCursor };
          if (read.length > 1_000) throw new Error('The list has no end');
        }
        expect(new Set(read).size).toBe(read.length);
        expect(there.filter((each) => !read.includes(each))).toEqual([]);
      }
    },
  );

  test.each([
    [{}, { first: 0 }],
    [{}, { first: -1 }],
    [{}, { last: 1_000_000 }],
    [{}, { first: 1, last: 1 }],
    [{}, { after: 'x' }],
    [{ from: '2027-01-02T00:00:00Z', to: '2027-01-01T00:00:00Z' }, {}],
    [{ minStake: '1' }, {}],
    [{ minStake: '-1', currency: 'EUR' }, {}],
    [{ minStake: '1', currency: 'nothing' }, {}],
    [{ state: 'open' }, {}],
    [{ integration: '' }, {}],
    [{ game: 'a\u0000' }, {}],
  ])('are refused for %o with %o', async (filter, args) => {
    expect(codes(await request(app, support, list, { filter, ...args }))).toEqual(['BAD_USER_INPUT']);
  });

  test('are refused for cursors of another list, filter or reader', async () => {
    const player = await createTestPlayer(app.database);
    await play(player, { kind: 'bet', key: 'cursor', amount: amount(1n), round: 'cursor' });
    const filter = { playerId: idOf(player) };
    const after = (await page(filter)).pageInfo.endCursor;
    const own = await app.token('player', player.externalId);
    const foreign = await app.token('support', 'staff', { brand: 'other' });
    for (const [token, other] of [
      [support, {}],
      [support, { ...filter, state: 'OPEN' }],
      [own, filter],
      [foreign, filter],
    ] as const) {
      expect(codes(await request(app, token, list, { filter: other, after }))).toEqual(['BAD_USER_INPUT']);
    }
    const history =
      'query ($f: TransactionFilter, $after: String) { transactions(filter: $f, after: $after) { edges { cursor } } }';
    expect(codes(await request(app, support, history, { f: filter, after }))).toEqual(['BAD_USER_INPUT']);
  });
});
