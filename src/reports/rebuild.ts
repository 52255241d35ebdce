import type pg from 'pg';
import { LANE_COUNT } from '../ledger/lanes.js';
import { CLOSURES, PROJECTION_LOCK, REPORTS, TAKE_IN_LANES, TAKE_IN_UNITS } from './projection-sql.js';

/** How far a rebuild has come. */
export interface RebuildProgress {
  readonly lanesDone: number;
  readonly lanes: number;
  /** Ledger rows: those taken in, and about how many there are. */
  readonly rows: number;
  readonly rowsExpected: number;
}

export interface RebuildOptions {
  /** Goes on with a rebuild that was interrupted, in place of beginning anew. */
  readonly goOn?: boolean;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Looked at between two lanes. */
  readonly signal?: AbortSignal | undefined;
  /** As many as are worth a pass over the ledger, unless told. */
  readonly lanesAtOnce?: number | undefined;
}

/** Lanes are taken in together up to about this much of the ledger: fewer passes over it, and still some progress to see. */
const BATCH_BYTES = 512 * 2 ** 20;
/** For what was posted meanwhile, and for lanes that a gateway began. */
const ROWS_AT_ONCE = 50_000;

const settings = `select set_config(name, value, false) from (values
  ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
  ('lock_timeout', '60s'), ('work_mem', '256MB'), ('synchronous_commit', 'off'), ('jit', 'off')
) s(name, value) where exists (select from pg_settings p where p.name = s.name)`;

/**
 * Empties the projections and makes them anew from the ledger, lane by lane, each lane in one transaction with its cursor.
 * Gateways stand by meanwhile, and readers see what is there so far: the freshness of the reports says how far that is. A
 * rebuild that is interrupted may be gone on with, and otherwise the gateways go on, more slowly.
 * @param client a connection of its own, which holds the projections' lock until it ends
 */
export async function rebuildReports(
  client: pg.ClientBase,
  { goOn = false, onProgress, signal, lanesAtOnce }: RebuildOptions = {},
): Promise<RebuildProgress> {
  await client.query(settings);
  await client.query(`select pg_advisory_lock(${PROJECTION_LOCK})`);
  try {
    if (!goOn) await empty(client);
    const lanes = await untouchedLanes(client);
    const measured = await measure(client);
    const size = lanesAtOnce ?? measured.size;
    let lanesDone = LANE_COUNT - lanes.length;
    let rows = 0;
    const progress = (): RebuildProgress => ({ lanesDone, lanes: LANE_COUNT, rows, rowsExpected: measured.rows });
    for (let start = 0; start < lanes.length; start += size) {
      signal?.throwIfAborted();
      const batch = lanes.slice(start, start + size);
      const taken = await client.query<{ rows: string }>(TAKE_IN_LANES, [batch]);
      rows += Number(taken.rows[0]?.rows ?? 0);
      lanesDone += batch.length;
      onProgress?.(progress());
    }
    for (;;) {
      signal?.throwIfAborted();
      const taken = await client.query<{ rows: number }>(TAKE_IN_UNITS, [ROWS_AT_ONCE]);
      const more = taken.rows[0]?.rows ?? 0;
      if (more === 0) return progress();
      rows += more;
      onProgress?.(progress());
    }
  } finally {
    // A connection that broke has let go of it already.
    await client.query(`select pg_advisory_unlock(${PROJECTION_LOCK})`).catch(() => undefined);
  }
}

/** Closures are applied with their rounds, whenever they came; from the mark on the gateways look for them again. */
async function empty(client: pg.ClientBase): Promise<void> {
  await client.query('begin');
  try {
    await client.query('truncate round, report_bucket, player_bucket');
    await client.query('delete from projection_cursor where projection = any($1)', [[REPORTS, CLOSURES]]);
    await client.query(
      `insert into projection_cursor (projection, lane, number)
       select '${CLOSURES}', 0, (extract(epoch from now()) * 1000)::bigint`,
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** A lane that was begun is finished unit by unit; the others are read as a whole. */
async function untouchedLanes(client: pg.ClientBase): Promise<number[]> {
  const { rows } = await client.query<{ lane: number }>(
    `select lane from lane l where not exists (
       select from projection_cursor c where c.projection = '${REPORTS}' and c.lane = l.lane and c.number > 0) order by lane`,
  );
  return rows.map(({ lane }) => lane);
}

async function measure(client: pg.ClientBase): Promise<{ size: number; rows: number }> {
  const { rows } = await client.query<{ bytes: string; rows: string }>(
    `select pg_relation_size('ledger_transaction')::text as bytes,
       (select greatest(reltuples, 0)::bigint::text from pg_class where oid = 'ledger_transaction'::regclass) as rows`,
  );
  const perLane = Math.max(1, Number(rows[0]?.bytes ?? 0) / LANE_COUNT);
  const size = Math.max(1, Math.min(LANE_COUNT, Math.floor(BATCH_BYTES / perLane)));
  return { size, rows: Number(rows[0]?.rows ?? 0) };
}
