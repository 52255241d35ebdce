import { type Decimal, formatUnits, parseDecimal, unitsFloor } from '../../ledger/money.js';
import type { Random } from '../random.js';

/** What a page plays: it decides rounds, and knows nothing of callbacks. */
export interface Game {
  /** What the page has to know before the first round. */
  readonly rules: Readonly<Record<string, unknown>>;
  /** Whether a round has to end before the next begins. */
  readonly oneAtATime: boolean;
  /** @returns undefined when this is no bet of this game */
  open(wish: unknown, random: Random): Round | undefined;
}

/** One bet, from its stake to its payout. It begins when the stake was taken. */
export interface Round {
  readonly stake: Decimal;
  /** As the page shows it: nothing in it is secret. */
  face(): Readonly<Record<string, unknown>>;
  begin(table: Table): void;
  /** What the player does while it runs. @returns false when that cannot be done now */
  act?(action: unknown): boolean;
  /** Ends its clock. */
  stop(): void;
}

export interface Table {
  /** What all times are divided by; 1 is a player's pace. */
  readonly speed: number;
  /** The face has changed. */
  readonly show: () => void;
  /** The round is decided; "0.00" is a loss. Called once. */
  readonly end: (payout: string) => void;
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

/** Stake × multiplier, rounded down to two decimals, or to as many as the stake has. @param multiplier decimal text */
export function payoutOf(stake: Decimal, multiplier: string): string {
  const factor = parseDecimal(multiplier);
  if (factor === undefined) throw new TypeError('A multiplier must be a plain decimal.');
  const exact = { digits: stake.digits * factor.digits, decimals: stake.decimals + factor.decimals };
  const decimals = Math.max(2, stake.decimals);
  return formatUnits(unitsFloor(exact, decimals).units, decimals, 2);
}

/** The stake as it is sent: with two decimals or more. */
export function stakeText({ digits, decimals }: Decimal): string {
  const scale = Math.max(2, decimals);
  return formatUnits(digits * 10n ** BigInt(scale - decimals), scale, 2);
}

/** Hundredths as decimal text: 185 is "1.85". */
export function hundredths(count: number): string {
  return formatUnits(BigInt(count), 2, 2);
}

/** The edge that the house keeps in games of its own making. */
export const RETURN_TO_PLAYER = 0.97;
