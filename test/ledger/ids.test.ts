import { describe, expect, test } from 'vitest';
import { formatId, formatTransactionId, parseId, parseTransactionId } from '../../src/ledger/ids.js';
import { LANE_COUNT, laneOf } from '../../src/ledger/lanes.js';
import { seeded } from '../support/random.js';

const BIGINT_MAX = 9_223_372_036_854_775_807n;

describe('public ids', () => {
  test('every lane and the largest numbers come back as they went in', () => {
    for (let lane = 0; lane < LANE_COUNT; lane += 1) {
      for (const id of [1n, 35n, 36n, 1_295n, BIGINT_MAX]) {
        for (const kind of ['player', 'wallet', 'session', 'adjustment'] as const) {
          expect(parseId(kind, formatId(kind, { lane, id }))).toEqual({ lane, id });
        }
        const transaction = { lane, walletId: id, sequence: BIGINT_MAX + 1n - id };
        expect(parseTransactionId(formatTransactionId(transaction))).toEqual(transaction);
      }
    }
  });

  test('no two rows share an id (seed 3)', () => {
    const random = seeded(3);
    const ids = new Map<string, string>();
    for (let count = 0; count < 5_000; count += 1) {
      const place = {
        lane: random.below(64),
        walletId: BigInt(1 + random.below(80)),
        sequence: BigInt(1 + random.below(80)),
      };
      const facts = `${place.lane} ${place.walletId} ${place.sequence}`;
      const id = formatTransactionId(place);
      expect(ids.get(id) ?? facts).toBe(facts);
      ids.set(id, facts);
    }
  });

  test.for([
    '',
    'wa_',
    'wa_00',
    'wa_000',
    'wa_0001',
    'WA_001',
    'wa_00A',
    'wa-001',
    'wa_001 ',
    ' wa_001',
    'wa_001\n',
    'wa_1s1',
    'wa_zz1',
    'pl_001',
    'tx_001_1',
    'wa_00-1',
    'wa_001_1',
    `wa_00${(BIGINT_MAX + 1n).toString(36)}`,
    `wa_00${'z'.repeat(14)}`,
    'wa_00١',
  ])('%j is no wallet id', (text) => {
    expect(parseId('wallet', text)).toBeUndefined();
  });

  test.for([
    '',
    'tx_001',
    'tx_001_',
    'tx_001_0',
    'tx_000_1',
    'tx_001_01',
    'tx_1s1_1',
    'tx_001_1_1',
    'TX_001_1',
    'tx_001_1 ',
    `tx_001_${(BIGINT_MAX + 1n).toString(36)}`,
    'wa_001',
  ])('%j is no transaction id', (text) => {
    expect(parseTransactionId(text)).toBeUndefined();
  });
});

describe('lanes', () => {
  // The lane of a player is in every key of its money: these pairs must answer the same in every version, for ever.
  test.for([
    ['demo', 'alice', 15],
    ['demo', 'bob', 33],
    ['other', 'alice', 63],
    ['demo', '', 47],
    ['demo', 'Ärmel', 14],
  ] as const)('the player %s/%s is in a lane that never changes', ([brand, name, lane]) => {
    expect(laneOf(brand, name)).toBe(lane);
  });

  test('players spread over all lanes', () => {
    const lanes = new Set(Array.from({ length: 2_000 }, (_, count) => laneOf('demo', `player-${count}`)));
    expect(lanes.size).toBe(LANE_COUNT);
  });

  test('brand and name cannot be shifted into each other', () => {
    const pairs = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc', ''],
    ] as const;
    expect(new Set(pairs.map(([brand, name]) => laneOf(brand, name))).size).toBeGreaterThan(1);
  });
});
