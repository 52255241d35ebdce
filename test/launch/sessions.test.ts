import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createReads, type Reads } from '../../src/database/reads.js';
import {
  endOf,
  readPlays,
  readSessionPages,
  readSessions,
  readSessionsOfRows,
  type SessionPlay,
} from '../../src/launch/sessions.js';
import { type WantedRow, writeRows } from '../history/ledger-rows.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';

let db: TestDatabase;
let reads: Reads;
let alice: TestPlayer;
beforeAll(async () => {
  db = await createTestDatabase();
  reads = createReads({ primary: { connectionString: db.url, max: 2 }, logger: pino({ level: 'silent' }) });
});
afterAll(async () => {
  await reads.close();
  await db.close();
});
beforeEach(async () => {
  alice = await createTestPlayer(db, { balances: { EUR: '0', USD: '0' } });
});

const start = Date.parse('2026-05-01T10:00:00.000Z');
const minute = 60_000;
const at = (minutes: number): Date => new Date(start + minutes * minute);

interface WantedLaunch {
  readonly demo?: boolean;
  readonly failed?: boolean;
  readonly integration?: string;
  readonly createdAt?: Date;
}

/** @returns the session's id */
async function launched(minutes: number, more: WantedLaunch = {}): Promise<bigint> {
  const { demo = false, failed = false, integration = 'igpx-demo', createdAt = at(minutes) } = more;
  const { rows } = await db.owner.query<{ id: string }>(
    `insert into game_session (lane, player_id, integration, currency, demo, failed, created_at)
     values ($1, $2, $3, 'EUR', $4, $5, $6) returning id`,
    [alice.lane, alice.id, integration, demo, failed, createdAt],
  );
  return BigInt(rows[0]?.id ?? 0);
}

async function playOf(id: bigint): Promise<SessionPlay> {
  const [play] = await readPlays(reads, [{ lane: alice.lane, id }]);
  if (play === undefined) throw new Error('No play');
  return play;
}

async function sessionAt(createdAt: Date, integration = 'igpx-demo'): Promise<bigint | undefined> {
  const row = { lane: alice.lane, playerId: alice.id, integration, createdAt };
  const [session] = await readSessionsOfRows(reads, [row]);
  return session?.id;
}

const row = (minutes: number, effect: bigint, more: Partial<WantedRow> = {}): WantedRow => ({
  createdAt: at(minutes),
  effect,
  ...more,
});
const stake = (minutes: number, more: Partial<WantedRow> = {}): WantedRow => row(minutes, 0n, more);

describe('a ledger row belongs to', () => {
  test('the latest launch at its integration at or before it', async () => {
    const first = await launched(0);
    const second = await launched(10);
    const elsewhere = await launched(5, { integration: 'igpx-second' });
    expect(await sessionAt(at(-1))).toBeUndefined();
    expect(await sessionAt(at(0))).toBe(first);
    expect(await sessionAt(new Date(at(10).getTime() - 1))).toBe(first);
    expect(await sessionAt(at(10))).toBe(second);
    expect(await sessionAt(at(100_000))).toBe(second);
    expect(await sessionAt(at(6), 'igpx-second')).toBe(elsewhere);
    expect(await sessionAt(at(6), 'cashier')).toBeUndefined();
  });

  test('no launch for play money, and none that the provider refused', async () => {
    const first = await launched(0);
    await launched(1, { demo: true });
    await launched(2, { failed: true });
    expect(await sessionAt(at(3))).toBe(first);
  });

  test('the later of two launches of one millisecond', async () => {
    const first = await launched(0);
    const second = await launched(0);
    expect(await sessionAt(at(0))).toBe(second);
    await writeRows(db, alice, [stake(0)]);
    expect((await playOf(first)).bets).toBe(0);
    expect((await playOf(second)).bets).toBe(1);
  });

  test('no launch of another player', async () => {
    await launched(0);
    const bob = await createTestPlayer(db);
    const asked = { lane: bob.lane, playerId: bob.id, integration: 'igpx-demo', createdAt: at(1) };
    expect(await readSessionsOfRows(reads, [asked])).toEqual([undefined]);
  });
});

