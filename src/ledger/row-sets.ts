import type { EntityMetadata, EntityProperty, MikroORM } from '@mikro-orm/postgresql';

/**
 * Sets of rows as one statement: `insert … select … from unnest(…)`, one array parameter a column. Tables, columns and types
 * come from the entities' metadata, so the hot path and the ORM cannot drift apart.
 */
export interface RowSet<Row> {
  readonly name: string;
  readonly text: string;
  /** How many it has. */
  readonly parameters: number;
  /** The statement's parameters: one array literal a column. */
  values(rows: readonly Row[]): string[];
}

/**
 * Inserts rows given by entity property names.
 * @param first number of its first parameter, for a set that is part of a larger statement
 */
export function insertSet<Row extends object>(
  orm: MikroORM,
  entity: { readonly name: string },
  properties: readonly (keyof Row & string)[],
  first = 1,
): RowSet<Row> {
  const meta = orm.getMetadata().getByClassName(entity.name);
  const columns = properties.map((property) => columnOf(meta, property));
  return {
    name: `insert_${meta.tableName}`,
    text:
      `insert into ${meta.tableName} (${columns.map((each) => each.name).join(', ')}) ` +
      `select ${columns.map((each, index) => each.read(`c${index}`)).join(', ')} ` +
      `from unnest(${columns.map((each, index) => `$${first + index}::${each.parameter}`).join(', ')}) ` +
      `u(${columns.map((_, index) => `c${index}`).join(', ')})`,
    parameters: columns.length,
    values: (rows) => columns.map((column) => arrayLiteral(rows, column)),
  };
}

interface Column {
  readonly property: string;
  readonly name: string;
  /** Type of the array parameter. */
  readonly parameter: string;
  /** The element as the column's type. */
  readonly read: (element: string) => string;
}

function columnOf(meta: EntityMetadata, property: string): Column {
  const prop: EntityProperty | undefined = meta.props.find((each) => each.name === property);
  const name = prop?.fieldNames[0];
  const type = prop?.columnTypes[0];
  if (name === undefined || type === undefined) throw new Error(`${meta.className} has no column for "${property}"`);
  // unnest flattens arrays of arrays, so an array column travels as the text of its literal.
  if (type.endsWith('[]')) return { property, name, parameter: 'text[]', read: (element) => `${element}::${type}` };
  return { property, name, parameter: `${type}[]`, read: (element) => element };
}

function arrayLiteral(rows: readonly object[], column: Column): string {
  let literal = '{';
  for (let index = 0; index < rows.length; index += 1) {
    if (index > 0) literal += ',';
    literal += elementLiteral(Reflect.get(rows[index] ?? {}, column.property));
  }
  return `${literal}}`;
}

/** One element of an array literal; what needs no quotes gets none, because this runs for every value of every bet. */
export function elementLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  if (value instanceof Date) return `"${value.toISOString()}"`;
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`;
  if (Array.isArray(value)) return value.length === 0 ? '"{}"' : quoted(`{${value.map(elementLiteral).join(',')}}`);
  throw new TypeError(`No array literal for ${typeof value}`);
}

const SPECIAL = /["\\]/;

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`;
}
