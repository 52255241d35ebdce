import { GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { type Decimal, formatUnits, parseDecimal } from '../ledger/money.js';
import { isName, isStorableName } from '../ledger/names.js';
import { badInput } from './errors.js';

const DECIMAL_HINT =
  'A Decimal is text such as "12.50": digits, at most one point, no exponent, at most 40 characters.';

/** What our own amounts look like; what comes in is read with more care. */
const DECIMAL = /^-?\d+(?:\.\d+)?$/;

export const DecimalScalar = new GraphQLScalarType<Decimal, string>({
  name: 'Decimal',
  description:
    'An exact decimal number, as text: "12.50", "-3", "0.00000001". Never a JSON number, which would lose digits. As input: ' +
    'digits with at most one point and an optional leading "-"; no exponent, separator, white space or leading zeros; at ' +
    'most 40 characters.',
  serialize(value) {
    if (typeof value === 'string' && DECIMAL.test(value)) return value;
    throw new TypeError('A Decimal field was given something else than decimal text');
  },
  parseValue: readDecimal,
  parseLiteral: (node) => readDecimal(textOf(node)),
});

/** Text of ledger units: exact, padded to two decimals at most. */
export function decimalText(units: bigint, scale: number): string {
  return formatUnits(units, scale, Math.min(2, scale));
}

function readDecimal(value: unknown): Decimal {
  const decimal = typeof value === 'string' ? parseDecimal(value) : undefined;
  if (decimal === undefined) throw badInput(DECIMAL_HINT);
  return decimal;
}

const DATE_TIME_HINT = 'A DateTime is text such as "2027-01-31T12:00:00.000Z", with "Z" or an offset.';
const DATE_TIME = /^(?:19|2\d)\d\d-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

export const DateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description:
    'A moment, as ISO 8601 text with milliseconds in UTC: "2027-01-31T12:00:00.000Z". As input with "Z" or an offset, in the ' +
    'years 1900 to 2999; digits below a millisecond are dropped.',
  serialize(value) {
    if (value instanceof Date) return value.toISOString();
    throw new TypeError('A DateTime field was given something else than a date');
  },
  parseValue: readDateTime,
  parseLiteral: (node) => readDateTime(textOf(node)),
});

function readDateTime(value: unknown): Date {
  if (typeof value !== 'string') throw badInput(DATE_TIME_HINT);
  const [, month, day] = DATE_TIME.exec(value) ?? [];
  const date = new Date(value);
  // JavaScript takes the 31st of February for the 3rd of March.
  const exists = Number(day) <= new Date(Date.UTC(Number(value.slice(0, 4)), Number(month), 0)).getUTCDate();
  if (month === undefined || Number.isNaN(date.getTime()) || !exists) throw badInput(DATE_TIME_HINT);
  return date;
}

function textOf(node: ValueNode): unknown {
  return node.kind === Kind.STRING ? node.value : undefined;
}

/** A name that the caller chooses and the ledger keeps. @throws BAD_USER_INPUT */
export function readName(argument: string, text: string): string {
  if (isName(text)) return text;
  throw badInput(`"${argument}" must be 1 to 255 bytes of text without control characters or white space at the ends.`);
}

/** A name to look up: whatever a provider may have chosen. @throws BAD_USER_INPUT for what the ledger cannot hold */
export function readKnownName(argument: string, text: string): string {
  if (isStorableName(text)) return text;
  throw badInput(`"${argument}" must be 1 to 255 bytes of text without NUL characters.`);
}
