import { setTimeout as delay } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Lane } from '../entities/index.js';
import type { ChainedRow } from '../ledger/chain.js';
import { CHAINED_COLUMNS, type ChainedColumns, chainedRow } from '../ledger/chained-columns.js';
import type { UnitRow } from '../ledger/statements.js';
import type { Logger } from '../observability/logger.js';
import type { WalletCursor } from './balance-moved.js';

/** Asks for a wallet's ledger rows after a sequence, oldest first. */
export interface PageRequest extends WalletCursor {
  readonly rowsMax: number;
  /** Only the wallet's last row, when it lies after the sequence. */
  readonly newest?: boolean;
  /** False once nobody waits for the answer. */
  readonly wanted: () => boolean;
}

/** Which wallets a unit of work moved, each from its first to its last sequence. */
export type UnitNumbers = Omit<UnitRow, 'createdAt'>;

export interface WalletKey {
  readonly lane: number;
  readonly walletId: bigint;
}

export interface WalletFacts extends WalletKey {
  readonly playerId: bigint;
  readonly brand: string;
  readonly currency: string;
}

export interface LedgerReader {
  /** Never rejects: while the database fails it is asked again. Without an answer it stays pending only when unwanted or closed. */
  page(request: PageRequest): Promise<readonly ChainedRow[]>;
  /** The last unit of each lane. @throws when the database fails. */
  laneNumbers(lanes: readonly number[]): Promise<ReadonlyMap<number, bigint>>;
  /** Units after those seen, each lane's in order, up to `unitsMax` (`UNITS_MAX`) a lane. @throws when the database fails. */
  unitsAfter(seen: ReadonlyMap<number, bigint>, unitsMax?: number): Promise<readonly UnitNumbers[]>;
  /** What never changes about wallets; those that do not exist are left out. @throws when the database fails. */
  wallets(keys: readonly WalletKey[]): Promise<readonly WalletFacts[]>;
  close(): Promise<void>;
}

/** Rows of one query, whoever asked for them: some megabytes. */
const BATCH_ROWS_MAX = 4_096;
export const UNITS_MAX = 256;
const RETRY_MS = { first: 50, most: 1_000 } as const;

// Each wallet and each lane wants its own start and its own limit. An entity query has one limit for all, and a thousand
// queries would be a thousand round trips; `lateral` walks the primary key once for each.
const PAGES =
  'select k.request, t.* from unnest(?::int[], ?::smallint[], ?::bigint[], ?::bigint[], ?::int[], ?::bool[]) ' +
  'k(request, lane, wallet_id, after, most, newest) cross join lateral (' +
  `select ${CHAINED_COLUMNS} from ledger_transaction t ` +
  'where t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence > case when k.newest then greatest(k.after, (' +
  'select w.sequence - 1 from wallet w where w.lane = k.lane and w.id = k.wallet_id)) else k.after end ' +
  'order by t.sequence limit k.most) t ' +
  'order by k.request, t.sequence';
const UNITS =
  'select u.lane, u.number, u.wallet_ids, u.first_sequences, u.sequences from unnest(?::smallint[], ?::bigint[]) k(lane, seen) ' +
  'cross join lateral (select * from unit_of_work u where u.lane = k.lane and u.number > k.seen order by u.number limit ?) u ' +
  'order by u.lane, u.number';
const WALLETS =
  'select w.lane, w.id as wallet_id, w.player_id, p.brand_id, w.currency from unnest(?::smallint[], ?::bigint[]) k(lane, id) ' +
  'join wallet w on w.lane = k.lane and w.id = k.id join player p on p.lane = w.lane and p.id = w.player_id';

interface PageRow extends ChainedColumns {
  readonly request: number;
}

interface UnitsRow {
  readonly lane: number;
  readonly number: string;
  readonly wallet_ids: string[];
  readonly first_sequences: string[];
  readonly sequences: string[];
}

interface WalletsRow {
  readonly lane: number;
  readonly wallet_id: string;
  readonly player_id: string;
  readonly brand_id: string;
  readonly currency: string;
}

interface Waiting extends PageRequest {
  readonly answer: (rows: readonly ChainedRow[]) => void;
}

