import { describe, expect, test } from 'vitest';
import type { CountedPeriod, PlayerStatus, StoredLimit, WalletLimits } from '../../src/ledger/commands.js';
import {
  changedLimit,
  isOverLimit,
  isUsedUp,
  limitAt,
  periodEnd,
  periodStart,
  playedMs,
  settledWalletLimits,
  withPlay,
  withRow,
} from '../../src/ledger/limits.js';
import { changedStatus, statusAt, type StoredStatus } from '../../src/ledger/status.js';

const at = (text: string): Date => new Date(text);
const noon = at('2027-01-31T12:00:00Z');

function counted(more: Partial<CountedPeriod> = {}): CountedPeriod {
  return { from: '2027-01-31', since: '5', stake: '0', loss: '0', deposit: '0', ...more };
}

function limitedTo(limits: WalletLimits['limits'], day: Partial<CountedPeriod> = {}): WalletLimits {
  return { limits, counted: { day: counted(day) } };
}

describe('periods', () => {
  test.each([
    ['day', '2027-01-31T23:59:59.999Z', '2027-01-31', '2027-02-01'],
    ['day', '2027-02-01T00:00:00.000Z', '2027-02-01', '2027-02-02'],
    ['day', '2028-02-29T12:00:00Z', '2028-02-29', '2028-03-01'],
    ['week', '2027-01-31T23:59:59.999Z', '2027-01-25', '2027-02-01'],
    ['week', '2027-02-01T00:00:00.000Z', '2027-02-01', '2027-02-08'],
    ['week', '2027-01-01T12:00:00Z', '2026-12-28', '2027-01-04'],
    ['month', '2027-01-31T23:59:59.999Z', '2027-01-01', '2027-02-01'],
    ['month', '2027-12-31T23:59:59.999Z', '2027-12-01', '2028-01-01'],
  ] as const)('the %s of %s begins on %s and ends on %s', (period, moment, from, end) => {
    expect(periodStart(period, at(moment))).toBe(from);
    expect(periodEnd(period, from)).toEqual(at(`${end}T00:00:00Z`));
  });
});

describe('a wish for a limit', () => {
  const waiting: StoredLimit = { max: '20', next: { max: '50', from: '2027-02-01T09:00:00.000Z' } };
  const ending: StoredLimit = { max: '20', next: { max: null, from: '2027-02-01T09:00:00.000Z' } };
  const tomorrow = '2027-02-01T12:00:00.000Z';
  test.each<[string, StoredLimit | undefined, string | null, StoredLimit | undefined]>([
    ['a first one holds at once', undefined, '20', { max: '20' }],
    ['a first one of zero holds at once', undefined, '0', { max: '0' }],
    ['to remove none is nothing', undefined, null, undefined],
    ['a lower one holds at once', { max: '20' }, '9', { max: '9' }],
    ['the same one changes nothing', { max: '20' }, '20', { max: '20' }],
    ['a higher one waits a day', { max: '20' }, '100', { max: '20', next: { max: '100', from: tomorrow } }],
    ['to remove one waits a day', { max: '20' }, null, { max: '20', next: { max: null, from: tomorrow } }],
    ['a lower one ends a raise that waits', waiting, '19', { max: '19' }],
    ['the same one ends a raise that waits', waiting, '20', { max: '20' }],
    ['a lower one ends a removal that waits', ending, '19', { max: '19' }],
    ['the same raise keeps its time', waiting, '50', waiting],
    ['the same removal keeps its time', ending, null, ending],
    ['another raise has a day of its own', waiting, '51', { max: '20', next: { max: '51', from: tomorrow } }],
    ['a smaller raise has a day of its own', waiting, '30', { max: '20', next: { max: '30', from: tomorrow } }],
    ['a removal takes the place of a raise', waiting, null, { max: '20', next: { max: null, from: tomorrow } }],
  ])('%s', (_, before, max, after) => {
    expect(changedLimit(before, max, noon)).toEqual(after);
  });

  test('a raise takes the place of its limit by itself, to the millisecond', () => {
    const last = at('2027-02-01T08:59:59.999Z');
    const then = at('2027-02-01T09:00:00.000Z');
    expect(limitAt(waiting, last)).toEqual(waiting);
    expect(limitAt(waiting, then)).toEqual({ max: '50' });
    expect(limitAt(ending, then)).toBeUndefined();
    // What is asked for then is compared with the limit that holds then.
    expect(changedLimit(waiting, '40', then)).toEqual({ max: '40' });
    expect(changedLimit(ending, '99', then)).toEqual({ max: '99' });
  });

  test('what ended is not stored, and a wallet without limits stores nothing', () => {
    const then = at('2027-02-01T09:00:00.000Z');
    const both = { limits: { 'stake-day': waiting, 'loss-week': ending }, counted: {} };
    expect(settledWalletLimits(both, then)?.limits).toEqual({ 'stake-day': { max: '50' } });
    expect(settledWalletLimits({ limits: { 'loss-week': ending }, counted: {} }, then)).toBeNull();
  });
});

