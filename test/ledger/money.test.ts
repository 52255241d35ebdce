import { describe, expect, test } from 'vitest';
import { formatUnits, parseDecimal, unitsFloor } from '../../src/ledger/money.js';
import { seeded } from '../support/random.js';

describe('parseDecimal', () => {
  test.for([
    ['0', 0n, 0],
    ['12', 12n, 0],
    ['12.50', 1250n, 2],
    ['0.000001', 1n, 6],
    ['-3', -3n, 0],
    ['-0.5', -5n, 1],
    ['9007199254740993', 9_007_199_254_740_993n, 0],
    ['1.10', 110n, 2],
    ['9'.repeat(40), 10n ** 40n - 1n, 0],
  ] as const)('reads %s exactly', ([text, digits, decimals]) => {
    expect(parseDecimal(text)).toEqual({ digits, decimals });
  });

  test.for([
    '',
    ' ',
    ' 12',
    '12 ',
    '12\n',
    '\t12',
    '1 2',
    '+1',
    '--1',
    '-',
    '.',
    '.5',
    '5.',
    '1.2.3',
    '01',
    '00',
    '-01',
    '1,50',
    '1_000',
    '1e3',
    '1E3',
    '0x10',
    '0b1',
    '1n',
    'NaN',
    'Infinity',
    '١٢',
    '１２',
    '12\u00a0',
    '−5',
    '½',
    'null',
    '9'.repeat(41),
    `0.${'0'.repeat(39)}`,
    '1'.repeat(1_000_000),
  ])('refuses %j', (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });
});

describe('unitsFloor', () => {
  test.for([
    ['12.5', 6, 12_500_000n, undefined],
    ['12.5', 0, 12n, '0.5'],
    ['0.1234567', 6, 123_456n, '0.0000007'],
    ['0.0000009', 6, 0n, '0.0000009'],
    ['0.12345670', 6, 123_456n, '0.0000007'],
    ['5.000000000', 6, 5_000_000n, undefined],
    ['0.00000001', 8, 1n, undefined],
    ['1', 18, 10n ** 18n, undefined],
    ['0', 6, 0n, undefined],
  ] as const)('%s at scale %i', ([text, scale, units, rest]) => {
    expect(unitsFloor(parseDecimal(text) ?? { digits: -1n, decimals: 0 }, scale)).toEqual({ units, rest });
  });

  test('never rounds up, and what was cut off plus the units is what was stated (seed 1)', () => {
    const random = seeded(1);
    for (let count = 0; count < 2_000; count += 1) {
      const amount = {
        digits: BigInt(random.below(2 ** 31)) * BigInt(random.below(2 ** 31)),
        decimals: random.below(20),
      };
      const scale = random.below(19);
      const { units, rest } = unitsFloor(amount, scale);
      const cut = rest === undefined ? { digits: 0n, decimals: 0 } : parseDecimal(rest);
      if (cut === undefined) throw new Error(`${rest} is no decimal`);
      // All three at 40 decimals.
      const at40 = (digits: bigint, decimals: number): bigint => digits * 10n ** BigInt(40 - decimals);
      expect(at40(units, scale) + at40(cut.digits, cut.decimals)).toBe(at40(amount.digits, amount.decimals));
      expect(at40(cut.digits, cut.decimals)).toBeLessThan(at40(1n, scale));
    }
  });
});

describe('formatUnits', () => {
  test.for([
    [12_500_000n, 6, 2, '12.50'],
    [12_500_000n, 6, 0, '12.5'],
    [12_000_000n, 6, 0, '12'],
    [12_000_000n, 6, 2, '12.00'],
    [1n, 6, 2, '0.000001'],
    [-1n, 6, 2, '-0.000001'],
    [-12_500_000n, 6, 2, '-12.50'],
    [0n, 6, 2, '0.00'],
    [7n, 0, 0, '7'],
    [-7n, 0, 0, '-7'],
    [9_223_372_036_854_775_807n, 6, 2, '9223372036854.775807'],
  ] as const)('%d units at scale %i with at least %i decimals', ([units, scale, decimalsMin, text]) => {
    expect(formatUnits(units, scale, decimalsMin)).toBe(text);
  });

  test('what it writes parses back to the same units (seed 2)', () => {
    const random = seeded(2);
    for (let count = 0; count < 2_000; count += 1) {
      const scale = random.below(19);
      const units = BigInt(random.below(2 ** 31)) * BigInt(random.below(2 ** 31));
      const parsed = parseDecimal(formatUnits(units, scale, random.below(3)));
      if (parsed === undefined) throw new Error('What was written could not be read');
      expect(unitsFloor(parsed, scale)).toEqual({ units, rest: undefined });
    }
  });
});
