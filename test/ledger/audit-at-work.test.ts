import { afterAll, beforeAll, expect, test } from 'vitest';
import { audit, type AuditReport } from '../../src/ledger/audit.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { createTestDatabase, createTestLedger, createTestPlayer, type TestDatabase } from '../support/database.js';
import { bet, limit, policy, rollback } from './commands.js';

let db: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  db = await createTestDatabase();
  ledger = createTestLedger(db);
});
afterAll(async () => {
  await ledger.close();
  await db.close();
});

test('a gateway at work causes no false alarm', async () => {
  const alice = await createTestPlayer(db, { balances: { EUR: '100' } });
  const bob = await createTestPlayer(db, { balances: { EUR: '10' } });
  await ledger.execute(limit(alice, 'loss', 'day', '20'), { policy, deadlineMs: 5_000 });
  const stop = new AbortController();
  const work = Array.from({ length: 4 }, async (_, worker) => {
    for (let count = 0; !stop.signal.aborted; count += 1) {
      const key = `load-${worker}-${count}`;
      await ledger.execute(bet(count % 2 === 0 ? alice : bob, key, '0.01'), { policy, deadlineMs: 5_000 });
      await ledger.execute(rollback(alice, `${key}-r`, key), { policy, deadlineMs: 5_000 });
    }
  });
  const reports: AuditReport[] = [];
  for (let count = 0; count < 15; count += 1) reports.push(await audit(db.orm));
  stop.abort();
  await Promise.all(work);
  const broken = reports.flatMap(({ invariants }) => invariants.filter(({ violations }) => violations.length > 0));
  expect(broken).toEqual([]);
  const checked = reports.map((report) => report.invariants.reduce((sum, each) => sum + each.checked, 0));
  expect(checked.at(-1)).toBeGreaterThan(checked[0] ?? 0);
});
