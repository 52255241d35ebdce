import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { download, FROM, parseLines, SPAN, writeHistory } from './world.js';

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
/** A span that holds what the tests do by the ledger itself. */
const now = () =>
  `from=${new Date(Date.now() - 86_400_000).toISOString()}&to=${new Date(Date.now() + 3_600_000).toISOString()}`;

describe('a token gets', () => {
  test('its own brand alone, by any filter and any cursor', async () => {
    const other = await app.token('operator', 'staff', { brand: 'other' });
    const rows = await lines(`transactions.ndjson?${SPAN}`, other);
    expect(rows).toHaveLength(20);
    expect(new Set(rows.map(({ playerId }) => playerId))).toEqual(new Set([idOf(stranger)]));
    // The cashier serves all brands.
    const deposits = await lines(`transactions.ndjson?${now()}&integration=cashier`, other);
    expect(deposits.map(({ playerId }) => playerId)).toEqual([idOf(stranger)]);
    const unknown = await get(`transactions.csv?${SPAN}&player=pl_00zzzz`, other);
    const foreign = await get(`transactions.csv?${SPAN}&player=${idOf(alice)}`, other);
    expect([foreign.status, foreign.body.toString()]).toEqual([404, unknown.body.toString()]);
    const noIntegration = await get(`transactions.csv?${SPAN}&integration=nothing`, other);
    const foreignIntegration = await get(`transactions.csv?${SPAN}&integration=igpx-demo`, other);
    expect([foreignIntegration.status, foreignIntegration.body.toString()]).toEqual([
      404,
      noIntegration.body.toString(),
    ]);
  });

  test("nothing of another brand's player whose row names an integration of its own", async () => {
    // No gateway writes such a row; it stands for a mistake of a configuration.
    await app.database.owner.query(`update integration set brand_id = 'other' where id = 'igpx-second'`);
    const rows = await lines(`transactions.ndjson?${SPAN}`, await app.token('service', 'etl', { brand: 'other' }));
    expect(new Set(rows.map(({ playerId }) => playerId))).toEqual(new Set([idOf(stranger)]));
    await app.database.owner.query(`update integration set brand_id = 'demo' where id = 'igpx-second'`);
  });

  test("as a player its own rows, without the staff's flags", async () => {
    const player = await createTestPlayer(app.database);
    const undo = {
      kind: 'rollback',
      integration: 'igpx-demo',
      currency: 'EUR',
      key: 'undo',
      target: 'unknown',
    } as const;
    const whose = { brand: 'demo', player: player.externalId };
    await app.app.ledger.execute({ ...undo, ...whose }, { policy, deadlineMs: 5_000 });
    const token = await app.token('player', player.externalId);
    const rows = await lines(`transactions.ndjson?${now()}`, token);
    expect(rows).toHaveLength(3);
    expect(rows.every((row) => row['playerId'] === idOf(player) && JSON.stringify(row['flags']) === '[]')).toBe(true);
    expect(await lines(`transactions.ndjson?${now()}&player=${idOf(player)}`, token)).toEqual(rows);
    const foreign = await get(`transactions.csv?${SPAN}&player=${idOf(alice)}`, token);
    const unknown = await get(`transactions.csv?${SPAN}&player=pl_00zzzz`, token);
    expect([foreign.status, foreign.body.toString()]).toEqual([404, unknown.body.toString()]);
    const nobody = await get(`transactions.csv?${SPAN}`, await app.token('player', randomUUID()));
    expect(nobody.status).toBe(404);
  });

  test.each([
    ['player', 'transactions', 404],
    ['player', 'reports', 403],
    ['support', 'transactions', 403],
    ['analyst', 'reports', 200],
    ['operator', 'rounds', 200],
    ['service', 'transactions', 200],
  ] as const)('as %s for %s the status %i', async (role, subject, status) => {
    expect((await get(`${subject}.csv?${SPAN}`, await app.token(role))).status).toBe(status);
  });

  test('written down what it read, in one line', async () => {
    const before = app.log.length;
    await get(`transactions.csv?${SPAN}&integration=igpx-second&rows=5`, await app.token('analyst', 'ada'));
    await expect.poll(() => app.log.slice(before).filter((line) => line.includes('staff read'))).toHaveLength(1);
    const line = app.log.slice(before).find((each) => each.includes('staff read')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      subject: 'ada',
      brand: 'demo',
      export: 'transactions',
      format: 'csv',
      integration: 'igpx-second',
      from: FROM.toISOString(),
      rows: 5,
      complete: false,
    });
  });
});

