import { once } from 'node:events';
import { createServer } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReads } from '../../src/database/reads.js';
import type { Principal } from '../../src/auth.js';
import type { Feed } from '../../src/events/feed.js';
import { formatId } from '../../src/ledger/ids.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { openGraphql } from '../../src/schema/http.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
  testWorld,
} from '../support/database.js';
import { RawSocket } from './client.js';

let database: TestDatabase;
let ledger: Ledger;
let player: TestPlayer;
const http = createServer();
let graphql: { close(): Promise<void> };
let fail: Error | undefined;
const followers = new Set<AbortSignal>();
const log: string[] = [];

/** A feed in which nothing ever happens, or which fails. */
const feed: Pick<Feed, 'follow'> = {
  follow: (_cursors, signal) => ({
    [Symbol.asyncIterator]: () => ({
      async next() {
        if (fail !== undefined) throw fail;
        followers.add(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        followers.delete(signal);
        return { done: true, value: undefined };
      },
    }),
  }),
};

beforeAll(async () => {
  database = await createTestDatabase();
  ledger = createTestLedger(database);
  player = await createTestPlayer(database);
  const principal: Principal = {
    subject: player.externalId,
    brand: 'demo',
    roles: new Set(['player']),
    expiresAt: undefined,
  };
  const logger = pino({}, { write: (line) => log.push(line) });
  graphql = await openGraphql(http, {
    config: { ...testWorld, graphql: { introspection: true, explorer: false } },
    orm: database.orm,
    reads: createReads({ primary: { connectionString: database.url }, logger }),
    ledger,
    feed: feed as Feed,
    directory: createPlayerDirectory(database.orm),
    authenticator: { authenticate: () => Promise.resolve(principal) },
    tokens: { callBack: () => Promise.reject(new Error('No token is called back here')) },
    watch: { checkNow: () => Promise.resolve(undefined), watch: () => () => undefined, close: () => undefined },
    providers: new Map(),
    logger,
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterAll(async () => {
  await graphql.close();
  http.close();
  await ledger.close();
  await database.close();
});

async function subscribed(ids: string[]): Promise<RawSocket> {
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = await new RawSocket(`ws://127.0.0.1:${port}/graphql`).greet('any');
  const query = `subscription { balanceChanged(playerId: "${formatId('player', player)}") { sequence } }`;
  for (const id of ids) socket.send({ id, type: 'subscribe', payload: { query } });
  return socket;
}

test('a subscription lets go of the feed when the client completes it, although nothing happens', async () => {
  const socket = await subscribed(['a', 'b']);
  await expect.poll(() => followers.size).toBe(2);
  socket.send({ id: 'a', type: 'complete' });
  await expect.poll(() => followers.size).toBe(1);
  socket.socket.terminate();
  await expect.poll(() => followers.size).toBe(0);
});

test('a subscription whose feed fails ends with an error that tells nothing', async () => {
  fail = new Error('secret table names');
  const socket = await subscribed(['c']);
  const error = await socket.until(({ type }) => type === 'error');
  expect(error).toMatchObject({ id: 'c', payload: [{ extensions: { code: 'INTERNAL', id: expect.any(String) } }] });
  expect(JSON.stringify(socket.messages)).not.toContain('secret');
  expect(log.filter((line) => line.includes('secret table names'))).toHaveLength(1);
  socket.socket.close();
});
