import { afterAll, beforeAll, expect, test } from 'vitest';
import { createJournal } from '../../src/callbacks/journal.js';
import { type CallbackRow, createStatements } from '../../src/ledger/statements.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase } from '../support/database.js';
import {
  bodyOf,
  countOf,
  type Facts,
  integrationsWith,
  journalOf,
  movementsOf,
  refused,
  send,
  sign,
  tooPoor,
} from './provider.js';

const canary = { hash: 'canary-hash-8d1f0c2b7a6e4953', password: 'canary-password-5b1c9e7d3f20' };
const KiB = 1_024;

let gateway: TestApp & { database: TestDatabase };
beforeAll(async () => {
  gateway = await startTestApp({
    config: {
      integrations: integrationsWith({ 'igpx-demo': { securityHash: [canary.hash], password: canary.password } }),
    },
  });
});
afterAll(() => gateway.close());

const url = '/callbacks/igpx-demo';
const post = (body: string | Buffer, path = '/transaction') =>
  send(gateway.url, url + path, { body, headers: sign(body, canary.hash) });

/** Rows outside a unit of work are written a moment later. */
const journaled = (body: string | Buffer) => expect.poll(() => journalOf(gateway.database, body), { timeout: 5_000 });

test('a movement leaves a row with its verdict, its answer and the ledger row it speaks of; so does its repeat', async () => {
  const player = await createTestPlayer(gateway.database);
  const body = bodyOf({ transaction_id: 'bet-1', user_id: player.externalId });
  const answer = await post(body);
  expect(await post(body)).toEqual(answer);
  const [bet] = await movementsOf(gateway.database, player.id);
  const rows = await journalOf(gateway.database, body);
  const told = answer === 'closed' ? undefined : answer.body;
  const link = { wallet_id: bet?.wallet_id, sequence: bet?.sequence };
  expect(rows).toMatchObject([
    { name: 'bet', path: '/transaction', verdict: 'ok', flags: [], status: 200, answer: told, ...link },
    { name: 'bet', path: '/transaction', verdict: 'repeat', flags: [], status: 200, answer: told, ...link },
  ]);
  for (const row of rows) {
    expect(row.body.toString()).toBe(body);
    expect(row.duration_us).toBeGreaterThanOrEqual(0);
  }
});

test.each<[string, string, Partial<Facts>, object]>([
  ['missing funds', 'bet', { amount: '100.01' }, { verdict: 'INSUFFICIENT_FUNDS', answer: tooPoor.body }],
  ['too many decimals', 'bet', { amount: '0.0000001' }, { verdict: 'AMOUNT_INVALID' }],
  ['a currency that is not allowed', 'bet', { currency: 'BTC' }, { verdict: 'CURRENCY_NOT_ALLOWED' }],
  [
    'money owed in a currency nobody has',
    'result',
    { action: 'result', currency: 'JPY' },
    { verdict: 'CURRENCY_NOT_ALLOWED', flags: ['quarantined'] },
  ],
  ['an unknown player', 'bet', { user_id: 'nobody' }, { verdict: 'PLAYER_UNKNOWN', flags: ['player-unknown'] }],
  ['a rollback of itself', 'rollback', { rollback_transaction_id: 'k' }, { verdict: 'TARGET_INVALID' }],
])('a refusal for %s leaves a row that points at no movement', async (_why, name, facts, expected) => {
  const player = await createTestPlayer(gateway.database);
  const body = bodyOf({ transaction_id: 'k', user_id: player.externalId, ...facts });
  const answer = await post(body, name === 'rollback' ? '/transaction-rollback' : '/transaction');
  const told = answer === 'closed' ? undefined : answer.body;
  await journaled(body).toMatchObject([{ name, status: 200, answer: told, sequence: null, flags: [], ...expected }]);
  expect(await movementsOf(gateway.database, player.id)).toEqual([]);
});

test('a late bet, and a bet of a player who may not bet, leave rows with the reason', async () => {
  const player = await createTestPlayer(gateway.database);
  const undo = bodyOf({ transaction_id: 'undo', rollback_transaction_id: 'late', user_id: player.externalId });
  await post(undo, '/transaction-rollback');
  const late = bodyOf({ transaction_id: 'late', user_id: player.externalId });
  expect(await post(late)).toEqual(refused);
  await journaled(undo).toMatchObject([
    { name: 'rollback', verdict: 'ok', flags: ['rollback-of-unknown'], sequence: '2' },
  ]);
  await journaled(late).toMatchObject([{ verdict: 'BET_ROLLED_BACK', flags: ['late-bet'], sequence: null }]);

  const banned = await createTestPlayer(gateway.database, { status: 'SUSPENDED' });
  const bet = bodyOf({ transaction_id: 'k', user_id: banned.externalId });
  const result = bodyOf({ transaction_id: 'k2', user_id: banned.externalId, action: 'result' });
  expect(await post(bet)).toEqual(refused);
  await post(result);
  await journaled(bet).toMatchObject([{ verdict: 'PLAYER_NOT_ACTIVE', sequence: null }]);
  await journaled(result).toMatchObject([{ verdict: 'ok', flags: ['win-of-inactive-player'], sequence: '2' }]);
});

