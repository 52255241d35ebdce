import type pg from 'pg';
import type { Ledger, LedgerOptions } from '../../src/ledger/ledger.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { createTestLedger, type TestDatabase, type TestPlayer } from '../support/database.js';
import type { Wire } from '../support/wire.js';

/** One lane set, so that everybody shares a unit; over the wire; the players looked up already. */
export async function openLedgerOver(
  wire: Wire,
  db: TestDatabase,
  players: readonly TestPlayer[],
  options: Partial<LedgerOptions> = {},
): Promise<Ledger> {
  const directory = createPlayerDirectory(db.orm);
  for (const { brand, externalId } of players) await directory.find(brand, externalId);
  return createTestLedger(db, {
    connection: { connectionString: wire.url, application_name: 'croupier-ledger' },
    laneSets: 1,
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    ...options,
  });
}

/** Holds a lane's lock, as another gateway in the middle of a unit of work would. */
export async function holdLane(db: TestDatabase, lane: number): Promise<{ release: () => Promise<void> }> {
  const client = await db.owner.connect();
  await client.query('begin');
  await client.query('select from lane where lane = $1 for update', [lane]);
  return {
    release: async () => {
      await client.query('rollback');
      client.release();
    },
  };
}

/** Waits until as many ledger connections as that wait for a lock. */
export async function untilWaiting(owner: pg.Pool, count: number): Promise<void> {
  await until(async () => {
    const { rows } = await owner.query<{ waiting: string }>(
      `select count(*) as waiting from pg_stat_activity
       where datname = current_database() and application_name = 'croupier-ledger' and wait_event_type = 'Lock'`,
    );
    return Number(rows[0]?.waiting) >= count;
  });
}

/** Ends the ledgers' connections, as an administrator or a fail-over does. */
export async function terminateLedgers(owner: pg.Pool): Promise<void> {
  await owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'croupier-ledger'`,
  );
}

/** Asks again and again until it is so; gives up loudly. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`Not so within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
