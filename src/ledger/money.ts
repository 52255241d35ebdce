/**
 * Exact amounts. Money is a `bigint` of ledger units with a currency; a currency's scale says how many decimals a unit
 * stands for (scale 6: 1 EUR = 1,000,000 units). Nothing here ever passes through a `number`.
 */

export interface Currency {
  readonly code: string;
  /** Decimals of one ledger unit, 0 to 18. */
  readonly scale: number;
}

/** An exact decimal as somebody stated it: `digits × 10^-decimals`. It belongs to no currency yet. */
export interface Decimal {
  readonly digits: bigint;
  readonly decimals: number;
}

/** The largest amount or balance a `bigint` column holds. */
export const UNITS_MAX = 9_223_372_036_854_775_807n;

/** No provider states an amount this long; longer text is refused before it costs anything. */
const DECIMAL_TEXT_MAX = 40;
const DECIMAL_TEXT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/**
 * Reads plain decimal text ("12", "12.50", "-3"). No white space, exponent, sign, separator or digit of another script.
 * @returns undefined when the text is not such a decimal, or is longer than 40 characters.
 */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > DECIMAL_TEXT_MAX || !DECIMAL_TEXT.test(text)) return undefined;
  const point = text.indexOf('.');
  if (point < 0) return { digits: BigInt(text), decimals: 0 };
  return { digits: BigInt(text.slice(0, point) + text.slice(point + 1)), decimals: text.length - point - 1 };
}

/** Ledger units of a stated amount, and the digits below one unit that were cut off (undefined when it is exact). */
export interface Units {
  readonly units: bigint;
  readonly rest: string | undefined;
}

/** Converts a non-negative decimal to ledger units, rounding down; `rest` keeps what did not fit, as "0.0000004". */
export function unitsFloor(amount: Decimal, scale: number): Units {
  if (amount.decimals <= scale) {
    return { units: amount.digits * 10n ** BigInt(scale - amount.decimals), rest: undefined };
  }
  const divisor = 10n ** BigInt(amount.decimals - scale);
  const rest = amount.digits % divisor;
  return {
    units: amount.digits / divisor,
    rest: rest === 0n ? undefined : formatUnits(rest, amount.decimals),
  };
}

/** Exact text of units at a scale, without trailing zeros beyond `decimalsMin`: `formatUnits(12_500_000n, 6, 2)` is "12.50". */
export function formatUnits(units: bigint, scale: number, decimalsMin = 0): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  let fraction = digits.slice(digits.length - scale);
  while (fraction.length > decimalsMin && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}
