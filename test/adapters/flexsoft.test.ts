import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BoundAdapter, CallbackCommand, WireRequest } from '../../src/adapters/contract.js';
import { flexsoft, side } from '../../src/adapters/flexsoft/index.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { parseJson } from '../../src/adapters/kit/json.js';
import type { ProviderMessage, ProviderMovement, ProviderVerdict } from '../../src/adapters/provider-side.js';
import type { SimulatedGame, WireAnswer } from '../../src/adapters/provider-side.js';
import { dispatch } from '../../src/callbacks/dispatch.js';
import { isTransient, type WalletErrorCode, walletErrors } from '../../src/ledger/errors.js';
import { formatUnits } from '../../src/ledger/money.js';
import { hashLaunchToken, newLaunchToken } from '../../src/launch/tokens.js';
import type { PolicyOverrides } from '../../src/ledger/policy.js';
import { balanceOf, send } from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer, testWorld } from '../support/database.js';
import { launchRequest } from '../support/launch-request.js';
import { faultOf, json, serve } from '../support/loopback.js';

const settings = {
  apiUrl: 'http://127.0.0.1:9',
  keys: [{ publicKey: 'test-public-key', secret: 'test-secret-key' }],
};

function bind(overrides: Record<string, unknown> = {}): BoundAdapter {
  return flexsoft.bind({ id: 'flexsoft-demo', brand: 'demo', settings: { ...settings, ...overrides } });
}

const bound = bind();
const codes = z.array(z.custom<WalletErrorCode>((code) => typeof code === 'string')).parse(Object.keys(walletErrors));

/** Finds and reads a callback as the gateway does. */
function read(path: string, body: string | object) {
  const parsed = parseJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  const message = parsed.ok ? dispatch(bound, path, parsed.value)?.read(parsed.value) : undefined;
  return message && { command: message.command(undefined), message };
}

const facts = { user_id: 'player-1', currency: 'USD', amount: 5440, provider_tx_id: 'tx-1', action_id: 'round-1' };
const bet = { ...facts, action: 'BET' };
const win = { ...facts, action: 'WIN', provider_tx_id: 'tx-2', withdraw_provider_tx_id: 'tx-1' };
const rollBack = { ...facts, action: 'ROLL_BACK', provider_tx_id: 'tx-3', withdraw_provider_tx_id: 'tx-1' };
const lists = { aviadroneCashOutCoefficients: '[1.53,0]', aviadroneBets: '[5440,1000]' };
const closeRound = { action: 'CLOSE_ROUND', amount: 0, provider_tx_id: 'r-op9-close-round', round_id: 'r' };
const ended = (attributes: unknown) => ({ ...closeRound, attributes });

describe('signature', () => {
  // Self-computed, as the provider publishes no signed sample.
  const samples = [
    [
      '{"user_id":"player-1","currency":"USD","amount":5440,"provider_tx_id":"tx-1","game":"aviadrone","action":"BET","action_id":"round-1","session_token":"ps_123abc"}',
      'dzvhW6Jyf3NOEM0SOgDV6IE7Sc5RXoGEnTTpIZA7EvI=',
    ],
    ['{ "user_id": "josé", "amount": 1000 }', 'xJrRfwH4mXrB/hXaTFJYhNR2Dc9axtcXoCf2OqmeGI4='],
  ] as const;
  const arrival = { method: 'POST', path: '/withdraw', query: '', remoteAddress: '203.0.113.7' };

  function verifies(adapter: BoundAdapter, text: string, headers: Record<string, string>): boolean {
    return adapter.signer.verify({ ...arrival, headers, body: Buffer.from(text) }) !== undefined;
  }

  test.each(samples)('of %s', (text, signature) => {
    const headers = { 'x-public-key': 'test-public-key', 'x-signature': signature };
    expect(bound.signer.sign({ ...arrival, headers: {}, body: Buffer.from(text) }).headers).toEqual(headers);
    expect(verifies(bound, text, headers)).toBe(true);
    expect(verifies(bound, `${text} `, headers)).toBe(false);
  });

  test('only standard Base64 fits, and only under the public key it belongs to', () => {
    const [[text, signature]] = samples;
    const headers = { 'x-public-key': 'test-public-key', 'x-signature': signature };
    const hex = Buffer.from(signature, 'base64').toString('hex');
    expect(verifies(bound, text, { 'x-signature': signature })).toBe(false);
    expect(verifies(bound, text, { ...headers, 'x-signature': hex })).toBe(false);
    const rotated = bind({ keys: [{ publicKey: 'new-public-key', secret: 'new-secret-key' }, ...settings.keys] });
    expect(verifies(rotated, text, headers)).toBe(true);
    expect(verifies(rotated, text, { ...headers, 'x-public-key': 'new-public-key' })).toBe(false);
  });
});

