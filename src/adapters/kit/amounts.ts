import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { type Decimal, parseDecimal } from '../../ledger/money.js';

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

const ID_BYTES_MAX = 255;
const ORDINARY_ID = /^[\x21-\x7e]{1,255}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** Text that can name something: it can be stored, compared and logged as it is, and looks like what it is. */
function isIdText(text: string): boolean {
  if (ORDINARY_ID.test(text)) return true;
  return (
    text !== '' &&
    text.length <= ID_BYTES_MAX &&
    text.isWellFormed() &&
    text.trim() === text &&
    !CONTROL_CHARACTER.test(text) &&
    Buffer.byteLength(text) <= ID_BYTES_MAX
  );
}

/**
 * An id or other name given as text: 1 to 255 bytes in UTF-8, no control character, no lone surrogate, no white space at
 * either end. Case is kept. A number is refused, as "42" and 42 would be one player in one place and two in another.
 */
export const idText = z
  .string()
  .refine(isIdText, 'must be 1 to 255 bytes of text without control characters or padding');
