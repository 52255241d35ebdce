import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Bus } from '../../src/events/bus.js';
import { createPostgresBus } from '../../src/events/bus-postgres.js';
import { type BalanceMoved, createFeed, type Feed, type WalletCursor } from '../../src/events/feed.js';
import { CASHIER } from '../../src/ledger/commands.js';
import { laneOf } from '../../src/ledger/lanes.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { CommittedUnit } from '../../src/ledger/unit-of-work.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';

/** A ledger and a feed, as one process of the gateway has them. */
interface Process {
  readonly feed: Feed;
  readonly ledger: Ledger;
  readonly logger: { readonly info: () => void; readonly warn: () => void };
}

interface ProcessOptions {
  readonly bus?: Bus;
  readonly repairMs?: number;
  /** Stands between the ledger and the feed. */
  readonly committed?: (units: readonly CommittedUnit[], feed: Feed) => void;
}

const NEVER_MS = 600_000;
const silentBus: Bus = { publish: () => undefined, listen: () => () => undefined, close: async () => undefined };

describe('the feed', () => {
  let database: TestDatabase;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => database.close());

  function startProcess({ bus = silentBus, repairMs = NEVER_MS, committed }: ProcessOptions = {}): Process {
    const logger = { info: vi.fn<() => void>(), warn: vi.fn<() => void>() };
    const feed = createFeed({ orm: database.orm, bus, logger, repairMs });
    const ledger = createTestLedger(database, {
      committed: (units) => (committed === undefined ? feed.accept(units) : committed(units, feed)),
    });
    closing.push(async () => {
      await ledger.close();
      await feed.close();
      await bus.close();
      expect(feed.size).toEqual({ followers: 0, wallets: 0, lanes: 0 });
    });
    return { feed, ledger, logger };
  }

  const openBus = (): Promise<Bus> => createPostgresBus({ connection: { connectionString: database.url } });

  test('followers see what other processes commit as soon as it is hinted', async () => {
    const [here, there] = [startProcess({ bus: await openBus() }), startProcess({ bus: await openBus() })];
    const player = await createTestPlayer(database);
    const followers = [here, there].map(({ feed }) => startReading(feed, [cursorOf(player, 1n)], 41));
    for (let round = 0; round < 20; round += 1)
      await Promise.all([deposit(here.ledger, player), deposit(there.ledger, player)]);
    await deposit(here.ledger, player);
    for (const moves of await Promise.all(followers)) expect(sequencesOf(moves)).toEqual(range(2, 42));
  });

  test('a follower that comes later sees the changes of other processes too', async () => {
    const [here, there] = [startProcess({ bus: await openBus() }), startProcess({ bus: await openBus() })];
    const player = await createTestPlayer(database);
    const first = follow(here.feed, [cursorOf(player, 0n)]);
    await readSome(first, 1);
    // The lane is watched by now; this one joins it.
    const second = follow(here.feed, [cursorOf(player, 1n)]);
    const pending = readSome(second, 1);
    await deposit(there.ledger, player);
    expect(sequencesOf(await pending)).toEqual([2n]);
    await Promise.all([first.return?.(), second.return?.()]);
  });

  test('a lost hint is repaired within a second or so', async () => {
    const [here, there] = [startProcess({ repairMs: 1_000 }), startProcess()];
    const player = await createTestPlayer(database);
    const follower = follow(here.feed, [cursorOf(player, 0n)]);
    await readSome(follower, 1);
    const pending = readSome(follower, 2);
    await deposit(there.ledger, player);
    await deposit(there.ledger, player);
    const startedAt = performance.now();
    expect(sequencesOf(await pending)).toEqual([2n, 3n]);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    await follower.return?.();
  });

  test('what a process committed without learning of it reaches its followers: the answer to COMMIT was lost', async () => {
    const { feed, ledger } = startProcess({ repairMs: 100, committed: () => undefined });
    const player = await createTestPlayer(database);
    const pending = startReading(feed, [cursorOf(player, 0n)], 3);
    await deposit(ledger, player);
    await deposit(ledger, player);
    expect(sequencesOf(await pending)).toEqual([1n, 2n, 3n]);
  });

  test('a unit that is not the next of its lane makes the feed look for those between at once', async () => {
    const [here, there] = [startProcess(), startProcess()];
    const player = await createTestPlayer(database);
    const neighbour = await createTestPlayer(database, { externalId: nameInLane(player.lane) });
    const follower = follow(here.feed, [cursorOf(player, 0n)]);
    await readSome(follower, 1);
    const pending = readSome(follower, 1);
    await deposit(there.ledger, player);
    await deposit(here.ledger, neighbour);
    expect(sequencesOf(await pending)).toEqual([2n]);
    await follower.return?.();
  });

  test('a gap in what is told is filled from the ledger before anything after it is handed out', async () => {
    let count = 0;
    const { feed, ledger } = startProcess({
      committed: (units, feed) => {
        count += 1;
        if (count % 3 === 0) feed.accept(units);
      },
    });
    const player = await createTestPlayer(database);
    const pending = startReading(feed, [cursorOf(player, 1n)], 30);
    for (let index = 0; index < 30; index += 1) await deposit(ledger, player);
    const moves = await pending;
    expect(sequencesOf(moves)).toEqual(range(2, 31));
    expect(moves.map(({ balanceUnits }) => balanceUnits)).toEqual(range(101, 130).map((each) => each * 1_000_000n));
  });

  test('what is told twice or late is handed out once', async () => {
    const kept: CommittedUnit[] = [];
    const { feed, ledger } = startProcess({
      committed: (units, feed) => {
        kept.push(...units);
        feed.accept(units);
        feed.accept(units);
        feed.accept(kept);
      },
    });
    const player = await createTestPlayer(database);
    const pending = startReading(feed, [cursorOf(player, 0n)], 21);
    for (let index = 0; index < 20; index += 1) await deposit(ledger, player);
    expect(sequencesOf(await pending)).toEqual(range(1, 21));
  });

  test('a follower that does not keep up loses nothing, and little is kept for it', async () => {
    const told = new Set<object>();
    const { feed, ledger } = startProcess({
      committed: (units, feed) => {
        for (const unit of units) for (const row of unit.rows) told.add(row);
        feed.accept(units);
      },
    });
    const player = await createTestPlayer(database);
    const follower = follow(feed, [cursorOf(player, 0n)]);
    let last = Number((await readSome(follower, 1))[0]?.sequence);
    // One more than is kept, so that nothing told afterwards betrays what was dropped; and a lot.
    for (const count of [257, 1_500]) {
      await Promise.all(Array.from({ length: count }, () => deposit(ledger, player)));
      const moves = await readSome(follower, count);
      expect(sequencesOf(moves)).toEqual(range(last + 1, last + count));
      expect(moves.filter(({ row }) => told.has(row)).length).toBeLessThanOrEqual(256);
      last += count;
    }
    // Having caught up, it is told again.
    const pending = readSome(follower, 1);
    await deposit(ledger, player);
    expect((await pending).map(({ sequence, row }) => [sequence, told.has(row)])).toEqual([[BigInt(last + 1), true]]);
    await follower.return?.();
  });

  test('a follower that starts amid a thousand commits of two processes sees each exactly once and in order', async () => {
    const processes = [startProcess({ bus: await openBus() }), startProcess({ bus: await openBus() })];
    const player = await createTestPlayer(database);
    let committed = 0;
    const followers: Promise<BalanceMoved[]>[] = [];
    const commits = Array.from({ length: 10 }, async (_, index) => {
      for (let each = 0; each < 100; each += 1) {
        const process = processes[(index + each) % 2];
        if (process === undefined) continue;
        await deposit(process.ledger, player);
        committed += 1;
        if (committed % 100 === 0) followers.push(startReading(process.feed, [cursorOf(player, 0n)], 1_001));
      }
    });
    await Promise.all(commits);
    expect(followers).toHaveLength(10);
    for (const moves of await Promise.all(followers)) expect(sequencesOf(moves)).toEqual(range(1, 1_001));
  });

  test('a follower of many wallets sees each of them in order, and only these', async () => {
    const processes = [startProcess({ bus: await openBus() }), startProcess({ bus: await openBus() })];
    const players = await Promise.all(Array.from({ length: 60 }, () => createTestPlayer(database)));
    const followed = players.slice(0, 50);
    const pending = Promise.all(
      processes.map(({ feed }) =>
        startReading(
          feed,
          followed.map((each) => cursorOf(each, 0n)),
          50 * 11,
        ),
      ),
    );
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(players.map((player, index) => deposit(processes[(index + round) % 2]?.ledger, player)));
    }
    for (const moves of await pending) {
      const byWallet = Map.groupBy(moves, ({ walletId }) => walletId);
      expect(byWallet.size).toBe(50);
      for (const each of byWallet.values()) expect(sequencesOf(each)).toEqual(range(1, 11));
    }
  });

  test('the same wallet twice is followed once, from the earlier cursor', async () => {
    const { feed, ledger } = startProcess();
    const player = await createTestPlayer(database);
    await deposit(ledger, player);
    const pending = startReading(feed, [cursorOf(player, 1n), cursorOf(player, 0n), cursorOf(player, 2n)], 3);
    await deposit(ledger, player);
    expect(sequencesOf(await pending)).toEqual([1n, 2n, 3n]);
  });

  test('an event carries the whole ledger row, the same whether told or read', async () => {
    const { feed, ledger } = startProcess();
    const player = await createTestPlayer(database);
    const live = follow(feed, [cursorOf(player, 0n)]);
    await readSome(live, 1);
    const pending = readSome(live, 1);
    await deposit(ledger, player);
    const [told] = await pending;
    const [, read] = await startReading(feed, [cursorOf(player, 0n)], 2);
    expect(told).toMatchObject(read ?? { absent: true });
    expect(read).toMatchObject({
      lane: player.lane,
      sequence: 2n,
      balanceUnits: 101_000_000n,
      row: { playerId: player.id, kind: 'deposit', rest: null },
    });
    expect(read?.displayAt).toEqual(read?.row.createdAt);
    await live.return?.();
  });

  test('nothing is held for a follower that ended, and one that waits ends at once', async () => {
    const { feed } = startProcess({ repairMs: 50 });
    const players = await Promise.all([createTestPlayer(database), createTestPlayer(database)]);
    const cursors = players.map((each) => cursorOf(each, 0n));
    const lanes = new Set(players.map(({ lane }) => lane)).size;
    const controller = new AbortController();
    const [aborted, returned, unread] = [
      follow(feed, cursors, controller.signal),
      follow(feed, cursors),
      follow(feed, cursors),
    ];
    await Promise.all([readSome(aborted, 2), readSome(returned, 2)]);
    const waiting = [aborted.next(), returned.next()];
    // A third that has read as much shows that these two have nothing left to read and really wait.
    await startReading(feed, cursors, 2);
    expect(feed.size).toEqual({ followers: 2, wallets: 2, lanes });

    controller.abort();
    expect(feed.size).toEqual({ followers: 1, wallets: 2, lanes });
    await returned.return?.();
    expect(feed.size).toEqual({ followers: 0, wallets: 0, lanes: 0 });
    const end = { done: true, value: undefined };
    for (const each of [...waiting, aborted.next(), returned.next(), unread.return?.(), unread.next()]) {
      expect(await each).toEqual(end);
    }
    expect(await follow(feed, cursors, AbortSignal.abort()).next()).toEqual(end);
    expect(feed.size).toEqual({ followers: 0, wallets: 0, lanes: 0 });
  });

  test('closing ends every follower, those of no wallet and those to come too', async () => {
    const { feed } = startProcess();
    const player = await createTestPlayer(database);
    const waiting = [follow(feed, [cursorOf(player, 1n)]).next(), follow(feed, []).next()];
    await feed.close();
    const end = { done: true, value: undefined };
    expect(await Promise.all([...waiting, follow(feed, [cursorOf(player, 0n)]).next()])).toEqual([end, end, end]);
  });

  test('while the database is away followers wait, it is said once, and then nothing is missing', async () => {
    const [here, there] = [startProcess({ repairMs: 50 }), startProcess()];
    const player = await createTestPlayer(database);
    const follower = follow(here.feed, [cursorOf(player, 0n)]);
    await readSome(follower, 1);
    const late = await createTestPlayer(database);
    const latecomer = follow(here.feed, [cursorOf(late, 0n)]);
    await deposit(there.ledger, player);

    const name = new URL(database.url).pathname.slice(1);
    const server = new Client({
      connectionString: Object.assign(new URL(database.ownerUrl), { pathname: '/postgres' }).href,
    });
    await server.connect();
    closing.push(() => server.end());
    await server.query(`alter database ${name} allow_connections false`);
    await server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
    const pending = [readSome(follower, 2), readSome(latecomer, 1)];
    await vi.waitFor(() => expect(here.logger.warn).toHaveBeenCalled());
    // A second follower asks in vain, and gives up.
    const impatient = new AbortController();
    const given = follow(here.feed, [cursorOf(player, 0n)], impatient.signal).next();
    impatient.abort();
    expect(await given).toEqual({ done: true, value: undefined });

    await server.query(`alter database ${name} allow_connections true`);
    await deposit(there.ledger, player);
    expect((await Promise.all(pending)).map(sequencesOf)).toEqual([[2n, 3n], [1n]]);
    expect(here.logger.warn).toHaveBeenCalledOnce();
    expect(here.logger.info).toHaveBeenCalledOnce();
    await Promise.all([follower.return?.(), latecomer.return?.()]);
  });
});

