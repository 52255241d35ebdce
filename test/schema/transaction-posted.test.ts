import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { RawSocket } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
/** Another process on the same database. */
let other: TestApp;
beforeAll(async () => {
  app = await startTestApp();
  other = await startTestApp({ database: app.database });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

interface Event {
  cursor: string;
  displayAt: string;
  transaction: {
    kind: string;
    externalKey: string;
    sequence: string;
    wallet: { id: string; balance: { amount: string } };
  };
}
const FIELDS = 'cursor displayAt transaction { kind externalKey sequence wallet { id balance { amount } } }';

/** A subscription that keeps what it is told. */
class Listener {
  readonly events: Event[] = [];
  readonly #socket: RawSocket;

  constructor(socket: RawSocket) {
    this.#socket = socket;
  }

  /** Resolves when the subscription is certain to be under way: a transaction of a player of its own has come by. */
  static async open(gateway: TestApp, token: string, args = ''): Promise<Listener> {
    const socket = await new RawSocket(gateway.wsUrl).greet(token);
    const listener = new Listener(socket);
    socket.send({
      id: '1',
      type: 'subscribe',
      payload: { query: `subscription { transactionPosted${args} { ${FIELDS} } }` },
    });
    return listener;
  }

  get keys(): string[] {
    return this.#read().map(({ transaction }) => transaction.externalKey);
  }

  get all(): Event[] {
    return this.#read();
  }

  async refusal(): Promise<unknown> {
    const { payload } = await this.#socket.until(({ type }) => type === 'next');
    return (payload as { errors?: { extensions: { code: string } }[] }).errors?.map(
      ({ extensions }) => extensions.code,
    );
  }

  async has(key: string): Promise<void> {
    await expect.poll(() => this.keys, { timeout: 5_000, interval: 10 }).toContain(key);
  }

  close(): void {
    this.#socket.socket.terminate();
  }

  #read(): Event[] {
    return this.#socket.messages.flatMap(({ type, payload }) =>
      type === 'next' ? [(payload as { data: { transactionPosted: Event } }).data.transactionPosted] : [],
    );
  }
}

async function move(gateway: TestApp, player: TestPlayer, key: string, kind: 'bet' | 'win' = 'bet'): Promise<void> {
  const integration = player.brand === 'demo' ? 'igpx-demo' : 'igpx-other';
  const amount = { digits: 1n, decimals: 0 };
  const facts = { brand: player.brand, player: player.externalId, integration, currency: 'EUR', key, amount };
  const { outcome } = await gateway.app.ledger.execute({ kind, ...facts }, { policy, deadlineMs: 5_000 });
  if (outcome.type !== 'applied') throw new Error('not applied');
}

/** Bets until the listener hears one: from then on it hears everything. */
async function untilHeard(gateway: TestApp, player: TestPlayer, listener: Listener): Promise<void> {
  await expect
    .poll(
      async () => {
        await move(gateway, player, `start-${randomUUID()}`);
        return listener.all.length;
      },
      { timeout: 5_000, interval: 50 },
    )
    .toBeGreaterThan(0);
}

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const walletOf = (player: TestPlayer): string =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get('EUR') ?? 0n });

