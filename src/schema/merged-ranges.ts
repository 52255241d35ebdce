import type { PreparedRead } from '../database/reads.js';
import { CLOCK_STEP, sequenceAtSql } from '../history/sequence-at.js';
import { UNITS_MAX } from '../ledger/money.js';
import type { CursorFormat, Page } from './paging.js';
import type { RowKey } from './rows.js';

/**
 * Lists whose rows lie in several ranges of one index: the wallets of a player, the integrations of a brand, the lanes of the
 * journal. Each range is read in the index's own order up to the size of the page, and the ranges are merged: one statement,
 * whose cost follows the page and not the table (docs/decisions/0014). Lists are newest first.
 */

export type Direction = Page<unknown>['direction'];
const directions: readonly Direction[] = ['forward', 'backward'];

/** How a direction reads: newest first forward, oldest first backward. */
const words = {
  forward: { order: 'desc', extreme: 'min' },
  backward: { order: 'asc', extreme: 'max' },
} as const;

export type Statements = Readonly<Record<Direction, PreparedRead>>;

/** One statement for each direction. */
export function bothWays(name: string, textOf: (direction: Direction) => string): Statements {
  const [forward, backward] = directions.map((direction) => ({
    name: `${name}_${direction}`,
    text: textOf(direction),
  }));
  if (forward === undefined || backward === undefined) throw new Error('A list is read forward and backward');
  return { forward, backward };
}

/** `order by` of columns that all run the same way. */
export function orderBy(columns: readonly string[], direction: Direction, alias: string): string {
  return `order by ${columns.map((column) => `${alias}.${column} ${words[direction].order}`).join(', ')}`;
}

/**
 * @param ranges what to read one after another, as a `from` item
 * @param range reads one of them, with its own order and limit
 */
function merge(ranges: string, range: string, order: string): string {
  return `select r.* from ${ranges} cross join lateral (${range}) r ${order}`;
}

/**
 * Conditions on rows that are looked at one after another. PostgreSQL takes what is wrapped so for one half of the rows, whatever
 * the filter; taken for the rare thing it may be, it would have a range gathered and sorted before its first row is given.
 */
export function lookedAt(conditions: string): string {
  return `case when ${conditions} then true else false end`;
}

/** A table of wallets' rows that is listed, and through which filter. */
export interface Listed {
  /** Begins the names of its statements. */
  readonly name: string;
  readonly table: string;
  /** What is read; the row's alias is `t`. */
  readonly columns: string;
  /** The column of its time. */
  readonly time: string;
  /** The column that, with lane and wallet, is its key: a sequence of the wallet. */
  readonly place: string;
  /** What the rows have in common, where a partial index holds them alone: over `t`, in its words. */
  readonly only?: string;
  /** Over `t`, on the first parameters of every statement. */
  readonly conditions: string;
  readonly conditionCount: number;
}

/** Numbers parameters from one on, in the order in which they are named. */
export function parameters<Name extends string>(after: number, names: readonly Name[]): Record<Name, string> {
  return Object.fromEntries(names.map((name, index) => [name, `$${after + index + 1}`])) as Record<Name, string>;
}

// By time ------------------------------------------------------------------------------------------------------------

/** Where a row stands in a list by time. Times repeat; with the row's key the order is total. */
export interface TimePosition {
  readonly time: Date;
  readonly key: readonly bigint[];
}

/** When rows of a list were received. */
export interface Span {
  /** Inclusive. */
  readonly from: Date | undefined;
  /** Exclusive. */
  readonly to: Date | undefined;
}

/** What `timeValues` gives, in its order. */
const timeNames = ['limit', 'far', 'near', 'key1', 'key2', 'key3'] as const;
type TimeParameters = Record<(typeof timeNames)[number], string>;
type KeyLength = 2 | 3;

export function timeParameters(after: number, keyLength: KeyLength): { names: TimeParameters; next: number } {
  return { names: parameters(after, timeNames), next: after + timeNames.length - 3 + keyLength };
}

