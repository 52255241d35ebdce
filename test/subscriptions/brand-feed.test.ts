import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Posted, PostedPosition } from '../../src/events/brand-feed.js';
import type { Bus } from '../../src/events/bus.js';
import { createFeed, type Feed } from '../../src/events/feed.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';

const silentBus: Bus = { publish: () => undefined, listen: () => () => undefined, close: async () => undefined };

let database: TestDatabase;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.close());

/** A ledger and a feed, as one process has them; nothing is hinted, so others are only seen by looking. */
function startProcess({ postedMax = 100, repairMs = 200 } = {}): { feed: Feed; ledger: Ledger } {
  const feed = createFeed({ orm: database.orm, bus: silentBus, repairMs, postedMax });
  const ledger = createTestLedger(database, { committed: (units) => feed.accept(units) });
  closing.push(async () => {
    await ledger.close();
    await feed.close();
    expect(feed.posted.size).toEqual({ followers: 0 });
  });
  return { feed, ledger };
}

function follow(
  feed: Feed,
  options: { after?: PostedPosition | undefined; isBehind?: () => boolean; brand?: string } = {},
) {
  const stopping = new AbortController();
  const overruns: number[] = [];
  const iterator = feed.posted.follow({
    brand: options.brand ?? 'demo',
    ofWallet: () => true,
    matches: () => true,
    after: options.after,
    signal: stopping.signal,
    isBehind: options.isBehind ?? (() => false),
    overrun: () => overruns.push(1),
  });
  return { iterator, overruns, stop: () => stopping.abort() };
}

async function take(iterator: AsyncIterator<Posted, undefined>, count: number): Promise<Posted[]> {
  const taken: Posted[] = [];
  while (taken.length < count) {
    const { value } = await iterator.next();
    if (value === undefined) break;
    taken.push(value);
  }
  return taken;
}

async function deposit(ledger: Ledger, player: TestPlayer, key: string): Promise<void> {
  const facts = { brand: player.brand, player: player.externalId, integration: 'cashier', currency: 'EUR', key };
  const amount = { digits: 1n, decimals: 0 };
  const { outcome } = await ledger.execute({ kind: 'deposit', ...facts, amount }, { policy, deadlineMs: 20_000 });
  expect(outcome.type).toBe('applied');
}

const deposits = (ledger: Ledger, players: readonly TestPlayer[], prefix: string, each: number): Promise<unknown> =>
  Promise.all(
    players.flatMap((player) =>
      Array.from({ length: each }, (_, index) => deposit(ledger, player, `${prefix}-${index}`)),
    ),
  );

/** Where the stream stands now. */
async function positionNow(): Promise<PostedPosition> {
  const { rows } = await database.owner.query<{ number: string }>('select number from lane order by lane');
  return { numbers: rows.map(({ number }) => BigInt(number)) };
}

const namesOf = (events: readonly Posted[]): string[] =>
  events.map(({ row }) => `${row.walletId}|${row.sequence}`).toSorted();

describe('the stream of a brand', () => {
  test('whoever leaves more unread than is kept reads it from the ledger, without a gap', async () => {
    const process = startProcess({ postedMax: 10 });
    const players = await Promise.all(Array.from({ length: 3 }, () => createTestPlayer(database)));
    const after = await positionNow();
    const { iterator, overruns, stop } = follow(process.feed, { after });
    const early = take(iterator, 1);
    await deposits(process.ledger, players, 'many', 40);
    const events = [...(await early), ...(await take(iterator, 119))];
    stop();
    expect(new Set(namesOf(events)).size).toBe(120);
    expect(events.every(({ row }) => row.externalKey.startsWith('many-'))).toBe(true);
    expect(overruns).toEqual([]);
  });

  test('whoever leaves more unread than is kept, and bytes lying as well, is ended and told so once', async () => {
    const process = startProcess({ postedMax: 10 });
    const player = await createTestPlayer(database);
    const { iterator, overruns } = follow(process.feed, { isBehind: () => true });
    const pending = take(iterator, 1);
    await expect
      .poll(async () => {
        await deposits(process.ledger, [player], `flood-${Math.random()}`, 20);
        return overruns.length;
      })
      .toBe(1);
    await pending;
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(process.feed.posted.size).toEqual({ followers: 0 });
  });

  test('every position leads to exactly what came after it, also inside a unit of several wallets and lanes', async () => {
    const process = startProcess({ postedMax: 1_000 });
    const players = await Promise.all(Array.from({ length: 5 }, () => createTestPlayer(database)));
    const after = await positionNow();
    const whole = follow(process.feed, { after });
    const pending = take(whole.iterator, 60);
    await deposits(process.ledger, players, 'exact', 12);
    const events = await pending;
    for (let place = 0; place < events.length; place += 7) {
      const resumed = follow(process.feed, { after: events[place]?.position });
      const rest = await take(resumed.iterator, events.length - place - 1);
      expect(namesOf(rest)).toEqual(namesOf(events.slice(place + 1)));
      resumed.stop();
    }
    whole.stop();
  });

  test('what another process committed is seen without a hint within the time of a repair, and of the brand only', async () => {
    const [here, there] = [startProcess(), startProcess()];
    const [player, foreigner] = [
      await createTestPlayer(database),
      await createTestPlayer(database, { brand: 'other' }),
    ];
    const after = await positionNow();
    const { iterator, stop } = follow(here.feed, { after });
    const pending = take(iterator, 1);
    const startedAt = performance.now();
    await deposit(there.ledger, foreigner, 'elsewhere');
    await deposit(there.ledger, player, 'here');
    expect((await pending).map(({ row, wallet }) => [row.externalKey, wallet.brand])).toEqual([['here', 'demo']]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    stop();
  });

  test('a position beyond the ledger is known to be made up', async () => {
    const process = startProcess();
    const player = await createTestPlayer(database);
    const { numbers } = await positionNow();
    expect(await process.feed.posted.isReached({ numbers })).toBe(true);
    const ahead = numbers.with(player.lane, (numbers[player.lane] ?? 0n) + 1_000n);
    expect(await process.feed.posted.isReached({ numbers: ahead })).toBe(false);
  });
});
