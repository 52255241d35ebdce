import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { readServerState, waitUntilStopped } from '../../src/database/server-state.js';
import { type EmbeddedPostgres, openDatabase, startEmbeddedPostgres } from '../../src/database.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { migrate } from '../../src/migrate.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { keepReferenceData } from '../../src/reference-data.js';
import { expectStraightBooks } from '../support/books.js';
import {
  createTestLedger,
  createTestPlayer,
  databaseLimits,
  type TestDatabase,
  type TestPlayer,
  testWorld,
} from '../support/database.js';
import { bet, policy, said } from './commands.js';
import { until } from './interruption.js';

/** Without it a server that is shut down at once forgets the last of what it confirmed, and the test below sees that. */
const flags = ['synchronous_commit=on'];

/** A server of its own, because these tests stop it under the ledger's feet. */
let directory: string;
let server: EmbeddedPostgres;
let db: TestDatabase;
let ledger: Ledger;
let alice: TestPlayer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'croupier-restart-'));
  server = await startEmbeddedPostgres({ directory, durable: false, flags });
  await migrate(server.url);
  const config = { kind: 'url', url: server.url, ownerUrl: server.url, ...databaseLimits } as const;
  const database = await openDatabase(config, { logger: pino({ level: 'silent' }) });
  await keepReferenceData(database.orm, testWorld);
  const owner = new pg.Pool({ connectionString: server.url, max: 2 });
  owner.on('error', () => undefined);
  db = { ...database, owner };
});
afterAll(async () => {
  await db.owner.end();
  await db.close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  alice = await createTestPlayer(db);
  const directory = createPlayerDirectory(db.orm);
  await directory.find('demo', alice.externalId);
  ledger = createTestLedger(db, { findPlayer: (brand, externalId) => directory.find(brand, externalId) });
});
afterEach(async () => {
  await ledger.close();
  await expectStraightBooks(db);
});

async function execute(key: string, deadlineMs: number): Promise<string> {
  const { outcome } = await ledger.execute(bet(alice, key, '0.001'), { policy, deadlineMs });
  return said(outcome);
}

/** Bets one after the other, each tried until it is answered, as a provider does. */
async function bettor(name: string, isOver: () => boolean): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const key = `${name}-${count}`;
    let answer = '';
    while (!/^(applied|replayed)/.test(answer)) {
      answer = await execute(key, 500);
      expect(answer).toMatch(/^(applied \d+|replayed \d+|refused (UNAVAILABLE|DEADLINE_EXCEEDED|INTERNAL))$/);
    }
    count += 1;
  }
  return count;
}

test.for([
  ['restarts', 'SIGINT'],
  ['is shut down at once, and recovers', 'SIGQUIT'],
] as const)(
  '12: the server %s under load: every bet once, and bets are applied again at most 5 s after it is back',
  async ([, signal]) => {
    let over = false;
    const bettors = Array.from({ length: 8 }, (_, count) => bettor(`${signal}-${count}`, () => over));
    const units = (): number => ledger.stats.units;
    await until(() => units() > 20);
    const state = await readServerState(join(directory, 'data'));
    if (state === undefined) throw new Error('The server is not running');
    process.kill(state.pid, signal);
    await waitUntilStopped(join(directory, 'data'), 20_000);
    expect(await execute(`${signal}-away`, 200)).toBe('refused UNAVAILABLE');
    server = await startEmbeddedPostgres({ directory, durable: false, flags, port: server.port });
    const backAt = performance.now();
    const before = units();
    await until(() => units() > before, 6_000);
    expect(performance.now() - backAt).toBeLessThan(5_000);
    over = true;
    const counts = await Promise.all(bettors);
    const { rows } = await db.owner.query<{ bets: string; keys: string }>(
      "select count(*) as bets, count(distinct external_key) as keys from ledger_transaction where player_id = $1 and kind = 'bet'",
      [alice.id],
    );
    const bets = counts.reduce((sum, each) => sum + each, 0);
    expect(rows).toEqual([{ bets: String(bets), keys: String(bets) }]);
  },
);
