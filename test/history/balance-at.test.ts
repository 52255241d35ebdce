import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReads, type Reads } from '../../src/database/reads.js';
import { readBalancesAt } from '../../src/history/balance-at.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { writeRows } from './ledger-rows.js';

let db: TestDatabase;
let reads: Reads;
beforeAll(async () => {
  db = await createTestDatabase();
  reads = openReads(db);
});
afterAll(async () => {
  await reads.close();
  await db.close();
});

function openReads({ url }: TestDatabase): Reads {
  return createReads({ primary: { connectionString: url, max: 2 }, logger: pino({ level: 'silent' }) });
}

const start = Date.parse('2026-05-01T10:00:00.000Z');
const after = (ms: number): Date => new Date(start + ms);

/** Asks for one wallet's balance at each of some moments, in milliseconds from the start. */
function balancesAt(player: TestPlayer, moments: readonly number[], from = reads): Promise<readonly bigint[]> {
  const walletId = player.wallets.get('EUR') ?? 0n;
  return readBalancesAt(
    from,
    moments.map((ms) => ({ lane: player.lane, walletId, time: after(ms) })),
  );
}

/** An empty wallet that gains one unit with each row, so that a balance names the row it stands after. */
async function walletWithRowsAt(times: readonly number[]): Promise<TestPlayer> {
  const player = await createTestPlayer(db, { balances: { EUR: '0' } });
  await writeRows(
    db,
    player,
    times.map((ms) => ({ effect: 1n, createdAt: after(ms) })),
  );
  return player;
}

describe('the balance at a moment', () => {
  test('is 0 before the first row, and in a wallet without rows', async () => {
    expect(await balancesAt(await walletWithRowsAt([]), [0, 1_000])).toEqual([0n, 0n]);
    expect(await balancesAt(await walletWithRowsAt([1_000, 2_000]), [-9_000_000, 0, 999])).toEqual([0n, 0n, 0n]);
  });

  test('is that after the last row received at or before it, to the millisecond', async () => {
    const player = await walletWithRowsAt([1_000, 2_000, 2_000, 3_000]);
    expect(await balancesAt(player, [1_000, 1_999, 2_000, 2_999, 3_000])).toEqual([1n, 1n, 3n, 3n, 4n]);
  });

  test('that is still to come is as good as now', async () => {
    const player = await walletWithRowsAt([1_000, 2_000]);
    expect(await balancesAt(player, [Date.parse('2999-12-31T23:59:59Z') - start])).toEqual([2n]);
  });

  test('is decided by the highest sequence, where a clock was set back by a minute', async () => {
    const player = await walletWithRowsAt([0, 70_000, 80_000, 20_000, 30_000, 90_000]);
    expect(await balancesAt(player, [0, 19_999, 20_000, 29_999, 30_000, 70_000, 85_000, 90_000])).toEqual([
      1n,
      1n,
      4n,
      4n,
      5n,
      5n,
      5n,
      6n,
    ]);
  });

  test('of many wallets and moments is one statement', async () => {
    const one = await walletWithRowsAt([1_000]);
    const two = await walletWithRowsAt([1_000, 2_000]);
    const asked = [one, two, one, two].map((player, index) => ({
      lane: player.lane,
      walletId: player.wallets.get('EUR') ?? 0n,
      time: after(index < 2 ? 5_000 : 1_500),
    }));
    let statements = 0;
    const counting: Pick<Reads, 'query'> = {
      query: (...args) => {
        statements += 1;
        return reads.query(...args);
      },
    };
    expect(await readBalancesAt(counting, asked)).toEqual([1n, 2n, 1n, 1n]);
    expect(statements).toBe(1);
  });

  test('is what the definition says, for rows of several clocks in any disorder of up to a minute (seed 7)', async () => {
    const random = seeded(7);
    for (let round = 0; round < 25; round += 1) {
      // Dense, ordinary and sparse wallets.
      const step = [50, 5_000, 100_000][round % 3] ?? 1;
      let clock = 0;
      const times = Array.from({ length: random.below(300) }, () => {
        clock += random.below(step);
        return clock - random.below(60_001);
      });
      const player = await walletWithRowsAt(times);
      const moments = Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0 ? random.below(clock + 1) : (times[random.below(times.length || 1)] ?? 0) - random.below(2),
      );
      const expected = moments.map((moment) => BigInt(times.findLastIndex((time) => time <= moment) + 1));
      expect(await balancesAt(player, moments)).toEqual(expected);
    }
  });
});
