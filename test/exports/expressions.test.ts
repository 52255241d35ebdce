import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { base36Sql, currencySql, decimalSql, laneSql, literal, timeSql } from '../../src/exports/expressions.js';
import { formatId } from '../../src/ledger/ids.js';
import { decimalText } from '../../src/schema/scalars.js';
import { createEmptyDatabase } from '../support/database.js';
import { seeded } from '../support/random.js';

let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
const random = seeded(7);

beforeAll(async () => {
  database = await createEmptyDatabase();
});
afterAll(() => database.close());

describe('SQL writes what the API writes', () => {
  const select = async (expression: string, values: string): Promise<string[]> => {
    const { rows } = await database.owner.query<{ text: string }>(
      `select (${expression})::text as text from (values ${values}) r (value) order by r.value`,
    );
    return rows.map(({ text }) => text);
  };
  const numbers = [
    1n,
    35n,
    36n,
    1_295n,
    1_296n,
    36n ** 4n - 1n,
    36n ** 4n,
    36n ** 6n - 1n,
    36n ** 6n,
    36n ** 7n,
    2n ** 63n - 1n,
  ];

  test('ids are those of ledger/ids.ts, for the smallest numbers and the largest', async () => {
    const many = [
      ...numbers,
      ...Array.from({ length: 300 }, (_, index) => BigInt(random.below(2 ** 30)) * 3n ** BigInt(index % 20)),
    ]
      .filter((value) => value > 0n && value < 2n ** 63n)
      .toSorted((one, other) => (one < other ? -1 : 1));
    const written = await select(base36Sql('r.value'), many.map((value) => `(${value}::bigint)`).join(','));
    expect(written).toEqual(many.map((id) => formatId('wallet', { lane: 0, id }).slice(5)));
    const lanes = await select(
      laneSql('r.value'),
      Array.from({ length: 64 }, (_, lane) => `(${lane}::smallint)`).join(','),
    );
    expect(lanes).toEqual(Array.from({ length: 64 }, (_, lane) => formatId('player', { lane, id: 1n }).slice(3, 5)));
  });

  test.each([0, 1, 2, 6, 8, 18])('amounts are those of the API at scale %i', async (scale) => {
    const units = [
      -(2n ** 63n),
      -(2n ** 63n - 1n),
      -10n,
      -1n,
      0n,
      1n,
      9n,
      10n,
      100n,
      1_000_000n,
      12_500_000n,
      2n ** 63n - 1n,
    ];
    const scales = new Map([['EUR', scale]]);
    const written = await select(
      decimalSql('r.value', currencySql(`'EUR'`, scales)),
      units.map((value) => `('${value}'::bigint)`).join(','),
    );
    expect(written).toEqual(units.map((value) => decimalText(value, scale)));
  });

  test('currencies of different scales keep theirs', async () => {
    const sql = currencySql(
      'r.value',
      new Map([
        ['BTC', 8],
        ['EUR', 6],
        ['JPY', 0],
      ]),
    );
    expect(await select(decimalSql('1234567890123', sql), `('BTC'), ('EUR'), ('JPY')`)).toEqual([
      '12345.67890123',
      '1234567.890123',
      '1234567890123',
    ]);
  });

  test('moments are those of toISOString, and text comes through a literal as it went in', async () => {
    const moment = '2026-03-29T01:02:03.040Z';
    expect(await select(timeSql('r.value'), `('${moment}'::timestamptz)`)).toEqual([moment]);
    for (const text of ["o'clock", '\\', "\\'", 'a\\nb', '☃']) {
      expect((await database.owner.query(`select ${literal(text)} as text`)).rows).toEqual([{ text }]);
    }
  });
});
