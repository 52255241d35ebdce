import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { RawSocket } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
/** Another process on the same database. */
let other: TestApp;
let player: TestPlayer;
beforeAll(async () => {
  app = await startTestApp();
  other = await startTestApp({ database: app.database });
  player = await createTestPlayer(app.database);
});
afterAll(async () => {
  await other.close();
  await app.close();
});
const open: RawSocket[] = [];
afterEach(() => {
  for (const { socket } of open.splice(0)) socket.terminate();
});

interface Received {
  id: string;
  verdict: string;
  integration: { id: string };
  transaction: { externalKey: string } | null;
  at: number;
}

async function listen(gateway: TestApp, token: string, args = '') {
  const socket = await new RawSocket(gateway.wsUrl).greet(token);
  open.push(socket);
  const query = `subscription { callbackReceived${args} { id verdict integration { id } transaction { externalKey } } }`;
  const callbacks: Received[] = [];
  socket.socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString());
    if (message.id === '1' && message.type === 'next' && message.payload.data != null)
      callbacks.push({ ...message.payload.data.callbackReceived, at: performance.now() });
  });
  socket.send({ id: '1', type: 'subscribe', payload: { query } });
  // Operations of a socket start in order: when this one is answered, the subscription has begun.
  socket.send({ id: '2', type: 'subscribe', payload: { query: '{ __typename integrations { id } }' } });
  await socket.until(({ id, type }) => id === '2' && type === 'next');
  return {
    callbacks,
    keys: () => callbacks.map(({ transaction }) => transaction?.externalKey),
    async refusal(): Promise<unknown> {
      const { payload } = await socket.until(({ id, type }) => id === '1' && type === 'next');
      return (payload as { errors?: { extensions: { code: string } }[] }).errors?.map((each) => each.extensions.code);
    },
  };
}

function bet(gateway: TestApp, key: string, integration = 'igpx-demo', of = player) {
  const body = {
    transaction_id: key,
    action: 'bet',
    user_id: of.externalId,
    currency: 'EUR',
    amount: '1.00',
    bet_id: key,
    game_id: 'g',
  };
  return gateway.callback('/transaction', body, { integration });
}

describe('callbackReceived', () => {
  test('tells staff within a second of what either gateway received, refused requests too, each once', async () => {
    const listener = await listen(app, await app.token('support'));
    await Promise.all([bet(app, 'here'), bet(other, 'there'), other.callback('/transaction', '{}', { headers: {} })]);
    const answeredAt = performance.now();
    await expect.poll(() => listener.callbacks.length, { timeout: 3_000, interval: 10 }).toBe(3);
    expect(Math.max(...listener.callbacks.map(({ at }) => at)) - answeredAt).toBeLessThan(1_500);
    expect(listener.callbacks.filter(({ transaction }) => transaction === null)).toHaveLength(1);
    for (const key of ['here', 'there']) expect(listener.keys()).toContain(key);
    await bet(other, 'the last');
    await expect.poll(listener.keys).toContain('the last');
    expect(listener.callbacks).toHaveLength(4);
  });

  test('begins with what is received from now on', async () => {
    await bet(app, 'before');
    const listener = await listen(app, await app.token('support'));
    await bet(app, 'after');
    await expect.poll(listener.keys).toContain('after');
    expect(listener.keys()).toEqual(['after']);
  });

  test('tells of a row that was written seconds after its receipt', async () => {
    const listener = await listen(app, await app.token('support'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const receivedAt = new Date().toISOString();
    await expect
      .poll(() => Date.now() - Date.parse(receivedAt), { timeout: 6_000, interval: 100 })
      .toBeGreaterThan(4_000);
    await app.database.owner.query(
      `insert into callback (lane, received_at, integration, path, body, verdict, flags, duration_us)
       values (5, $1, 'igpx-demo', '/late', '', 'INTERNAL', '{}', 1)`,
      [receivedAt],
    );
    await expect.poll(() => listener.callbacks.length, { timeout: 6_000 }).toBe(1);
  });

  test('a filter holds of everything told', async () => {
    const neighbour = await createTestPlayer(app.database);
    const id = formatId('player', player);
    const token = await app.token('operator', 'boss');
    const filters = [
      '(filter: { integration: "igpx-second" })',
      `(filter: { playerId: "${id}", integration: "igpx-demo", refusedOnly: false })`,
      '(filter: { verdicts: [REPEAT] })',
    ];
    const [second, ofPlayer, repeats] = await Promise.all(filters.map((filter) => listen(app, token, filter)));
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    await bet(app, a, 'igpx-second');
    await bet(app, b);
    await bet(app, b);
    await bet(app, c, 'igpx-demo', neighbour);
    await expect.poll(() => second?.keys()).toEqual([a]);
    await expect.poll(() => ofPlayer?.keys()).toEqual([b, b]);
    await expect.poll(() => repeats?.keys()).toEqual([b]);
  });

  test('is for staff, and shows nobody another brand', async () => {
    const foreigner = await createTestPlayer(app.database, { brand: 'other' });
    const refused = await listen(app, await app.token('player', player.externalId));
    expect(await refused.refusal()).toEqual(['FORBIDDEN']);
    const foreign = await listen(app, await app.token('support', 'staff', { brand: 'other' }));
    await bet(app, 'at home');
    await bet(app, 'abroad', 'igpx-other', foreigner);
    await expect.poll(foreign.keys).toEqual(['abroad']);
    for (const [filter, code] of [
      [`playerId: "${formatId('player', player)}"`, 'NOT_FOUND'],
      ['from: "2027-01-01T00:00:00Z"', 'BAD_USER_INPUT'],
      ['round: "x"', 'BAD_USER_INPUT'],
      ['verdicts: []', 'BAD_USER_INPUT'],
    ]) {
      const listener = await listen(
        app,
        await app.token('support', 'staff', { brand: 'other' }),
        `(filter: { ${filter} })`,
      );
      expect([filter, await listener.refusal()]).toEqual([filter, [code]]);
    }
  });

  test('the journal is looked at only while somebody listens', async () => {
    // The socket's end reaches the gateway a moment later.
    const { owner } = app.database;
    await expect
      .poll(
        async () => {
          const { rows } = await owner.query<{ count: string }>(
            `select count(*) from pg_stat_activity where datname = current_database() and state = 'idle'
           and query like $1 and state_change > now() - interval '800 milliseconds' and pid <> pg_backend_pid()`,
            ['%callback c where%'],
          );
          return Number(rows[0]?.count);
        },
        { timeout: 5_000 },
      )
      .toBe(0);
  });
});
