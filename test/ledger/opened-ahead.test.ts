import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { WalletCommand } from '../../src/ledger/commands.js';
import type { ExecuteOptions, Ledger } from '../../src/ledger/ledger.js';
import type { CallbackRow } from '../../src/ledger/statements.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { createWire, type Wire } from '../support/wire.js';
import { bet, policy, said } from './commands.js';
import { holdLane, openLedgerOver, until } from './interruption.js';

/** While a unit of work is being committed the next one is opened behind it, on the same connection. */

let db: TestDatabase;
let wire: Wire;
let ledger: Ledger;
let alice: TestPlayer;
let bob: TestPlayer;
let failures: string[];

beforeAll(async () => {
  db = await createTestDatabase();
  wire = await createWire(db.url);
});
afterAll(async () => {
  await wire.close();
  await db.close();
});

beforeEach(async () => {
  failures = [];
  alice = await createTestPlayer(db);
  do bob = await createTestPlayer(db);
  while (bob.lane === alice.lane);
  ledger = await openLedgerOver(wire, db, [alice, bob], { failed: (message) => failures.push(message) });
  // Connected, as it nearly always is.
  for (const each of [alice, bob]) await execute(bet(each, 'before', '0'));
});
afterEach(async () => {
  wire.release();
  await ledger.close();
});

async function execute(command: WalletCommand, options: Partial<ExecuteOptions> = {}): Promise<string> {
  const { outcome } = await ledger.execute(command, { policy, deadlineMs: 20_000, ...options });
  return said(outcome);
}

const journalRow: Omit<CallbackRow, 'lane' | 'name'> = {
  receivedAt: new Date(),
  integration: 'igpx-demo',
  path: '/transaction',
  body: Buffer.from('{}'),
  verdict: 'ok',
  flags: [],
  status: 200,
  answer: '{}',
  durationUs: 1,
  walletId: null,
  sequence: null,
};

/** Executes the first, and the second while the answer to the first one's COMMIT is still on its way. */
async function oneBehindTheOther(
  first: () => Promise<string>,
  second: () => Promise<string>,
): Promise<{ first: Promise<string>; second: Promise<string> }> {
  const asked = wire.holdAnswers();
  const one = first();
  await until(() => wire.holds);
  const other = second();
  await until(() => asked().includes('lock_lanes'));
  return { first: one, second: other };
}

test('the second sees what the first did', async () => {
  const both = await oneBehindTheOther(
    () => execute(bet(alice, 'first', '60')),
    () => execute(bet(alice, 'second', '60')),
  );
  wire.release();
  expect(await both.first).toBe('applied 40000000');
  expect(await both.second).toBe('refused INSUFFICIENT_FUNDS');
  expect(failures).toEqual([]);
});

test('when the first is lost on the way, both are taken up again, and each counts once', async () => {
  const both = await oneBehindTheOther(
    () => execute(bet(alice, 'first', '60')),
    () => execute(bet(alice, 'second', '30')),
  );
  await wire.down();
  wire.release();
  await wire.up();
  expect(await both.first).toBe('replayed 40000000');
  expect(await both.second).toBe('applied 10000000');
  expect(failures).not.toEqual([]);
});

test('when the database refuses the first, the second builds on what came of it in the end', async () => {
  let attempts = 0;
  // No text column takes the first name.
  const journal = (): CallbackRow => ({ ...journalRow, lane: alice.lane, name: attempts++ === 0 ? 'a\0b' : 'bet' });
  const both = await oneBehindTheOther(
    () => execute(bet(alice, 'first', '60'), { journal }),
    () => execute(bet(alice, 'second', '30')),
  );
  wire.release();
  expect(await both.first).toBe('applied 40000000');
  expect(await both.second).toBe('applied 10000000');
  expect(failures).toHaveLength(1);
});

test('the second is refused in its time while the database says nothing, and leaves no lane locked', async () => {
  const both = await oneBehindTheOther(
    () => execute(bet(alice, 'first', '60')),
    () => execute(bet(bob, 'second', '30'), { deadlineMs: 200 }),
  );
  expect(await both.second).toBe('refused UNAVAILABLE');
  wire.release();
  expect(await both.first).toBe('applied 40000000');
  // Another process wants the lane; the one whose unit was opened for nobody has nothing else to do.
  const other = createTestLedger(db);
  const startedAt = performance.now();
  const { outcome } = await other.execute(bet(bob, 'third', '30'), { policy, deadlineMs: 20_000 });
  expect(said(outcome)).toBe('applied 70000000');
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await other.close();
});

test('the first is answered although the second has to wait for a lane that another process has', async () => {
  const lane = await holdLane(db, bob.lane);
  const both = await oneBehindTheOther(
    () => execute(bet(alice, 'first', '60')),
    () => execute(bet(bob, 'second', '30')),
  );
  const releasedAt = performance.now();
  wire.release();
  expect(await both.first).toBe('applied 40000000');
  expect(performance.now() - releasedAt).toBeLessThan(1_000);
  await lane.release();
  expect(await both.second).toBe('applied 70000000');
});