describe('requests', () => {
  test('a win pays the bet it names, or else the oldest of its round', () => {
    const paidBy = (named: unknown) => read('/deposit', { ...win, withdraw_provider_tx_id: named })?.command;
    expect(paidBy(77)).toMatchObject({ kind: 'win', pays: { bet: '77' } });
    for (const none of [undefined, null, '']) expect(paidBy(none)).toMatchObject({ pays: 'oldest-of-round' });
  });

  test('round_id is the round where action_id is there too, and either may be missing', () => {
    expect(read('/withdraw', { ...bet, round_id: 5 })?.command).toMatchObject({ round: '5' });
    expect(read('/withdraw', { ...bet, action_id: undefined })?.command).toMatchObject({ round: undefined });
  });

  test('what can be done without stops no movement', () => {
    const odd = { ...rollBack, amount: undefined, provider: 7, game: ['aviadrone'], platform: null, later: {} };
    const facts = { kind: 'rollback', key: 'tx-3', target: 'tx-1', amount: undefined, game: undefined };
    expect(read('/deposit', odd)?.command).toMatchObject(facts);
  });

  test.each<[string, string, string | object]>([
    ['a bet on the path of deposits', '/deposit', bet],
    ['a win on the path of bets', '/withdraw', win],
    ['an action in other letters', '/withdraw', { ...bet, action: 'bet' }],
    ['an amount with a fraction', '/withdraw', JSON.stringify(bet).replace('5440', '5440.0')],
    ['an amount as text', '/withdraw', { ...bet, amount: '5440' }],
    ['a negative amount', '/withdraw', { ...bet, amount: -1 }],
    ['no amount', '/withdraw', { ...bet, amount: undefined }],
    ['no id', '/withdraw', { ...bet, provider_tx_id: undefined }],
    ['no player', '/withdraw', { ...bet, user_id: undefined }],
    ['a player that is a number', '/withdraw', { ...bet, user_id: 42 }],
    ['no currency', '/withdraw', { ...bet, currency: undefined }],
    ['a rollback of nothing', '/deposit', { ...rollBack, withdraw_provider_tx_id: undefined }],
    ['an /auth without token', '/auth', { session_token: 'ps_1' }],
    ['a list', '/withdraw', []],
    ['a round with lists of different length', '/deposit', ended({ ...lists, aviadroneBets: '[5440]' })],
    ['a round with one list', '/deposit', ended({ aviadroneBets: '[5440,1000]' })],
    ['a round with text that is no JSON', '/deposit', ended({ ...lists, aviadroneBets: '5440,1000' })],
    ['a round with bets that are no millis', '/deposit', ended({ ...lists, aviadroneBets: '[5.44,1000]' })],
    ['a round with a list of other things', '/deposit', ended([lists])],
    ['a round with nothing', '/deposit', ended(undefined)],
    ['a round with an amount', '/deposit', { ...ended(lists), amount: 1 }],
    ['a round without id', '/deposit', { ...ended(lists), provider_tx_id: undefined }],
  ])('%s is not read', (_what, path, body) => {
    expect(read(path, body)).toBeUndefined();
  });
});

test.each([
  [12_345_999n, 6, '12345'],
  [-1n, 6, '-1'],
  [7n, 0, '7000'],
  [9_223_372_036_854_775_807n, 2, '92233720368547758070'],
])('%d units of scale %d are told as %s thousandths', (balanceUnits, scale, millis) => {
  const balance = { lane: 3, walletId: 7n, sequence: 20n, currency: 'USD', balanceUnits, scale };
  const answer = read('/balance', facts)?.message.reply({ type: 'done', balance, flags: [] });
  expect(answer).toMatchObject({ body: expect.stringContaining(`"data":{"currency":"USD","amount":${millis}}}`) });
});

