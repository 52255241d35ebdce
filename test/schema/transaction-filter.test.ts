import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { type WantedRow, writeRows } from '../history/ledger-rows.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';
import { amount, connection, history, play as playOn, walk, walletId } from './transaction-lists.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let support: string;

beforeAll(async () => {
  app = await startTestApp();
  support = await app.token('support');
});
afterAll(() => app.close());

const play = (player: TestPlayer, movement: Parameters<typeof playOn>[2]) => playOn(app, player, movement);

describe('the filter', () => {
  test('keeps what fits all of it', async () => {
    const player = await createTestPlayer(app.database);
    await play(player, { kind: 'bet', key: 'f1', amount: amount(5n), round: 'round-1' });
    await play(player, { kind: 'win', key: 'f2', amount: amount(7n), round: 'round-1' });
    await play(player, { kind: 'bet', key: 'f3', amount: amount(5n), round: 'round-2', integration: 'igpx-second' });
    const keys = async (filter: object) =>
      connection(
        await request(app, support, history, { filter: { playerId: formatId('player', player), ...filter } }),
      ).edges.map(({ node }) => node.externalKey);
    expect(await keys({ round: 'round-1' })).toEqual(['f2', 'f1']);
    expect(await keys({ round: 'round-1', kind: 'BET' })).toEqual(['f1']);
    expect(await keys({ integration: 'igpx-second' })).toEqual(['f3']);
    expect(await keys({ integration: 'cashier', walletId: walletId(player) })).toHaveLength(1);
    expect(await keys({ from: '1926-01-01T00:00:00Z', to: '2926-01-01T00:00:00Z', kind: 'WIN' })).toEqual(['f2']);
    expect(await keys({ from: '2926-01-01T00:00:00Z' })).toEqual([]);
    expect(await keys({ to: '2020-01-01T00:00:00Z', walletId: walletId(player) })).toEqual([]);
    expect(await keys({ kind: 'BET', kinds: ['WIN'] })).toEqual([]);
    expect(await keys({ kinds: ['BET', 'WIN'], integration: 'igpx-demo' })).toEqual(['f2', 'f1']);
  });

  test('looks at amounts without their sign, at kinds, games and currencies', async () => {
    const player = await createTestPlayer(app.database, { balances: { EUR: '100', USD: '100' } });
    const name = randomUUID();
    const game = `game-${name}`;
    await play(player, { kind: 'bet', key: `${name}-a`, amount: amount(5n), game });
    await play(player, { kind: 'win', key: `${name}-b`, amount: { digits: 5000001n, decimals: 6 }, game });
    await play(player, { kind: 'bet', key: `${name}-c`, amount: amount(9n), game, currency: 'USD' });
    await play(player, { kind: 'withdrawal', key: `${name}-d`, amount: amount(7n), integration: 'cashier' });
    await play(player, { kind: 'adjustment', key: `${name}-e`, amount: amount(-6n), integration: 'adjustment' });
    for (const scope of [{ playerId: formatId('player', player) }, {}]) {
      const found = async (filter: object) => {
        const page = await request(app, support, history, { filter: { ...scope, ...filter }, first: 100 });
        const keys = connection(page).edges.map(({ node }) => node.externalKey);
        return keys.filter((key) => key.startsWith(name)).map((key) => key.slice(-1));
      };
      const euro = { currency: 'EUR' };
      expect(await found({ game })).toEqual(['c', 'b', 'a']);
      expect(await found({ game, ...euro })).toEqual(['b', 'a']);
      expect(await found({ ...euro, minAmount: '5', maxAmount: '7' })).toEqual(['e', 'd', 'b', 'a']);
      // Below a ledger unit a bound is rounded inwards.
      expect(await found({ ...euro, minAmount: '5.0000001', maxAmount: '6.9999999' })).toEqual(['e', 'b']);
      expect(await found({ ...euro, minAmount: '99999999999999999999' })).toEqual([]);
      expect(await found({ currency: 'USD', kinds: ['BET'] })).toEqual(['c']);
      expect(await found({ kinds: ['WITHDRAWAL'] })).toEqual(['d']);
      expect(await found({ kinds: ['ADJUSTMENT', 'WIN'] })).toEqual(['e', 'b']);
      expect(await found({ integration: 'adjustment' })).toEqual(['e']);
      expect(await found({ integration: 'cashier', kinds: ['BET'] })).toEqual([]);
      expect(await found({ currency: 'BTC' })).toEqual([]);
    }
  });

  test('finds what a person should look at, for staff only', async () => {
    const player = await createTestPlayer(app.database);
    await play(player, { kind: 'bet', key: 'plain', amount: amount(1n) });
    await play(player, { kind: 'rollback', key: 'unknown', target: `lost-${player.id}` });
    await play(player, { kind: 'rollback', key: 'undo', target: 'plain', amount: amount(2n) });
    const own = await app.token('player', player.externalId);
    const keys = async (token: string, filter: object, scoped = true) => {
      const scope = scoped ? { playerId: formatId('player', player) } : {};
      const page = connection(await request(app, token, history, { filter: { ...scope, ...filter }, first: 100 }));
      return page.edges.map(({ node }) => node.externalKey).filter((key) => !/-/.test(key));
    };
    expect(await keys(support, { flagged: true })).toEqual(['undo', 'unknown']);
    expect(await keys(support, { flagged: false })).toEqual(['plain']);
    expect(await keys(support, { flags: ['AMOUNT_DIFFERS'] })).toEqual(['undo']);
    expect(await keys(support, { flags: ['AMOUNT_DIFFERS', 'ROLLBACK_OF_UNKNOWN'], flagged: true })).toHaveLength(2);
    expect((await keys(support, { flagged: true }, false)).slice(0, 2)).toEqual(['undo', 'unknown']);
    expect((await keys(support, { flags: ['AMOUNT_DIFFERS'], integration: 'igpx-demo' }, false))[0]).toBe('undo');
    expect(await keys(own, { flagged: true })).toEqual([]);
    expect(await keys(own, { flags: ['AMOUNT_DIFFERS'] })).toEqual([]);
    expect(await keys(own, { flagged: false })).toEqual(['undo', 'unknown', 'plain']);
  });

  test('knows what belongs to a round without naming it: its rollbacks, and the wins of its bets', async () => {
    const player = await createTestPlayer(app.database);
    const round = randomUUID();
    await play(player, { kind: 'bet', key: 'b1', amount: amount(5n), round });
    await play(player, { kind: 'bet', key: 'b2', amount: amount(5n), round });
    await play(player, { kind: 'win', key: 'w1', amount: amount(7n), pays: { bet: 'b1' } });
    await play(player, { kind: 'rollback', key: 'u2', target: 'b2' });
    await play(player, { kind: 'rollback', key: 'uw1', target: 'w1' });
    await play(player, { kind: 'bet', key: 'other', amount: amount(5n), round: 'another' });
    const whole = ['uw1', 'u2', 'w1', 'b2', 'b1'];
    const own = await app.token('player', player.externalId);
    for (const [token, filter] of [
      [support, { round }],
      [support, { round, playerId: formatId('player', player), integration: 'igpx-demo' }],
      [own, { round, walletId: walletId(player) }],
    ] as const) {
      const pages = await walk(async (args) =>
        connection(await request(app, token, history, { filter, ...args, ...('first' in args ? { first: 2 } : {}) })),
      );
      expect(pages.map(({ externalKey }) => externalKey)).toEqual(whole);
    }
    const stranger = await app.token('support', 'staff', { brand: 'other' });
    expect(connection(await request(app, stranger, history, { filter: { round } })).edges).toEqual([]);
    expect(connection(await request(app, own, history, { filter: { round, kinds: ['WIN'] } })).edges).toHaveLength(1);
  });

  test('of a session keeps what was played from its launch to the next one that counts', async () => {
    const player = await createTestPlayer(app.database, { balances: { EUR: '0', USD: '0' } });
    const at = (minute: number, effect = 1n, more: Partial<WantedRow> = {}): WantedRow => ({
      createdAt: new Date(Date.parse('2026-05-01T10:00:00Z') + minute * 60_000),
      effect,
      ...more,
    });
    // A clock goes back by less than a minute between two rows.
    const rows = [at(-1), at(0, 1n, { integration: 'igpx-second' }), at(0), at(10.5), at(10), at(14), at(15), at(90)];
    await writeRows(app.database, player, rows);
    await writeRows(app.database, player, [at(-2), at(12), at(16)], 'USD');
    const launched = async (minute: number, more = 'false, false') => {
      const { rows: found } = await app.database.owner.query<{ id: string }>(
        `insert into game_session (lane, player_id, integration, currency, demo, failed, created_at)
         values ($1, $2, 'igpx-demo', 'EUR', ${more}, $3) returning id`,
        [player.lane, player.id, at(minute).createdAt],
      );
      return formatId('session', { lane: player.lane, id: BigInt(found[0]?.id ?? 0) });
    };
    const first = await launched(0);
    const refused = await launched(5, 'false, true');
    const demo = await launched(6, 'true, false');
    const second = await launched(15);
    const keys = async (filter: object, token = support) =>
      connection(await request(app, token, history, { filter, first: 50 })).edges.map(({ node }) => node.externalKey);
    expect(await keys({ sessionId: first })).toEqual(['EUR-6', 'USD-2', 'EUR-5', 'EUR-4', 'EUR-3']);
    expect(await keys({ sessionId: first, currency: 'USD' })).toEqual(['USD-2']);
    expect(await keys({ sessionId: first, integration: 'igpx-second' })).toEqual([]);
    expect(await keys({ sessionId: second })).toEqual(['EUR-8', 'USD-3', 'EUR-7']);
    expect(await keys({ sessionId: second, to: at(17).createdAt.toISOString() })).toEqual(['USD-3', 'EUR-7']);
    expect(await keys({ sessionId: refused })).toEqual([]);
    expect(await keys({ sessionId: demo })).toEqual([]);
    expect(await keys({ sessionId: 'se_00zz' })).toEqual([]);
    const [stranger, other] = await Promise.all([
      createTestPlayer(app.database),
      app.token('operator', 'boss', { brand: 'other' }),
    ]);
    expect(await keys({ sessionId: first, playerId: formatId('player', stranger) })).toEqual([]);
    expect(await keys({ sessionId: first }, await app.token('player', stranger.externalId))).toEqual([]);
    expect(await keys({ sessionId: first }, other)).toEqual([]);
    expect(await keys({ sessionId: first }, await app.token('player', player.externalId))).toHaveLength(5);
  });

  test('of one brand never meets rows of another, by any name for them', async () => {
    const foreign = await createTestPlayer(app.database, { brand: 'other' });
    await play(foreign, {
      kind: 'bet',
      key: 'foreign',
      amount: amount(1n),
      integration: 'igpx-other',
      round: 'foreign-round',
    });
    const insider = await app.token('operator', 'boss', { brand: 'other' });
    const seen = async (token: string, filter: object) =>
      connection(await request(app, token, history, { filter, first: 100 })).edges.map(({ node }) => node.externalKey);
    for (const filter of [
      { playerId: formatId('player', foreign) },
      { walletId: walletId(foreign) },
      { integration: 'igpx-other' },
      { round: 'foreign-round' },
      { playerId: formatId('player', foreign), round: 'foreign-round' },
      { integration: 'igpx-other', flagged: true },
    ]) {
      expect(await seen(support, filter)).toEqual([]);
    }
    expect(await seen(insider, { integration: 'igpx-other' })).toEqual(['foreign']);
    // Deposits of all brands share one integration.
    expect(await seen(insider, {})).toHaveLength(2);
    const deposits = await seen(insider, { kinds: ['DEPOSIT'] });
    expect(deposits).toHaveLength(1);
    expect(await seen(support, { kinds: ['DEPOSIT'] })).not.toContain(deposits[0]);
  });

  test.each([
    { from: '2027-01-02T00:00:00Z', to: '2027-01-01T00:00:00Z' },
    { from: '2027-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' },
    { from: '2027-02-31T00:00:00Z' },
    { from: '2027-01-01' },
    { from: '0000-01-01T00:00:00Z' },
    { from: 1_800_000_000 },
    { round: '' },
    { round: 'a\u0000' },
    { integration: '\ud800' },
    { kind: 'bet' },
    { nothing: true },
    { kinds: [] },
    { flags: [] },
    { flags: ['WALLET_IN_DEBT'], flagged: false },
    { minAmount: '1' },
    { maxAmount: '1' },
    { minAmount: '2', maxAmount: '1', currency: 'EUR' },
    { minAmount: '1.0000002', maxAmount: '1.0000001', currency: 'EUR' },
    { minAmount: '-1', currency: 'EUR' },
    { minAmount: 1, currency: 'EUR' },
    { minAmount: '1', currency: 'XXX' },
    { currency: '' },
    { game: '' },
    { sessionId: 5.5 },
  ])('is refused when it is %o', async (filter) => {
    expect(codes(await request(app, support, history, { filter }))).toEqual(['BAD_USER_INPUT']);
  });
});