/**
 * Where reading begins, as a position, and where the span ends, as a time. The span's other end is a position too, the last one
 * outside, so that whichever of it and the cursor comes later is the one bound on that side: an index is entered right there,
 * however far it lies from the list's end, and PostgreSQL sees how much is left beyond it.
 */
export function timeValues({ from, to }: Span, page: Page<TimePosition>, keyLength: KeyLength): unknown[] {
  const keys = (key: bigint): bigint[] => Array.from({ length: keyLength }, () => key);
  const text = (time: Date | undefined, otherwise: string): string => time?.toISOString() ?? otherwise;
  const at = page.from;
  if (page.direction === 'forward') {
    const start = to !== undefined && (at === undefined || at.time >= to) ? { time: to, key: keys(0n) } : at;
    return [page.size + 1, text(from, '-infinity'), text(start?.time, 'infinity'), ...(start?.key ?? keys(0n))];
  }
  const before = from && { time: new Date(from.getTime() - 1), key: keys(UNITS_MAX) };
  const start = before !== undefined && (at === undefined || at.time <= before.time) ? before : at;
  const last = to && new Date(to.getTime() - 1);
  return [page.size + 1, text(last, 'infinity'), text(start?.time, '-infinity'), ...(start?.key ?? keys(0n))];
}

/** Confines rows of `alias` to what lies between a time and the position. */
export function withinTimes(
  alias: string,
  [time, ...key]: readonly [string, ...string[]],
  p: TimeParameters,
  direction: Direction,
  far = `${p.far}::timestamptz`,
): string {
  const columns = [time, ...key].map((column) => `${alias}.${column}`).join(', ');
  const keys = [p.key1, p.key2, p.key3].slice(0, key.length).map((each) => `${each}::bigint`);
  const [until, beyond] = direction === 'forward' ? ['>=', '<'] : ['<=', '>'];
  return `${alias}.${time} ${until} ${far} and (${columns}) ${beyond} (${p.near}::timestamptz, ${keys.join(', ')})`;
}

export interface TimeRanges {
  /** What to read one after another, as a `from` item. */
  readonly ranges: string;
  /** Reads one of them from the position to a time, with its order and limit. */
  readonly range: (far: string) => string;
  readonly order: readonly string[];
  readonly p: TimeParameters;
}

/**
 * Merges ranges that are in the order of time. A filter may fit few rows of one range and none of another, which would be
 * searched to its very end; so it is found out first how far back a full page reaches, in windows that grow fourfold from the
 * position on. No range is read beyond that, and all reading together is a few times what the page needs at least.
 */
export function mergeByTime({ ranges, range, order, p }: TimeRanges, direction: Direction): string {
  const far = `${p.far}::timestamptz`;
  const limit = `${p.limit}::bigint`;
  const [start, next] =
    direction === 'forward'
      ? [`least(${p.near}::timestamptz, now())`, `greatest(w.far - w.width, ${far})`]
      : [`${p.near}::timestamptz`, `least(w.far + w.width, ${far})`];
  return `with recursive windows (far, width, found) as (
      select ${start}, interval '15 seconds', 0::bigint
      union all
      select ${next}, w.width * 4, c.found
      from windows w cross join lateral (select count(*) as found from (${merge(ranges, range(next), '')}) r) c
      where w.found < ${limit} and isfinite(w.far) and w.far <> ${far} and w.width < interval '50 years'),
    reach as materialized (
      select coalesce((select w.far from windows w where w.found >= ${limit} limit 1), ${far}) as far)
    ${merge(ranges, range('(select far from reach)'), `${orderBy(order, direction, 'r')} limit ${limit}`)}`;
}

export function timeCursors(scope: string, keyLength: KeyLength): CursorFormat<TimePosition> {
  return {
    scope,
    write: ({ time, key }) => [time.getTime(), ...key].join('.'),
    read(text) {
      const [time = '', ...key] = text.split('.');
      if (!/^\d{1,14}$/.test(time) || key.length !== keyLength || !key.every(isPlace)) return undefined;
      return { time: new Date(Number(time)), key: key.map(BigInt) };
    },
  };
}

function isPlace(text: string): boolean {
  return /^\d{1,19}$/.test(text) && BigInt(text) <= UNITS_MAX;
}

