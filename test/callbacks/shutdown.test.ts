import { Agent } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { side } from '../../src/adapters/igpx/index.js';
import { createProvider, type Delivery } from '../../bench/proofs/provider.js';
import { igpxHash, startTestApp } from '../support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';
import { bodyOf, movementsOf, send, sign } from './provider.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const PLAYERS = 16;
/** Bets a player has under way at once, each on a kept connection. */
const DEPTH = 4;

test('a gateway that is told to stop answers what it took, and the ledger holds exactly what was answered', async () => {
  const gateway = await startTestApp({ database });
  afterThisTest(() => gateway.close());
  const players: TestPlayer[] = [];
  for (let index = 0; index < PLAYERS; index += 1) {
    players.push(await createTestPlayer(database, { balances: { EUR: '1000000' } }));
  }
  const provider = createProvider({
    callbackUrl: `${gateway.url}/callbacks/igpx-demo`,
    voice: side.voice(gateway.config.integrations[0]?.settings),
    socketsMax: PLAYERS * DEPTH,
  });
  afterThisTest(() => provider.close());

  const deliveries: Delivery[] = [];
  let acknowledged = 0;
  const underLoad = Promise.withResolvers<void>();
  const play = async (player: TestPlayer): Promise<void> => {
    for (;;) {
      const delivery = await provider.bet({ player: player.externalId, currency: 'EUR', amount: '1.00' });
      deliveries.push(delivery);
      // The gateway has gone: a closed connection, or one that is no longer accepted.
      if (delivery.answer === undefined) return;
      expect(delivery.answer.error).toBe(null);
      acknowledged += 1;
      if (acknowledged === 500) underLoad.resolve();
    }
  };
  const playing = players.flatMap((player) => Array.from({ length: DEPTH }, () => play(player)));
  await underLoad.promise;
  const startedAt = performance.now();
  await gateway.app.close();
  const tookMs = performance.now() - startedAt;
  await Promise.all(playing);

  const stored = (await Promise.all(players.map((player) => movementsOf(database, player.id)))).flat();
  const told = deliveries.filter(({ answer }) => answer !== undefined);
  expect(stored.map((each) => each.external_key).sort()).toEqual(told.map((each) => each.transactionId).sort());
  expect(new Set(told.map(({ answer }) => answer?.transactionId)).size).toBe(told.length);
  expect(told.length).toBeGreaterThanOrEqual(500);
  // Nobody is under way for long, so nothing has to be cut off.
  expect(tookMs).toBeLessThan(5_000);
});

test('a connection that is kept open and quiet does not hold up the end', async () => {
  const gateway = await startTestApp({ database });
  const player = await createTestPlayer(database);
  const agent = new Agent({ keepAlive: true });
  const body = bodyOf({ transaction_id: 'kept', user_id: player.externalId });
  const answer = await send(gateway.url, '/callbacks/igpx-demo/transaction', {
    body,
    headers: sign(body, igpxHash),
    agent,
  });
  expect(answer).toMatchObject({ status: 200 });
  const startedAt = performance.now();
  await gateway.app.close();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  agent.destroy();
});

test('a connection whose request is under way at the end is closed with its answer', async () => {
  const gateway = await startTestApp({ database });
  afterThisTest(() => gateway.close());
  const player = await createTestPlayer(database);
  const lane = await database.owner.connect();
  await lane.query('begin');
  await lane.query('select from lane where lane = $1 for update', [player.lane]);
  const agent = new Agent({ keepAlive: true });
  const body = bodyOf({ transaction_id: 'under-way', user_id: player.externalId });
  const answer = send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers: sign(body, igpxHash), agent });
  await expect.poll(() => gateway.app.http.listening).toBe(true);
  await expect
    .poll(async () => {
      const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      return (await database.owner.query(waiting)).rowCount;
    })
    .toBe(1);
  const closed = gateway.app.close();
  expect(gateway.app.http.listening).toBe(false);
  await lane.query('commit');
  lane.release();
  const answeredAt = await answer.then((got) => {
    expect(got).toMatchObject({ status: 200, body: expect.stringContaining('"error":null') });
    return performance.now();
  });
  await closed;
  expect(performance.now() - answeredAt).toBeLessThan(3_000);
  agent.destroy();
});

test('a request on a new connection after the end is not taken', async () => {
  const gateway = await startTestApp({ database });
  const player = await createTestPlayer(database);
  await gateway.app.close();
  const body = bodyOf({ transaction_id: 'after', user_id: player.externalId });
  const answer = await send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers: sign(body, igpxHash) });
  expect(answer).toBe('closed');
  expect(await movementsOf(database, player.id)).toEqual([]);
});
