import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate, readMigrationState } from '../src/migrate.js';
import { migrations } from '../src/migrations/index.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

it('every column of every entity is in the migrated schema, with its type and whether it may be null', async () => {
  const { rows } = await database.owner.query<{ column: string; type: string; nullable: boolean }>(
    `select c.relname || '.' || a.attname as column, format_type(a.atttypid, a.atttypmod) as type, not a.attnotnull as nullable
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition and a.attnum > 0 and not a.attisdropped
       and c.relname <> 'mikro_orm_migrations'`,
  );
  const migrated = new Map(rows.map(({ column, type, nullable }) => [column, `${type}${nullable ? ' null' : ''}`]));
  const declared = new Map(
    [...database.orm.getMetadata().getAll().values()].flatMap((meta) =>
      meta.props.map((prop) => [
        `${meta.tableName}.${prop.fieldNames[0]}`,
        `${spelled(prop.columnTypes[0] ?? '')}${prop.nullable === true ? ' null' : ''}`,
      ]),
    ),
  );
  expect(Object.fromEntries(migrated)).toEqual(Object.fromEntries(declared));
});

it('every check, unique and index that an entity names is in the migrated schema', async () => {
  const { rows } = await database.owner.query<{ name: string }>(
    `select conname as name from pg_constraint union select indexname from pg_indexes where schemaname = 'public'`,
  );
  const names = new Set(rows.map(({ name }) => name));
  const declared = [...database.orm.getMetadata().getAll().values()].flatMap((meta) =>
    [...meta.checks, ...meta.uniques, ...meta.indexes].map(({ name }) => name),
  );
  expect(declared.length).toBeGreaterThan(20);
  expect(declared.filter((name) => name === undefined || !names.has(name))).toEqual([]);
});

it('two migrators at once migrate an empty database once', async () => {
  const empty = await createEmptyDatabase();
  try {
    const applied = await Promise.all([migrate(empty.url), migrate(empty.url)]);
    expect(applied.map((each) => each.length).sort((a, b) => a - b)).toEqual([0, migrations.length]);
    const { rows } = await empty.owner.query('select count(*)::int as lanes from lane');
    expect(rows).toEqual([{ lanes: 64 }]);
    expect(await readMigrationState(empty.owner)).toEqual({ pending: [], unknown: [] });
  } finally {
    await empty.close();
  }
});

it('units of a ledger that is in use are told where each wallet moved from', async () => {
  const empty = await createEmptyDatabase();
  try {
    await migrate(empty.url, migrations.slice(0, 1));
    await empty.owner.query(`insert into unit_of_work (lane, number, wallet_ids, sequences, created_at) values
      (1, 1, '{7,8}', '{3,1}', now()), (1, 2, '{8}', '{5}', now()), (1, 3, '{8,7}', '{6,4}', now()), (2, 1, '{9}', '{2}', now())`);
    await migrate(empty.url);
    const { rows } = await empty.owner.query<{ firsts: string }>(
      'select first_sequences::text as firsts from unit_of_work order by lane, number',
    );
    expect(rows.map(({ firsts }) => firsts)).toEqual(['{1,1}', '{2}', '{6,4}', '{1}']);
  } finally {
    await empty.close();
  }
});

/** PostgreSQL's own spelling of a type. */
function spelled(type: string): string {
  return type
    .replace(/^int$/, 'integer')
    .replace('timestamptz(3)', 'timestamp(3) with time zone')
    .replace('numeric(38)', 'numeric(38,0)');
}
