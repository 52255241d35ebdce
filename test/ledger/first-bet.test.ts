import { afterAll, beforeAll, expect, it } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import { createTestDatabase, createTestLedger, createTestPlayer, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

it('a bet takes its stake once, and a repeat gets the first answer', async () => {
  const player = await createTestPlayer(database);
  const ledger = createTestLedger(database);
  const bet = {
    kind: 'bet' as const,
    brand: 'demo',
    player: player.externalId,
    integration: 'igpx-demo',
    currency: 'EUR',
    key: 'bet-1',
    amount: { digits: 1050n, decimals: 2 },
  };
  const first = await ledger.execute(bet, { policy, deadlineMs: 2000 });
  const again = await ledger.execute(bet, { policy, deadlineMs: 2000 });
  expect(first.outcome).toMatchObject({ type: 'applied', receipt: { balanceAfterUnits: 89_500_000n, sequence: 2n } });
  expect(again.outcome).toEqual({ ...first.outcome, type: 'replayed' });
  await ledger.close();
});
