import { expect, test } from 'vitest';
import { audit } from '../../src/ledger/audit.js';
import { createTestDatabase, createTestPlayer } from '../support/database.js';
test('x', async () => {
  const db = await createTestDatabase();
  const empty = await audit(db.orm);
  await createTestPlayer(db, { balances: { EUR: '5', BTC: '3' } });
  await createTestPlayer(db, { balances: { EUR: '5', BTC: '3' } });
  const r = await audit(db.orm);
  const t = performance.now();
  await audit(db.orm);
  console.log(performance.now() - t, empty.ok, JSON.stringify(r, (k, v) => (typeof v === 'bigint' ? `${v}` : v), 1));
  await db.close();
});
