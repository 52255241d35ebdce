import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { RawSocket, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let player: TestPlayer;
let token: string;
let subscription: { query: string };

beforeAll(async () => {
  app = await startTestApp();
  player = await createTestPlayer(app.database);
  token = await app.token('player', player.externalId);
  subscription = { query: `subscription { balanceChanged(playerId: "${formatId('player', player)}") { sequence } }` };
});
afterAll(() => app.close());

const opened = () => new RawSocket(app.wsUrl).open();
const greeted = () => new RawSocket(app.wsUrl).greet(token);

describe('a socket is closed', () => {
  test('with 4408 when it says nothing for three seconds', async () => {
    const startedAt = performance.now();
    const socket = await opened();
    expect((await socket.closed).code).toBe(4408);
    expect(performance.now() - startedAt).toBeLessThan(4_500);
  });

  test('with 4401 for a token that is missing, wrong or expired', async () => {
    const payloads = [undefined, {}, { authorization: 5 }, { authorization: token }, { authorization: 'Bearer x' }];
    const expired = { authorization: `Bearer ${await app.token('player', 'x', { expiresInS: -60 })}` };
    for (const payload of [...payloads, expired]) {
      const socket = await opened();
      socket.send({ type: 'connection_init', payload });
      expect((await socket.closed).code).toBe(4401);
      expect(socket.messages).toEqual([]);
    }
  });

  test('with 4401 "token expired" when its time has come', async () => {
    const short = await app.token('player', player.externalId, { expiresInS: 2 });
    const socket = await new RawSocket(app.wsUrl).greet(short);
    socket.send({ id: '1', type: 'subscribe', payload: subscription });
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token expired' });
  });

  test('with 4401 when it subscribes before the acknowledgement', async () => {
    const socket = await opened();
    socket.send({ id: '1', type: 'subscribe', payload: subscription });
    expect((await socket.closed).code).toBe(4401);
  });

  test('with 4429 on a second init', async () => {
    const socket = await greeted();
    socket.send({ type: 'connection_init', payload: {} });
    expect((await socket.closed).code).toBe(4429);
  });

  test('with 4409 when an id is taken', async () => {
    const socket = await greeted();
    socket.send({ id: '1', type: 'subscribe', payload: subscription });
    await socket.until(({ type }) => type === 'next');
    socket.send({ id: '1', type: 'subscribe', payload: subscription });
    expect((await socket.closed).code).toBe(4409);
  });

  test('with 4406 when it speaks another subprotocol', async () => {
    const socket = new RawSocket(app.wsUrl, 'graphql-ws');
    expect([4406, 1006]).toContain((await socket.closed).code);
  });

  test.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['an unknown type', '{"type":"drop"}'],
    ['a subscription without an id', '{"type":"subscribe","payload":{"query":"{ me { id } }"}}'],
    ['an empty id', '{"id":"","type":"subscribe","payload":{"query":"{ me { id } }"}}'],
    ['a query that is no text', '{"id":"1","type":"subscribe","payload":{"query":5}}'],
    ['variables that are no object', '{"id":"1","type":"subscribe","payload":{"query":"{ me { id } }","variables":5}}'],
  ])('with 4400 for %s', async (_name, text) => {
    const socket = await greeted();
    socket.socket.send(text);
    expect((await socket.closed).code).toBe(4400);
  });

  test('with 1003 for a binary message and 1009 for one over 16 KiB', async () => {
    const binary = await greeted();
    binary.socket.send(Buffer.from('{"type":"ping"}'), { binary: true });
    expect((await binary.closed).code).toBe(1003);
    const large = await greeted();
    large.socket.send(JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(16_384) } }));
    expect((await large.closed).code).toBe(1009);
  });
});

test('a ping is answered, also without a token', async () => {
  const socket = await opened();
  socket.send({ type: 'ping' });
  expect(await socket.until(({ type }) => type === 'pong')).toEqual({ type: 'pong' });
  socket.socket.close();
});

test('queries and mutations work on a socket too', async () => {
  const socket = await greeted();
  socket.send({ id: 'q', type: 'subscribe', payload: { query: '{ me { externalId } }' } });
  expect(await socket.until(({ type }) => type === 'next')).toEqual({
    id: 'q',
    type: 'next',
    payload: { data: { me: { externalId: player.externalId } } },
  });
  await socket.until(({ type }) => type === 'complete');
  socket.send({
    id: 'm',
    type: 'subscribe',
    payload: { query: 'mutation { createPlayer(input: { externalId: "x" }) { id } }' },
  });
  expect(await socket.until(({ id }) => id === 'm')).toMatchObject({
    payload: { data: null, errors: [{ extensions: { code: 'FORBIDDEN' } }] },
  });
  socket.socket.close();
});

