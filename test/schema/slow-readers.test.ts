import { afterAll, beforeAll, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { RawSocket } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let player: TestPlayer;
beforeAll(async () => {
  app = await startTestApp();
  player = await createTestPlayer(app.database);
});
afterAll(() => app.close());

/** With long keys asked for many times, a message has eight kilobytes: these are more than the kernel keeps for a client. */
const CHANGES = 2_400;
const AT_ONCE = 300;
const KEY_BYTES = 250;
const WIDE = Array.from({ length: 28 }, (_, index) => `t${index}: transaction { externalKey }`).join(' ');

const walletId = (): string => formatId('wallet', { lane: player.lane, id: player.wallets.get('EUR') ?? 0n });

async function socketsBehind(): Promise<number> {
  const metrics = await (await fetch(`${app.url}/metrics`)).text();
  return Number(/^croupier_sockets_behind (\d+)$/m.exec(metrics)?.[1]);
}

async function win(count: number, prefix: string): Promise<void> {
  for (let start = 0; start < count; start += AT_ONCE) {
    const group = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, index) =>
      app.app.ledger.execute(
        {
          kind: 'win',
          brand: player.brand,
          player: player.externalId,
          integration: 'igpx-demo',
          currency: 'EUR',
          key: `${prefix}-${start + index}`.padEnd(KEY_BYTES, 'x'),
          amount: { digits: 1n, decimals: 0 },
        },
        { policy, deadlineMs: 20_000 },
      ),
    );
    await Promise.all(group);
  }
}

async function subscribe(token: string, query: string, field: string) {
  const socket = await new RawSocket(app.wsUrl).greet(token);
  socket.send({ id: '1', type: 'subscribe', payload: { query: `subscription { ${query} }` } });
  const events = () =>
    socket.messages.flatMap(({ type, payload }) =>
      type === 'next' ? [(payload as { data: Record<string, Record<string, unknown>> }).data[field] ?? {}] : [],
    );
  return { socket, events };
}

test('whoever does not read gets the last balance once it reads again; each, where it asks for each', async () => {
  const token = await app.token('player', player.externalId);
  const query = (coalesce: boolean): string =>
    `balanceChanged(walletId: "${walletId()}", coalesce: ${coalesce}) { sequence balance { amount } ${WIDE} }`;
  const sparse = await subscribe(token, query(true), 'balanceChanged');
  const whole = await subscribe(token, query(false), 'balanceChanged');
  await expect.poll(() => sparse.events().length + whole.events().length).toBe(2);
  for (const { socket } of [sparse, whole]) socket.socket.pause();
  await win(CHANGES - 1, 'unread');
  await expect.poll(socketsBehind, { timeout: 15_000 }).toBe(2);
  await win(1, 'held-back');
  for (const { socket } of [sparse, whole]) socket.socket.resume();
  const sequencesOf = ({ events }: typeof sparse): number[] => events().map(({ sequence }) => Number(sequence));
  for (const each of [sparse, whole]) {
    await expect.poll(() => sequencesOf(each).at(-1), { timeout: 15_000 }).toBe(1 + CHANGES);
  }
  expect(sequencesOf(whole)).toEqual(Array.from({ length: CHANGES + 1 }, (_, index) => index + 1));
  const leaping = sequencesOf(sparse);
  expect(leaping).toEqual([...new Set(leaping)].toSorted((one, other) => one - other));
  expect(leaping.length).toBeLessThan(CHANGES);
  expect(sparse.events().at(-1)).toMatchObject({ balance: { amount: `${100 + CHANGES}.00` } });

  // It reads again, and so misses nothing any more.
  await win(5, 'read');
  await expect.poll(() => sequencesOf(sparse).slice(-5)).toEqual([2, 3, 4, 5, 6].map((each) => each + CHANGES));
  for (const { socket } of [sparse, whole]) socket.socket.terminate();
});