describe('what is wrong is told, in JSON', () => {
  test.each([
    ['transactions.csv', 400, '"from" is required; "to" is required.'],
    ['transactions.csv?from=yesterday&to=2026-01-01T00:00:00Z', 400, '"from" must be a moment'],
    ['transactions.csv?from=2026-02-30T00:00:00Z&to=2026-03-01T00:00:00Z', 400, '"from" must be a moment'],
    ['transactions.csv?from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z', 400, '"from" must be before "to".'],
    ['transactions.csv?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 400, '"from" must be before "to".'],
    ['transactions.csv?from=2025-01-01T00:00:00Z&to=2026-03-01T00:00:00Z', 400, 'at most 400 days'],
    ['transactions.csv?from=1900-01-01T00:00:00Z&to=2999-03-01T00:00:00Z', 400, 'at most 400 days'],
    [`transactions.csv?${SPAN}&from=${FROM.toISOString()}`, 400, '"from" is given twice'],
    [`transactions.csv?${SPAN}&limit=5&__proto__=1`, 400, '"limit" is no parameter of this export'],
    [`transactions.csv?${SPAN}&state=open`, 400, '"state" is no parameter'],
    [`transactions.csv?${SPAN}&kind=bets`, 400, '"kind" must be one of BET, WIN'],
    [`rounds.csv?${SPAN}&state=done`, 400, '"state" must be one of OPEN, SETTLED, ROLLED_BACK, CLOSED'],
    [`reports.csv?${SPAN}&by=week`, 400, '"by" must be one of HOUR, DAY'],
    [`reports.csv?${SPAN}&player=pl_001`, 400, '"player" is no parameter'],
    ...['0', '-1', '1.5', '1e3', '١٢', '99999999999', ''].map(
      (rows) => [`transactions.csv?${SPAN}&rows=${rows}`, 400, '"rows" must be'] as const,
    ),
    [`transactions.csv?${SPAN}&integration=a'b`, 400, '"integration" must be'],
    [`transactions.csv?${SPAN}&player=1%00`, 404, 'no such player'],
    [`transactions.xml?${SPAN}`, 404, 'no such export'],
    [`transactions.csv/?${SPAN}`, 404, 'no such export'],
    [`wallets.csv?${SPAN}`, 404, 'no such export'],
    [``, 404, 'no such export'],
  ] as const)('%s: %i', async (path, status, message) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.body.toString()) as { error: { code: string; message: string } };
    expect(error).toEqual({
      code: status === 404 ? 'NOT_FOUND' : 'BAD_REQUEST',
      message: expect.stringContaining(message),
    });
  });

  test('no token, a bad one, and methods other than GET', async () => {
    for (const token of [undefined, 'nonsense', `${analyst}x`]) {
      const answer = await download(`${app.url}/exports/transactions.csv`, token);
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(answer.body.toString()).toContain('"UNAUTHENTICATED"');
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
      const answer = await download(`${app.url}/exports/transactions.csv?${SPAN}`, analyst, { method });
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET']);
    }
  });

  test('HTTP/1.0, whose clients cannot tell half a file from a whole one', async () => {
    const { hostname, port } = new URL(app.url);
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let read = '';
      socket
        .on('data', (part) => (read += part.toString()))
        .on('end', () => resolve(read))
        .on('error', reject);
      socket.write(`GET /exports/transactions.csv?${SPAN} HTTP/1.0\r\nauthorization: Bearer ${analyst}\r\n\r\n`);
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*Use HTTP\/1\.1/);
  });
});