/** Which integrations of a brand a list by time is of. */
export interface Integrations {
  readonly brand: string;
  /** One only; undefined for all of the brand, those that have left the configuration included. */
  readonly only: string | undefined;
  /** Whether any provider's can be meant. */
  readonly providers: boolean;
  /** Reserved integrations, whose rows are of all brands. */
  readonly houses: readonly string[];
}

/**
 * A ledger row or round knows its player, and only the player its brand. The row's alias is `t`. A single value and no join, so
 * the player is always looked up by its key, row by row, and never all players before the first row.
 */
export function ofBrand(brand: string): string {
  return `(select p.brand_id from player p where p.lane = t.lane and p.id = t.player_id) = ${brand}`;
}

/** The row's wallet knows its currency; looked up as the brand is. */
export function ofCurrency(currency: string): string {
  return `(select w.currency from wallet w where w.lane = t.lane and w.id = t.wallet_id) = ${currency}`;
}

/** A brand's rows, across its integrations; of a reserved integration, whose rows are of every brand, only the brand's. */
export function byIntegration({
  name,
  table,
  columns,
  time,
  place,
  only,
  conditions,
  conditionCount,
}: Listed): Statements {
  const order = [time, 'lane', 'wallet_id', place] as const;
  const { names: p, next } = timeParameters(conditionCount, 3);
  const own = parameters(next, ['brand', 'only', 'providers', 'houses']);
  const ranges = `(
    select id from integration
    where brand_id = ${own.brand} and ${own.providers}::boolean and (${own.only}::text is null or id = ${own.only})
    union all select unnest(${own.houses}::text[])) k`;
  return bothWays(`${name}_by_integration`, (direction) => {
    const range = (far: string) =>
      `select ${columns} from ${table} t where t.integration = k.id and ${withinTimes('t', order, p, direction, far)}
       ${only === undefined ? '' : `and ${only}`} and ${lookedAt(`${conditions} and ${ofBrand(own.brand)}`)}
       ${orderBy(order, direction, 't')} limit ${p.limit}::bigint`;
    return mergeByTime({ ranges, range, order, p }, direction);
  });
}

export function integrationValues({ brand, only, providers, houses }: Integrations): unknown[] {
  return [brand, only ?? null, providers, houses];
}

// By wallet ----------------------------------------------------------------------------------------------------------

/**
 * Where a row stands among the rows of a player's wallets: for each wallet, up to which place its rows are not newer than this
 * row. A wallet that is not here was opened later, so none of its rows is older.
 */
export interface WalletPosition {
  /** The row's own. */
  readonly walletId: bigint;
  readonly marks: ReadonlyMap<bigint, bigint>;
}

/** Whose rows a list by wallet is of. */
export interface Wallets {
  readonly player: RowKey;
  /** One only; undefined for all. */
  readonly wallet: bigint | undefined;
  readonly currency: string | undefined;
}

/**
 * The rows of a player's wallets. Each wallet's are in the order of their sequence, whatever the clocks said, and wallets are
 * merged as cards are: the newer of the rows on top comes next. The least time so far (forward; backward the greatest)
 * says the same, and is what SQL can order by.
 */
