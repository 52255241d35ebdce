import { type Decimal, formatUnits, parseDecimal, unitsFloor } from '../../ledger/money.js';

/** Home win, draw, away win, as betting slips call them. */
export const selections = ['1', 'X', '2'] as const;
export type Selection = (typeof selections)[number];

export interface Match {
  readonly id: string;
  readonly home: string;
  readonly away: string;
  /** Decimal odds as text. */
  readonly odds: Readonly<Record<Selection, string>>;
}

/** Made-up teams, so that nobody mistakes the page for a real bookmaker's. */
export const matches: readonly Match[] = [
  { id: 'm1', home: 'Harbour Rovers', away: 'Mill Town', odds: { '1': '1.85', X: '3.40', '2': '4.20' } },
  { id: 'm2', home: 'Northgate United', away: 'Old Quarry', odds: { '1': '2.60', X: '3.10', '2': '2.75' } },
  { id: 'm3', home: 'Lantern City', away: 'Saltmarsh Athletic', odds: { '1': '1.33', X: '5.00', '2': '9.50' } },
];

/** Minutes of the goals, and so the score at any minute. */
export interface Course {
  readonly winner: Selection;
  readonly homeGoals: readonly number[];
  readonly awayGoals: readonly number[];
}

/** Plays a match in advance; the odds decide how likely each end is. @param random from 0 (inclusive) to 1 */
export function playMatch({ odds }: Match, random: () => number): Course {
  const weights = selections.map((selection) => ({ selection, weight: 1 / Number(odds[selection]) }));
  let drawn = random() * weights.reduce((sum, { weight }) => sum + weight, 0);
  const winner = weights.find(({ weight }) => (drawn -= weight) < 0)?.selection ?? 'X';
  const fewer = Math.floor(random() * 3);
  const more = fewer + 1 + Math.floor(random() * 2);
  const goals = (count: number) => Array.from({ length: count }, () => 1 + Math.floor(random() * 90));
  return {
    winner,
    homeGoals: goals(winner === '1' ? more : fewer),
    awayGoals: goals(winner === '2' ? more : fewer),
  };
}

export function scoreAt({ homeGoals, awayGoals }: Course, minute: number): string {
  const count = (goals: readonly number[]) => goals.filter((goal) => goal <= minute).length;
  return `${count(homeGoals)}:${count(awayGoals)}`;
}

const STAKE_DECIMALS_MAX = 8;
const STAKE_UNITS_MAX = 10n ** 14n;

/** A stake as typed by the player. @returns undefined unless it is plain, above 0, and at most 1,000,000 */
export function parseStake(text: string): Decimal | undefined {
  const stake = parseDecimal(text);
  if (stake === undefined || stake.decimals > STAKE_DECIMALS_MAX) return undefined;
  const { units } = unitsFloor(stake, STAKE_DECIMALS_MAX);
  return units > 0n && units <= STAKE_UNITS_MAX ? stake : undefined;
}

/** Stake × odds, rounded down to two decimals, or to as many as the stake has. */
export function payoutOf(stake: Decimal, odds: string): string {
  const factor = parseDecimal(odds);
  if (factor === undefined) throw new TypeError('Odds must be plain decimals.');
  const exact = { digits: stake.digits * factor.digits, decimals: stake.decimals + factor.decimals };
  const decimals = Math.max(2, stake.decimals);
  return formatUnits(unitsFloor(exact, decimals).units, decimals, 2);
}

/** The stake as it is sent: with two decimals or more. */
export function stakeText({ digits, decimals }: Decimal): string {
  const scale = Math.max(2, decimals);
  return formatUnits(digits * 10n ** BigInt(scale - decimals), scale, 2);
}