describe('room for a bet or a deposit', () => {
  const over = (kind: 'bet' | 'deposit', units: bigint, wallet: WalletLimits | null, moment = noon): boolean =>
    isOverLimit({ wallet, player: null, at: moment }, kind, units);

  test('a limit is reached, not passed', () => {
    const wallet = limitedTo({ 'stake-day': { max: '100' } }, { stake: '90' });
    expect([over('bet', 10n, wallet), over('bet', 11n, wallet), over('bet', 0n, wallet)]).toEqual([false, true, false]);
    expect(over('deposit', 1000n, wallet)).toBe(false);
  });

  test('a limit of zero leaves no room, but for what costs nothing', () => {
    const wallet = limitedTo({ 'loss-day': { max: '0' } });
    expect([over('bet', 1n, wallet), over('bet', 0n, wallet)]).toEqual([true, false]);
    const lowered = limitedTo({ 'stake-day': { max: '10' } }, { stake: '40' });
    expect([over('bet', 1n, lowered), over('bet', 0n, lowered)]).toEqual([true, false]);
  });

  test('what was won leaves more to lose, and no more to stake', () => {
    expect(over('bet', 150n, limitedTo({ 'loss-day': { max: '100' } }, { loss: '-50' }))).toBe(false);
    expect(over('bet', 151n, limitedTo({ 'loss-day': { max: '100' } }, { loss: '-50' }))).toBe(true);
    expect(over('bet', 101n, limitedTo({ 'stake-day': { max: '100' } }, { loss: '-50' }))).toBe(true);
  });

  test('the narrowest of several limits decides', () => {
    const limits = { 'stake-day': { max: '100' }, 'stake-month': { max: '30' }, 'deposit-week': { max: '5' } };
    const wallet = { limits, counted: { day: counted(), week: counted({ from: '2027-01-25' }) } };
    expect([over('bet', 30n, wallet), over('bet', 31n, wallet)]).toEqual([false, true]);
    expect([over('deposit', 5n, wallet), over('deposit', 6n, wallet)]).toEqual([false, true]);
  });

  test('a period that is over counts nothing, and one to which the clock steps back is not opened again', () => {
    const wallet = limitedTo({ 'stake-day': { max: '100' } }, { stake: '100' });
    expect(over('bet', 100n, wallet, at('2027-02-01T00:00:00Z'))).toBe(false);
    expect(over('bet', 1n, wallet, at('2027-01-30T23:59:59Z'))).toBe(true);
  });

  test('a launch makes no sense when nothing is left to stake or to lose', () => {
    const usedUp = (wallet: WalletLimits): boolean => isUsedUp({ wallet, player: null, at: noon });
    expect(usedUp(limitedTo({ 'stake-day': { max: '100' } }, { stake: '99' }))).toBe(false);
    expect(usedUp(limitedTo({ 'stake-day': { max: '100' } }, { stake: '100' }))).toBe(true);
    expect(usedUp(limitedTo({ 'deposit-day': { max: '100' } }, { deposit: '100' }))).toBe(false);
  });
});

