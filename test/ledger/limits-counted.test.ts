import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type LimitKind,
  type LimitPeriod,
  type PlayerStatus,
  type WalletCommand,
  type WalletLimits,
} from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { usedOf } from '../../src/ledger/limits.js';
import { statusAt, statusSql } from '../../src/ledger/status.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, deposit, limit, policy, rollback, said, win } from './commands.js';

let db: TestDatabase;
let first: Ledger;
let second: Ledger;
beforeAll(async () => {
  db = await createTestDatabase();
  [first, second] = [createTestLedger(db), createTestLedger(db)];
});
afterAll(async () => {
  await Promise.all([first.close(), second.close()]);
  await db.close();
});
afterEach(() => {
  vi.useRealTimers();
});

/** From now on only the test moves the clock. */
function at(text: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(text) });
}

async function execute(command: WalletCommand, ledger = first): Promise<string> {
  return said((await ledger.execute(command, { policy, deadlineMs: 10_000 })).outcome);
}

function sessionLimit(player: TestPlayer, minutes: number | null): WalletCommand {
  return { kind: 'session-limit', brand: player.brand, player: player.externalId, minutes };
}

function status(player: TestPlayer, to: PlayerStatus, until?: Date): WalletCommand {
  return { kind: 'status', brand: player.brand, player: player.externalId, status: to, until };
}

async function storedLimits(player: TestPlayer): Promise<WalletLimits | null> {
  const { rows } = await db.owner.query<{ limits: WalletLimits | null }>(
    "select limits from wallet where lane = $1 and player_id = $2 and currency = 'EUR'",
    [player.lane, player.id],
  );
  return rows[0]?.limits ?? null;
}

/** Units of EUR that count now. */
async function used(player: TestPlayer, of: LimitKind, period: LimitPeriod): Promise<number> {
  const limits = await storedLimits(player);
  return limits === null ? Number.NaN : Number(usedOf(limits, of, period, new Date())) / 1e6;
}

