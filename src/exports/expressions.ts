/** SQL expressions that write what the API writes, so that PostgreSQL can format an export by itself. */

const DIGITS = Array.from({ length: 36 }, (_, digit) => digit.toString(36));
/** Every two digits of base 36, one after the other: a pair is cut out in one step, and bytes need no counting of characters. */
const PAIRS = Buffer.from(DIGITS.flatMap((high) => DIGITS.map((low) => high + low)).join(''));
const PAIRS_SQL = `'\\x${PAIRS.toString('hex')}'::bytea`;
const PAIR = 1_296n;

/** The least number of digit pairs an id is written with; longer numbers take the longest branch. */
const PAIR_COUNTS = [2, 3, 7] as const;

/** A positive bigint in base 36, as `toString(36)` writes it. @param number an SQL expression of type bigint */
export function base36Sql(number: string): string {
  const written = (pairs: number): string => {
    const cut = Array.from({ length: pairs }, (_, index) => {
      const power = PAIR ** BigInt(pairs - 1 - index);
      const shifted = power === 1n ? `(${number})` : `(${number}) / ${power}::bigint`;
      return `substr(${PAIRS_SQL}, 2 * (${shifted} % ${PAIR})::int + 1, 2)`;
    });
    return `ltrim(encode(${cut.join(' || ')}, 'escape'), '0')`;
  };
  const [short, middle, long] = PAIR_COUNTS;
  return (
    `case when (${number}) < ${PAIR ** BigInt(short)} then ${written(short)} ` +
    `when (${number}) < ${PAIR ** BigInt(middle)} then ${written(middle)} else ${written(long)} end`
  );
}

/** The two digits of a lane that every public id begins with (ledger/ids.ts). */
export function laneSql(lane: string): string {
  return `encode(substr(${PAIRS_SQL}, 2 * ${lane} + 1, 2), 'escape')`;
}

/** A moment in UTC with milliseconds, as `toISOString` writes it. */
export function timeSql(moment: string): string {
  return `to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/**
 * Exact text of ledger units, as the API writes amounts: two decimals at least, where the currency has as many, and no zeros
 * beyond. A product of numerics is exact whatever its size; a quotient would be rounded.
 * @param part SQL of the value of one unit, and of the decimals to show at least
 */
export function decimalSql(units: string, { unit, decimalsMin }: CurrencySql): string {
  const value = `(${units})::numeric * ${unit}`;
  return `round(${value}, greatest(${decimalsMin}, min_scale(${value})))`;
}

export interface CurrencySql {
  readonly unit: string;
  readonly decimalsMin: string;
}

/** @param code SQL of the currency's code */
export function currencySql(code: string, scales: ReadonlyMap<string, number>): CurrencySql {
  return {
    unit: choose(code, scales, (scale) => (scale === 0 ? '1' : `0.${'1'.padStart(scale, '0')}`)),
    decimalsMin: choose(code, scales, (scale) => `${Math.min(2, scale)}`),
  };
}

/** A literal where all currencies agree, which is the usual case and the fast one. */
function choose(code: string, scales: ReadonlyMap<string, number>, write: (scale: number) => string): string {
  const written = new Map([...scales].map(([currency, scale]) => [currency, write(scale)]));
  const [first = '1', ...others] = new Set(written.values());
  if (others.length === 0) return first;
  const cases = [...written].map(([currency, text]) => `when ${literal(currency)} then ${text}`);
  return `(case ${code} ${cases.join(' ')} end)`;
}

/**
 * A spreadsheet takes a cell that begins so for a formula, and a provider chooses its own ids. Such a cell gets an apostrophe
 * in front; so does one that begins with an apostrophe, so that taking one away always gives the exact text.
 */
const RISKY = Array.from("=+-@'\t\n\r＝＋－＠", (character) => character.codePointAt(0));

export function guardedSql(text: string): string {
  return `case when ascii(${text}) in (${RISKY.join(', ')}) then '''' || ${text} else ${text} end`;
}

/** Text as an SQL literal, for COPY takes no parameters. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new Error('SQL text holds no NUL');
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
