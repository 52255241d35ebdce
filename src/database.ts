import { MikroORM } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { ConfigError } from './config/problems.js';
import type { DatabaseConfig } from './config/types.js';
import { startEmbeddedPostgres } from './database/embedded-postgres.js';
import { createReads, type Reads } from './database/reads.js';
import * as entities from './entities/index.js';
import { type Queryable, migrate, readMigrationState } from './migrate.js';
import type { Logger } from './observability/logger.js';

export { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded-postgres.js';

export interface Database {
  /** The gateway's URL; its sessions work as the role `croupier_app`, which cannot change the ledger's past. */
  readonly url: string;
  /** URL of the role that owns the schema. */
  readonly ownerUrl: string;
  readonly orm: MikroORM;
  /** Reads on connections of their own, as the gateway's role. @param connectionsMax of each pool */
  openReads(connectionsMax?: number): Reads;
  /** Ends the connections, and the embedded server unless another process uses it. */
  close(): Promise<void>;
}

export interface OpenDatabaseOptions {
  readonly logger: Logger;
  /** In production a server that may forget what it confirmed is refused. */
  readonly production?: boolean;
}

const appRole = 'croupier_app';
const connectTimeoutMs = 2_000;

/**
 * Starts the embedded server, if that is what is configured, and brings its schema up to date; a server of the operator is
 * only checked. @throws ConfigError that says what to do when the database cannot be used as it is.
 */
export async function openDatabase(config: DatabaseConfig, options: OpenDatabaseOptions): Promise<Database> {
  if (config.kind === 'url') return connect(config, config, options, async () => {});
  const server = await startEmbeddedPostgres({ directory: config.directory, port: config.port });
  try {
    const applied = await migrate(server.url);
    options.logger.info({ directory: config.directory, port: server.port, applied }, 'embedded database is ready');
    return await connect(config, { url: server.url, ownerUrl: server.url }, options, () => server.close());
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function connect(
  config: DatabaseConfig,
  urls: { url: string; ownerUrl: string; replicaUrl?: string | undefined },
  { logger, production = false }: OpenDatabaseOptions,
  stopServer: () => Promise<void>,
): Promise<Database> {
  const version = await withConnection(urls.url, async (connection) => {
    await assertMigrated(connection);
    await takeRole(connection);
    if (production) await assertDurable(connection);
    return readVersion(connection);
  });
  const settings = [
    `role=${appRole}`,
    // Backstops: a gateway that hangs or is cut off must not hold a lane.
    ...(version >= 170_000 ? [`transaction_timeout=${config.transactionTimeoutMs}`] : []),
  ];
  const url = withSettings(urls.url, settings);
  const orm = await MikroORM.init({
    clientUrl: url,
    driverOptions: {
      // MikroORM takes only host, port, user and database out of `clientUrl`; pg reads the rest (TLS, options) from this.
      connectionString: url,
      connectionTimeoutMillis: config.acquireTimeoutMs,
      statement_timeout: config.statementTimeoutMs,
      lock_timeout: config.lockTimeoutMs,
      idle_in_transaction_session_timeout: config.idleInTransactionTimeoutMs,
      keepAlive: true,
      application_name: 'croupier',
    },
    pool: { min: 0, max: config.poolMax, idleTimeoutMillis: 30_000 },
    entities: Object.values(entities),
    allowGlobalContext: false,
    debug: false,
    colors: false,
    logger: (message) => logger.warn({ source: 'orm' }, message),
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await orm.close(true).finally(stopServer);
  };
  const pool = (connectionString: string, max: number) => ({
    connectionString,
    max,
    connectionTimeoutMillis: config.acquireTimeoutMs,
    statement_timeout: config.statementTimeoutMs,
  });
  const { replicaUrl } = urls;
  return {
    url,
    ownerUrl: urls.ownerUrl,
    orm,
    openReads: (connectionsMax = config.poolMax) =>
      createReads({
        primary: pool(url, connectionsMax),
        replica: replicaUrl === undefined ? undefined : pool(withSettings(replicaUrl, settings), connectionsMax),
        logger,
      }),
    close: () => (closing ??= close()),
  };
}

async function withConnection<Result>(url: string, work: (connection: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
    application_name: 'croupier-start',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    const reason =
      cause instanceof Error ? cause.message || ('code' in cause ? String(cause.code) : '') : String(cause);
    throw refusal(`cannot be reached (${reason}); check the address, the password and that the server runs.`, cause);
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @throws ConfigError when the schema is older or newer than this code. */
export async function assertMigrated(connection: Queryable): Promise<void> {
  const { pending, unknown } = await readMigrationState(connection);
  if (unknown.length > 0) {
    throw refusal(
      `has migrations this version does not know (${unknown.join(', ')}); run the newer version of Croupier.`,
    );
  }
  if (pending.length > 0) {
    throw refusal(`lacks migrations (${pending.join(', ')}); run "npm run migrate", then start again.`);
  }
}

/** @throws ConfigError when the server may lose what it confirmed. */
export async function assertDurable(connection: Queryable): Promise<void> {
  const weak: string[] = [];
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    const { rows } = await connection.query(`show ${setting}`);
    if (JSON.stringify(rows).includes('"off"')) weak.push(setting);
  }
  if (weak.length === 0) return;
  throw refusal(
    `runs with ${weak.map((each) => `${each} = off`).join(', ')}: confirmed bets could be lost; turn it on.`,
  );
}

/** @throws ConfigError when the login may not work as the gateway's role. */
async function takeRole(connection: Queryable): Promise<void> {
  try {
    await connection.query(`set role ${appRole}`);
  } catch (cause) {
    throw refusal(
      `names a login that may not work as ${appRole}; let its owner run: grant ${appRole} to <login>.`,
      cause,
    );
  }
}

async function readVersion(connection: Client): Promise<number> {
  const { rows } = await connection.query<{ server_version_num: string }>('show server_version_num');
  return Number(rows[0]?.server_version_num ?? 0);
}

/** Session settings travel in the URL, so that every connection made from it has them. */
function withSettings(text: string, settings: readonly string[]): string {
  const url = new URL(text);
  const given = url.searchParams.get('options');
  const all = [...(given === null ? [] : [given]), ...settings.map((each) => `-c ${each}`)].join(' ');
  url.searchParams.delete('options');
  url.searchParams.append('options', all);
  // "+" for a space is a form's habit; libpq and its tools take it for a plus sign.
  url.search = url.search.replaceAll('+', '%20');
  return url.href;
}

function refusal(message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ path: 'DATABASE_URL', message }], { cause });
}