function follow(
  feed: Feed,
  cursors: readonly WalletCursor[],
  signal = new AbortController().signal,
): AsyncIterator<BalanceMoved> {
  return feed.follow(cursors, signal)[Symbol.asyncIterator]();
}

async function readSome(follower: AsyncIterator<BalanceMoved>, count: number): Promise<BalanceMoved[]> {
  const moves: BalanceMoved[] = [];
  while (moves.length < count) {
    const { done, value } = await follower.next();
    if (done === true) break;
    moves.push(value);
  }
  return moves;
}

/** Reads so many changes, then ends the follower. */
async function startReading(feed: Feed, cursors: readonly WalletCursor[], count: number): Promise<BalanceMoved[]> {
  const moves: BalanceMoved[] = [];
  for await (const move of feed.follow(cursors, new AbortController().signal)) {
    moves.push(move);
    if (moves.length === count) break;
  }
  return moves;
}

function cursorOf(player: TestPlayer, after: bigint): WalletCursor {
  return { lane: player.lane, walletId: player.wallets.get('EUR') ?? 0n, after };
}

/** Deposits 1 EUR; the player's first deposit was the wallet's sequence 1. */
async function deposit(ledger: Ledger | undefined, { brand, externalId }: TestPlayer): Promise<void> {
  const answer = await ledger?.execute(
    {
      kind: 'deposit',
      brand,
      player: externalId,
      integration: CASHIER,
      currency: 'EUR',
      amount: { digits: 1n, decimals: 0 },
      key: randomUUID(),
    },
    { policy, deadlineMs: 20_000 },
  );
  expect(answer?.outcome.type).toBe('applied');
}

function nameInLane(lane: number): string {
  for (;;) {
    const name = randomUUID();
    if (laneOf('demo', name) === lane) return name;
  }
}

function sequencesOf(moves: readonly BalanceMoved[]): bigint[] {
  return moves.map(({ sequence }) => sequence);
}

function range(first: number, last: number): bigint[] {
  return Array.from({ length: last - first + 1 }, (_, index) => BigInt(first + index));
}