test.each(codes)('%s has a status of the document, and 503 exactly where it is worth repeating', (code) => {
  for (const callback of ['auth', 'bet', 'win', 'rollback', 'balance', undefined]) {
    const reply = z.object({ status: z.number(), body: z.string() }).parse(bound.refuse(code, { callback }));
    expect([400, 401, 402, 404, 409, 503]).toContain(reply.status);
    expect(reply.status === 503).toBe(isTransient(code));
    expect(JSON.parse(reply.body)).toEqual({ code: reply.status, message: expect.any(String), data: null });
  }
});

test.each<[WalletErrorCode, number, number]>([
  ['PLAYER_UNKNOWN', 404, 400],
  ['SESSION_UNKNOWN', 401, 400],
  ['INSUFFICIENT_FUNDS', 402, 400],
  ['WALLET_IN_DEBT', 402, 400],
  ['PLAYER_NOT_ACTIVE', 400, 400],
  ['TARGET_UNKNOWN', 404, 404],
])("%s is %d to a bet and %d to a deposit, which is not refused for the player's sake", (code, toBet, toDeposit) => {
  for (const callback of ['win', 'free-bet-win', 'rollback', 'bet']) {
    expect(bound.refuse(code, { callback })).toMatchObject({ status: callback === 'bet' ? toBet : toDeposit });
  }
});

test.each([
  ['a padded secret', { keys: [{ publicKey: 'a', secret: 'test-secret-key ' }] }],
  ['a public key that is no header', { keys: [{ publicKey: 'a\r\nb', secret: 'test-secret-key' }] }],
  ['a repeated public key', { keys: [...settings.keys, { publicKey: 'test-public-key', secret: 'other-secret' }] }],
  ['a script to return to', { returnUrl: 'javascript:alert(1)' }],
  ['a largest stake of 0', { maxBet: '0' }],
  ['a largest stake finer than a thousandth', { maxBet: '0.0005' }],
])('settings with %s are refused', (_what, overrides) => {
  expect(() => bind(overrides)).toThrow(z.ZodError);
});

describe('launch', () => {
  async function launchAt(answer: unknown, status = 200, overrides: Record<string, unknown> = {}) {
    const server = await serve((_received, response) => json(response, answer, status));
    const http = createProviderHttp({ timeoutMs: 2_000, retries: 3 });
    return { client: bind({ apiUrl: server.url, ...overrides }).client(http), received: server.received };
  }
  const wish = launchRequest({ game: 'aviadrone' });
  const good = { launch_url: 'https://games.example/play?t=1', session_token: 'ps_1' };

  test('names the game in its path, the player by the one-time token, and us by the public key', async () => {
    const { client, received } = await launchAt(good, 200, { operatorId: 'op9' });
    const whole = { ...wish, returnUrl: 'https://casino.example/?a&b', platform: 'mobile', demo: true } as const;
    expect(await client.launch(whole)).toEqual({ url: good.launch_url });
    const [asked] = received;
    const player = `userToken=${wish.token}&currency=USD&platform=mobile&portalMode=demo&language=en`;
    const rest = 'returnUrl=https%3A%2F%2Fcasino.example%2F%3Fa%26b&operatorId=op9';
    expect(asked?.path).toBe(`/api/v1/launch/aviadrone?${player}&${rest}`);
    expect(asked?.headers).toMatchObject({ 'x-public-key': 'test-public-key', 'user-agent': 'Croupier' });
    expect(asked?.headers).not.toHaveProperty('x-signature');
  });

  test.each<[string, unknown, number, string]>([
    ['a fault', { code: 503, message: 'no', data: null }, 503, 'REFUSED'],
    ['no URL', { session_token: 'ps_1' }, 200, 'INVALID_ANSWER'],
    ['a script', { launch_url: 'javascript:alert(1)' }, 200, 'INVALID_ANSWER'],
    ['credentials', { launch_url: 'https://a:b@games.example/' }, 200, 'INVALID_ANSWER'],
  ])('fails at %s, and is sent once', async (_what, body, status, code) => {
    const { client, received } = await launchAt(body, status);
    expect(await faultOf(client.launch(wish))).toMatchObject({ code });
    expect(received).toHaveLength(1);
  });

  test.each([undefined, '', '..', 'a/b', 'a?b'])('of the game %s is not sent', async (game) => {
    const { client, received } = await launchAt(good);
    expect(await faultOf(client.launch({ ...wish, game }))).toMatchObject({ code: 'REFUSED' });
    expect(received).toEqual([]);
  });
});

