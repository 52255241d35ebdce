import type { Position } from './cursor.js';
import { guardedSql, literal } from './expressions.js';

/**
 * What can be exported: rows in the order of one index, and how each is written. A list is read in chunks by its order's
 * values, never by offset, so each statement is short, holds its snapshot for that long, and rows that arrive shift nothing.
 */
export interface List {
  readonly table: string;
  /** Stretches of the index, each in the list's order; the list is their merge. Conditions over `t`. */
  readonly ranges: readonly string[];
  /** The order. Together the columns are unique. */
  readonly order: readonly OrderColumn[];
  /** What is read of the table. */
  readonly read: readonly string[];
  /** Joins to `t`, with the conditions that no index helps with. */
  readonly joins: string;
  /** What is read of the joins, each with its name. */
  readonly joined: readonly string[];
  /** Named expressions over `r`, the row so far, step by step. They are computed once a row, whatever uses them. */
  readonly derived: readonly (readonly string[])[];
  /** The last one is the cursor. */
  readonly columns: readonly Column[];
}

export interface OrderColumn {
  readonly name: string;
  readonly type: 'timestamptz' | 'smallint' | 'bigint' | 'text';
}

export interface Column {
  readonly name: string;
  /** SQL over `r`, the row with what is derived of it. */
  readonly sql: string;
  readonly type: ColumnType;
  /** Whether a row may have none. */
  readonly optional?: boolean;
}

/**
 * - `code`: our own words and ids, which nothing has to be escaped in
 * - `name`: text that somebody else chose
 * - `words`: several codes, with spaces between; a list in JSON
 * - `moment`: as `timeSql` writes it
 * - `amount`: exact decimal, text in JSON
 * - `place`: a whole number that may be beyond 2^53, text in JSON
 * - `count`: a whole number
 */
export type ColumnType = 'code' | 'name' | 'words' | 'moment' | 'amount' | 'place' | 'count';

/** A stretch of a list: what comes after one position, up to and with another. */
export interface Stretch {
  /** Undefined: from the beginning. */
  readonly after: Position | undefined;
  /** Undefined: to the end. */
  readonly upTo: Position | undefined;
}

/** How rows are written: as the lines of a file, or as plain columns, for what is no text in the end. */
export type Writing = 'csv' | 'ndjson' | 'columns';

/** One row, the position that the `size`th row after the given one has; none when the list ends before. */
export function boundarySql(list: List, after: Position | undefined, size: number): string {
  const names = list.order.map(({ name }) => `t.${name}`).join(', ');
  const shown = list.order.map(({ name, type }) =>
    type === 'timestamptz' ? `t.${name} at time zone 'UTC' || 'Z' as ${name}` : `t.${name}::text`,
  );
  const ranges = rangesSql(list, names, { after, upTo: undefined }, `order by ${names} limit ${size}`);
  return `select ${shown.join(', ')} from (${ranges}) t order by ${names} offset ${size - 1} limit 1`;
}

/** @param limit of rows; undefined for all of the stretch */
export function rowsSql(list: List, stretch: Stretch, writing: Writing, limit: number | undefined): string {
  const order = list.order.map(({ name }) => name);
  const read = [...new Set([...order, ...list.read])].map((name) => `t.${name}`).join(', ');
  const inOrder = (alias: string): string => `order by ${order.map((name) => `${alias}.${name}`).join(', ')}`;
  // Ranges that are in order are merged, and joins by key keep the order, so nothing is sorted.
  const rows =
    `select ${[read, ...list.joined].join(', ')} from (${rangesSql(list, read, stretch, inOrder('t'))}) t ${list.joins} ` +
    `${inOrder('t')} ${limit === undefined ? '' : `limit ${limit}`}`;
  // The offset of nothing keeps the planner from computing what is derived anew wherever it is used; rows stay in their order.
  const derived = list.derived.reduce(
    (inner, expressions) => `select *, ${expressions.join(', ')} from (${inner} offset 0) r`,
    rows,
  );
  return `select ${write(list.columns, writing)} from (${derived} offset 0) r`;
}

function rangesSql({ table, ranges, order }: List, read: string, { after, upTo }: Stretch, end: string): string {
  const names = `(${order.map(({ name }) => `t.${name}`).join(', ')})`;
  const bound = (compare: string, position: Position | undefined): string =>
    position === undefined ? '' : ` and ${names} ${compare} (${positionSql(order, position)})`;
  const beyond = bound('>', after) + bound('<=', upTo);
  return ranges.map((range) => `(select ${read} from ${table} t where ${range}${beyond} ${end})`).join(' union all ');
}

function positionSql(order: readonly OrderColumn[], position: Position): string {
  if (position.length !== order.length) throw new Error('A position has a value for each column of the order');
  return order.map(({ type }, index) => `${literal(position[index] ?? '')}::${type}`).join(', ');
}

function write(columns: readonly Column[], writing: Writing): string {
  switch (writing) {
    case 'csv':
      return columns.map(({ sql, type }) => (type === 'name' ? guardedSql(sql) : sql)).join(', ');
    case 'ndjson':
      return jsonSql(columns);
    case 'columns':
      return columns.map(({ sql }) => sql).join(', ');
  }
}

/** The whole line as one text, put together of as few pieces as it has values. */
function jsonSql(columns: readonly Column[]): string {
  const parts = columns.flatMap((column, index): Part[] => [
    { text: `${index === 0 ? '{' : ','}"${column.name}":` },
    ...jsonParts(column),
  ]);
  return `concat(${merged([...parts, { text: '}' }])
    .map(partSql)
    .join(', ')})`;
}

/** A piece of a line: the same in every one, or SQL. */
type Part = { readonly text: string } | { readonly sql: string };

function jsonParts({ sql, type, optional = false }: Column): Part[] {
  switch (type) {
    case 'name':
      return [{ sql: optional ? `coalesce(to_json(${sql})::text, 'null')` : `to_json(${sql})` }];
    case 'count':
      return [{ sql }];
    case 'words':
      return [{ sql: `case when ${sql} = '' then '[]' else '["' || replace(${sql}, ' ', '","') || '"]' end` }];
    case 'code':
    case 'moment':
    case 'amount':
    case 'place':
      return optional ? [{ sql: `coalesce('"' || (${sql}) || '"', 'null')` }] : [{ text: '"' }, { sql }, { text: '"' }];
  }
}

/** Neighbouring texts made one. */
function merged(parts: readonly Part[]): Part[] {
  const all: Part[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (last !== undefined && 'text' in last && 'text' in part) all[all.length - 1] = { text: last.text + part.text };
    else all.push(part);
  }
  return all;
}

function partSql(part: Part): string {
  return 'text' in part ? literal(part.text) : part.sql;
}

/** COPY takes no delimiter that a line of JSON holds, so it escapes nothing in it. */
const copyOptions: Readonly<Record<Writing, string>> = {
  csv: 'format csv',
  ndjson: `format csv, quote E'\\x01', delimiter E'\\x02'`,
  columns: 'format text',
};

export function copySql(rows: string, writing: Writing): string {
  return `copy (${rows}) to stdout (${copyOptions[writing]}, encoding 'UTF8')`;
}