test('a flagged refusal says so in its row', async () => {
  const player = await createTestPlayer(gateway.database);
  await post(bodyOf({ transaction_id: 'k', user_id: player.externalId }));
  const other = bodyOf({ transaction_id: 'k', user_id: player.externalId, amount: '11.00' });
  expect(await post(other)).toEqual(refused);
  const wallet_id = player.wallets.get('EUR')?.toString();
  await journaled(other).toMatchObject([
    { verdict: 'KEY_CONFLICT', flags: ['key-conflict'], wallet_id, sequence: null },
  ]);
});

test.each([
  ['a path the protocol does not have', '/nothing-here', '{"a":1}', 'UNKNOWN_CALLBACK'],
  ['a body that is no JSON', '/transaction', 'no json, signed', 'MALFORMED'],
  ['a body with a field missing', '/transaction', '{"action":"bet","user_id":"journal"}', 'MALFORMED'],
])('%s leaves a row', async (_what, path, body, verdict) => {
  expect(await post(body, path)).toEqual(refused);
  await journaled(body).toMatchObject([
    { path, verdict, status: 200, answer: refused.body, wallet_id: null, sequence: null },
  ]);
});

test('of a body that nobody signed, 2 KiB are kept; of a signed one, all', async () => {
  const unsigned = `unsigned ${'x'.repeat(10 * KiB)}`;
  const signed = `signed ${'x'.repeat(10 * KiB)}`;
  expect(await send(gateway.url, `${url}/transaction`, { body: unsigned })).toEqual(refused);
  expect(await post(signed)).toEqual(refused);
  await journaled('unsigned').toMatchObject([
    { verdict: 'UNAUTHENTICATED', name: null, body: Buffer.from(unsigned.slice(0, 2 * KiB)) },
  ]);
  await journaled('signed').toMatchObject([{ verdict: 'MALFORMED', body: Buffer.from(signed) }]);
});

test('of a body over 64 KiB, 2 KiB are kept, signed or not', async () => {
  const body = `oversized ${'x'.repeat(65 * KiB)}`;
  expect(await post(body)).toEqual(refused);
  await journaled('oversized').toMatchObject([{ verdict: 'TOO_LARGE', body: Buffer.from(body.slice(0, 2 * KiB)) }]);
});

test('bytes that are no text, and paths full of them, are kept as they came', async () => {
  const body = Buffer.from([0x00, 0xff, 0xfe, 0x22, 0x5c, 0x27, 0x7b, 0x80]);
  const path = `/%00%ff"\\',{}NULL${'y'.repeat(300)}`;
  expect(await post(body, path.replaceAll('"', '%22'))).toEqual(refused);
  await journaled(body).toMatchObject([{ path: path.replaceAll('"', '%22').slice(0, 255), body }]);
});

test('no secret and no signature is in the journal or in the log', async () => {
  const { rows } = await gateway.database.owner.query<{ row: string }>('select callback::text as row from callback');
  const log = gateway.log.join('');
  expect(rows.length).toBeGreaterThan(10);
  expect(log.length).toBeGreaterThan(1_000);
  const signature = sign('no json, signed', canary.hash)['x-security-hash'] ?? '';
  for (const secret of [canary.hash, canary.password, signature]) {
    expect(log).not.toContain(secret);
    for (const { row } of rows) {
      expect(row).not.toContain(secret);
      expect(row).not.toContain(Buffer.from(secret).toString('hex'));
    }
  }
});

test('the log has one line for each callback: which, what was said, how long', async () => {
  const player = await createTestPlayer(gateway.database);
  const before = gateway.log.length;
  await post(bodyOf({ transaction_id: 'logged', user_id: player.externalId }));
  expect(gateway.log.slice(before).map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      msg: 'callback',
      integration: 'igpx-demo',
      callback: 'bet',
      key: 'logged',
      verdict: 'ok',
      ms: expect.any(Number),
    },
  ]);
});

test('a flood of refused requests does not fill the memory while the journal cannot be written', async () => {
  const { database } = gateway;
  const complaints: string[] = [];
  const journal = createJournal(database.orm, createStatements(database.orm), (message) => complaints.push(message));
  const row: CallbackRow = {
    lane: 0,
    receivedAt: new Date(),
    integration: 'igpx-demo',
    name: null,
    path: '/flood',
    body: Buffer.alloc(2 * KiB),
    verdict: 'UNAUTHENTICATED',
    flags: [],
    status: 200,
    answer: refused.body,
    durationUs: 0,
    walletId: null,
    sequence: null,
  };
  const countBefore = await countOf(database, 'callback');
  const blocker = await database.owner.connect();
  await blocker.query('begin; lock table callback in access exclusive mode');
  for (let index = 0; index < 6_000; index += 1) journal.append(row);
  await blocker.query('commit');
  blocker.release();
  await journal.close();
  expect((await countOf(database, 'callback')) - countBefore).toBe(5_000);
  expect(complaints).toEqual(['1000 refused requests are missing from the journal: too many were waiting']);
});
