import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../observability/logger.js';
import {
  APPLY_CLOSURES,
  APPLY_LATE_CLOSURES,
  LOOK_FOR_WORK,
  PROJECTION_LOCK,
  TAKE_IN_UNITS,
} from './projection-sql.js';

/**
 * Follows the feed into rounds and report buckets. Of several gateways one works at a time, and whoever comes next goes on
 * where it stopped: the cursors move in the transaction that moves the projections, so each unit counts exactly once.
 */
export interface Projector {
  /** Something was posted. Never throws, never waits. */
  wake(): void;
  /** Age in milliseconds of the oldest unit that is not taken in, as far as is known; 0 when all are. */
  readonly lagMs: number;
  close(): Promise<void>;
}

export interface ProjectorOptions {
  readonly connection: pg.ClientConfig;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** How often closures are looked for that committed late, or come from a slow clock. */
  readonly lateClosuresMs?: number;
}

/** How often to look without being woken. */
const IDLE_MS = 400;
/** Rows that arrive within this time are taken in together: that is cheaper, and nobody sees the difference. */
const PACE_MS = 200;
const RETRY_MS = { first: 250, most: 5_000 } as const;
/** A batch as large as this many milliseconds of work; it adapts by the rows it takes. */
const BATCH_MS = { least: 120, most: 350 } as const;
const BATCH_ROWS = { least: 50, slow: 1_000, first: 2_000, most: 20_000 } as const;
/** How far back late closures are looked for. */
const LATE_CLOSURES_BACK_MS = 30_000;
const CONNECT_MS = 2_000;
const LEAVE_MS = 1_000;

/** A projection that is lost with a crash is made again, so its commits need not wait for the disk. */
const sessionSettings = [
  'set synchronous_commit = off',
  "set statement_timeout = '8s'",
  "set lock_timeout = '3s'",
  "set idle_in_transaction_session_timeout = '5s'",
  // The ledger and the projections are reached by index, whatever the statistics of young tables say.
  'set enable_seqscan = off',
  'set enable_memoize = off',
  "set work_mem = '32MB'",
  'set jit = off',
].join('; ');

/** What one look led to. */
interface Step {
  readonly did: 'nothing' | 'all' | 'part' | 'stood by';
  /** When the oldest unit was posted that was not taken in before. */
  readonly oldest: Date | undefined;
}

export function createProjector({ connection, logger, lateClosuresMs = 5_000 }: ProjectorOptions): Projector {
  const closing = new AbortController();
  let wakeUp: (() => void) | undefined;
  let woken = false;
  /** Nothing posted before was missing at that moment. */
  let behindSince: number | undefined;
  let failures = 0;

  async function follow(): Promise<void> {
    const session = new ProjectorSession(connection, lateClosuresMs);
    while (!closing.signal.aborted) {
      const startedAt = performance.now();
      woken = false;
      try {
        const { did, oldest } = await session.step();
        if (failures > 0) logger.info('The reports follow the ledger again');
        failures = 0;
        behindSince = did === 'nothing' || did === 'all' ? undefined : oldest?.getTime();
        const workedMs = performance.now() - startedAt;
        // Callbacks come first: the database gets at least as long a pause as the work took, but for a backlog.
        if (did === 'part') await pause(Math.min(workedMs / 2, PACE_MS));
        else if (did === 'all') await pause(Math.max(workedMs, PACE_MS));
        else await sleep(did === 'stood by' ? IDLE_MS * 2 : IDLE_MS, did === 'nothing');
      } catch (error) {
        await session.drop();
        if (closing.signal.aborted) break;
        if (failures === 0) logger.warn({ err: error }, 'The reports cannot follow the ledger; it is tried again');
        behindSince ??= Date.now();
        await pause(Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.most));
        failures += 1;
      }
    }
    await session.drop();
  }

  async function pause(ms: number): Promise<void> {
    await delay(ms, undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
  }

  /** Waits for the time, and when it may be woken, for that. */
  async function sleep(ms: number, wakeable: boolean): Promise<void> {
    if (wakeable && woken) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (wakeable) wakeUp = resolve;
    await Promise.race([promise, pause(ms)]);
    wakeUp = undefined;
  }

  const following = follow();
  return {
    wake() {
      woken = true;
      wakeUp?.();
    },
    get lagMs() {
      return behindSince === undefined ? 0 : Math.max(0, Date.now() - behindSince);
    },
    async close() {
      closing.abort();
      await following;
    },
  };
}

