import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import * as entities from './entities/index.js';
import { migrations as ours } from './migrations/index.js';

type Migrations = typeof ours;

const connectTimeoutMs = 5_000;
/** How long a migrator waits for another one at work in the same database. */
const lockTimeout = '10min';

/** No session could be opened, so nothing was tried. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/**
 * Brings the schema up to this code. Two migrators at once are safe: the second waits and finds nothing to do.
 * @param ownerUrl of the role that owns the schema.
 * @returns the names of the migrations that were applied now.
 * @throws UnreachableError when no session could be opened; otherwise what the database said.
 */
export async function migrate(ownerUrl: string, migrations: Migrations = ours): Promise<string[]> {
  const lock = new Client({
    connectionString: ownerUrl,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'croupier-migrate',
  });
  let lost: Error | undefined;
  lock.on('error', (error) => {
    lost = error;
  });
  await lock.connect().catch((cause: unknown) => {
    // A refused connection to a name with several addresses comes without a message.
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw new UnreachableError(cause instanceof Error ? cause.message || code : String(cause), { cause });
  });
  try {
    await lock.query(`set lock_timeout = '${lockTimeout}'`);
    await lock.query("select pg_advisory_lock(hashtext('croupier.migrate'))");
    const orm = await MikroORM.init({
      clientUrl: ownerUrl,
      driverOptions: {
        connectionString: ownerUrl,
        connectionTimeoutMillis: connectTimeoutMs,
        application_name: 'croupier-migrate',
      },
      pool: { min: 0, max: 2 },
      entities: Object.values(entities),
      extensions: [Migrator],
      // The snapshot belongs to whoever writes migrations, not to where they run.
      migrations: { migrationsList: migrations, snapshot: false, silent: true },
      debug: false,
    });
    try {
      const applied = await orm.migrator.up();
      if (lost) throw lost;
      return applied.map(({ name }) => name);
    } finally {
      await orm.close(true);
    }
  } finally {
    await lock.end().catch(() => undefined);
  }
}

/** A plain connection of `pg`, or anything that answers like one. */
export interface Queryable {
  query(text: string): Promise<{ rows: unknown[] }>;
}

export interface MigrationState {
  /** In the code, not in the database: run `npm run migrate`. */
  readonly pending: readonly string[];
  /** In the database, not in the code: the code is older than the schema. */
  readonly unknown: readonly string[];
}

export async function readMigrationState(
  connection: Queryable,
  migrations: Migrations = ours,
): Promise<MigrationState> {
  const table = await connection.query("select 1 where to_regclass('mikro_orm_migrations') is not null");
  const { rows } = table.rows.length === 0 ? table : await connection.query('select name from mikro_orm_migrations');
  const applied = new Set(rows.flatMap((row) => nameOf(row)));
  const known = new Set(migrations.map(({ name }) => name));
  return {
    pending: [...known].filter((name) => !applied.has(name)),
    unknown: [...applied].filter((name) => !known.has(name)),
  };
}

function nameOf(row: unknown): string[] {
  return typeof row === 'object' && row !== null && 'name' in row ? [String(row.name)] : [];
}
