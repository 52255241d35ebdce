import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { type Decimal, formatUnits, parseDecimal } from '../../ledger/money.js';
import { isName } from '../../ledger/names.js';

/**
 * A decimal amount, 0 or more, as a JSON string or as a number from `parseJson`. Only plain notation: an exponent, a sign
 * (also that of -0), white space, separators, leading zeros and digits of other scripts are refused. A JavaScript number
 * is refused too: its digits are no longer those that were sent.
 */
export const decimalAmount: z.ZodType<Decimal> = z.unknown().transform((stated, context) => {
  const text = stated instanceof LosslessNumber ? stated.value : stated;
  const amount = typeof text === 'string' && !text.startsWith('-') ? parseDecimal(text) : undefined;
  if (amount !== undefined) return amount;
  context.addIssue({ code: 'custom', message: 'must be a decimal amount such as "12.50", not negative' });
  return z.NEVER;
});

/**
 * An id or other name given as text: 1 to 255 bytes in UTF-8, no control character, no lone surrogate, no white space at
 * either end. Case is kept. A number is refused, as "42" and 42 would be one player in one place and two in another.
 */
export const idText = z.string().refine(isName, 'must be 1 to 255 bytes of text without control characters or padding');

/** As `decimalAmount`, in whole thousandths ("millis"): 5440 is 5.440. Text, fractions and signs are refused. */
export const millisAmount: z.ZodType<Decimal> = z.unknown().transform((stated, context) => {
  if (stated instanceof LosslessNumber && /^(?:0|[1-9]\d{0,38})$/.test(stated.value)) {
    return { digits: BigInt(stated.value), decimals: 3 };
  }
  context.addIssue({ code: 'custom', message: 'must be a whole number of thousandths, not negative' });
  return z.NEVER;
});

/** An id given as text, or as a whole number whose digits are the id; both give the same text. */
export const idTextOrNumber = z.unknown().transform((stated, context) => {
  const text = stated instanceof LosslessNumber && /^(?:0|[1-9]\d*)$/.test(stated.value) ? stated.value : stated;
  if (typeof text === 'string' && isName(text)) return text;
  context.addIssue({ code: 'custom', message: 'must be an id of 1 to 255 bytes, or a whole number' });
  return z.NEVER;
});

/**
 * A balance as a provider sees it: rounded down to its precision, without trailing zeros beyond `min`.
 * `shownUnits(12_345_678n, 6, { max: 2, min: 2 })` is "12.34"; below zero it is rounded away from zero.
 */
export function shownUnits(units: bigint, scale: number, { max, min }: { max: number; min: number }): string {
  if (scale <= max) return formatUnits(units, scale, Math.min(min, scale));
  const divisor = 10n ** BigInt(scale - max);
  const floor = units / divisor - (units < 0n && units % divisor !== 0n ? 1n : 0n);
  return formatUnits(floor, max, min);
}