test('a socket carries 20 operations at a time, and a free place is used again', async () => {
  const socket = await greeted();
  for (let id = 0; id < 20; id += 1) socket.send({ id: `s${id}`, type: 'subscribe', payload: subscription });
  await socket.until(() => socket.messages.filter(({ type }) => type === 'next').length === 20);
  socket.send({ id: 'one too many', type: 'subscribe', payload: subscription });
  expect(await socket.until(({ id }) => id === 'one too many')).toMatchObject({
    type: 'error',
    payload: [{ extensions: { code: 'QUERY_TOO_COMPLEX' } }],
  });
  socket.send({ id: 's0', type: 'complete' });
  socket.send({ id: 'next', type: 'subscribe', payload: subscription });
  expect(await socket.until(({ id }) => id === 'next')).toMatchObject({ type: 'next' });
  socket.socket.close();
  await socket.closed;
});

/** The status with which an upgrade is refused; 101 when it is not. */
async function upgradeFrom(url: string, origin: string | undefined): Promise<number> {
  const socket = new WebSocket(url, 'graphql-transport-ws', origin === undefined ? {} : { origin });
  const status = await new Promise<number>((resolve, reject) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  socket.terminate();
  return status;
}

test('where pages are listed, those of other origins are refused; the own one and clients that name none are not', async () => {
  const graphql = { introspection: true, explorer: false, origins: ['https://casino.example'] };
  const listed = await startTestApp({ database: app.database, config: { graphql } });
  for (const origin of [undefined, 'https://casino.example', listed.url]) {
    expect([origin, await upgradeFrom(listed.wsUrl, origin)]).toEqual([origin, 101]);
  }
  const foreign = ['https://evil.example', 'https://casino.example.evil', 'http://casino.example', 'null', 'x'];
  for (const origin of foreign) expect([origin, await upgradeFrom(listed.wsUrl, origin)]).toEqual([origin, 403]);
  expect(await upgradeFrom(app.wsUrl, 'https://evil.example')).toBe(101);
  await listed.close();
});

test('a player has 100 sockets at a time, and a free place is used again', async () => {
  const greedy = await app.token('player', (await createTestPlayer(app.database)).externalId);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => new RawSocket(app.wsUrl).greet(greedy)));
  const tooMany = await opened();
  tooMany.send({ type: 'connection_init', payload: { authorization: `Bearer ${greedy}` } });
  expect((await tooMany.closed).code).toBe(4491);
  sockets[0]?.socket.close();
  await sockets[0]?.closed;
  const next = await new RawSocket(app.wsUrl).greet(greedy);
  for (const { socket } of [...sockets, next]) socket.terminate();
});

test('1,000 clients that come back at once all have their snapshots soon', async () => {
  const startedAt = performance.now();
  const staff = await app.token('service', 'backend');
  const sockets = await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const socket = await new RawSocket(app.wsUrl).greet(staff);
      socket.send({ id: '1', type: 'subscribe', payload: subscription });
      await socket.until(({ type }) => type === 'next');
      return socket;
    }),
  );
  // How soon is for `npm run bench:sockets` to say; here nobody may be forgotten.
  expect(performance.now() - startedAt).toBeLessThan(25_000);
  for (const { socket } of sockets) socket.terminate();
});

test('a player who is suspended, and one whose tokens are called back, is closed with 4403 and told why', async () => {
  const operator = await app.token('operator', 'boss');
  const [suspended, calledBack] = [await createTestPlayer(app.database), await createTestPlayer(app.database)];
  const sockets = await Promise.all(
    [suspended, calledBack].map(async ({ externalId }) =>
      new RawSocket(app.wsUrl).greet(await app.token('player', externalId)),
    ),
  );
  const suspend = `mutation { setPlayerStatus(input: { playerId: "${formatId('player', suspended)}", status: SUSPENDED }) { id } }`;
  const answer = await request(app, operator, suspend);
  expect(answer.errors).toEqual([]);
  const { code, reason } = (await sockets[0]?.closed) ?? {};
  expect([code, reason]).toEqual([4403, 'PLAYER_NOT_ACTIVE: SUSPENDED']);
  const late = await opened();
  late.send({
    type: 'connection_init',
    payload: { authorization: `Bearer ${await app.token('player', suspended.externalId)}` },
  });
  expect((await late.closed).code).toBe(4403);
  const callBack = `mutation { callBackTokens(input: { subject: "${calledBack.externalId}", reason: "lost phone" }) { __typename } }`;
  expect((await request(app, operator, callBack)).errors).toEqual([]);
  expect(await sockets[1]?.closed).toEqual({ code: 4403, reason: 'ACCESS_CHANGED' });
});

test('a gateway that leaves tells its sockets to reconnect', async () => {
  const leaving = await startTestApp({ database: app.database });
  const sockets = await Promise.all(Array.from({ length: 5 }, () => new RawSocket(leaving.wsUrl).greet(token)));
  for (const socket of sockets) socket.send({ id: '1', type: 'subscribe', payload: subscription });
  await Promise.all(sockets.map((socket) => socket.until(({ type }) => type === 'next')));
  const before = performance.now();
  await leaving.close();
  expect(performance.now() - before).toBeLessThan(3_000);
  for (const socket of sockets) expect((await socket.closed).code).toBe(1012);
  expect(leaving.log.filter((line) => line.includes('fault'))).toEqual([]);
  const late = new WebSocket(leaving.wsUrl, 'graphql-transport-ws');
  await new Promise((resolve) => late.once('error', resolve));
});