describe('what was played', () => {
  test('is what the rows of the session say, less what was undone meanwhile', async () => {
    const first = await launched(0);
    const second = await launched(60);
    await writeRows(db, alice, [
      row(-1, 100n, { externalKey: 'before' }),
      row(1, -10n, { round: 'r1' }),
      row(2, -20n, { round: 'r2' }),
      row(3, 50n, { round: 'r2' }),
      row(4, 10n, { kind: 'rollback', target: 'EUR-2', undoes: 2n, stated: null, round: 'r1' }),
      row(5, -5n, { round: 'r3' }),
      row(60, -30n, { round: 'r4' }),
      row(61, -50n, { kind: 'rollback', target: 'EUR-4', undoes: 4n, stated: null, round: 'r2' }),
    ]);
    expect(await playOf(first)).toEqual({
      nextAt: at(60),
      lastPlayedAt: at(5),
      bets: 3,
      rounds: 3,
      stakes: 25n,
      payouts: 50n,
    });
    expect(await playOf(second)).toEqual({
      nextAt: null,
      lastPlayedAt: at(61),
      bets: 1,
      rounds: 2,
      stakes: 30n,
      payouts: -50n,
    });
  });

  test('counts the currency of the session, and any movement as a sign of life', async () => {
    const id = await launched(0);
    await writeRows(db, alice, [row(1, 7n)]);
    await writeRows(db, alice, [row(9, 500n, { round: 'dollars' })], 'USD');
    expect(await playOf(id)).toMatchObject({ lastPlayedAt: at(9), rounds: 0, stakes: 0n, payouts: 7n });
  });

  test('leaves other integrations and the cashier to themselves', async () => {
    const id = await launched(0);
    await writeRows(db, alice, [
      row(1, 100n, { kind: 'deposit', integration: 'cashier' }),
      row(2, -1n, { integration: 'igpx-second' }),
    ]);
    expect(await playOf(id)).toMatchObject({ lastPlayedAt: null, bets: 0, stakes: 0n, payouts: 0n });
  });

  test('for play money, or after a refusal of the provider, is nothing', async () => {
    const [demo, failed] = [await launched(0, { demo: true }), await launched(0, { failed: true })];
    await writeRows(db, alice, [stake(1)]);
    expect((await playOf(demo)).bets).toBe(0);
    expect((await playOf(failed)).bets).toBe(0);
  });

  test('is the same as row by row, whatever the clocks said (seed 11)', async () => {
    const random = seeded(11);
    const launches: bigint[] = [];
    for (let count = 0; count < 12; count += 1) {
      launches.push(await launched(0, { createdAt: at(random.below(40)), demo: random.below(5) === 0 }));
    }
    let clock = start - minute;
    const rows = await writeRows(
      db,
      alice,
      Array.from({ length: 400 }, () => {
        clock += random.below(12_000);
        return { createdAt: new Date(clock - random.below(60_001)), effect: BigInt(random.below(5)) };
      }),
    );
    const asked = rows.map(({ createdAt }) => ({
      lane: alice.lane,
      playerId: alice.id,
      integration: 'igpx-demo',
      createdAt,
    }));
    const owners = await readSessionsOfRows(reads, asked);
    const plays = await readPlays(
      reads,
      launches.map((id) => ({ lane: alice.lane, id })),
    );
    const expected = launches.map((id) =>
      rows.filter((_, index) => owners[index]?.id === id).reduce((sum, { effect }) => sum + effect, 0n),
    );
    expect(plays.map(({ payouts, stakes }) => payouts - stakes)).toEqual(expected);
    expect(expected.filter((sum) => sum > 0n).length).toBeGreaterThan(4);
  });
});

describe('a session ends', () => {
  const session = { createdAt: at(0), failed: false };
  const end = (nextAt: Date | null, lastPlayedAt: Date | null, now: Date): Date | undefined =>
    endOf(session, { nextAt, lastPlayedAt }, now);

  test('30 minutes after its last play, or after the launch when nothing was played', () => {
    expect(end(null, null, at(29.99))).toBeUndefined();
    expect(end(null, null, at(30))).toEqual(at(30));
    expect(end(null, at(20), at(49.99))).toBeUndefined();
    expect(end(null, at(20), at(50))).toEqual(at(50));
  });

  test('at the next launch there, if that comes first', () => {
    expect(end(at(25), at(20), at(25))).toEqual(at(25));
    expect(end(at(90), at(20), at(100))).toEqual(at(50));
  });

  test('at once when the provider did not start it', () => {
    expect(endOf({ createdAt: at(0), failed: true }, { nextAt: null, lastPlayedAt: null }, at(0))).toEqual(at(0));
  });
});

describe('a list of sessions', () => {
  const shape = { direction: 'forward', count: 10, withFailed: false } as const;

  test('goes from the newest on, in either direction, and is of one player', async () => {
    const ids = [await launched(0), await launched(1), await launched(1), await launched(2)];
    const bob = await createTestPlayer(db);
    const keys = [alice, bob].map(({ lane, id }) => ({ lane, playerId: id, from: undefined }));
    const [all, none] = await readSessionPages(reads, keys, shape);
    expect(all?.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(none).toEqual([]);
    const from = { createdAt: at(1), id: ids[1] ?? 0n };
    const ofAlice = { lane: alice.lane, playerId: alice.id, from };
    const [older] = await readSessionPages(reads, [ofAlice], shape);
    const [newer] = await readSessionPages(reads, [ofAlice], { ...shape, direction: 'backward' });
    expect([older, newer].map((page) => page?.map(({ id }) => id))).toEqual([[ids[0]], [ids[2], ids[3]]]);
  });

  test('holds what the provider refused only where that is asked for', async () => {
    const [ok, failed] = [await launched(0), await launched(1, { failed: true })];
    const key = { lane: alice.lane, playerId: alice.id, from: undefined };
    const [plain] = await readSessionPages(reads, [key], shape);
    const [all] = await readSessionPages(reads, [key], { ...shape, withFailed: true });
    expect([plain, all].map((page) => page?.map(({ id }) => id))).toEqual([[ok], [failed, ok]]);
  });
});

test('a session is read by its key, and what does not exist is nothing', async () => {
  const id = await launched(0);
  const found = await readSessions(reads, [
    { lane: alice.lane, id: id + 1_000n },
    { lane: alice.lane, id },
  ]);
  expect(found).toEqual([
    undefined,
    {
      lane: alice.lane,
      id,
      playerId: alice.id,
      integration: 'igpx-demo',
      currency: 'EUR',
      game: null,
      platform: 'desktop',
      device: null,
      demo: false,
      failed: false,
      createdAt: at(0),
    },
  ]);
});