const seat = { player: 'player-1', currency: 'USD', game: 'aviadrone', round: 'round-1', session: 'ps_1' };
const movement: ProviderMovement = { ...seat, kind: 'bet', id: 'tx-1', amount: '5.44' };
const funds: ProviderVerdict = { type: 'refused', why: 'funds', balance: undefined };

test.each<[ProviderMovement['kind'], number, ProviderVerdict | 'no-answer', string]>([
  ['bet', 1, 'no-answer', 'repeat'],
  ['bet', 3, { type: 'failed' }, 'roll-back'],
  ['bet', 1, { type: 'unreadable', what: 'rubbish' }, 'roll-back'],
  ['win', 7, { type: 'failed' }, 'repeat'],
  ['win', 8, 'no-answer', 'rest'],
  ['rollback', 1, { type: 'refused', why: 'other', balance: undefined }, 'rest'],
])('the provider, after a %s has been sent %d times, to %j: %s', (kind, attempt, result, act) => {
  const voice = side.voice(settings);
  expect(voice.afterwards({ ...movement, kind }, attempt, result)).toMatchObject({ act });
});

test.each([
  [200, '{"code":200,"message":"Success","data":{"new_balance":1.5}}', 'unreadable'],
  [200, '{"operator_tx_id":"tx","provider_tx_id":"tx-1","new_balance":1}', 'unreadable'],
  [402, '{"code":402,"message":"no","data":null}', 'refused'],
  [402, '{"code":400,"message":"no","data":null}', 'unreadable'],
  [503, '', 'failed'],
])('the provider hears of %d %s that it is %s', (status, body, type) => {
  expect(side.voice(settings).hear(movement, { status, body })).toMatchObject({ type });
});

const texts = z.record(z.string(), z.string());
const Balances = z.record(z.string(), texts);
const Exchange = z.object({
  request: z.object({ method: z.string(), path: z.string(), headers: texts, body: z.string() }),
  command: texts.optional(),
  answer: z.object({ status: z.number(), body: z.string() }),
  after: Balances,
});
const overlay = z.record(z.string(), z.unknown()).default({});
const Fixture = z.object({ title: z.string(), settings: overlay, before: Balances, exchanges: z.array(Exchange) });
const folder = new URL('../../src/adapters/flexsoft/fixtures/', import.meta.url);
const fixtures = readdirSync(folder).map((file) => ({
  id: file.replace('.json', ''),
  ...Fixture.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
}));

