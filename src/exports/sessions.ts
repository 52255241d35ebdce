import pg from 'pg';
import type { Logger } from '../observability/logger.js';
import { type Connection, createConnection, type Lines } from './connection.js';
import type { Position } from './cursor.js';
import { boundarySql, copySql, type List, rowsSql, type Stretch, type Writing } from './list.js';

/**
 * Exports read on connections of their own, a few of them: neither callbacks nor the frontends' reads ever wait for an
 * analyst. A statement reads one chunk and ends; between chunks nothing is held, no snapshot and no lock.
 */
export interface ExportSessions {
  /** @throws when the database cannot be reached */
  open(signal: AbortSignal): Promise<ExportSession>;
  close(): Promise<void>;
}

export interface ExportSession {
  /** Where the `size`th row after a position stands; undefined when the list ends before. */
  boundary(list: List, after: Position | undefined, size: number): Promise<Position | undefined>;
  /** Rows of a stretch. */
  lines(list: List, stretch: Stretch, writing: Writing, limit: number | undefined): Promise<Lines>;
  /** Takes a second connection, so that two chunks are read at once, for as long as no other export needs it. */
  widen(): Promise<void>;
  /** Decimals of each currency's unit. */
  scales(): Promise<ReadonlyMap<string, number>>;
  /** The brand's integrations, those that have left the configuration included. */
  integrations(brand: string): Promise<readonly string[]>;
  wallets(player: { readonly lane: number; readonly id: bigint }): Promise<readonly bigint[]>;
  end(): Promise<void>;
}

export interface ExportSessionsOptions {
  readonly connectionString: string;
  readonly max: number;
  readonly acquireTimeoutMs: number;
  readonly logger: Pick<Logger, 'warn'>;
}

/** A chunk takes a tenth of a second; what takes this long is stuck. */
const STATEMENT_TIMEOUT_MS = 8_000;
/**
 * Stretches are short and follow an index, so the planner is kept from reading whole tables for them: with the statistics of
 * yesterday it may think that today has no rows. Nothing is ever written here.
 */
const SETTINGS = [
  'default_transaction_read_only = on',
  `statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
  'jit = off',
  'enable_seqscan = off',
  'enable_bitmapscan = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'max_parallel_workers_per_gather = 0',
  `work_mem = '16MB'`,
]
  .map((each) => `set ${each}`)
  .join('; ');

export function createExportSessions(options: ExportSessionsOptions): ExportSessions {
  const { connectionString, max, acquireTimeoutMs, logger } = options;
  const common = { connectionString, connectionTimeoutMillis: acquireTimeoutMs, keepAlive: true };
  const reading = new pg.Pool({ ...common, max, idleTimeoutMillis: 30_000, application_name: 'croupier-exports' });
  const cancels = new pg.Pool({
    ...common,
    max: 1,
    application_name: 'croupier-exports-cancel',
    statement_timeout: 2_000,
  });
  for (const pool of [reading, cancels]) {
    // An idle connection broke; the pool has dropped it already.
    pool.on('error', (error) => logger.warn({ err: error }, 'A connection for exports was lost'));
  }
  async function connect(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const client = await reading.connect();
    try {
      await client.query(SETTINGS);
    } catch (error) {
      client.release(true);
      throw error;
    }
    return createConnection(client, (processId) => cancelStatement(cancels, processId), signal);
  }
  return {
    async open(signal) {
      const first = await connect(signal);
      return createSession(first, {
        isWanted: () => reading.waitingCount > 0,
        connect: async () => {
          const used = reading.totalCount - reading.idleCount;
          return used < max && reading.waitingCount === 0 ? connect(signal) : undefined;
        },
      });
    },
    async close() {
      await Promise.all([reading.end(), cancels.end()]);
    },
  };
}

/**
 * Another session of the same login asks the server to stop this one. Where that fails, the statement's own time-out ends it.
 * @returns whether it worked; where it did not, the connection may not be used again
 */
async function cancelStatement(cancels: pg.Pool, processId: number): Promise<boolean> {
  try {
    // The gateway's role may stop nobody; the login it came in with may stop its own sessions.
    await cancels.query(`begin; set local role none; select pg_cancel_backend(${processId}); commit`);
    return true;
  } catch {
    return false;
  }
}

interface Spare {
  /** Whether an export waits for a connection. */
  isWanted(): boolean;
  /** @returns undefined when none is free */
  connect(): Promise<Connection | undefined>;
}

function createSession(first: Connection, spare: Spare): ExportSession {
  let second: Connection | undefined;
  const free = [first];
  const waiting: ((connection: Connection) => void)[] = [];
  const running = new Set<Promise<unknown>>();

  const acquire = async (): Promise<Connection> =>
    free.shift() ?? new Promise<Connection>((resolve) => void waiting.push(resolve));

  async function giveBack(connection: Connection): Promise<void> {
    if (connection === second && spare.isWanted()) {
      second = undefined;
      return connection.end();
    }
    const next = waiting.shift();
    if (next === undefined) free.push(connection);
    else next(connection);
  }

  function run<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const result = acquire().then(async (connection) => {
      try {
        return await work(connection);
      } finally {
        await giveBack(connection);
      }
    });
    running.add(result);
    const ended = (): void => void running.delete(result);
    result.then(ended, ended);
    return result;
  }
  const read = (text: string, values: readonly unknown[] = []) => run((connection) => connection.read(text, values));

  return {
    async widen() {
      second = await spare.connect();
      if (second !== undefined) await giveBack(second);
    },
    async boundary(list, after, size) {
      const [row] = await read(boundarySql(list, after, size));
      return row?.map((value) => value ?? '');
    },
    lines: (list, stretch, writing, limit) =>
      run((connection) => connection.copy(copySql(rowsSql(list, stretch, writing, limit), writing))),
    async scales() {
      const rows = await read('select code, scale from currency order by code');
      return new Map(rows.map(([code, scale]) => [code ?? '', Number(scale)]));
    },
    async integrations(brand) {
      const rows = await read('select id from integration where brand_id = $1 order by id', [brand]);
      return rows.map(([id]) => id ?? '');
    },
    async wallets({ lane, id }) {
      const rows = await read('select id from wallet where lane = $1 and player_id = $2 order by id', [lane, id]);
      return rows.map(([wallet]) => BigInt(wallet ?? '0'));
    },
    async end() {
      await Promise.allSettled(running);
      await Promise.all([first.end(), second?.end()]);
    },
  };
}
