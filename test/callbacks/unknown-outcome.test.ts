import { afterAll, beforeAll, expect, test } from 'vitest';
import { igpxHash } from '../support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase } from '../support/database.js';
import { startBehindWire } from './behind-wire.js';
import { balanceOf, bodyOf, movementsOf, send, sign } from './provider.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

// The gateway asks for as long as a provider could be waiting, which is why this takes some twelve seconds.
test(
  'a bet that may have been committed is left unanswered when the database does not come back in time',
  { timeout: 60_000 },
  async () => {
    const { gateway, wire } = await startBehindWire(database);
    const player = await createTestPlayer(database);
    const post = (key: string) => {
      const body = bodyOf({ transaction_id: key, user_id: player.externalId });
      return send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers: sign(body, igpxHash) });
    };
    await post('confirmed');
    wire.cutAt('after-commit', { carrying: 'left-unknown', staysDown: true });
    const answer = await post('left-unknown');
    expect(wire.cuts).toBe(1);
    expect((await movementsOf(database, player.id)).map((each) => each.external_key)).toEqual([
      'confirmed',
      'left-unknown',
    ]);
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('80.00');
    // It counts, so "INTERNAL_ERROR" would be a lie; without an answer the provider has to find out, or roll back.
    expect(answer).toBe('closed');
  },
);