describe('a stake limit', () => {
  test('is reached and not passed, and begins anew with its period', async () => {
    at('2027-01-31T23:50:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'stake', 'day', '10'));
    await execute(limit(player, 'stake', 'month', '25'));
    expect(await execute(bet(player, 'b1', '6'))).toBe('applied 994000000');
    expect(await execute(bet(player, 'b2', '4.000001'))).toBe('refused LIMIT_REACHED');
    expect(await execute(bet(player, 'b3', '4'))).toBe('applied 990000000');
    expect(await execute(bet(player, 'b4', '0.000001'))).toBe('refused LIMIT_REACHED');
    at('2027-02-01T00:00:00Z');
    expect(await execute(bet(player, 'b5', '10'))).toBe('applied 980000000');
    expect([await used(player, 'stake', 'day'), await used(player, 'stake', 'month')]).toEqual([10, 10]);
    at('2027-02-02T00:00:00Z');
    await execute(bet(player, 'b6', '10'));
    at('2027-02-03T00:00:00Z');
    expect(await execute(bet(player, 'b7', '6'))).toBe('refused LIMIT_REACHED');
    expect(await execute(bet(player, 'b8', '5'))).toMatch(/^applied/);
  });

  test('an undone bet gives room in its own period only', async () => {
    at('2027-03-10T23:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'stake', 'day', '10'));
    await execute(bet(player, 'b1', '10'));
    await execute(rollback(player, 'x1', 'b1'));
    expect(await execute(bet(player, 'b2', '10'))).toMatch(/^applied/);
    at('2027-03-11T01:00:00Z');
    await execute(bet(player, 'b3', '10'));
    await execute(rollback(player, 'x2', 'b2'));
    expect(await execute(bet(player, 'b4', '1'))).toBe('refused LIMIT_REACHED');
    expect([await used(player, 'stake', 'day'), await used(player, 'stake', 'week')]).toEqual([10, 10]);
  });

  test('repeats, free bets and bets of nothing need no room and count nothing', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'stake', 'day', '10'));
    await execute(bet(player, 'b1', '10'));
    expect(await execute(bet(player, 'b1', '10'))).toBe('replayed 990000000');
    expect(await execute(bet(player, 'free', '500', { free: true }))).toBe('applied 990000000');
    expect(await execute(bet(player, 'nothing', '0'))).toBe('applied 990000000');
    expect(await used(player, 'stake', 'day')).toBe(10);
  });

  test('a first one finds what was played before, in the same unit of work too', async () => {
    at('2027-04-01T10:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(bet(player, 'march', '1'));
    await execute(rollback(player, 'undone', 'march'));
    at('2027-05-03T10:00:00Z');
    await execute(bet(player, 'monday', '2'));
    at('2027-05-05T10:00:00Z');
    await execute(bet(player, 'b1', '4'));
    await execute(bet(player, 'b2', '8'));
    await execute(rollback(player, 'x2', 'b2'));
    await execute(win(player, 'w1', '3'));
    await execute(rollback(player, 'x-monday', 'monday'));
    const outcomes = await Promise.all([
      execute(bet(player, 'b3', '16')),
      execute(limit(player, 'stake', 'day', '21')),
      execute(bet(player, 'b4', '2')),
      execute(bet(player, 'b5', '1')),
    ]);
    expect(outcomes).toEqual(['applied 983000000', 'done nothing', 'refused LIMIT_REACHED', 'applied 982000000']);
    expect(await used(player, 'stake', 'day')).toBe(21);
    expect([await used(player, 'stake', 'month'), await used(player, 'loss', 'week')]).toEqual([21, 18]);
  });

  test('a clock that steps back reopens no period, nor does a first limit set then', async () => {
    at('2027-06-02T00:00:10Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    const other = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'stake', 'day', '10'));
    await execute(bet(player, 'b1', '10'));
    await execute(bet(other, 'b1', '10'));
    at('2027-06-01T23:59:50Z');
    expect(await execute(bet(player, 'b2', '1'))).toBe('refused LIMIT_REACHED');
    await execute(limit(other, 'stake', 'day', '10'));
    expect(await execute(bet(other, 'b2', '1'))).toBe('refused LIMIT_REACHED');
    expect((await storedLimits(other))?.counted.day?.from).toBe('2027-06-02');
  });

  test('opens the wallet of a currency that the brand lists, and no other', async () => {
    const player = await createTestPlayer(db, { balances: {} });
    expect(await execute(limit(player, 'deposit', 'day', '10'))).toBe('done nothing');
    const { outcome } = await first.execute(deposit(player, 'd1', '10'), { policy, deadlineMs: 5_000 });
    expect(outcome).toMatchObject({ type: 'applied', flags: [] });
    expect(await execute(deposit(player, 'd2', '0.01'))).toBe('refused LIMIT_REACHED');
    const foreign = { ...limit(player, 'stake', 'day', '1'), currency: 'GBP' };
    expect(await execute(foreign)).toBe('refused CURRENCY_NOT_ALLOWED');
  });

  test.each(['-1', '1.0000001', '9223372036854.775808'])('cannot be %s', async (max) => {
    const player = await createTestPlayer(db);
    expect(await execute(limit(player, 'stake', 'day', max))).toBe('refused AMOUNT_INVALID');
    expect(await storedLimits(player)).toBeNull();
  });
});

describe('a loss limit', () => {
  test('counts stakes less payouts, and every credit lands', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'loss', 'day', '10'));
    await execute(bet(player, 'b1', '10'));
    expect(await execute(bet(player, 'b2', '1'))).toBe('refused LIMIT_REACHED');
    expect(await execute(win(player, 'w1', '30'))).toBe('applied 1020000000');
    expect(await execute(bet(player, 'b3', '30'))).toBe('applied 990000000');
    await execute(rollback(player, 'x1', 'w1'));
    expect(await used(player, 'loss', 'day')).toBe(40);
    expect(await execute(win(player, 'w2', '0'))).toMatch(/^applied/);
    expect(await execute(rollback(player, 'x3', 'b3'))).toMatch(/^applied/);
    expect(await execute(bet(player, 'b4', '1'))).toBe('refused LIMIT_REACHED');
  });
});

