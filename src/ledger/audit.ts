import { IsolationLevel, type MikroORM } from '@mikro-orm/postgresql';
import type pg from 'pg';
import { z } from 'zod';
import { type AuditPass, type InvariantName, lanePasses } from './audit-invariants.js';
import { referencePass, schemaPass } from './audit-schema.js';
import { formatId, formatTransactionId } from './ids.js';
import { LANE_COUNT } from './lanes.js';

/**
 * Proves the books from the rows alone: every invariant is asked of the database in SQL, lane by lane, in read-only snapshots,
 * so a gateway at work neither waits for an audit nor causes a false alarm.
 */
export interface AuditReport {
  readonly ok: boolean;
  readonly invariants: readonly InvariantReport[];
}

export interface InvariantReport {
  readonly name: InvariantName;
  /** Rows that were held against it. */
  readonly checked: number;
  /** The first ten. */
  readonly violations: readonly Violation[];
  /** Time of the pass over the rows, which an invariant shares with its neighbours. */
  readonly ms: number;
}

export interface Violation {
  /** Public id of what is crooked: a transaction, else a wallet, else a player; null for what has none. */
  readonly id: string | null;
  readonly lane: number | null;
  readonly walletId: bigint | null;
  readonly sequence: bigint | null;
  readonly what: string;
}

export interface AuditProgress {
  readonly lanesDone: number;
  readonly lanes: number;
  /** Ledger rows checked so far. */
  readonly rows: number;
  readonly violations: number;
}

export interface AuditOptions {
  readonly onProgress?: (progress: AuditProgress) => void;
  /** Only these lanes; all by default. */
  readonly lanes?: readonly number[];
  /** Begins at this lane, to go on with an audit that was interrupted. */
  readonly from?: number;
}

/** A connected client of its own, or the ORM. */
export type AuditSource = pg.ClientBase | MikroORM;

/** The first ten broken rows tell what is wrong; the rest would bury it. */
const VIOLATIONS_MAX = 10;
/**
 * Lanes are read together up to about this much of the ledger. Rows lie in the order of time, so every batch passes over
 * the whole table: smaller ones would read it more often, larger ones would hold a snapshot for minutes.
 */
const BATCH_BYTES = 256 * 2 ** 20;

export async function audit(source: AuditSource, options: AuditOptions = {}): Promise<AuditReport> {
  const { from = 0, onProgress } = options;
  const wanted = options.lanes ?? Array.from({ length: LANE_COUNT }, (_, lane) => lane);
  const lanes = wanted.filter((lane) => lane >= from);
  const tallies = new Map<InvariantName, Tally>();
  const size = await inSnapshot(source, (read) => lanesPerBatch(read));
  await inSnapshot(source, (read) => runPass(read, schemaPass, [], tallies));
  let rows = 0;
  for (let start = 0; start < lanes.length; start += size) {
    const batch = lanes.slice(start, start + size);
    await inSnapshot(source, async (read) => {
      for (const pass of [...lanePasses, referencePass]) {
        const checked = await runPass(read, pass, batch, tallies);
        if (pass.countsLedgerRows) rows += checked;
      }
    });
    const violations = [...tallies.values()].reduce((sum, each) => sum + each.violations.length, 0);
    onProgress?.({ lanesDone: start + batch.length, lanes: lanes.length, rows, violations });
  }
  const invariants = [...tallies].map(([name, tally]) => ({ name, ...tally }));
  return { ok: invariants.every((each) => each.violations.length === 0), invariants };
}

interface Tally {
  checked: number;
  violations: Violation[];
  ms: number;
}

type Read = (sql: string) => Promise<unknown>;

async function runPass(
  read: Read,
  pass: AuditPass,
  lanes: readonly number[],
  tallies: Map<InvariantName, Tally>,
): Promise<number> {
  const startedAt = performance.now();
  const range = lanes.join(', ');
  const [counted] = Counted.parse(await read(pass.count(range)));
  const found = Found.parse(await read(firstOfEach(pass.violations(range))));
  const ms = performance.now() - startedAt;
  const checked = Number(counted?.checked ?? 0);
  for (const name of pass.invariants) {
    const tally = tallies.get(name) ?? { checked: 0, violations: [], ms: 0 };
    tally.checked += checked;
    tally.ms += ms;
    tally.violations.push(...found.filter((each) => each.invariant === name).map(violationOf));
    tally.violations.length = Math.min(tally.violations.length, VIOLATIONS_MAX);
    tallies.set(name, tally);
  }
  return checked;
}

/** One invariant broken everywhere must not hide another one broken once. */
function firstOfEach(violations: string): string {
  return (
    'select invariant, lane, player_id::text, wallet_id::text, sequence::text, what from (' +
    'select v.*, row_number() over (partition by invariant order by lane, wallet_id, sequence) as place ' +
    `from (${violations}) v) ranked where place <= ${VIOLATIONS_MAX} order by invariant, place`
  );
}

const Counted = z.array(z.object({ checked: z.coerce.string() }));
const bigintText = z
  .string()
  .nullable()
  .transform((text) => (text === null ? null : BigInt(text)));
const Found = z.array(
  z.object({
    invariant: z.string(),
    lane: z.number().nullable(),
    player_id: bigintText,
    wallet_id: bigintText,
    sequence: bigintText,
    what: z.string().nullable(),
  }),
);

function violationOf(found: z.infer<typeof Found>[number]): Violation {
  const { lane, player_id: playerId, wallet_id: walletId, sequence, what } = found;
  return { id: publicId(lane, playerId, walletId, sequence), lane, walletId, sequence, what: what ?? 'is missing' };
}

function publicId(
  lane: number | null,
  playerId: bigint | null,
  walletId: bigint | null,
  sequence: bigint | null,
): string | null {
  if (lane === null) return null;
  if (walletId !== null && sequence !== null) return formatTransactionId({ lane, walletId, sequence });
  if (walletId !== null) return formatId('wallet', { lane, id: walletId });
  return playerId === null ? null : formatId('player', { lane, id: playerId });
}

async function lanesPerBatch(read: Read): Promise<number> {
  const [size] = z
    .array(z.object({ bytes: z.coerce.number() }))
    .parse(await read("select pg_relation_size('ledger_transaction')::text as bytes"));
  const perLane = Math.max(1, (size?.bytes ?? 0) / LANE_COUNT);
  return Math.max(1, Math.min(LANE_COUNT, Math.floor(BATCH_BYTES / perLane)));
}

/** The gateway's time-outs are for bets; an audit of a long ledger takes what it takes. */
const snapshotSettings = `select set_config(name, value, true) from (values
  ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
  ('work_mem', '64MB'), ('jit', 'off')
) s(name, value) where exists (select from pg_settings p where p.name = s.name)`;

async function inSnapshot<Result>(source: AuditSource, work: (read: Read) => Promise<Result>): Promise<Result> {
  if ('em' in source) {
    return source.em.fork().transactional(
      async (em) => {
        await em.execute(snapshotSettings);
        return work((sql) => em.execute(sql));
      },
      { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true },
    );
  }
  await source.query('begin isolation level repeatable read read only');
  try {
    await source.query(snapshotSettings);
    return await work(async (sql) => (await source.query<Record<string, unknown>>(sql)).rows);
  } finally {
    // Nothing was written; a connection that broke has nothing to end, and its own error is the one to see.
    await source.query('rollback').catch(() => undefined);
  }
}
