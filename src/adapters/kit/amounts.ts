import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { type Decimal, parseDecimal } from '../../ledger/money.js';
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
