import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { igpxHash, startTestApp } from '../support/app.js';
import { auditAfterEach } from '../support/books.js';
import { createTestDatabase, createTestPlayer, databaseLimits, type TestDatabase } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';
import { balanceOf, bodyOf, movementsOf, send, sign } from './provider.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
auditAfterEach(() => database);

/** Stands between gateway and database: loses the next confirmation of a COMMIT, and then lets nobody through. */
async function startBreakingRelay(): Promise<{ url: string; breakAtCommit: () => void; broken: () => boolean }> {
  const target = new URL(database.ownerUrl);
  let armed = false;
  let broken = false;
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    if (broken) {
      client.destroy();
      return;
    }
    const server = connect(Number(target.port), target.hostname);
    for (const socket of [client, server]) sockets.add(socket.on('error', () => undefined));
    client.on('data', (bytes) => server.write(bytes)).on('close', () => server.destroy());
    server
      .on('close', () => client.destroy())
      .on('data', (bytes) => {
        if (armed && bytes.includes('COMMIT\0')) broken = true;
        if (!broken) client.write(bytes);
        else for (const socket of sockets) socket.destroy();
      });
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  afterThisTest(() => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = relay.address();
  const url = new URL(target);
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.href,
    breakAtCommit: () => {
      armed = true;
    },
    broken: () => broken,
  };
}

// The gateway asks for as long as a provider could be waiting, which is why this takes some twelve seconds.
test(
  'a bet that may have been committed is left unanswered when the database does not come back in time',
  { timeout: 60_000 },
  async () => {
    const relay = await startBreakingRelay();
    const config = { database: { kind: 'url', url: relay.url, ownerUrl: relay.url, ...databaseLimits } } as const;
    const gateway = await startTestApp({ database, config });
    afterThisTest(() => gateway.close());
    const player = await createTestPlayer(database);
    const post = (key: string) => {
      const body = bodyOf({ transaction_id: key, user_id: player.externalId });
      return send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers: sign(body, igpxHash) });
    };
    await post('first');
    relay.breakAtCommit();
    const answer = await post('second');
    expect(relay.broken()).toBe(true);
    expect((await movementsOf(database, player.id)).map((each) => each.external_key)).toEqual(['first', 'second']);
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('80.00');
    // It counts, so "INTERNAL_ERROR" would be a lie; without an answer the provider has to find out, or roll back.
    expect(answer).toBe('closed');
  },
);