describe('a change of a limit', () => {
  test('a raise holds by itself a day later; a lower limit holds at once and ends it', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'stake', 'day', '10'));
    await execute(limit(player, 'stake', 'day', '20'));
    expect(await execute(bet(player, 'b1', '11'))).toBe('refused LIMIT_REACHED');
    at('2027-03-11T11:59:59.999Z');
    expect(await execute(bet(player, 'b2', '11'))).toBe('refused LIMIT_REACHED');
    at('2027-03-11T12:00:00Z');
    expect(await execute(bet(player, 'b3', '11'))).toMatch(/^applied/);
    // It has taken its place for good, whatever the clock says then.
    at('2027-03-11T11:00:00Z');
    expect(await execute(bet(player, 'b4', '9'))).toMatch(/^applied/);
    await execute(limit(player, 'stake', 'day', '99'));
    await execute(limit(player, 'stake', 'day', '5'));
    at('2027-03-20T12:00:00Z');
    expect(await execute(bet(player, 'b5', '6'))).toBe('refused LIMIT_REACHED');
  });

  test('one that was removed is gone a day later, and nothing of it is kept', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
    await execute(limit(player, 'stake', 'day', '10'));
    await execute(limit(player, 'stake', 'day', null));
    expect(await execute(bet(player, 'b1', '11'))).toBe('refused LIMIT_REACHED');
    at('2027-03-11T12:00:00Z');
    expect(await execute(bet(player, 'b2', '11'))).toMatch(/^applied/);
    expect(await storedLimits(player)).toBeNull();
  });

  test('lowered while 32 bets run through two gateways: they are never over it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const player = await createTestPlayer(db, { balances: { EUR: '1000' } });
      await execute(limit(player, 'stake', 'week', '200'));
      const bets = (name: string) =>
        Array.from({ length: 32 }, (_, index) =>
          execute(bet(player, `${name}${index}`, '10'), index % 2 === 0 ? first : second),
        );
      const running = bets('a');
      const lowered = execute(limit(player, 'stake', 'week', '100'), round % 2 === 0 ? first : second);
      const taken = (await Promise.all(running)).filter((each) => each.startsWith('applied')).length;
      await lowered;
      expect(taken).toBeGreaterThanOrEqual(10);
      expect(taken).toBeLessThanOrEqual(20);
      const later = (await Promise.all(bets('b'))).filter((each) => each.startsWith('applied'));
      expect(later).toHaveLength(0);
      expect(await used(player, 'stake', 'week')).toBe(taken * 10);
    }
  });
});

describe('a session limit', () => {
  test('ends play in every wallet until there was a pause', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '100', USD: '100' } });
    await execute(sessionLimit(player, 30));
    expect(await execute(bet(player, 'b1', '1'))).toMatch(/^applied/);
    at('2027-03-10T12:14:00Z');
    expect(await execute(bet(player, 'b2', '1', { currency: 'USD' }))).toMatch(/^applied/);
    at('2027-03-10T12:28:00Z');
    expect(await execute(bet(player, 'b3', '1'))).toMatch(/^applied/);
    at('2027-03-10T12:30:00Z');
    expect(await execute(bet(player, 'b4', '1', { currency: 'USD' }))).toBe('refused LIMIT_REACHED');
    expect(await execute(win(player, 'w3', '5'))).toMatch(/^applied/);
    expect(await execute(bet(player, 'b3', '1'))).toMatch(/^replayed/);
    at('2027-03-10T12:42:59Z');
    expect(await execute(bet(player, 'b5', '1'))).toBe('refused LIMIT_REACHED');
    at('2027-03-10T12:43:00Z');
    expect(await execute(bet(player, 'b6', '1'))).toMatch(/^applied/);
  });

  test('free bets are no play: they neither need its time nor prolong it', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db);
    await execute(sessionLimit(player, 10));
    await execute(bet(player, 'b1', '1'));
    at('2027-03-10T12:12:00Z');
    expect(await execute(bet(player, 'free', '1', { free: true }))).toMatch(/^applied/);
    expect(await execute(bet(player, 'b2', '1'))).toBe('refused LIMIT_REACHED');
    at('2027-03-10T12:15:00Z');
    expect(await execute(bet(player, 'b3', '1'))).toMatch(/^applied/);
  });

  test('a first one finds the play under way', async () => {
    at('2027-03-10T11:00:00Z');
    const player = await createTestPlayer(db, { balances: { EUR: '100', USD: '100' } });
    await execute(bet(player, 'before', '1'));
    for (const [index, time] of ['12:00', '12:10', '12:20', '12:30'].entries()) {
      at(`2027-03-10T${time}:00Z`);
      await execute(bet(player, `b${index}`, '1', { currency: index % 2 === 0 ? 'EUR' : 'USD' }));
    }
    at('2027-03-10T12:39:00Z');
    await execute(sessionLimit(player, 40));
    expect(await execute(bet(player, 'last', '1'))).toMatch(/^applied/);
    at('2027-03-10T12:40:00Z');
    expect(await execute(bet(player, 'over', '1'))).toBe('refused LIMIT_REACHED');
    await execute(sessionLimit(player, 60));
    expect(await execute(bet(player, 'still', '1'))).toBe('refused LIMIT_REACHED');
  });
});