describe('what a row counts', () => {
  const bet = { kind: 'bet', sequence: 7n, effect: -10n } as const;
  const win = { kind: 'win', sequence: 8n, effect: 25n } as const;
  const undo = (effect: bigint) => ({ kind: 'rollback', sequence: 9n, effect }) as const;
  const day = (row: Parameters<typeof withRow>[1], undone?: Parameters<typeof withRow>[2], moment = noon) =>
    withRow(limitedTo({}, { stake: '40', loss: '30', deposit: '20' }), row, undone, moment).counted.day;

  test.each([
    ['a bet', day(bet), ['50', '40', '20']],
    ['a free bet', day({ ...bet, effect: 0n }), ['40', '30', '20']],
    ['a win', day(win), ['40', '5', '20']],
    ['an undone bet', day(undo(10n), bet), ['30', '20', '20']],
    ['an undone win', day(undo(-25n), win), ['40', '55', '20']],
    ['a bet of an earlier period, undone', day(undo(10n), { ...bet, sequence: 4n }), ['40', '30', '20']],
    ['a win of an earlier period, undone', day(undo(-25n), { ...win, sequence: 4n }), ['40', '30', '20']],
    ['a rollback without effect', day(undo(0n)), ['40', '30', '20']],
    ['a deposit', day({ kind: 'deposit', sequence: 7n, effect: 5n }), ['40', '30', '25']],
    ['a withdrawal', day({ kind: 'withdrawal', sequence: 7n, effect: -5n }), ['40', '30', '20']],
    ['an adjustment', day({ kind: 'adjustment', sequence: 7n, effect: 5n }), ['40', '30', '20']],
    ['a tombstone', day({ kind: 'tombstone', sequence: 7n, effect: 0n }), ['40', '30', '20']],
    ['the first row of a period', day(bet, undefined, at('2027-02-01T00:00:00Z')), ['10', '10', '0']],
    ['a row of a clock that stepped back', day(bet, undefined, at('2027-01-30T00:00:00Z')), ['50', '40', '20']],
  ])('%s', (_, after, expected) => {
    expect([after?.stake, after?.loss, after?.deposit]).toEqual(expected);
  });

  test('a row opens the periods it is the first of, and leaves the others', () => {
    const wallet = {
      limits: {},
      counted: { day: counted({ stake: '1' }), month: counted({ from: '2027-01-01', stake: '1' }) },
    };
    expect(withRow(wallet, bet, undefined, at('2027-02-01T00:00:00Z')).counted).toEqual({
      day: { from: '2027-02-01', since: '7', stake: '10', loss: '10', deposit: '0' },
      week: { from: '2027-02-01', since: '7', stake: '10', loss: '10', deposit: '0' },
      month: { from: '2027-02-01', since: '7', stake: '10', loss: '10', deposit: '0' },
    });
  });
});

describe('time at play', () => {
  const minute = (count: number): Date => new Date(noon.getTime() + count * 60_000);
  const bets = (...minutes: readonly number[]) => minutes.reduce((limits, each) => withPlay(limits, minute(each)), {});

  test.each([
    ['before the first bet it has not begun', [], 0, 0],
    ['it runs between bets', [0], 14, 14],
    ['it runs from bet to bet', [0, 14, 28], 30, 30],
    ['a pause of 15 minutes ends it', [0, 14], 29, 0],
    ['after a pause it begins anew', [0, 14, 29], 30, 1],
    ['a clock that steps back makes no pause', [0, 14, 5], 28, 28],
    ['a clock that steps back takes nothing off', [0, 14], 3, 14],
  ])('%s', (_, played, now, minutes) => {
    expect(playedMs(bets(...played), minute(now))).toBe(minutes * 60_000);
  });

  test('at its end no bet is taken, not even one of nothing, until there was a pause', () => {
    const player = { ...bets(0, 10, 20), sessionMinutes: { max: 30 } };
    const over = (now: number): boolean => isOverLimit({ wallet: null, player, at: minute(now) }, 'bet', 0n);
    expect([over(29), over(30), over(34), over(35)]).toEqual([false, true, true, false]);
    expect(isOverLimit({ wallet: null, player, at: minute(30) }, 'deposit', 1n)).toBe(false);
  });
});

