import { z } from 'zod';
import {
  type CountedPeriod,
  type LimitKind,
  limitKinds,
  type LimitPeriod,
  limitPeriods,
  type PlayerLimits,
  type StoredLimit,
  type TransactionKind,
  type WalletLimits,
} from './commands.js';

/**
 * The limits of a wallet and of a player: what they leave open, what a row counts, what a change makes of them. All pure, and
 * all told the time: that of the command, which is also that of its ledger row.
 */

/** From the wish for a higher limit, or none, until it holds. */
export const RAISE_MS = 24 * 60 * 60_000;
/** Play that rests for so long has ended. */
export const PAUSE_MS = 15 * 60_000;
/** The longest session limit there is; older play need not be known. */
export const SESSION_MINUTES_MAX = 24 * 60;
const MINUTE_MS = 60_000;

/** What a command meets: the limits of its wallet and of its player, where there are any. */
export interface Limited {
  readonly wallet: WalletLimits | null;
  readonly player: PlayerLimits | null;
  readonly at: Date;
}

/** The parts of a ledger row that limits count. */
interface CountedRow {
  readonly sequence: bigint;
  readonly kind: TransactionKind;
  readonly effect: bigint;
}

const Units = z.string().regex(/^-?\d{1,40}$/);
const Time = z.iso.datetime();
const stored = <Max extends z.ZodType<string | number>>(max: Max) =>
  z.object({ max, next: z.object({ max: max.nullable(), from: Time }).optional() });
const Counted = z.object({ from: z.iso.date(), since: Units, stake: Units, loss: Units, deposit: Units });
const limitNames = limitKinds.flatMap((kind) => limitPeriods.map((period) => `${kind}-${period}` as const));

/** The jsonb of a wallet. */
export const StoredWalletLimits: z.ZodType<WalletLimits> = z.object({
  limits: z.partialRecord(z.enum(limitNames), stored(Units)),
  counted: z.partialRecord(z.enum(limitPeriods), Counted),
});

/** The jsonb of a player. */
export const StoredPlayerLimits: z.ZodType<PlayerLimits> = z.object({
  sessionMinutes: stored(z.int().min(1).max(SESSION_MINUTES_MAX)).optional(),
  play: z.object({ since: Time, lastAt: Time }).optional(),
});

/** The first day of the period that a moment is in, as "2027-01-31". Weeks begin on Monday; all is UTC. */
export function periodStart(period: LimitPeriod, at: Date): string {
  const day = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), period === 'month' ? 1 : at.getUTCDate()));
  if (period === 'week') day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

/** The first moment after the period that begins on a day. */
export function periodEnd(period: LimitPeriod, from: string): Date {
  const end = new Date(`${from}T00:00:00Z`);
  if (period === 'month') end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCDate(end.getUTCDate() + (period === 'week' ? 7 : 1));
  return end;
}

/** The limit that holds at a moment: a raise whose time has come holds without anybody having written so. */
export function limitAt<Max extends string | number>(
  limit: StoredLimit<Max> | undefined,
  at: Date,
): StoredLimit<Max> | undefined {
  if (limit?.next === undefined || at < new Date(limit.next.from)) return limit;
  return limit.next.max === null ? undefined : { max: limit.next.max };
}

/** A limit after a wish: a first or lower one holds at once and ends a raise that waits; a higher one, or none, waits a day. */
export function changedLimit<Max extends string | number>(
  limit: StoredLimit<Max> | undefined,
  max: Max | null,
  at: Date,
): StoredLimit<Max> | undefined {
  const current = limitAt(limit, at);
  if (current === undefined) return max === null ? undefined : { max };
  if (max !== null && BigInt(max) <= BigInt(current.max)) return { max };
  // Asked for again, it keeps its time.
  if (current.next?.max === max) return current;
  return { max: current.max, next: { max, from: new Date(at.getTime() + RAISE_MS).toISOString() } };
}

export function withWalletLimit(
  { limits, counted }: WalletLimits,
  { limit, period, max }: { limit: LimitKind; period: LimitPeriod; max: bigint | null },
  at: Date,
): WalletLimits {
  const name = `${limit}-${period}` as const;
  const { [name]: before, ...others } = limits;
  const after = changedLimit(before, max === null ? null : max.toString(), at);
  return { limits: after === undefined ? others : { ...others, [name]: after }, counted };
}

export function withSessionLimit(limits: PlayerLimits | null, minutes: number | null, at: Date): PlayerLimits {
  const { sessionMinutes, ...rest } = limits ?? {};
  const after = changedLimit(sessionMinutes, minutes, at);
  return after === undefined ? rest : { ...rest, sessionMinutes: after };
}

/** What is worth storing of a wallet's limits: raises that hold now take their places; null when no limit is left. */
export function settledWalletLimits({ limits, counted }: WalletLimits, at: Date): WalletLimits | null {
  const kept = Object.entries(limits).flatMap(([name, limit]) => {
    const now = limitAt(limit, at);
    return now === undefined ? [] : [[name, now] as const];
  });
  return kept.length === 0 ? null : { limits: Object.fromEntries(kept), counted };
}

