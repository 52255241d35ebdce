import { describe, expect, test, vi } from 'vitest';
import { movedBy } from '../../src/events/balance-moved.js';
import { Follower } from '../../src/events/follower.js';
import type { LedgerReader, PageRequest } from '../../src/events/ledger-reader.js';
import type { Position, WatchedLanes } from '../../src/events/watched-lanes.js';
import type { ChainedRow } from '../../src/ledger/chain.js';

interface Read extends PageRequest {
  readonly answer: (rows: readonly ChainedRow[]) => void;
}

/** A follower that has had the first change of its only wallet. Its reads are answered by hand: with a database their moment could not be chosen. */
async function startFollower(): Promise<{ follower: Follower; position: Position; reads: Read[] }> {
  const joined: Position[] = [];
  const reads: Read[] = [];
  const lanes: WatchedLanes = {
    join: (position) => joined.push(position),
    leave: () => undefined,
    committed: () => undefined,
    hinted: () => undefined,
    close: async () => undefined,
    size: { lanes: 0, wallets: 0 },
  };
  const reader: LedgerReader = {
    page: (request) => new Promise((answer) => reads.push({ ...request, answer })),
    laneNumbers: async () => new Map(),
    unitsAfter: async () => [],
    wallets: async () => [],
    close: async () => undefined,
  };
  const { signal } = new AbortController();
  const cursors = [{ lane: 1, walletId: 1n, after: 0n }];
  const follower = new Follower({ cursors, lanes, reader, signal, followers: new Set(), closing: signal });
  const first = follower.next();
  const [position] = joined;
  if (position === undefined) throw new Error('The follower did not join');
  position.moved(movedBy(row(1)));
  expect((await first).value?.sequence).toBe(1n);
  return { follower, position, reads };
}

/** What the ledger answers when its last row is this one. */
function rowsOf({ after, rowsMax }: PageRequest, last: number): ChainedRow[] {
  const count = Math.min(rowsMax, last - Number(after));
  return Array.from({ length: count }, (_, index) => row(Number(after) + index + 1));
}

function row(sequence: number): ChainedRow {
  return {
    lane: 1,
    walletId: 1n,
    playerId: 1n,
    createdAt: new Date(0),
    sequence: BigInt(sequence),
    integration: 'cashier',
    externalKey: `key-${sequence}`,
    kind: 'deposit',
    effect: 1n,
    stated: 1n,
    rest: null,
    balanceAfter: BigInt(sequence),
    target: null,
    undoes: null,
    resolves: null,
    round: null,
    game: null,
    flags: [],
    displayAt: null,
  };
}

async function sequences(follower: Follower, count: number): Promise<bigint[]> {
  const found: bigint[] = [];
  while (found.length < count) {
    const { value } = await follower.next();
    if (value === undefined) break;
    found.push(value.sequence);
  }
  return found;
}

describe('a follower', () => {
  test('reads again when the wallet moved elsewhere during a read', async () => {
    const { follower, position, reads } = await startFollower();
    const pending = sequences(follower, 2);
    position.read();
    await vi.waitFor(() => expect(reads).toHaveLength(1));
    position.movedTo(3n);
    reads[0]?.answer([row(2)]);
    await vi.waitFor(() => expect(reads).toHaveLength(2));
    expect(reads[1]?.after).toBe(2n);
    reads[1]?.answer([row(3)]);
    expect(await pending).toEqual([2n, 3n]);
  });

  test('hands out what is told during a read, and does not hand it out again when the read brings it', async () => {
    const { follower, position, reads } = await startFollower();
    const pending = sequences(follower, 3);
    position.read();
    await vi.waitFor(() => expect(reads).toHaveLength(1));
    position.moved(movedBy(row(2)));
    position.moved(movedBy(row(3)));
    reads[0]?.answer([row(2), row(3), row(4)]);
    expect(await pending).toEqual([2n, 3n, 4n]);
    expect(reads).toHaveLength(1);
  });

  test('reads again when more was told during a read than is kept', async () => {
    const { follower, position, reads } = await startFollower();
    const pending = sequences(follower, 258);
    position.read();
    await vi.waitFor(() => expect(reads).toHaveLength(1));
    // One more than is kept: nothing told afterwards betrays what was dropped.
    for (let sequence = 3; sequence <= 259; sequence += 1) position.moved(movedBy(row(sequence)));
    reads[0]?.answer([row(2)]);
    for (let count = 1, last = 2; last < 259; count += 1) {
      await vi.waitFor(() => expect(reads.length).toBeGreaterThan(count));
      const read = reads[count];
      if (read === undefined) break;
      const rows = rowsOf(read, 259);
      read.answer(rows);
      last += rows.length;
    }
    expect(await pending).toEqual(Array.from({ length: 258 }, (_, index) => BigInt(index + 2)));
  });

  test('never skips a hole in the ledger, and does not hammer the database about it', async () => {
    const { follower, position, reads } = await startFollower();
    let done = false;
    const pending = follower.next().finally(() => {
      done = true;
    });
    position.read();
    await vi.waitFor(() => expect(reads).toHaveLength(1));
    reads[0]?.answer(Array.from({ length: reads[0].rowsMax }, (_, index) => row(index + 3)));
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    expect([reads.length, done]).toEqual([1, false]);
    // The next change makes it look again, and somebody may have mended the books.
    position.movedTo(20n);
    await vi.waitFor(() => expect(reads).toHaveLength(2));
    reads[1]?.answer([row(2)]);
    expect((await pending).value?.sequence).toBe(2n);
  });
});