describe('what may follow a status', () => {
  const hours = (count: number): Date => new Date(noon.getTime() + count * 3_600_000);
  const change = (before: Partial<StoredStatus>, status: PlayerStatus, until?: Date, protective = false) => {
    const stored = { status: 'ACTIVE' as const, statusChangedAt: hours(-1), ...before };
    const command = { kind: 'status', brand: 'demo', player: 'alice', status, until, protective } as const;
    const after = changedStatus(stored, command, noon);
    if (typeof after !== 'object') return after ?? 'as it is';
    return [after.status, after.statusUntil ?? null, after.statusChangedAt];
  };
  const excluded = { status: 'SELF_EXCLUDED', statusUntil: hours(10) } as const;
  const open = { status: 'SELF_EXCLUDED' } as const;
  const over = { status: 'SELF_EXCLUDED', statusUntil: noon } as const;
  const old = { ...open, statusChangedAt: hours(-24) };
  test.each([
    ['a suspension', change({}, 'SUSPENDED'), ['SUSPENDED', null, noon]],
    ['the same again', change({ status: 'SUSPENDED' }, 'SUSPENDED'), 'as it is'],
    ['an exclusion with an end', change({}, 'SELF_EXCLUDED', hours(1)), ['SELF_EXCLUDED', hours(1), noon]],
    [
      'an exclusion that runs, lengthened',
      change(excluded, 'SELF_EXCLUDED', hours(11)),
      ['SELF_EXCLUDED', hours(11), noon],
    ],
    ['an exclusion that runs, made open', change(excluded, 'SELF_EXCLUDED'), ['SELF_EXCLUDED', null, noon]],
    ['an exclusion that runs, as it is', change(excluded, 'SELF_EXCLUDED', hours(10)), 'as it is'],
    ['an exclusion that runs, shortened', change(excluded, 'SELF_EXCLUDED', hours(9)), 'EXCLUSION_RUNS'],
    ['an exclusion that runs, lifted', change(excluded, 'ACTIVE'), 'EXCLUSION_RUNS'],
    ['an exclusion that runs, made a suspension', change(excluded, 'SUSPENDED'), 'EXCLUSION_RUNS'],
    ['an exclusion that runs, closed', change(excluded, 'CLOSED'), ['CLOSED', null, noon]],
    ['an open exclusion, lifted the same day', change(open, 'ACTIVE'), 'EXCLUSION_RUNS'],
    ['an open exclusion, given an end the same day', change(open, 'SELF_EXCLUDED', hours(99)), 'EXCLUSION_RUNS'],
    ['an open exclusion, lifted a day later', change(old, 'ACTIVE'), ['ACTIVE', null, noon]],
    ['an open exclusion, ended by the player', change(old, 'SELF_EXCLUDED', hours(1), true), 'EXCLUSION_RUNS'],
    ['an exclusion that is over', change(over, 'SUSPENDED'), ['SUSPENDED', null, noon]],
    ['an exclusion that is over, lifted', change(over, 'ACTIVE'), 'as it is'],
    [
      'a suspended player, excluded by staff',
      change({ status: 'SUSPENDED' }, 'SELF_EXCLUDED', hours(1)),
      ['SELF_EXCLUDED', hours(1), noon],
    ],
    [
      'a suspended player, until soon by their own wish',
      change({ status: 'SUSPENDED' }, 'SELF_EXCLUDED', hours(1), true),
      'PLAYER_SUSPENDED',
    ],
    [
      'a suspended player, without an end by their own wish',
      change({ status: 'SUSPENDED' }, 'SELF_EXCLUDED', undefined, true),
      ['SELF_EXCLUDED', null, noon],
    ],
    ['a closed account, opened', change({ status: 'CLOSED' }, 'ACTIVE'), 'PLAYER_CLOSED'],
    ['a closed account, closed again', change({ status: 'CLOSED' }, 'CLOSED'), 'as it is'],
  ])('%s', (_, after, expected) => {
    expect(after).toEqual(expected);
  });

  test('an exclusion is over at its end, to the millisecond', () => {
    expect(statusAt(excluded, new Date(hours(10).getTime() - 1))).toBe('SELF_EXCLUDED');
    expect(statusAt(excluded, hours(10))).toBe('ACTIVE');
    expect(statusAt(open, hours(1e6))).toBe('SELF_EXCLUDED');
  });
});
