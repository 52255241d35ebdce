import pg from 'pg';
import type { Logger } from '../observability/logger.js';

/** A statement that each connection parses and plans once, under its name. */
export interface PreparedRead {
  /** At most 63 characters, one text for ever. */
  readonly name: string;
  readonly text: string;
}

export interface ReadOptions {
  /** Aborting it cancels the statement in the database, and the read ends with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What is in the past may be read from a replica, where one is configured; balances never are. */
  readonly from?: 'primary' | 'history' | undefined;
}

/** Reads for GraphQL, on connections of their own: whatever analysts ask, callbacks never wait for it. */
export interface Reads {
  /** @returns rows as pg gives them: bigint and numeric are text, timestamptz is a Date. */
  query<Row extends object>(statement: PreparedRead, values: readonly unknown[], options?: ReadOptions): Promise<Row[]>;
  close(): Promise<void>;
  /** Connections in use, idle, and requests that wait for one. */
  readonly stats: { readonly used: number; readonly idle: number; readonly waiting: number };
}

export interface ReadsOptions {
  readonly primary: pg.PoolConfig;
  /** A replica for the history; the primary when undefined. */
  readonly replica?: pg.PoolConfig | undefined;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Connections that stop statements; opened when first needed. */
const CANCELS_MAX = 2;

export function createReads({ primary, replica, logger }: ReadsOptions): Reads {
  const open = (config: pg.PoolConfig, name: string): pg.Pool => {
    const pool = new pg.Pool({ ...config, application_name: name, keepAlive: true, idleTimeoutMillis: 30_000 });
    // An idle connection broke; the pool has dropped it already.
    pool.on('error', (error) => logger.warn({ err: error }, 'A connection for reads was lost'));
    return pool;
  };
  const current = open(primary, 'croupier-reads');
  const past = replica === undefined ? current : open(replica, 'croupier-history');
  // Never behind the reads that they are to stop.
  const currentCancels = open({ ...primary, max: CANCELS_MAX }, 'croupier-cancels');
  const pastCancels =
    replica === undefined ? currentCancels : open({ ...replica, max: CANCELS_MAX }, 'croupier-cancels');
  const pools = [...new Set([current, past])];
  const total = (part: 'totalCount' | 'idleCount' | 'waitingCount'): number =>
    pools.reduce((sum, pool) => sum + pool[part], 0);

  return {
    async query<Row extends object>(
      { name, text }: PreparedRead,
      values: readonly unknown[],
      { signal, from }: ReadOptions = {},
    ) {
      const pool = from === 'history' ? past : current;
      const query = { name, text, values: [...values] };
      if (signal === undefined) return (await pool.query<Row>(query)).rows;
      return cancellable<Row>(pool, from === 'history' ? pastCancels : currentCancels, query, signal);
    },
    async close() {
      await Promise.all([...new Set([...pools, currentCancels, pastCancels])].map((pool) => pool.end()));
    },
    get stats() {
      return {
        used: total('totalCount') - total('idleCount'),
        idle: total('idleCount'),
        waiting: total('waitingCount'),
      };
    },
  };
}

async function cancellable<Row extends object>(
  pool: pg.Pool,
  cancels: pg.Pool,
  query: pg.QueryConfig,
  signal: AbortSignal,
): Promise<Row[]> {
  signal.throwIfAborted();
  const client = await pool.connect();
  let canceling: Promise<Error | undefined> | undefined;
  const cancel = (): void => {
    canceling = cancelStatement(cancels, client);
  };
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', cancel, { once: true });
    return (await client.query<Row>(query)).rows;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    // A cancellation that is still on its way would hit whoever has the connection next.
    client.release(await canceling);
  }
}

/**
 * Another session of the same login asks the server to stop this one. Where that fails, the statement's own time-out ends it.
 * @returns why the connection may not be used again
 */
async function cancelStatement(cancels: pg.Pool, client: pg.PoolClient): Promise<Error | undefined> {
  const { processID } = client as pg.PoolClient & { readonly processID?: number };
  try {
    // The gateway's role may stop nobody; the login it came in with may stop its own sessions.
    await cancels.query(`begin; set local role none; select pg_cancel_backend(${Number(processID)}); commit`);
    return undefined;
  } catch (cause) {
    return new Error('A statement could not be cancelled', { cause });
  }
}
