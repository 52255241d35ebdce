import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Movement } from '../../src/ledger/commands.js';
import { formatId, formatTransactionId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { download, FROM, parseCsv, parseLines, SPAN, TO, writeHistory } from './world.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let analyst: string;
let alice: TestPlayer;
let bob: TestPlayer;
let stranger: TestPlayer;
const random = seeded(7);

beforeAll(async () => {
  app = await startTestApp();
  analyst = await app.token('analyst');
  alice = await createTestPlayer(app.database, { externalId: '=alice' });
  bob = await createTestPlayer(app.database, { externalId: 'bob', balances: { EUR: '5', BTC: '1.00000001' } });
  stranger = await createTestPlayer(app.database, { brand: 'other' });
  await writeHistory(app.database, alice, { count: 40, random });
  await writeHistory(app.database, bob, { count: 30, random });
  await writeHistory(app.database, stranger, { count: 20, random, integrations: ['igpx-other'] });
});
afterAll(() => app.close());

const get = (path: string, token: string | undefined = analyst) => download(`${app.url}/exports/${path}`, token);
const lines = async (path: string, token = analyst) => {
  const answer = await get(path, token);
  expect([answer.status, answer.whole]).toEqual([200, true]);
  return parseLines(answer.body.toString());
};
const idOf = (player: TestPlayer): string => formatId('player', player);
/** When nothing was played: what stands there the tests have made, where projections find nothing to do. */
const LONG_AGO = new Date('2024-05-01T00:00:00.000Z');
const longAgo = 'from=2024-05-01T00:00:00Z&to=2024-05-02T00:00:00Z';
/** A span that holds what the tests do by the ledger itself. */
const now = () =>
  `from=${new Date(Date.now() - 86_400_000).toISOString()}&to=${new Date(Date.now() + 3_600_000).toISOString()}`;

async function play(player: TestPlayer, movement: Pick<Movement, 'kind'> & Record<string, unknown>): Promise<void> {
  const command = {
    brand: player.brand,
    player: player.externalId,
    integration: 'igpx-demo',
    currency: 'EUR',
    ...movement,
  };
  const { outcome } = await app.app.ledger.execute(command as Movement, { policy, deadlineMs: 5_000 });
  if (outcome.type === 'refused') throw new Error(outcome.code);
}

const momentOf = (value: unknown): Date => new Date(typeof value === 'string' ? value : NaN);

describe('a file holds', () => {
  test('what a transaction is, in every format the same', async () => {
    const player = await createTestPlayer(app.database, { balances: { EUR: '100' } });
    await play(player, {
      kind: 'bet',
      key: '@b1',
      amount: { digits: 1050n, decimals: 2 },
      round: 'r "1"',
      game: 'g\n1',
    });
    await play(player, { kind: 'rollback', key: 'b1-undo', target: '@b1' });
    await play(player, {
      kind: 'rollback',
      key: 'b2-undo',
      target: 'b2',
      displayAt: new Date('2027-01-01T00:00:00.120Z'),
    });
    const query = `${now()}&player=${idOf(player)}`;
    const rows = await lines(`transactions.ndjson?${query}`);
    const [, walletId = 0n] = [...player.wallets.entries()][0] ?? [];
    const id = (sequence: bigint): string => formatTransactionId({ lane: player.lane, walletId, sequence });
    const bet = {
      id: id(2n),
      sequence: '2',
      kind: 'BET',
      walletId: formatId('wallet', { lane: player.lane, id: walletId }),
      playerId: idOf(player),
      playerExternalId: player.externalId,
      integration: 'igpx-demo',
      externalKey: '@b1',
      externalRound: 'r "1"',
      game: 'g\n1',
      target: null,
      undoes: null,
      pays: null,
      currency: 'EUR',
      amount: '-10.50',
      balanceAfter: '89.50',
      flags: [],
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/),
      displayAt: null,
      cursor: expect.any(String),
    };
    expect(rows[1]).toEqual(bet);
    expect(rows[2]).toMatchObject({ kind: 'ROLLBACK', target: '@b1', undoes: id(2n), amount: '10.50' });
    expect(rows[3]).toMatchObject({ flags: ['ROLLBACK_OF_UNKNOWN'], displayAt: '2027-01-01T00:00:00.120Z' });
    expect(rows.map(({ kind }) => kind)).toEqual(['DEPOSIT', 'BET', 'ROLLBACK', 'ROLLBACK', 'TOMBSTONE']);

    const csv = parseCsv((await get(`transactions.csv?${query}`)).body.toString());
    expect(csv[1]).toMatchObject({
      externalKey: "'@b1",
      externalRound: 'r "1"',
      game: 'g\n1',
      amount: '-10.50',
      target: '',
    });
    const plain = (value: unknown): string =>
      Array.isArray(value) ? value.join(' ') : typeof value === 'string' ? value : '';
    const unguarded = (text = ''): string => text.replace(/^'/, '');
    expect(
      csv.map(({ id: each, externalKey, flags, cursor }) => [each, unguarded(externalKey), flags, cursor]),
    ).toEqual(rows.map(({ id: each, externalKey, flags, cursor }) => [each, externalKey, plain(flags), cursor]));

    const file = await readParquet(`transactions.parquet?${query}`);
    expect(file.rows.map((row) => ({ ...row, createdAt: '', displayAt: '' }))).toEqual(
      rows.map((row) => ({
        ...row,
        sequence: BigInt(String(row['sequence'])),
        flags: plain(row['flags']),
        createdAt: '',
        displayAt: '',
      })),
    );
    expect(file.rows.map(({ createdAt, displayAt }) => [createdAt, displayAt])).toEqual(
      rows.map(({ createdAt, displayAt }) => [momentOf(createdAt), displayAt === null ? null : momentOf(displayAt)]),
    );
  });

  test('one row more for each row of the table, in the order of time', async () => {
    const rows = await lines(`transactions.ndjson?${SPAN}`);
    const stored = await app.database.owner.query<{ lane: number; wallet_id: string; sequence: string }>(
      `select lane, wallet_id, sequence from ledger_transaction where created_at >= $1 and created_at < $2
       and integration in ('igpx-demo', 'igpx-second') order by created_at, lane, wallet_id, sequence`,
      [FROM, TO],
    );
    expect(stored.rows).toHaveLength(70);
    expect(rows.map(({ id }) => id)).toEqual(
      stored.rows.map((row) =>
        formatTransactionId({ lane: row.lane, walletId: BigInt(row.wallet_id), sequence: BigInt(row.sequence) }),
      ),
    );
  });

  test('a spreadsheet no formula: what begins like one has an apostrophe in front, and so has what begins with one', async () => {
    const csv = parseCsv((await get(`transactions.csv?${SPAN}`)).body.toString());
    const json = await lines(`transactions.ndjson?${SPAN}`);
    for (const name of ['playerExternalId', 'externalRound', 'game'] as const) {
      const cells = csv.map((row) => row[name] ?? '');
      expect(cells.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([]);
      expect(cells.map((cell) => cell.replace(/^'/, ''))).toEqual(json.map((row) => row[name] ?? ''));
    }
    expect(csv.some(({ playerExternalId }) => playerExternalId === "'=alice")).toBe(true);
  });

  test('the header, and nothing more, where there are no rows', async () => {
    const empty = 'from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z';
    const csv = await get(`transactions.csv?${empty}`);
    expect([csv.status, csv.body.toString().split('\n').length]).toEqual([200, 2]);
    expect(csv.trailers).toMatchObject({ 'x-croupier-rows': '0', 'x-croupier-complete': 'true' });
    expect(csv.trailers['x-croupier-next']).toBeUndefined();
    expect((await get(`rounds.ndjson?${empty}`)).body.length).toBe(0);
    expect((await readParquet(`reports.parquet?${empty}`)).rows).toEqual([]);
  });

  test('only what the filter lets through', async () => {
    const all = await lines(`transactions.ndjson?${SPAN}`);
    const second = await lines(`transactions.ndjson?${SPAN}&integration=igpx-second`);
    expect(second.map(({ id }) => id)).toEqual(
      all.filter(({ integration }) => integration === 'igpx-second').map(({ id }) => id),
    );
    for (const kind of ['win', 'WIN']) {
      const wins = await lines(`transactions.ndjson?${SPAN}&kind=${kind}`);
      expect(wins.map(({ id }) => id)).toEqual(all.filter((row) => row['kind'] === 'WIN').map(({ id }) => id));
    }
    expect(await lines(`transactions.ndjson?${SPAN}&kind=deposit`)).toEqual([]);
    // The cashier makes no bets and plays no rounds, and neither is an error.
    for (const whose of ['', `&player=${idOf(alice)}`]) {
      expect(await lines(`transactions.ndjson?${now()}&integration=cashier&kind=BET${whose}`)).toEqual([]);
      expect(await lines(`rounds.ndjson?${now()}&integration=cashier${whose}`)).toEqual([]);
    }
    // A moment that a row has: it is in the second half, and in that alone.
    const half = String(all[35]?.['createdAt']);
    const early = await lines(`transactions.ndjson?from=${FROM.toISOString()}&to=${half}`);
    const late = await lines(`transactions.ndjson?from=${half}&to=${TO.toISOString()}`);
    expect([...early, ...late]).toEqual(all);
    const deposits = await lines(`transactions.ndjson?${now()}&kind=DEPOSIT`);
    expect(deposits.length).toBeGreaterThan(1);
    expect(new Set(deposits.map(({ integration, kind }) => [integration, kind].join(' ')))).toEqual(
      new Set(['cashier DEPOSIT']),
    );
  });

  test('rounds, with what was staked and won and what became of them', async () => {
    await app.database.owner.query(
      `insert into round (lane, wallet_id, first_sequence, last_sequence, player_id, integration, external_id, game, bets, wins,
         rollbacks, stakes, payouts, started_at, last_at)
       select $1, w, 1000 + n, 1001 + n, $2, 'igpx-demo', 'made ' || n, null, 1, n % 2, 0, n * 1000000, 1, $3::timestamptz + n * interval '1 s', $3::timestamptz + n * interval '2 s'
       from unnest($4::bigint[]) w, generate_series(1, 9) n`,
      [alice.lane, alice.id, LONG_AGO, [...alice.wallets.values()]],
    );
    const rows = await lines(`rounds.ndjson?${longAgo}`);
    expect(rows).toHaveLength(9);
    expect(rows[1]).toMatchObject({
      externalId: 'made 2',
      state: 'OPEN',
      stakes: '2.00',
      payouts: '0.000001',
      ggr: '1.999999',
      betCount: 1,
      closedAt: null,
      playerExternalId: '=alice',
    });
    expect(await lines(`rounds.ndjson?${longAgo}&state=open&player=${idOf(alice)}`)).toHaveLength(4);
    const rest = await lines(`rounds.ndjson?${longAgo}&after=${String(rows[3]?.['cursor'])}`);
    expect(rest).toEqual(rows.slice(4));
  });

  test('reports by day or by hour, each bucket of the brand once', async () => {
    await app.database.owner.query(
      `insert into report_bucket (brand_id, grain, starts_at, integration, game, currency, stakes, payouts, bets, wins, rollbacks, rounds, players)
       select brand, grain, $1::timestamptz + n * interval '1 h', 'igpx-demo', game, 'EUR', 99999999999999999999999, 1, 3, 2, 1, 2, 1
       from unnest(array['demo', 'other']) brand, unnest(array['day', 'hour']) grain, generate_series(0, 2) n, unnest(array['', 'x.y', '-z']) game`,
      [LONG_AGO],
    );
    const rows = await lines(`reports.ndjson?${longAgo}&by=hour`);
    expect(rows).toHaveLength(9);
    expect(rows[0]).toMatchObject({
      grain: 'HOUR',
      game: null,
      stakes: '99999999999999999.999999',
      betCount: 3,
      playerCount: 1,
    });
    const csv = parseCsv((await get(`reports.csv?${longAgo}`)).body.toString());
    expect(csv.map(({ grain, game }) => `${grain} ${game}`)).toContain("DAY '-z");
    for (const [index, row] of rows.entries()) {
      const rest = await lines(`reports.ndjson?${longAgo}&by=hour&after=${String(row['cursor'])}`);
      expect(rest).toEqual(rows.slice(index + 1));
    }
  });
});

async function readParquet(path: string) {
  const answer = await get(path);
  expect([answer.status, answer.whole]).toEqual([200, true]);
  const file = new Uint8Array(answer.body).buffer;
  const metadata = parquetMetadata(file);
  const rows =
    metadata.num_rows === 0n
      ? []
      : await parquetReadObjects({ file, compressors: { ZSTD: (page) => zstdDecompressSync(page) } });
  return { rows, metadata, columns: parquetSchema(metadata).children.map(({ element }) => element.name), answer };
}

describe('an export is taken up where it ended', () => {
  test.each(['csv', 'ndjson', 'parquet'])('by the trailer of a %s that the number of rows ended', async (format) => {
    const all = await lines(`transactions.ndjson?${SPAN}`);
    const first = await get(`transactions.${format}?${SPAN}&rows=11`);
    expect(first.trailers).toEqual({
      'x-croupier-next': all[10]?.['cursor'],
      'x-croupier-rows': '11',
      'x-croupier-complete': 'false',
    });
    const rest = await get(`transactions.${format}?${SPAN}&after=${String(first.trailers['x-croupier-next'])}`);
    expect(rest.trailers).toMatchObject({ 'x-croupier-rows': '59', 'x-croupier-complete': 'true' });
    const none = await get(`transactions.${format}?${SPAN}&after=${String(rest.trailers['x-croupier-next'])}`);
    expect(none.trailers).toMatchObject({
      'x-croupier-rows': '0',
      'x-croupier-next': rest.trailers['x-croupier-next'],
    });
  });

  test("by the footer of a parquet file and by every row's own cursor", async () => {
    const all = await lines(`transactions.ndjson?${SPAN}`);
    const { metadata, rows, columns } = await readParquet(`transactions.parquet?${SPAN}&rows=11`);
    expect(metadata.key_value_metadata).toEqual([
      { key: 'croupier.complete', value: 'false' },
      { key: 'croupier.next', value: all[10]?.['cursor'] },
    ]);
    expect(columns.at(-1)).toBe('cursor');
    expect(rows.at(-1)?.['cursor']).toBe(all[10]?.['cursor']);
    for (const index of [0, 1, 30, 68, 69]) {
      const rest = await lines(`transactions.ndjson?${SPAN}&after=${String(all[index]?.['cursor'])}`);
      expect(rest).toEqual(all.slice(index + 1));
    }
  });

  test("of a player's own by the cursor of each row, wallet by wallet", async () => {
    const token = await app.token('player', 'bob');
    const all = await lines(`transactions.ndjson?${now().replace(/from=[^&]+/, `from=${FROM.toISOString()}`)}`, token);
    expect(all.map(({ currency, sequence }) => [currency, sequence].join(' '))).toEqual([
      ...Array.from({ length: 31 }, (_, index) => `EUR ${index + 1}`),
      'BTC 1',
    ]);
    for (const index of [0, 15, 30, 31]) {
      const rest = await lines(
        `transactions.ndjson?${now().replace(/from=[^&]+/, `from=${FROM.toISOString()}`)}&after=${String(all[index]?.['cursor'])}`,
        token,
      );
      expect(rest).toEqual(all.slice(index + 1));
    }
    expect(all.at(-1)).toMatchObject({ amount: '1.00000001', balanceAfter: '1.00000001' });
  });

  test('not by the cursor of another list, filter or brand, and not by a forged one', async () => {
    const [row] = await lines(`transactions.ndjson?${SPAN}&rows=1`);
    const cursor = String(row?.['cursor']);
    const other = await lines(
      `transactions.ndjson?${SPAN}&rows=1`,
      await app.token('analyst', 'staff', { brand: 'other' }),
    );
    const forged = [
      `transactions.ndjson?${SPAN}&kind=BET&after=${cursor}`,
      `transactions.ndjson?${SPAN}&player=${idOf(alice)}&after=${cursor}`,
      `rounds.ndjson?${SPAN}&after=${cursor}`,
      `reports.ndjson?${SPAN}&after=${cursor}`,
      `transactions.ndjson?${SPAN}&after=${String(other[0]?.['cursor'])}`,
      ...[
        cursor.slice(1),
        `${cursor}x_`,
        cursor.replace('2026', '9999999'),
        cursor.replace(/\.[^.]+$/, ".1'--"),
        'x',
        '%00',
      ].map((each) => `transactions.ndjson?${SPAN}&after=${each}`),
    ];
    for (const path of forged) {
      const answer = await get(path);
      expect([path, answer.status, answer.body.toString()]).toEqual([
        path,
        400,
        expect.stringContaining('BAD_REQUEST'),
      ]);
    }
  });
});
