import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  callback,
  closeConnection,
  defineAdapter,
  type LaunchedPlay,
  type Reply,
} from '../../src/adapters/contract.js';
import { decimalAmount, idText } from '../../src/adapters/kit/amounts.js';
import { allOf, hmacSha256, secretPath } from '../../src/adapters/kit/signers.js';
import { createJournal, type Journal } from '../../src/callbacks/journal.js';
import { createCallbackHandler } from '../../src/callbacks/router.js';
import { newLaunchToken, redeemLaunchToken } from '../../src/launch/tokens.js';
import { laneOf } from '../../src/ledger/lanes.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { createStatements } from '../../src/ledger/statements.js';
import { createLogger } from '../../src/observability/logger.js';
import { policyWith } from '../ledger/commands.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { journalOf, movementsOf, send } from './provider.js';

/** A protocol that has what the pipeline offers and the sportsbook's has not: notices, launch tokens, a secret path. */

const SECRET_PATH = 'canary-path-7c1e9a40';
const HASH_SECRET = 'canary-hash-51d0b2f8';
const done = { status: 200, body: '{"ok":true}' } satisfies Reply;
const Id = z.object({ id: idText });
const Stake = z.object({ id: idText, player: idText, amount: decimalAmount, strict: z.boolean().default(false) });

const dice = defineAdapter<{ readonly quiet: boolean }>({
  id: 'dice',
  title: 'Dice',
  settings: z.strictObject({ quiet: z.boolean() }),
  signer: () =>
    allOf(
      secretPath({ secrets: [SECRET_PATH] }),
      hmacSha256({ headers: ['x-sign'], secrets: [HASH_SECRET], encoding: 'hex' }),
    ),
  policy: policyWith({}),
  deadlineMs: { bet: 5_000, other: 5_000 },
  methods: () => ['POST', 'PUT'],
  callbacks: [
    callback('end', {
      on: { path: '/end' },
      body: z.object({ round: idText.optional() }),
      command: ({ round }, { id, brand }) => ({ kind: 'notice', brand, integration: id, round }),
      reply: () => done,
    }),
    callback('who', {
      on: { path: '/who' },
      body: z.object({ token: z.string(), player: z.string().optional() }),
      launchToken: ({ token }) => token,
      command: ({ player }, { brand }, play) => {
        // What the provider says is believed only as far as the launch says the same.
        if (play === undefined || (player !== undefined && player !== play.player)) return 'PLAYER_UNKNOWN';
        return { kind: 'balance', brand, player: play.player, currency: play.currency };
      },
      reply: (outcome, { token }) => ({
        status: 200,
        body: JSON.stringify({ units: String(outcome.balance?.balanceUnits), tokenSize: token.length }),
      }),
    }),
    callback('bet', {
      on: { path: '/bet' },
      body: Stake,
      command: ({ id, player, amount }, context) => ({
        kind: 'bet',
        brand: context.brand,
        integration: context.id,
        player,
        currency: 'EUR',
        key: id,
        amount,
      }),
      policy: (row, { strict }) => (strict ? { ...row, duplicate: 'refuse' } : row),
      reply: (outcome) => ({ status: 200, body: JSON.stringify({ type: outcome.type }) }),
    }),
    callback('fate', {
      on: { path: '/fate' },
      body: Id,
      command: ({ id }, { id: integration, brand }) => ({
        kind: 'lookup',
        brand,
        integration,
        player: alice.externalId,
        currency: 'EUR',
        key: id,
      }),
      reply: (outcome) => ({
        status: 200,
        body: JSON.stringify(
          outcome.type === 'done'
            ? { was: outcome.found?.receipt.kind, undone: outcome.found?.rolledBack }
            : { type: outcome.type },
        ),
      }),
    }),
    callback('silent', {
      on: { path: '/silent' },
      enabled: ({ quiet }) => quiet,
      body: z.object({}),
      command: (_body, { id, brand }) => ({ kind: 'notice', brand, integration: id }),
      reply: () => closeConnection,
    }),
  ],
  refuse: (code, { callback: name }) => ({ status: 400, body: JSON.stringify({ code, callback: name }) }),
  client: () => ({ launch: () => Promise.resolve({ url: 'https://play.example/' }) }),
});

let db: TestDatabase;
let ledger: Ledger;
let journal: Journal;
let server: Server;
let url: string;
let alice: TestPlayer;
let redeem: (integration: string, token: string) => Promise<LaunchedPlay | undefined>;
const log: string[] = [];
const bound = dice.bind({ id: 'igpx-demo', brand: 'demo', settings: { quiet: false } });