describe('transactionPosted', () => {
  test("tells staff of every transaction of the brand, of both gateways, each wallet's in order", async () => {
    const players = await Promise.all(Array.from({ length: 6 }, () => createTestPlayer(app.database)));
    const [first] = players;
    if (first === undefined) throw new Error('There are no players');
    const listener = await Listener.open(app, await app.token('support'));
    await untilHeard(app, first, listener);
    const keys = players.flatMap((_, index) => names(`both-${index}`, 20));
    await Promise.all(
      players.map(async (player, index) => {
        for (const [turn, key] of names(`both-${index}`, 20).entries()) await move(turn % 2 ? other : app, player, key);
      }),
    );
    const told = (): string[] => listener.keys.filter((key) => key.startsWith('both-'));
    await expect.poll(() => told().length, { timeout: 5_000 }).toBe(keys.length);
    expect(told().toSorted()).toEqual(keys.toSorted());
    for (const player of players) {
      const ofWallet = listener.all.filter(({ transaction }) => transaction.wallet.id === walletOf(player));
      const sequences = ofWallet.map(({ transaction }) => Number(transaction.sequence));
      expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] ?? 0) + index));
    }
    listener.close();
  });

  test('resumes after any cursor with what came after it, on another gateway, nothing missing, nothing twice', async () => {
    const players = await Promise.all(Array.from({ length: 4 }, () => createTestPlayer(app.database)));
    const [first] = players;
    if (first === undefined) throw new Error('There are no players');
    const token = await app.token('operator', 'boss');
    const listener = await Listener.open(app, token);
    await untilHeard(app, first, listener);
    // At once, so that units of work hold several rows and cursors stand inside them.
    await Promise.all(
      players.flatMap((player, index) => names(`re-${index}`, 15).map((key) => move(app, player, key))),
    );
    await expect.poll(() => listener.keys.filter((key) => key.startsWith('re-')).length).toBe(60);
    const all = listener.all;
    for (const place of [0, 1, 7, 20, 33, all.length - 2]) {
      const resumed = await Listener.open(other, token, `(after: "${all[place]?.cursor}")`);
      await expect.poll(() => resumed.all.length, { timeout: 5_000 }).toBe(all.length - place - 1);
      const rest = all.slice(place + 1).map(({ transaction }) => transaction.externalKey);
      expect(resumed.keys.toSorted()).toEqual(rest.toSorted());
      // Every cursor of the resumed stream leads on too.
      const again = await Listener.open(app, token, `(after: "${resumed.all[0]?.cursor}")`);
      await expect.poll(() => again.all.length, { timeout: 5_000 }).toBe(rest.length - 1);
      expect([...resumed.keys.slice(0, 1), ...again.keys].toSorted()).toEqual(rest.toSorted());
      again.close();
      resumed.close();
    }
    listener.close();
  });

  test('goes on without a gap from what is read to what happens meanwhile', async () => {
    const player = await createTestPlayer(app.database);
    const token = await app.token('support');
    const listener = await Listener.open(app, token);
    await untilHeard(app, player, listener);
    const cursor = listener.all.at(-1)?.cursor;
    const playing = Promise.all(
      names('meanwhile', 80).map((key, index) => move(index % 3 === 0 ? other : app, player, key)),
    );
    const resumed = await Listener.open(other, token, `(after: "${cursor}")`);
    await playing;
    // What made the listener hear may have been heard later than the cursor was taken.
    const told = (from: Listener): string[] => from.keys.filter((key) => key.startsWith('meanwhile-'));
    await expect.poll(() => told(resumed).length, { timeout: 5_000 }).toBe(80);
    expect(told(resumed).toSorted()).toEqual(names('meanwhile', 80).toSorted());
    await expect.poll(() => told(listener).length).toBe(80);
    const sequences = resumed.all.map(({ transaction }) => Number(transaction.sequence));
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    listener.close();
    resumed.close();
  });

  test('a filter holds of everything told, and the wallet is as it was then', async () => {
    const [player, neighbour] = [await createTestPlayer(app.database), await createTestPlayer(app.database)];
    const token = await app.token('analyst');
    const wins = await Listener.open(app, token, '(filter: { kind: WIN, integration: "igpx-demo" })');
    const ofPlayer = await Listener.open(app, token, `(filter: { walletId: "${walletOf(player)}" })`);
    await untilHeard(app, player, ofPlayer);
    await expect
      .poll(async () => {
        await move(app, neighbour, `win-${randomUUID()}`, 'win');
        return wins.all.length;
      })
      .toBeGreaterThan(0);
    await move(app, neighbour, 'not a win');
    await move(app, player, 'a win', 'win');
    await wins.has('a win');
    await ofPlayer.has('a win');
    expect(wins.all.map(({ transaction }) => transaction.kind)).toEqual(wins.all.map(() => 'WIN'));
    expect(ofPlayer.all.every(({ transaction }) => transaction.wallet.id === walletOf(player))).toBe(true);
    const balances = ofPlayer.all.map(({ transaction }) => Number(transaction.wallet.balance.amount));
    expect(balances.at(-1)).toBe((balances.at(-2) ?? 0) + 1);
    wins.close();
    ofPlayer.close();
  });

  test('tells players of their own transactions only, and nobody of another brand', async () => {
    const [player, stranger] = [await createTestPlayer(app.database), await createTestPlayer(app.database)];
    const foreigner = await createTestPlayer(app.database, { brand: 'other' });
    const own = await Listener.open(app, await app.token('player', player.externalId));
    const foreign = await Listener.open(app, await app.token('support', 'staff', { brand: 'other' }));
    await untilHeard(app, player, own);
    await untilHeard(app, foreigner, foreign);
    await move(app, stranger, 'of a stranger');
    await move(app, player, 'of one’s own');
    await move(app, foreigner, 'abroad');
    await own.has('of one’s own');
    await foreign.has('abroad');
    expect(own.all.every(({ transaction }) => transaction.wallet.id === walletOf(player))).toBe(true);
    expect(foreign.all.every(({ transaction }) => transaction.wallet.id === walletOf(foreigner))).toBe(true);
    const resumed = await Listener.open(
      app,
      await app.token('player', player.externalId),
      `(after: "${own.all[0]?.cursor}")`,
    );
    await resumed.has('of one’s own');
    expect(resumed.keys).toEqual(own.keys.slice(1));
    for (const each of [own, foreign, resumed]) each.close();
  });

  test('refuses cursors that are foreign, made up or ahead, and what has no meaning for a stream', async () => {
    const [player, stranger] = [await createTestPlayer(app.database), await createTestPlayer(app.database)];
    const staff = await app.token('support');
    const own = await app.token('player', player.externalId);
    const [ofStaff, ofPlayer] = [await Listener.open(app, staff), await Listener.open(app, own)];
    await untilHeard(app, player, ofPlayer);
    await expect.poll(() => ofStaff.all.length).toBeGreaterThan(0);
    const [cursor, ownCursor] = [ofStaff.all[0]?.cursor ?? '', ofPlayer.all[0]?.cursor ?? ''];
    const foreign = await app.token('support', 'staff', { brand: 'other' });
    const refused = [
      ...['', 'x', cursor.slice(1), `${cursor}A`, cursor.slice(0, -4), ownCursor, 'A'.repeat(3_000)].map((after) => [
        staff,
        after,
      ]),
      [foreign, cursor],
      [own, cursor],
      [await app.token('player', stranger.externalId), ownCursor],
    ] as const;
    for (const [token, after] of refused) {
      const listener = await Listener.open(app, token ?? '', `(after: ${JSON.stringify(after)})`);
      expect([after, await listener.refusal()]).toEqual([after, ['BAD_USER_INPUT']]);
      listener.close();
    }
    const filters = [
      ['from: "2027-01-01T00:00:00Z"', 'BAD_USER_INPUT'],
      ['to: "2027-01-01T00:00:00Z"', 'BAD_USER_INPUT'],
      [`playerId: "${formatId('player', stranger)}", walletId: "${walletOf(player)}"`, 'BAD_USER_INPUT'],
      ['playerId: "x"', 'NOT_FOUND'],
      ['walletId: "wa_00zzzz"', 'NOT_FOUND'],
    ];
    for (const [filter, code] of filters) {
      const listener = await Listener.open(app, staff, `(filter: { ${filter} })`);
      expect([filter, await listener.refusal()]).toEqual([filter, [code]]);
      listener.close();
    }
    for (const filter of [`playerId: "${formatId('player', stranger)}"`, `walletId: "${walletOf(stranger)}"`]) {
      const listener = await Listener.open(app, own, `(filter: { ${filter} })`);
      expect([filter, await listener.refusal()]).toEqual([filter, ['NOT_FOUND']]);
      listener.close();
    }
    ofStaff.close();
    ofPlayer.close();
  });
});
