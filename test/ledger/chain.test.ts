import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHAIN_START, chainHash, chainHashSql, type ChainedRow } from '../../src/ledger/chain.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const row: ChainedRow = {
  lane: 3,
  walletId: 11n,
  sequence: 2n,
  playerId: 7n,
  integration: 'igpx-demo',
  externalKey: 'b1',
  kind: 'bet',
  effect: -5_000_000n,
  stated: 5_000_000n,
  rest: null,
  balanceAfter: 95_000_000n,
  target: null,
  undoes: null,
  resolves: null,
  round: 'r1',
  game: null,
  flags: [],
  displayAt: null,
  createdAt: new Date('2026-05-01T10:00:00.123Z'),
};

/** Rows that differ from the first one in one thing each; strings that could run into each other or into the marks. */
const variants: Record<string, Partial<ChainedRow>> = {
  'as it is': {},
  lane: { lane: 4 },
  wallet: { walletId: 12n },
  sequence: { sequence: 3n },
  player: { playerId: 8n },
  integration: { integration: 'igpx-second' },
  key: { externalKey: 'b2' },
  'key in other case': { externalKey: 'B1' },
  kind: { kind: 'win' },
  effect: { effect: 5_000_000n },
  stated: { stated: 5_000_001n },
  'nothing stated': { stated: null },
  rest: { rest: '0.0000001' },
  balance: { balanceAfter: -95_000_000n },
  target: { target: 'b0' },
  undoes: { undoes: 1n },
  resolves: { resolves: 1n },
  'no round': { round: null },
  'empty round': { round: '' },
  'round that looks like none': { round: '~' },
  'round and game in one': { round: 'r1|2:g1' },
  'round and game': { game: 'g1' },
  'quotes, backslash, braces': { round: `{"a\\b',NULL}` },
  'other scripts': { round: 'Ränder 円 🎰' },
  'composed and decomposed are two': { round: 'Ra\u0308nder 円 🎰' },
  'line break': { round: 'r\n1\t' },
  flag: { flags: ['late-bet'] },
  flags: { flags: ['late-bet', 'amount-differs'] },
  'a millisecond later': { createdAt: new Date('2026-05-01T10:00:00.124Z') },
  'before 1970': { createdAt: new Date('1969-12-31T23:59:59.999Z') },
  'largest numbers': {
    walletId: 2n ** 63n - 1n,
    sequence: 2n ** 63n - 1n,
    effect: -(2n ** 63n - 1n),
    stated: 2n ** 63n - 1n,
  },
};

describe('the hash of a row', () => {
  const hashes = Object.entries(variants).map(
    ([name, change]) => [name, chainHash(CHAIN_START, { ...row, ...change }).toString('hex')] as const,
  );

  test('changes with every fact, and no two rows read the same', () => {
    const byHash = Map.groupBy(hashes, ([, hash]) => hash);
    expect([...byHash.values()].filter((group) => group.length > 1)).toEqual([]);
  });

  test('does not cover when a player may see the row, which is no part of the books', () => {
    expect(chainHash(CHAIN_START, { ...row, displayAt: new Date() })).toEqual(chainHash(CHAIN_START, row));
  });

  test('changes with the hash before it', () => {
    expect(chainHash(Buffer.alloc(32), row)).not.toEqual(chainHash(CHAIN_START, row));
    expect(chainHash(Buffer.alloc(32, 1), row)).not.toEqual(chainHash(Buffer.alloc(32), row));
  });

  test('is what it has been since the first version: stored chains are never computed anew', () => {
    expect(hashes[0]?.[1]).toBe('6bbba6fb4620031f07f47df2f28e746ea8422ca8679329a060ff3fd2fcdd0f00');
  });
});

describe('the same hash in SQL', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterAll(() => db.close());

  test.for(Object.entries(variants))('%s', async ([, change]) => {
    const each = { ...row, ...change };
    const previous = Buffer.alloc(32, 7);
    const { rows } = await db.owner.query<{ hash: Buffer }>(
      `select ${chainHashSql('$1::bytea')} as hash from (select $2::smallint as lane, $3::bigint as wallet_id,
         $4::bigint as sequence, $5::bigint as player_id, $6::text as integration, $7::text as external_key, $8::text as kind,
         $9::bigint as effect, $10::bigint as stated, $11::text as rest, $12::bigint as balance_after, $13::text as target,
         $14::bigint as undoes, $15::bigint as resolves, $16::text as round, $17::text as game, $18::text[] as flags,
         $19::timestamptz(3) as created_at) t`,
      [
        previous,
        each.lane,
        each.walletId,
        each.sequence,
        each.playerId,
        each.integration,
        each.externalKey,
        each.kind,
        each.effect,
        each.stated,
        each.rest,
        each.balanceAfter,
        each.target,
        each.undoes,
        each.resolves,
        each.round,
        each.game,
        each.flags,
        each.createdAt.toISOString(),
      ],
    );
    expect(rows[0]?.hash.toString('hex')).toBe(chainHash(previous, each).toString('hex'));
  });
});