beforeAll(async () => {
  db = await createTestDatabase();
  const logger = createLogger({ level: 'info', destination: { write: (line: string) => log.push(line) } });
  const failed = (message: string, error?: unknown): void => logger.error({ err: error }, message);
  ledger = createTestLedger(db, { failed });
  journal = createJournal(db.orm, createStatements(db.orm), failed);
  const handler = createCallbackHandler(new Map([['igpx-demo', { id: 'igpx-demo', brand: 'demo', adapter: bound }]]), {
    ledger,
    journal,
    redeem: (integration, token) => redeem(integration, token),
    observed: (each) => logger.info(each, 'callback'),
    failed,
  });
  server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(async () => {
  server.close();
  await ledger.close();
  await journal.close();
  await db.close();
});
beforeEach(async () => {
  alice = await createTestPlayer(db);
  redeem = (integration, token) => redeemLaunchToken(db.orm, integration, token);
});

interface Sent {
  readonly method?: string;
  readonly unsigned?: boolean;
}

function post(path: string, body: string, { method = 'POST', unsigned = false }: Sent = {}) {
  const plain = { method, path, query: '', headers: {}, body: Buffer.from(body) };
  const signed = bound.signer.sign(plain);
  const { headers } = unsigned ? plain : signed;
  return send(url, `/callbacks/igpx-demo${signed.path}`, { method, headers, body });
}

const refused = (code: string, name?: string): Reply => ({
  status: 400,
  body: JSON.stringify({ code, callback: name }),
});
const journaled = (body: string) => expect.poll(() => journalOf(db, body), { timeout: 5_000 });

describe('a notice', () => {
  test('is journaled and answered, and moves nothing', async () => {
    const body = '{"round":"notice-1"}';
    expect(await post('/end', body)).toEqual(done);
    await journaled(body).toMatchObject([
      { name: 'end', path: '/***/end', verdict: 'ok', status: 200, answer: done.body, wallet_id: null, sequence: null },
    ]);
    const [row] = await journalOf(db, body);
    expect(row?.flags).toEqual([]);
    expect(row?.body.toString()).toBe(body);
  });

  test('is one of its round, so that those of a round share a lane; without a round it is of its integration', async () => {
    await post('/end', '{"round":"shared", "n":1}');
    await post('/end', '{"round":"shared", "n":2}');
    await post('/end', '{"n":3}');
    await journaled('{"n":3}').toHaveLength(1);
    await journaled('{"round":"shared"').toHaveLength(2);
    const { rows } = await db.owner.query<{ lane: number }>(
      `select lane from callback where convert_from(body, 'UTF8') like '%"n":%' order by received_at, id`,
    );
    const shared = laneOf('demo', 'shared');
    expect(rows.map(({ lane }) => lane)).toEqual([shared, shared, laneOf('demo', 'igpx-demo')]);
  });

  test('waits for no unit of work: it is answered while the ledger takes nothing', async () => {
    const blocker = await db.owner.connect();
    try {
      await blocker.query('begin; select from lane for update');
      expect(await post('/end', '{"round":"unhindered"}')).toEqual(done);
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
  });

  test('that is not signed, or not what the protocol describes, is refused', async () => {
    expect(await post('/end', '{"round":"unsigned"}', { unsigned: true })).toEqual(refused('UNAUTHENTICATED'));
    expect(await post('/end', '{"round":7}')).toEqual(refused('MALFORMED', 'end'));
    await journaled('{"round":7}').toMatchObject([{ name: 'end', verdict: 'MALFORMED' }]);
  });
});

describe('a launch token', () => {
  async function launched(): Promise<string> {
    const token = newLaunchToken(alice.lane);
    await db.owner.query(
      `insert into game_session (lane, player_id, integration, currency, token_hash)
       values ($1, $2, 'igpx-demo', 'EUR', sha256(convert_to($3, 'UTF8')))`,
      [alice.lane, alice.id, token],
    );
    return token;
  }

  test('is redeemed before the command is made of the play it belongs to; so is its repeat', async () => {
    const body = JSON.stringify({ token: await launched(), n: 1 });
    const answer = { status: 200, body: '{"units":"100000000","tokenSize":45}' };
    expect(await post('/who', body)).toEqual(answer);
    expect(await post('/who', body)).toEqual(answer);
    await journaled('{"token":"***","n":1}').toMatchObject([{ name: 'who', verdict: 'ok' }, {}]);
  });

  test('is written nowhere: not in the journal, be it there twice or escaped, and not in the log', async () => {
    const token = await launched();
    const escaped = `{"token":"\\u00${token.charCodeAt(0).toString(16)}${token.slice(1)}","n":3}`;
    expect(JSON.parse(escaped)).toMatchObject({ token });
    await post('/who', JSON.stringify({ n: 2, token, again: token }));
    await post('/who', escaped);
    await post('/who', JSON.stringify({ token, player: 'mallory', n: 4 }));
    await journaled('{"n":2,').toMatchObject([{ body: Buffer.from('{"n":2,"token":"***","again":"***"}') }]);
    await journaled('***').toMatchObject([{ name: 'who', verdict: 'ok' }]);
    const { rows } = await db.owner.query<{ row: string }>('select c::text as row from callback c');
    const written = [...rows.map(({ row }) => row), ...log].join('\n');
    for (const form of [token, token.slice(1)]) {
      expect(written).not.toContain(form);
      expect(written).not.toContain(Buffer.from(form).toString('hex'));
    }
  });

  test('that is unknown is refused as one', async () => {
    const body = JSON.stringify({ token: newLaunchToken(1), n: 6 });
    expect(await post('/who', body)).toEqual(refused('SESSION_UNKNOWN', 'who'));
    await journaled('{"token":"***","n":6}').toMatchObject([
      { name: 'who', verdict: 'SESSION_UNKNOWN', wallet_id: null },
    ]);
  });

  test('is not asked about before the request was found signed', async () => {
    const token = await launched();
    expect(await post('/who', JSON.stringify({ token }), { unsigned: true })).toEqual(refused('UNAUTHENTICATED'));
    const { rows } = await db.owner.query('select redeemed_at from game_session where player_id = $1', [alice.id]);
    expect(rows).toEqual([{ redeemed_at: null }]);
  });

  test('that cannot be looked up is a failure to be repeated, not a refusal of the token', async () => {
    redeem = () => Promise.reject(new Error('The database is away.'));
    expect(await post('/who', JSON.stringify({ token: newLaunchToken(2) }))).toEqual(refused('UNAVAILABLE', 'who'));
    expect(log.some((line) => line.includes('A launch token could not be looked up'))).toBe(true);
  });

  test('of somebody else: the command may say the code that it is refused with', async () => {
    const body = JSON.stringify({ token: await launched(), player: 'mallory' });
    expect(await post('/who', body)).toEqual(refused('PLAYER_UNKNOWN', 'who'));
    await journaled('{"token":"***","player"').toMatchObject([
      { name: 'who', verdict: 'PLAYER_UNKNOWN', sequence: null },
      { name: 'who', verdict: 'PLAYER_UNKNOWN', sequence: null },
    ]);
  });
});

test('the request itself may say which of the rules apply to it', async () => {
  const stake = (strict: boolean) => JSON.stringify({ id: 'b1', player: alice.externalId, amount: '5', strict });
  expect(await post('/bet', stake(false))).toEqual({ status: 200, body: '{"type":"applied"}' });
  expect(await post('/bet', stake(false))).toEqual({ status: 200, body: '{"type":"replayed"}' });
  expect(await post('/bet', stake(true))).toEqual(refused('DUPLICATE', 'bet'));
  expect(await movementsOf(db, alice.id)).toHaveLength(1);
});

test('a look-up is answered with what became of the movement, and its row points at the wallet only', async () => {
  await post('/bet', JSON.stringify({ id: 'looked-for', player: alice.externalId, amount: '5' }));
  expect(await post('/fate', '{"id":"looked-for"}')).toEqual({ status: 200, body: '{"was":"bet","undone":false}' });
  expect(await post('/fate', '{"id":"never"}')).toEqual(refused('TARGET_UNKNOWN', 'fate'));
  const wallet_id = alice.wallets.get('EUR')?.toString();
  await journaled('{"id":"looked-for"}').toMatchObject([{ name: 'fate', verdict: 'ok', wallet_id, sequence: null }]);
  await journaled('{"id":"never"}').toMatchObject([{ verdict: 'TARGET_UNKNOWN', wallet_id, sequence: null }]);
});

test('only the methods and the callbacks that the integration has are there', async () => {
  expect(await post('/end', '{}', { method: 'PUT' })).toEqual(done);
  for (const method of ['GET', 'DELETE', 'PATCH']) {
    expect(await post('/end', '', { method })).toEqual(refused('UNKNOWN_CALLBACK'));
  }
  expect(await post('/silent', '{}')).toEqual(refused('UNKNOWN_CALLBACK'));
  expect(dice.bind({ id: 'i', brand: 'demo', settings: { quiet: true } }).callbacks).toHaveLength(5);
});

test('no secret, of path or signature, reaches the journal or the log, however the request ends', async () => {
  await post('/end', '{"round":"canary"}');
  await post('/nowhere', '{"round":"canary"}');
  await post('/end', '{"round":"canary"}', { unsigned: true });
  await post('/end', 'no json');
  await post('/end', `"${'x'.repeat(70_000)}"`);
  await send(url, `/callbacks/igpx-demo/${SECRET_PATH}`, { body: 'canary' });
  // One character off is as good as a hint.
  await send(url, `/callbacks/igpx-demo/${SECRET_PATH.slice(0, -1)}/end`, { body: 'canary' });
  await journaled('canary').toHaveLength(2);
  const { rows } = await db.owner.query<{ row: string; path: string }>('select c::text as row, path from callback c');
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.filter(({ path }) => !path.startsWith('/***'))).toEqual([]);
  const signature = bound.signer.sign({
    method: 'POST',
    path: '/end',
    query: '',
    headers: {},
    body: Buffer.from('no json'),
  });
  const secrets = [SECRET_PATH.slice(0, -1), HASH_SECRET, signature.headers['x-sign'] ?? ''];
  const written = [...rows.map(({ row }) => row), ...log].join('\n');
  expect(log.length).toBeGreaterThan(10);
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(10);
    expect(written).not.toContain(secret);
    expect(written).not.toContain(Buffer.from(secret).toString('hex'));
  }
});
