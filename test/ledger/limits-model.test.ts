import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type LimitKind,
  limitKinds,
  type LimitPeriod,
  limitPeriods,
  type WalletCommand,
  type WalletLimits,
} from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { periodStart, usedOf } from '../../src/ledger/limits.js';
import { expectStraightBooks } from '../support/books.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { type Random, seeded } from '../support/random.js';
import { bet, deposit, limit, policy, rollback, said, win, withdrawal } from './commands.js';

/** Random movements under random limits, each decision and every counter compared with a recount of the ledger's rows. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

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

async function execute(command: WalletCommand, ledger: Ledger): Promise<string> {
  return said((await ledger.execute(command, { policy, deadlineMs: 10_000 })).outcome);
}

async function storedLimits(player: TestPlayer): Promise<WalletLimits | null> {
  const { rows } = await db.owner.query<{ limits: WalletLimits | null }>(
    'select limits from wallet where lane = $1 and player_id = $2',
    [player.lane, player.id],
  );
  return rows[0]?.limits ?? null;
}

/** A row of the wallet as the database has it. */
interface Row {
  readonly sequence: number;
  readonly kind: string;
  readonly effect: number;
  readonly at: Date;
  readonly undoes: number | null;
}

async function rowsOf(player: TestPlayer): Promise<Row[]> {
  const { rows } = await db.owner.query<Row>(
    'select sequence::int, kind, effect::float8, created_at as at, undoes::int from ledger_transaction ' +
      'where lane = $1 and player_id = $2 order by sequence',
    [player.lane, player.id],
  );
  return rows;
}

/** The latest time the wallet has seen says which periods run; a period's rows are all from its first on. */
function recount(rows: readonly Row[], of: LimitKind, period: LimitPeriod): number {
  const latest = new Date(Math.max(Date.now(), ...rows.map((row) => row.at.getTime())));
  const from = new Date(`${periodStart(period, latest)}T00:00:00Z`);
  const begin = rows.findIndex((row) => row.at >= from);
  const undone = new Set(rows.map((row) => row.undoes));
  return (begin < 0 ? [] : rows.slice(begin))
    .filter((row) => !undone.has(row.sequence))
    .filter(({ kind }) => (of === 'deposit' ? kind === of : kind === 'bet' || (of === 'loss' && kind === 'win')))
    .reduce((sum, { effect }) => sum + (of === 'deposit' ? effect : -effect), 0);
}

/** All wishes of one limit, and what holds after them: once more, as plainly as can be. */
class Wishes {
  max: number | null = null;
  private next: { max: number | null; from: number } | undefined;

  settle(): void {
    if (this.next === undefined || Date.now() < this.next.from) return;
    this.max = this.next.max;
    this.next = undefined;
  }

  ask(max: number | null): void {
    this.settle();
    if (this.max === null || (max !== null && max <= this.max)) [this.max, this.next] = [max, undefined];
    else if (this.next === undefined || this.next.max !== max) this.next = { max, from: Date.now() + DAY };
  }
}

function tick(random: Random): void {
  const roll = random.below(100);
  const ms =
    roll < 65
      ? random.below(10 * MINUTE)
      : roll < 85
        ? random.below(4 * HOUR)
        : roll < 91
          ? random.below(9 * DAY)
          : -random.below(50 * MINUTE);
  vi.setSystemTime(Date.now() + ms);
}

const stakes = ['0', '0.000001', '2.5', '10', '25', '40'] as const;

function randomMovement(random: Random, player: TestPlayer, step: number): Extract<WalletCommand, { key: string }> {
  const key = `k${random.chance(0.85) ? step : random.below(step + 1)}`;
  const amount = random.pick(stakes);
  const roll = random.below(100);
  if (roll < 50) return bet(player, key, amount, { free: random.chance(0.1) });
  if (roll < 68) return win(player, key, amount);
  if (roll < 86) return rollback(player, `x${step}`, `k${random.below(step + 3)}`);
  if (roll < 95) return deposit(player, key, amount === '0' ? '1' : amount);
  return withdrawal(player, key, '1');
}

describe('in any order, over months and with a clock that steps back', () => {
  test.each([1, 2, 3])('limits and counters are those of a naive recount (seed %i)', async (seed) => {
    const random = seeded(seed);
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2027-01-29T12:00:00Z') });
    const player = await createTestPlayer(db, { externalId: `random-${randomUUID()}`, balances: { EUR: '100000' } });
    const names = limitKinds.flatMap((of) => limitPeriods.map((period) => ({ of, period, wishes: new Wishes() })));
    const seen = { refused: 0, applied: 0, replayed: 0 };
    for (let step = 0; step < 200; step += 1) {
      tick(random);
      const ledger = random.chance(0.5) ? first : second;
      if (random.chance(0.12)) {
        const chosen = names[random.below(names.length)];
        if (chosen === undefined) throw new Error('There is no such limit');
        const { of, period, wishes } = chosen;
        const max = random.chance(0.25) ? null : random.pick(['5', '30', '60', '150']);
        wishes.ask(max === null ? null : Number(max) * 1e6);
        expect(await execute(limit(player, of, period, max), ledger)).toBe('done nothing');
        // A row of the same moment, so that the recount knows the moment too.
        await execute(win(player, `lost${step}`, '0'), ledger);
        continue;
      }
      const command = randomMovement(random, player, step);
      const rows = await rowsOf(player);
      const isOver = (of: LimitKind): boolean =>
        names.some(({ of: each, period, wishes: { max } }) => {
          if (each !== of || max === null) return false;
          return recount(rows, of, period) + decimalUnits(command) > max;
        });
      for (const { wishes } of names) wishes.settle();
      const isBet = command.kind === 'bet' && command.free !== true && decimalUnits(command) > 0;
      const expected =
        (isBet && (isOver('stake') || isOver('loss'))) || (command.kind === 'deposit' && isOver('deposit'));
      const answer = await execute(command, ledger);
      if (answer.startsWith('replayed')) seen.replayed += 1;
      else if (answer.startsWith('applied') || answer === 'refused LIMIT_REACHED') {
        expect([step, answer === 'refused LIMIT_REACHED']).toEqual([step, expected]);
        seen[expected ? 'refused' : 'applied'] += 1;
      }
      const limits = await storedLimits(player);
      if (limits === null) continue;
      const after = await rowsOf(player);
      for (const { of, period } of names) {
        expect([step, of, period, Number(usedOf(limits, of, period, new Date()))]).toEqual([
          step,
          of,
          period,
          recount(after, of, period),
        ]);
      }
      if (step % 40 === 0) await expectStraightBooks(db);
    }
    expect(seen.refused).toBeGreaterThan(10);
    expect(seen.applied).toBeGreaterThan(60);
  });
});

function decimalUnits(command: WalletCommand): number {
  if (!('amount' in command) || command.amount === undefined || 'times' in command.amount) return 0;
  return Number(command.amount.digits) * 10 ** (6 - command.amount.decimals);
}