export function createLedgerReader(orm: MikroORM, logger?: Pick<Logger, 'info' | 'warn'>): LedgerReader {
  const closing = new AbortController();
  let waiting: Waiting[] = [];
  let draining: Promise<void> | undefined;
  let failing = false;

  /** Says once that the database fails, and once that it is back. */
  async function attempt<Result>(read: () => Promise<Result>): Promise<Result> {
    try {
      const result = await read();
      if (failing) logger?.info('The feed reads the ledger again');
      failing = false;
      return result;
    } catch (error) {
      if (!failing) logger?.warn({ err: error }, 'The feed cannot read the ledger; followers wait');
      failing = true;
      throw error;
    }
  }

  async function drain(): Promise<void> {
    let pauseMs: number = RETRY_MS.first;
    // Whoever asks in the same turn of the event loop shares a query.
    await new Promise(setImmediate);
    while (waiting.length > 0 && !closing.signal.aborted) {
      const batch = takeBatch();
      if (batch.length === 0) break;
      try {
        const pages = await attempt(() => readPages(orm, batch));
        batch.forEach((each, index) => each.answer(pages[index] ?? []));
        pauseMs = RETRY_MS.first;
      } catch {
        waiting.unshift(...batch);
        await delay(pauseMs, undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, RETRY_MS.most);
      }
    }
    draining = undefined;
  }

  function takeBatch(): Waiting[] {
    waiting = waiting.filter((each) => each.wanted());
    let rows = 0;
    const full = waiting.findIndex((each) => (rows += each.rowsMax) > BATCH_ROWS_MAX);
    return waiting.splice(0, full === -1 ? waiting.length : Math.max(full, 1));
  }

  return {
    page: (request) =>
      new Promise((answer) => {
        waiting.push({ ...request, answer });
        draining ??= drain();
      }),
    laneNumbers: (lanes) =>
      attempt(async () => {
        const found = await orm.em.fork().find(Lane, { lane: { $in: [...lanes] } });
        return new Map(found.map(({ lane, number }) => [lane, number]));
      }),
    unitsAfter: (seen, unitsMax = UNITS_MAX) => attempt(() => readUnits(orm, seen, unitsMax)),
    wallets: (keys) => attempt(() => readWallets(orm, keys)),
    async close() {
      closing.abort();
      await draining;
    },
  };
}

async function readPages(orm: MikroORM, requests: readonly PageRequest[]): Promise<ChainedRow[][]> {
  const rows = await orm.em
    .fork()
    .execute<PageRow[]>(PAGES, [
      array(requests.keys()),
      array(requests.map((each) => each.lane)),
      array(requests.map((each) => each.walletId)),
      array(requests.map((each) => each.after)),
      array(requests.map((each) => each.rowsMax)),
      array(requests.map((each) => each.newest === true)),
    ]);
  const pages: ChainedRow[][] = requests.map(() => []);
  for (const row of rows) pages[row.request]?.push(chainedRow(row));
  return pages;
}

async function readUnits(orm: MikroORM, seen: ReadonlyMap<number, bigint>, unitsMax: number): Promise<UnitNumbers[]> {
  const rows = await orm.em.fork().execute<UnitsRow[]>(UNITS, [array(seen.keys()), array(seen.values()), unitsMax]);
  return rows.map((row) => ({
    lane: row.lane,
    number: BigInt(row.number),
    walletIds: row.wallet_ids.map(BigInt),
    firstSequences: row.first_sequences.map(BigInt),
    sequences: row.sequences.map(BigInt),
  }));
}

async function readWallets(orm: MikroORM, keys: readonly WalletKey[]): Promise<WalletFacts[]> {
  const rows = await orm.em
    .fork()
    .execute<WalletsRow[]>(WALLETS, [array(keys.map(({ lane }) => lane)), array(keys.map((each) => each.walletId))]);
  return rows.map((row) => ({
    lane: row.lane,
    walletId: BigInt(row.wallet_id),
    playerId: BigInt(row.player_id),
    brand: row.brand_id,
    currency: row.currency,
  }));
}

/** An array parameter as text; numbers and truth values need no quotes in it. */
function array(values: Iterable<number | bigint | boolean>): string {
  return `{${[...values].join(',')}}`;
}