export function settledPlayerLimits(limits: PlayerLimits, at: Date): PlayerLimits | null {
  const sessionMinutes = limitAt(limits.sessionMinutes, at);
  return sessionMinutes === undefined ? null : { ...limits, sessionMinutes };
}

/** Ledger units that count towards a limit in the period of a moment. A loss is below zero where more was won than staked. */
export function usedOf({ counted }: WalletLimits, kind: LimitKind, period: LimitPeriod, at: Date): bigint {
  const running = counted[period];
  return running === undefined || running.from < periodStart(period, at) ? 0n : BigInt(running[kind]);
}

/** Whether a bet's stake, or a deposit, would go over a limit. What costs nothing goes over none. */
export function isOverLimit(limited: Limited, kind: 'bet' | 'deposit', units: bigint): boolean {
  if (kind === 'bet' && isSessionOver(limited.player, limited.at)) return true;
  if (units === 0n) return false;
  return moneyLimits(limited, kind).some(({ max, used }) => used + units > max);
}

/** Whether every bet would be refused: the time at play is over, or nothing is left to stake or to lose. */
export function isUsedUp(limited: Limited): boolean {
  return isSessionOver(limited.player, limited.at) || moneyLimits(limited, 'bet').some(({ max, used }) => used >= max);
}

function moneyLimits({ wallet, at }: Limited, kind: 'bet' | 'deposit'): { max: bigint; used: bigint }[] {
  if (wallet === null) return [];
  const kinds = kind === 'bet' ? (['stake', 'loss'] as const) : (['deposit'] as const);
  return kinds.flatMap((limit) =>
    limitPeriods.flatMap((period) => {
      const current = limitAt(wallet.limits[`${limit}-${period}`], at);
      return current === undefined ? [] : [{ max: BigInt(current.max), used: usedOf(wallet, limit, period, at) }];
    }),
  );
}

/** Milliseconds at play without a pause; 0 when the player is not at play. */
export function playedMs({ play }: PlayerLimits, at: Date): number {
  if (play === undefined) return 0;
  const [since, lastAt] = [Date.parse(play.since), Date.parse(play.lastAt)];
  // A clock that steps back makes no pause.
  return at.getTime() - lastAt >= PAUSE_MS ? 0 : Math.max(at.getTime(), lastAt) - since;
}

function isSessionOver(limits: PlayerLimits | null, at: Date): boolean {
  const limit = limits === null ? undefined : limitAt(limits.sessionMinutes, at);
  return limits !== null && limit !== undefined && playedMs(limits, at) >= limit.max * MINUTE_MS;
}

/** The play under way after a bet. */
export function withPlay(limits: PlayerLimits, at: Date): PlayerLimits {
  const { play } = limits;
  const now = at.toISOString();
  if (play === undefined || at.getTime() - Date.parse(play.lastAt) >= PAUSE_MS) {
    return { ...limits, play: { since: now, lastAt: now } };
  }
  return { ...limits, play: { since: play.since, lastAt: play.lastAt > now ? play.lastAt : now } };
}

/**
 * The counters after a ledger row. A row opens the periods it is the first of; one that was counted last is never left for an
 * earlier one, so a clock that steps back reopens nothing.
 * @param undone the movement that the row undoes: it leaves the period that counted it, and no other
 */
export function withRow(
  { limits, counted }: WalletLimits,
  row: CountedRow,
  undone: CountedRow | undefined,
  at: Date,
): WalletLimits {
  const after: Partial<Record<LimitPeriod, CountedPeriod>> = {};
  for (const period of limitPeriods) {
    const from = periodStart(period, at);
    const before = counted[period];
    const running = before !== undefined && before.from >= from ? before : emptyPeriod(from, row.sequence);
    after[period] = countedWith(running, row, undone);
  }
  return { limits, counted: after };
}

/** A period in which nothing was counted yet. @param since sequence of the next row */
export function emptyPeriod(from: string, since: bigint): CountedPeriod {
  return { from, since: since.toString(), stake: '0', loss: '0', deposit: '0' };
}

function countedWith(period: CountedPeriod, row: CountedRow, undone: CountedRow | undefined): CountedPeriod {
  const plus = (kind: LimitKind, units: bigint): string => (BigInt(period[kind]) + units).toString();
  switch (row.kind) {
    case 'bet':
      return { ...period, stake: plus('stake', -row.effect), loss: plus('loss', -row.effect) };
    case 'win':
      return { ...period, loss: plus('loss', -row.effect) };
    case 'deposit':
      return { ...period, deposit: plus('deposit', row.effect) };
    case 'rollback':
      if (undone === undefined || undone.sequence < BigInt(period.since)) return period;
      return {
        ...period,
        loss: plus('loss', -row.effect),
        stake: undone.kind === 'bet' ? plus('stake', -row.effect) : period.stake,
      };
    case 'tombstone':
    case 'withdrawal':
    case 'adjustment':
      return period;
  }
}
