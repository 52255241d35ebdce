import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { WalletCommand } from '../../src/ledger/commands.js';
import { createTestDatabase, createTestPlayer, type TestDatabase } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';
import { createWire } from '../support/wire.js';
import { bet, policy, said } from './commands.js';
import { openLedgerOver, until } from './interruption.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
afterEach(() => void vi.useRealTimers());

/** Longer than the server's own time-outs, so that a server that is only slow can say so itself. */
const SILENCE_MS = 8_000;

test('a database that goes silent on an open connection is given up; its commands are looked up once it answers', async () => {
  const wire = await createWire(db.url);
  afterThisTest(() => wire.close());
  const player = await createTestPlayer(db);
  const ledger = await openLedgerOver(wire, db, [player]);
  afterThisTest(() => ledger.close());
  const execute = async (command: WalletCommand): Promise<string> =>
    said((await ledger.execute(command, { policy, deadlineMs: 20_000 })).outcome);
  expect(await execute(bet(player, 'before', '5'))).toBe('applied 95000000');

  const asked = wire.holdAnswers();
  afterThisTest(() => wire.release());
  // Nobody sits the silence out: the clock of its time-out is put forward.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const answer = execute(bet(player, 'into-silence', '5'));
  await vi.waitUntil(() => wire.holds, { timeout: 5_000 });
  vi.advanceTimersByTime(SILENCE_MS);
  vi.useRealTimers();
  // A new session begins by saying its name, and is not answered either.
  await until(() => asked().includes('croupier-ledger'));
  wire.release();

  // It was committed before the silence, and is found by its key.
  expect(await answer).toBe('replayed 90000000');
  expect(await execute(bet(player, 'into-silence', '5'))).toBe('replayed 90000000');
  expect(await execute(bet(player, 'after', '5'))).toBe('applied 85000000');
});