/** The one connection of a projector, opened anew after each failure. */
class ProjectorSession {
  readonly #config: pg.ClientConfig;
  readonly #lateClosuresMs: number;
  #client: pg.Client | undefined;
  #rowsMax: number = BATCH_ROWS.first;
  #lateAt = 0;

  constructor(config: pg.ClientConfig, lateClosuresMs: number) {
    this.#config = config;
    this.#lateClosuresMs = lateClosuresMs;
  }

  /** Looks for work, and does some of it unless another process does. */
  async step(): Promise<Step> {
    const client = (this.#client ??= await openSession(this.#config));
    const { rows } = await client.query<{ oldest: Date | null; closures: boolean }>({
      name: 'look_for_work',
      text: LOOK_FOR_WORK,
    });
    const { oldest = null, closures = false } = rows[0] ?? {};
    const late = performance.now() - this.#lateAt > this.#lateClosuresMs;
    if (oldest === null && !closures && !late) return { did: 'nothing', oldest: undefined };
    return { did: await this.#work(client, { units: oldest !== null, closures, late }), oldest: oldest ?? undefined };
  }

  async #work(
    client: pg.Client,
    todo: { readonly units: boolean; readonly closures: boolean; readonly late: boolean },
  ): Promise<Step['did']> {
    await client.query('begin');
    // First the lock and then, in a snapshot of its own, what whoever had it before has done.
    const locked = await client.query<{ mine: boolean }>(
      `select pg_try_advisory_xact_lock(${PROJECTION_LOCK}) as mine`,
    );
    if (locked.rows[0]?.mine !== true) {
      await client.query('rollback');
      return 'stood by';
    }
    const did = todo.units ? await this.#takeInUnits(client) : 'nothing';
    if (todo.closures) await client.query(APPLY_CLOSURES);
    if (todo.late) await client.query(APPLY_LATE_CLOSURES, [LATE_CLOSURES_BACK_MS]);
    const committed = await client.query('commit');
    if (committed.command !== 'COMMIT') throw new Error(`COMMIT answered ${committed.command}`);
    if (todo.late) this.#lateAt = performance.now();
    return did;
  }

  async #takeInUnits(client: pg.Client): Promise<Step['did']> {
    const startedAt = performance.now();
    const rowsMax = this.#rowsMax;
    // Smaller next time, should this one take too long.
    this.#rowsMax = Math.max(BATCH_ROWS.least, Math.floor(rowsMax / 4));
    const taken = await client.query<{ rows: number; more: boolean }>(TAKE_IN_UNITS, [rowsMax]);
    const { rows = 0, more = false } = taken.rows[0] ?? {};
    this.#rowsMax = nextSize(rowsMax, more, performance.now() - startedAt);
    return rows === 0 ? 'nothing' : more ? 'part' : 'all';
  }

  async drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    // Taking leave could wait for ever on a connection that is stuck.
    await Promise.race([client.end().catch(() => undefined), delay(LEAVE_MS, undefined, { ref: false })]);
  }
}

function nextSize(rowsMax: number, more: boolean, tookMs: number): number {
  // Below a thousand rows it is the machine that is slow, and smaller batches would only come on top.
  if (tookMs > BATCH_MS.most)
    return rowsMax < BATCH_ROWS.slow ? rowsMax * 2 : Math.max(BATCH_ROWS.slow, Math.floor(rowsMax / 2));
  if (!more || tookMs > BATCH_MS.least) return rowsMax;
  return Math.min(BATCH_ROWS.most, rowsMax * 2);
}

async function openSession(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({
    ...config,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: CONNECT_MS,
    // A peer that went silent.
    query_timeout: 10_000,
  });
  // A connection that breaks fails the query under way, or the next one.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sessionSettings);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}