describe('a self-exclusion', () => {
  test('ends by itself, and not before by anybody', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db);
    await execute(status(player, 'SELF_EXCLUDED', new Date('2027-03-12T12:00:00Z')));
    expect(await execute(bet(player, 'b1', '1'))).toBe('refused PLAYER_NOT_ACTIVE');
    for (const [to, until] of [['ACTIVE'], ['SUSPENDED'], ['SELF_EXCLUDED', '2027-03-11T12:00:00Z']] as const) {
      const change = status(player, to, until === undefined ? undefined : new Date(until));
      const { outcome } = await second.execute(change, { policy, deadlineMs: 5_000 });
      expect(outcome).toMatchObject({ type: 'done', declined: 'EXCLUSION_RUNS' });
    }
    at('2027-03-12T11:59:59.999Z');
    expect(await execute(bet(player, 'b2', '1'), second)).toBe('refused PLAYER_NOT_ACTIVE');
    at('2027-03-12T12:00:00Z');
    expect(await execute(bet(player, 'b3', '1'), second)).toBe('applied 99000000');
  });

  test('every change is dated, and one that was not made is not', async () => {
    at('2027-03-10T12:00:00Z');
    const player = await createTestPlayer(db);
    const changedAt = async (): Promise<unknown> =>
      (await db.owner.query('select status_changed_at as at from player where id = $1', [player.id])).rows[0].at;
    await execute(status(player, 'ACTIVE'));
    expect(await changedAt()).toBeNull();
    await execute(status(player, 'SELF_EXCLUDED'));
    const since = new Date('2027-03-10T12:00:00Z');
    expect(await changedAt()).toEqual(since);
    at('2027-03-10T20:00:00Z');
    await execute(status(player, 'ACTIVE'));
    await execute(status(player, 'SELF_EXCLUDED'));
    expect(await changedAt()).toEqual(since);
    at('2027-03-11T12:00:00Z');
    await execute(status(player, 'ACTIVE'));
    expect(await changedAt()).toEqual(new Date('2027-03-11T12:00:00Z'));
  });

  test('is the same to SQL', async () => {
    for (const [stored, until] of [
      ['ACTIVE', null],
      ['SELF_EXCLUDED', null],
      ['SELF_EXCLUDED', -1],
      ['SELF_EXCLUDED', 60],
      ['CLOSED', null],
    ] as const) {
      const statusUntil = until === null ? null : new Date(Date.now() + until * 1_000);
      const { rows } = await db.owner.query<{ status: string }>(
        `select ${statusSql('p')} as status from (values ($1::text, $2::timestamptz)) p(status, status_until)`,
        [stored, statusUntil],
      );
      expect(rows[0]?.status).toBe(statusAt({ status: stored, statusUntil }, new Date()));
    }
  });
});