export function byWallet({ name, table, columns, time, place, conditions, conditionCount }: Listed): Statements {
  const p = parameters(conditionCount, [
    'limit',
    'lower',
    'upper',
    'lane',
    'player',
    'wallet',
    'currency',
    'resumed',
    'ids',
    'marks',
  ]);
  const at = (moment: string) => sequenceAtSql('w.lane', 'w.id', 'w.sequence', moment);
  return bothWays(`${name}_by_wallet`, (direction) => {
    const { order, extreme } = words[direction];
    const start =
      direction === 'forward'
        ? `coalesce((select t.${place} from ${table} t where t.lane = w.lane and t.wallet_id = w.id order by t.${place} desc limit 1), 0)`
        : '0';
    const beyond =
      direction === 'forward'
        ? `t.${place} > k.low and t.${place} <= least(k.mark, k.high)`
        : `t.${place} > greatest(k.mark, k.low) and t.${place} <= k.high`;
    const range = `select t.*, ${extreme}(t.${time}) over (order by t.${place} ${order}) as rank,
        (select string_agg(id || '.' || mark, ',') from ranges) as marks
      from (select ${columns} from ${table} t where t.lane = k.lane and t.wallet_id = k.id and ${beyond}
        and ${lookedAt(`t.${time} between ${p.lower}::timestamptz and ${p.upper}::timestamptz and ${conditions}`)}
        order by t.${place} ${order} limit ${p.limit}::bigint) t`;
    return `with ranges as materialized (
        select w.lane, w.id, case when ${p.resumed}::boolean then coalesce(c.mark, 0) else ${start} end as mark,
          case when isfinite(${p.lower}::timestamptz)
            then ${at(`${p.lower}::timestamptz - ${CLOCK_STEP} - interval '1 millisecond'`)} else 0 end as low,
          case when isfinite(${p.upper}::timestamptz) then ${at(`${p.upper}::timestamptz + ${CLOCK_STEP}`)} else w.sequence end as high
        from wallet w left join unnest(${p.ids}::bigint[], ${p.marks}::bigint[]) c (id, mark) on c.id = w.id
        where w.lane = ${p.lane} and w.player_id = ${p.player} and (${p.wallet}::bigint is null or w.id = ${p.wallet})
          and (${p.currency}::text is null or w.currency = ${p.currency}))
      ${merge('ranges k', range, `${orderBy(['rank', 'wallet_id', place], direction, 'r')} limit ${p.limit}::bigint`)}`;
  });
}

export function walletValues(
  { player, wallet, currency }: Wallets,
  { from, to }: Span,
  page: Page<WalletPosition>,
): unknown[] {
  // A position holds its own row; what comes after it begins one place below.
  const marks = [...(page.from?.marks ?? [])].map(([id, mark]): [bigint, bigint] => [
    id,
    page.direction === 'forward' && id === page.from?.walletId ? mark - 1n : mark,
  ]);
  return [
    page.size + 1,
    from?.toISOString() ?? '-infinity',
    to === undefined ? 'infinity' : new Date(to.getTime() - 1).toISOString(),
    player.lane,
    player.id,
    wallet ?? null,
    currency ?? null,
    page.from !== undefined,
    marks.map(([id]) => id),
    marks.map(([, mark]) => mark),
  ];
}

/** A row with its place in the list. */
export interface Placed<Row, Position> {
  readonly row: Row;
  readonly position: Position;
}

/**
 * Gives rows, in the order they were read, their positions.
 * @param marks where each wallet's range began, as the statement tells it
 */
export function placeInWallets<Row extends { readonly walletId: bigint }>(
  marks: string | undefined,
  rows: readonly Row[],
  placeOf: (row: Row) => bigint,
  direction: Direction,
): Placed<Row, WalletPosition>[] {
  const reached = new Map(marks === undefined ? [] : readMarks(marks));
  return rows.map((row) => {
    const place = placeOf(row);
    const position = { walletId: row.walletId, marks: new Map(reached).set(row.walletId, place) };
    // The rows that follow going forward are older, so this one is above them.
    reached.set(row.walletId, direction === 'forward' ? place - 1n : place);
    return { row, position };
  });
}

export function walletCursors(scope: string): CursorFormat<WalletPosition> {
  return {
    scope,
    write: ({ walletId, marks }) => `${walletId}:${[...marks].map(([id, mark]) => `${id}.${mark}`).join(',')}`,
    read(text) {
      const [own = '', marks = '', ...rest] = text.split(':');
      const pairs = readMarks(marks);
      if (rest.length > 0 || !isPlace(own) || pairs === undefined) return undefined;
      const position = { walletId: BigInt(own), marks: new Map(pairs) };
      return position.marks.has(position.walletId) ? position : undefined;
    },
  };
}

function readMarks(text: string): [bigint, bigint][] | undefined {
  const pairs = text.split(',').map((pair) => pair.split('.'));
  if (!pairs.every((pair) => pair.length === 2 && pair.every(isPlace))) return undefined;
  return pairs.map(([id = '', mark = '']) => [BigInt(id), BigInt(mark)]);
}