describe('on a gateway', () => {
  let gateway: TestApp & { database: TestDatabase };
  const live = (id: string, more: Record<string, unknown> = {}, policy: PolicyOverrides = {}) => {
    const common = { id, adapter: 'flexsoft', brand: id, currencies: ['USD'], policy };
    return { ...common, settings: { ...settings, ...more } };
  };
  const integrations = [
    ...fixtures.map((each) => live(each.id, each.settings)),
    live('strict', { maxBet: '50' }, { rollbackOfUnknown: 'refuse' }),
    live('enveloped'),
    live('flat-played', { envelope: 'flat' }),
  ];
  beforeAll(async () => {
    const brands = integrations.map(({ id }) => ({ id, currencies: ['USD'] }));
    gateway = await startTestApp({ config: { brands: [...testWorld.brands, ...brands], integrations } });
    for (const brand of ['strict', 'enveloped', 'flat-played']) {
      await createTestPlayer(gateway.database, { brand, externalId: 'player-1', balances: { USD: '100' } });
    }
  });
  afterAll(() => gateway.close());

  test.each(fixtures)('$id: $title', async ({ id, before, exchanges }) => {
    const players = new Map<string, TestPlayer>();
    for (const [externalId, balances] of Object.entries(before)) {
      players.set(externalId, await createTestPlayer(gateway.database, { brand: id, externalId, balances }));
    }
    const named = new Map<string, string>();
    for (const { request, command, answer, after } of exchanges) {
      if (command !== undefined) expect(summary(read(request.path, request.body)?.command)).toEqual(command);
      const got = await send(gateway.url, `/callbacks/${id}${request.path}`, request);
      const own = /"operator_tx_id":"(tx_\w+)"/.exec(got === 'closed' ? '' : got.body)?.[1] ?? 'no id';
      // "{bet}" stands for the id that the gateway gave, the same wherever the name occurs again.
      const idOf = (name: string) => named.get(name) ?? (named.set(name, own), own);
      expect(got).toEqual({ ...answer, body: answer.body.replaceAll(/\{(\w+)\}/g, (_, name: string) => idOf(name)) });
      for (const [player, balances] of Object.entries(after)) {
        expect({ USD: await balanceOf(gateway.database, players.get(player)?.wallets.get('USD')) }).toEqual(balances);
      }
    }
    expect(new Set(named.values()).size).toBe(named.size);
  });

  async function deliver(id: string, request: WireRequest): Promise<WireAnswer> {
    const got = await send(gateway.url, `/callbacks/${id}${request.path}`, request);
    if (got === 'closed') throw new Error('The connection was closed without an answer');
    return got;
  }

  test.each(['enveloped', 'flat-played'])('%s: the provider is understood, and understands', async (id) => {
    const voice = side.voice(integrations.find((each) => each.id === id)?.settings);
    const tell = async (message: ProviderMessage) =>
      voice.hear(message, await deliver(id, voice.signer.sign(voice.say(message))));
    const winning: ProviderMovement = { ...movement, kind: 'win', id: 'tx-2', amount: '9', target: movement };
    const other: ProviderMovement = { ...movement, id: 'tx-3', amount: '100' };
    const undone: ProviderMovement = { ...other, kind: 'rollback', id: 'tx-4', target: other };
    expect(await tell(movement)).toMatchObject({ type: 'accepted', balance: '94.56' });
    expect(await tell(winning)).toMatchObject({ type: 'accepted', balance: '103.56' });
    expect(await tell(other)).toMatchObject({ type: 'accepted', balance: '3.56' });
    expect(await tell({ ...other, id: 'tx-5' })).toEqual(funds);
    expect(await tell({ ...other, amount: '1' })).toMatchObject({ type: 'refused', why: 'duplicate' });
    expect(await tell(undone)).toMatchObject({ type: 'accepted', balance: '103.56' });
    expect(await tell({ ...movement, kind: 'balance' })).toMatchObject({ type: 'accepted', balance: '103.56' });
  });

  test('a win that names neither bet nor round is credited and flagged as a win without a bet', async () => {
    const lone = { ...facts, action: 'WIN', provider_tx_id: 'lone', action_id: null };
    expect(await deliver('strict', post('/deposit', lone))).toMatchObject({ status: 200 });
    const sql = "select flags from ledger_transaction where external_key = 'lone'";
    expect((await gateway.database.owner.query(sql)).rows).toEqual([{ flags: ['win-without-bet'] }]);
  });

  test('an integration may have rollbacks of unknown bets refused with 404; the late bet stays out', async () => {
    for (const request of [post('/deposit', rollBack), post('/deposit', rollBack)]) {
      expect(await deliver('strict', request)).toMatchObject({ status: 404 });
    }
    expect(await deliver('strict', post('/withdraw', bet))).toMatchObject({ status: 400 });
  });

  test('a suspended player is refused bets, and gets wins and refunds', async () => {
    const suspended = { brand: 'strict', externalId: 'suspended', balances: { USD: '1' } };
    const { id } = await createTestPlayer(gateway.database, suspended);
    const own = { user_id: 'suspended', amount: 1_000 };
    expect(await deliver('strict', post('/withdraw', { ...bet, ...own }))).toMatchObject({ status: 200 });
    await gateway.database.owner.query("update player set status = 'SUSPENDED' where id = $1", [id]);
    const second = { ...bet, ...own, provider_tx_id: 'tx-9', amount: 0 };
    expect(await deliver('strict', post('/withdraw', second))).toMatchObject({ status: 400 });
    expect(await deliver('strict', post('/deposit', { ...rollBack, ...own }))).toMatchObject({ status: 200 });
    expect(await deliver('strict', post('/deposit', { ...win, ...own }))).toMatchObject({ status: 200 });
  });

  test('a launch is asked after with its one-time token, which opens nothing else', async () => {
    const opened: SimulatedGame[] = [];
    const answers: WireAnswer[] = [];
    const callBack = async (request: WireRequest) => {
      answers.push(await deliver('strict', request));
      return answers.at(-1) ?? 'no-answer';
    };
    const openGame = (game: SimulatedGame) => `https://games.example/${opened.push(game)}`;
    const api = side.api(settings, { openGame, callBack, accepted: () => [], token: () => 'x', now: () => new Date() });
    const provider = await serve((received, response) => {
      const { pathname: path, searchParams: query } = new URL(received.path, 'http://provider');
      const call = { method: 'GET', path, query, headers: received.headers, rawBody: Buffer.alloc(0), body: undefined };
      void api(call).then((answer) => json(response, answer?.body, answer?.status ?? 404));
    });
    const launch = (token: string, more: Record<string, unknown> = { returnUrl: 'https://casino.example/' }) =>
      bind({ apiUrl: provider.url, ...more })
        .client(createProviderHttp({ timeoutMs: 2_000, retries: 0 }))
        .launch(launchRequest({ token, game: 'aviadrone' }));
    const bob = { brand: 'strict', externalId: 'bob', balances: { USD: '9' } };
    const { lane, id } = await createTestPlayer(gateway.database, bob);
    const token = newLaunchToken(lane);
    const session = `insert into game_session (lane, player_id, integration, currency, game, token_hash, created_at)
      values ($1, $2, 'strict', 'USD', 'aviadrone', $3, now())`;
    await gateway.database.owner.query(session, [lane, id, hashLaunchToken(token)]);

    expect(await launch(token)).toEqual({ url: 'https://games.example/1' });
    expect(opened).toMatchObject([{ player: 'bob', currency: 'USD', game: 'aviadrone', session: 'ps_x' }]);
    const data = { user_id: 'bob', username: 'bob', balance: 9_000, currency: 'USD', maxbet: 50_000 };
    expect(answers).toEqual([{ status: 200, body: JSON.stringify({ code: 200, message: 'Success', data }) }]);
    // A repeat within the minute has the same answer; another integration, or another token, has none.
    expect(await deliver('strict', post('/auth', { user_token: token }))).toEqual(answers[0]);
    expect(await deliver('enveloped', post('/auth', { user_token: token }))).toMatchObject({ status: 401 });
    expect(await faultOf(launch(newLaunchToken(lane)))).toMatchObject({ code: 'REFUSED' });
    expect(await faultOf(launch(token, {}))).toMatchObject({ code: 'REFUSED' });
    expect(opened).toHaveLength(1);
  });
});

function post(path: string, body: object): WireRequest {
  const request = { method: 'POST', path, query: '', headers: {}, body: Buffer.from(JSON.stringify(body)) };
  return bound.signer.sign(request);
}

/** A command as fixtures state it: amounts as decimals, a bet that is paid by its id. */
function summary(command: CallbackCommand | undefined): Record<string, string> {
  const summed: Record<string, string> = {};
  for (const [name, value] of Object.entries(command ?? {})) {
    if (name === 'brand' || name === 'integration') continue;
    const amount = z.object({ digits: z.bigint(), decimals: z.number() }).safeParse(value).data;
    const paid = z.object({ bet: z.string() }).safeParse(value).data?.bet;
    const text = amount && formatUnits(amount.digits, amount.decimals, amount.decimals);
    summed[name] = text ?? paid ?? String(value);
  }
  return summed;
}
