import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BoundAdapter, CallbackCommand, CallbackRequest, WireRequest } from '../../src/adapters/contract.js';
import { hypetech, side } from '../../src/adapters/hypetech/index.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { parseJson } from '../../src/adapters/kit/json.js';
import type { ProviderMessage, ProviderMovement, ProviderVerdict } from '../../src/adapters/provider-side.js';
import { dispatch } from '../../src/callbacks/dispatch.js';
import { textsOf } from '../../src/config/secrets.js';
import type { Balance, Outcome, Receipt } from '../../src/ledger/commands.js';
import { isTransient, type WalletErrorCode, walletErrors } from '../../src/ledger/errors.js';
import type { PolicyOverrides } from '../../src/ledger/policy.js';
import { launchRequest } from '../support/launch-request.js';
import { faultOf, json, serve } from '../support/loopback.js';

const urls = { apiUrl: 'http://127.0.0.1:9', callbackUrl: 'https://operator.example' };
const settings = { ...urls, accessToken: 'secret-token-of-the-panel', apiKeys: ['test-api-key'] };
const unsigned = { signature: 'off', pathSecret: ['test-path-secret-0123456789'] };

function bind(overrides: Record<string, unknown> = {}, policy?: PolicyOverrides): BoundAdapter {
  return hypetech.bind({ id: 'hypetech-demo', brand: 'demo', settings: { ...settings, ...overrides }, policy });
}

const bound = bind();
const g4 = bind({ dialect: 'g4' });
const codes = z.array(z.custom<WalletErrorCode>((code) => typeof code === 'string')).parse(Object.keys(walletErrors));

type Accepted = Exclude<Outcome, { type: 'refused' }>;

/** Finds and reads a callback as the gateway does. */
function read(path: string, body: string | object, adapter = bound) {
  const parsed = parseJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  if (!parsed.ok) return undefined;
  const callback = dispatch(adapter, path, parsed.value);
  const message = callback?.read(parsed.value);
  if (callback === undefined || message === undefined) return undefined;
  const command: CallbackCommand = message.command(undefined);
  return { name: callback.name, command, reply: (outcome: Accepted) => message.reply(outcome) };
}

// The sample of the provider's first document.
const ids = { provider: 'hypetech_rocket', provider_tx_id: '559', game: 'rocket', action: 'bet', action_id: '255' };
const ends = { session_token: 'b72afc9470d1899d9a993d378733cfea', platform: 'desktop' };
const bet = { user_id: '26', currency: 'USD', amount: 200, ...ids, ...ends };
const rollback = { ...bet, rollback_provider_tx_id: '651' };
const question = { user_id: '26', currency: 'USD', session_token: 'token' };

const wallet = { lane: 3, walletId: 7n, currency: 'USD', scale: 6 };
const balance: Balance = { ...wallet, sequence: 20n, balanceUnits: 12_349_999n };
const moved = { sequence: 12n, effectUnits: -200_000_000n, balanceAfterUnits: 2_100_000_000n } as const;
const receipt: Receipt = { ...wallet, ...moved, transactionId: 'tx_0372_c', kind: 'bet' };
const applied = { type: 'applied', receipt, balance, flags: [] } satisfies Outcome;
const found = { type: 'done', balance, flags: [] } satisfies Outcome;

describe('signature', () => {
  const path = '/webhooks/hypetech/register';
  const text = JSON.stringify(bet);
  // Self-computed, as the provider publishes no signed sample.
  const signature = '0e761a8d2650842f8881b205e1fa9864d53459238abb593b84c03bc86a12b536';
  const wire = (body: string, more: Partial<WireRequest> = {}): WireRequest => {
    return { method: 'POST', path, query: '', headers: {}, body: Buffer.from(body), ...more };
  };
  const arrived = (request: WireRequest): CallbackRequest => ({ ...request, remoteAddress: '203.0.113.7' });
  /** A request with the signature of another. */
  const forged = (request: WireRequest, signed: WireRequest): CallbackRequest =>
    arrived({ ...request, headers: { ...request.headers, ...bound.signer.sign(signed).headers } });

  const verify = (request: WireRequest, signed: WireRequest, adapter = bound): string | undefined =>
    adapter.signer.verify(forged(request, signed))?.body.toString();

  test('covers the URL that is registered and the body', () => {
    const request = wire(text);
    expect(bound.signer.sign(request).headers).toEqual({ 'hype-hash': signature });
    expect(verify(request, request)).toBe(text);
    expect(verify(wire(text.replace('200', '201')), request)).toBeUndefined();
    expect(verify(wire(text, { path: '/webhooks/hypetech/rewards' }), request)).toBeUndefined();
    expect(verify(request, request, bind({ callbackUrl: 'https://casino.example' }))).toBeUndefined();
    expect(bound.signer.verify(arrived(request))).toBeUndefined();
  });

  test('the query of the URL may be signed or not, and is not read', () => {
    const request = wire(text, { query: 'user_id=26' });
    expect(verify(request, request)).toBe(text);
    expect(verify(request, wire(text))).toBe(text);
    expect(verify(request, wire(text, { query: 'user_id=27' }))).toBeUndefined();
  });

  test('a body that was signed as JSON.stringify writes it is read as it was signed, not as it came', () => {
    const signed = text.replace('200', '9007199254740992');
    const sent = `{ "user_id": "27", ${signed.slice(1).replace('9007199254740992', '9007199254740993')}`;
    expect(verify(wire(sent), wire(signed))).toBe(signed);
    expect(verify(wire(sent), wire(sent))).toBe(sent);
  });

  test.each(['', '{', '['.repeat(30_000) + ']'.repeat(30_000), '\u0000'])('body %# does no harm', (body) => {
    expect(bound.signer.verify(arrived(wire(body, { headers: { 'hype-hash': signature } })))).toBeUndefined();
  });

  test('of the previous key fits during a rotation, and the newest signs', () => {
    const rotated = bind({ apiKeys: ['next-api-key', 'test-api-key'] });
    expect(verify(wire(text), wire(text), rotated)).toBe(text);
    expect(bound.signer.verify(arrived(rotated.signer.sign(wire(text))))).toBeUndefined();
  });

  test('where it is off, a secret segment of the path is needed, taken off, and kept out of the journal', () => {
    const { signer } = bind(unsigned);
    const request = signer.sign(wire(text));
    expect(request.path).toBe(`/test-path-secret-0123456789${path}`);
    expect(signer.verify(arrived(request))?.path).toBe(path);
    expect(signer.verify(arrived(wire(text)))).toBeUndefined();
    expect(signer.publicPath?.(request.path)).toBe(`/***${path}`);
  });

  const now = Date.now();
  test.each<[string, string, boolean]>([
    ['now in seconds', String(Math.floor(now / 1_000)), true],
    ['now in milliseconds', String(now), true],
    ['now in ISO 8601', new Date(now).toISOString(), true],
    ['a minute ago', String(now - 60_000), true],
    ['three minutes ago', String(now - 180_000), false],
    ['in three minutes', new Date(now + 180_000).toISOString(), false],
    ['no time', 'now', false],
  ])('a time of %s counts where one is sent', (_what, time, fits) => {
    const headers = { 'hype-timestamp': time };
    expect(verify(wire(text, { headers }), wire(text))).toBe(fits ? text : undefined);
    const message = read('/register', { ...bet, timestamp: time });
    expect(typeof message?.command === 'object' ? true : message?.command).toBe(fits ? true : 'UNAUTHENTICATED');
  });

  test('a time in the body may be a number, and nothing else may be one', () => {
    expect(read('/register', { ...bet, timestamp: now })?.command).toMatchObject({ kind: 'bet' });
    expect(read('/balance', { ...question, timestamp: now - 180_000 })?.command).toBe('UNAUTHENTICATED');
    for (const timestamp of [null, {}, -now, 1e17]) {
      expect(read('/rewards', { ...bet, timestamp })?.command).toBe('UNAUTHENTICATED');
    }
  });
});

describe('requests', () => {
  const facts = { brand: 'demo', integration: 'hypetech-demo', player: '26', currency: 'USD', game: 'rocket' };

  test.each<[string, BoundAdapter, string, object, object]>([
    ['a bet', bound, '/register', bet, { kind: 'bet', key: 'bet:559', round: 'rocket:255' }],
    ['a reward', bound, '/rewards', bet, { kind: 'win', key: 'win:559', pays: 'oldest-of-round' }],
    ['a reward with a link', bound, '/rewards', { ...bet, linked_tx_id: '1' }, { pays: 'oldest-of-round' }],
    ['a win with a link', g4, '/win', { ...bet, linked_tx_id: 559 }, { pays: { bet: 'bet:559' } }],
    ['a win without one', g4, '/win', { ...bet, linked_tx_id: null }, { pays: 'oldest-of-round', round: 'rocket:255' }],
    ['a rollback', bound, '/rollback', rollback, { kind: 'rollback', key: 'rollback:559', target: 'bet:651' }],
    ['a linked rollback', g4, '/rollback', { ...bet, linked_tx_id: 651 }, { target: 'bet:651' }],
    ['a numeric id', bound, '/register', { ...bet, provider_tx_id: 559 }, { key: 'bet:559' }],
    ['round_id', bound, '/register', { ...bet, action_id: undefined, round_id: 7 }, { round: 'rocket:7' }],
    ['fields nobody knows', g4, '/bet', { ...bet, agreggator: {}, extra_data: [] }, { kind: 'bet' }],
  ])('%s is read', (_what, adapter, path, body, expected) => {
    expect(read(path, body, adapter)?.command).toMatchObject({ ...facts, ...expected });
  });

  test('only the path tells what a message is', () => {
    for (const action of ['bet', 'win', 'rollback', undefined, 5]) {
      expect(read('/rewards', { ...bet, action })).toMatchObject({ name: 'win', command: { kind: 'win' } });
      expect(read('/register', { ...bet, action })).toMatchObject({ name: 'bet', command: { kind: 'bet' } });
      expect(read('/loses', { ...bet, action })).toMatchObject({ name: 'loss', command: { kind: 'balance' } });
    }
  });

  test.each([undefined, null, 'default', 'free'])('mode %s of a bet', (mode) => {
    const command = read('/bet', { ...bet, mode }, g4)?.command;
    expect(typeof command === 'object' && 'free' in command).toBe(mode === 'free');
  });

  test.each<[string, BoundAdapter, readonly string[]]>([
    ['g1', bound, ['register', 'rewards', 'loses', 'rollback', 'balance']],
    ['g4', g4, ['register', 'bet', 'rewards', 'win', 'rollback', 'balance']],
  ])('%s has its paths, each with and without the prefix of the document', (_dialect, adapter, names) => {
    const expected = names.flatMap((name) => [`/${name}`, `/webhooks/hypetech/${name}`]);
    expect(adapter.callbacks.map(({ on }) => on.path).toSorted()).toEqual(expected.toSorted());
    expect(adapter.methods).toEqual(['POST']);
  });

  test.each<[string, string, string | object]>([
    ['a numeric player', '/register', { ...bet, user_id: 26 }],
    ['a negative amount', '/register', { ...bet, amount: -1 }],
    ['a fractional id', '/register', { ...bet, provider_tx_id: 5.5 }],
    ['a mode nobody described', '/register', { ...bet, mode: 'bonus' }],
    ['a balance without session', '/balance', { ...question, session_token: undefined }],
    ['a repeated amount', '/register', JSON.stringify(bet).replace('}', ',"\\u0061mount":1}')],
    ['the path of the other dialect', '/bet', bet],
    ['a path in other letters', '/Register', bet],
  ])('%s is not read', (_what, path, body) => {
    expect(read(path, body)).toBeUndefined();
  });

  test.each([
    ['a bet without round', '/register', { ...bet, action_id: null }],
    ['a reward without round', '/rewards', { ...bet, action_id: undefined }],
    ['a rollback of nothing', '/rollback', bet],
  ])('%s is malformed', (_what, path, body) => {
    expect(read(path, body)?.command).toBe('MALFORMED');
  });

  test('a win without bet is refused by the later document, and an integration may say otherwise', () => {
    expect(bound.policy.winWithoutBet).toBe('accept');
    expect(g4.policy).toEqual({ ...bound.policy, winWithoutBet: 'refuse' });
    expect(bind({ dialect: 'g4' }, { winWithoutBet: 'accept' }).policy).toEqual(bound.policy);
    expect(bind({ dialect: 'g4' }, { winWithoutBet: undefined }).policy).toEqual(g4.policy);
  });
});

describe('answers', () => {
  const told = '"user_id":"26","currency":"USD","provider":"hypetech_rocket","provider_tx_id":"559"}';

  test('a movement tells the balances around itself, as text with two decimals', () => {
    const body = `{"operator_tx_id":"tx_0372_c","new_balance":"2100.00","old_balance":"2300.00",${told}`;
    const message = read('/register', { ...bet, provider_tx_id: 559 });
    expect(message?.reply(applied)).toEqual({ status: 200, body });
    const later = { ...balance, balanceUnits: 0n };
    expect(message?.reply({ ...applied, type: 'replayed', balance: later })).toEqual({ status: 200, body });
  });

  test.each<[Balance | undefined, string]>([
    [balance, '12.34'],
    [undefined, '0.00'],
    [{ ...balance, balanceUnits: -1n }, '-0.01'],
  ])('balance inquiries and losses are answered with the balance as it is %#', (known, text) => {
    const body = `{"user_id":"26","currency":"USD","balance":"${text}","hypetech_session_token":"token"}`;
    expect(read('/balance', question)?.reply({ ...found, balance: known })).toEqual({ status: 200, body });
    const loss = `{"operator_tx_id":"loss-559","new_balance":"${text}","old_balance":"${text}",${told}`;
    expect(read('/loses', bet)?.reply({ ...found, balance: known })).toEqual({ status: 200, body: loss });
  });
});

test.each<[number, readonly WalletErrorCode[]]>([
  [400, ['INSUFFICIENT_FUNDS', 'WALLET_IN_DEBT', 'MALFORMED', 'TOO_LARGE', 'AMOUNT_INVALID', 'CURRENCY_NOT_ALLOWED']],
  [401, ['UNAUTHENTICATED', 'SESSION_UNKNOWN']],
  [403, ['PLAYER_NOT_ACTIVE']],
  [404, ['UNKNOWN_CALLBACK', 'PLAYER_UNKNOWN', 'BET_UNKNOWN', 'TARGET_UNKNOWN']],
  [409, ['DUPLICATE', 'KEY_CONFLICT', 'BET_ROLLED_BACK', 'BET_RESOLVED', 'ALREADY_ROLLED_BACK', 'TARGET_INVALID']],
  [500, codes.filter(isTransient)],
])('a refusal of status %d is told in the form of the provider, for %j', (statusCode, refused) => {
  for (const code of refused) {
    const reply = z.object({ status: z.number(), body: z.string() }).parse(bound.refuse(code, { callback: 'win' }));
    expect(reply.status).toBe(statusCode);
    expect(JSON.parse(reply.body)).toEqual({ title: expect.any(String), statusCode, detail: walletErrors[code] });
  }
});

test.each<[string, Record<string, unknown>]>([
  ['an unknown key', { colour: 'blue' }],
  ['no key to check signatures with', { apiKeys: undefined }],
  ['no callback URL', { callbackUrl: undefined }],
  ['a callback URL with a query', { callbackUrl: 'https://operator.example/?a=b' }],
  ['signatures switched off without a secret path', { signature: 'off' }],
  ['a short secret path', { signature: 'off', pathSecret: ['short'] }],
  ['a secret path of two segments', { signature: 'off', pathSecret: ['test-path-secret/0123456789'] }],
  ['a secret path that has no effect', { pathSecret: unsigned.pathSecret }],
  ['an access token that is no header', { accessToken: 'secret\r\ntoken' }],
])('settings with %s are refused', (_what, overrides) => {
  expect(() => bind(overrides)).toThrow(z.ZodError);
});

test('every credential is known to be secret, and no other setting', () => {
  const all = { ...settings, ...unsigned, gameToken: 'given-by-support' };
  const secrets = textsOf(hypetech.settings, all, 's').flatMap(({ path, secret }) => (secret ? [path] : []));
  expect(secrets).toEqual(['s.accessToken', 's.apiKeys[0]', 's.pathSecret[0]', 's.gameToken']);
  // What was parsed can be parsed again.
  expect(hypetech.settings.parse(hypetech.settings.parse(all))).toEqual(hypetech.settings.parse(all));
});

const span = { from: new Date(0), to: new Date() };

describe('calls to the provider', () => {
  async function clientOf(answer: unknown, status = 200, overrides: Record<string, unknown> = {}) {
    const server = await serve((_received, response) => json(response, answer, status));
    const http = createProviderHttp({ timeoutMs: 2_000, retries: 3 });
    return { client: bind({ apiUrl: server.url, ...overrides }).client(http), received: server.received };
  }
  const wish = launchRequest({ game: 'rocket' });
  const good = { game_url: 'https://games.example/play?t=1@2' };

  test('a launch names game and player, and shows others no name of the operator', async () => {
    const { client, received } = await clientOf(good, 200, { gameToken: 'given-by-support' });
    expect(await client.launch(wish)).toEqual({ url: good.game_url });
    const headers = { authorization: 'Bearer secret-token-of-the-panel' };
    expect(received[0]).toMatchObject({ path: '/games/request-access', headers });
    const names = { game: 'rocket', user_id: 'alice', username: 'pl_011' };
    const body = { ...names, lang: 'en', currency: 'USD', game_token: 'given-by-support' };
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(body);
  });

  test('play money is asked for in the dialect that has it, and never launched for real in the other', async () => {
    const later = await clientOf(good, 200, { dialect: 'g4' });
    await later.client.launch({ ...wish, demo: true });
    expect(JSON.parse(later.received[0]?.body ?? '')).toMatchObject({ demo: true });
    const first = await clientOf(good);
    expect(await faultOf(first.client.launch({ ...wish, demo: true }))).toMatchObject({ code: 'REFUSED' });
    expect(await faultOf(first.client.launch({ ...wish, game: undefined }))).toMatchObject({ code: 'REFUSED' });
    expect(first.received).toEqual([]);
  });

  test.each<[string, unknown, number, string]>([
    ['an error', { title: 'Not Found', statusCode: 404, detail: 'no' }, 404, 'REFUSED'],
    ['a fault', {}, 503, 'REFUSED'],
    ['a script', { game_url: 'javascript:alert(1)' }, 200, 'INVALID_ANSWER'],
    ['credentials', { game_url: 'https://a:b@games.example/' }, 200, 'INVALID_ANSWER'],
  ])('a launch fails at %s, and is sent once', async (_what, body, status, code) => {
    const { client, received } = await clientOf(body, status);
    expect(await faultOf(client.launch(wish))).toMatchObject({ code });
    expect(received).toHaveLength(1);
  });

  const row = { transactionId: 1, transactionType: 'BET', transactionStatus: 'SUCCESS', amount: 10.5, roundId: 'r' };
  const list = (transactions: unknown[], totalPages = 1) => ({ transactions, pagination: { totalPages } });

  test('the transactions of a session are read with all digits, and failed ones left out', async () => {
    const win = {
      ...row,
      transactionId: '2',
      transactionType: 'WIN',
      amount: '3',
      requestedAt: '2026-05-01T10:00:00Z',
    };
    const { client, received } = await clientOf(list([row, { ...row, transactionStatus: 'FAILED' }, win]));
    const unknown = { player: undefined, round: undefined };
    expect(await client.transactions?.({ ...span, session: 'a/b' })).toEqual([
      { key: 'bet:1', kind: 'bet', amount: '10.5', ...unknown, at: undefined },
      { key: 'win:2', kind: 'win', amount: '3', ...unknown, at: new Date(win.requestedAt) },
    ]);
    expect(received.map(({ path }) => path)).toEqual(['/sessions/a%2Fb/transactions?pageSize=100&pageNumber=1']);
  });

  test.each<[string, unknown, string | undefined]>([
    ['of no session', list([]), undefined],
    ['of a kind nobody knows', list([{ ...row, transactionType: 'JACKPOT' }]), 's'],
    ['without end', list([row], 1_000), 's'],
  ])('a list %s is an error, not an empty list', async (_what, answer, session) => {
    const { client } = await clientOf(answer);
    const wanted = client.transactions?.({ ...span, session }) ?? Promise.resolve();
    expect(await faultOf(wanted)).toMatchObject({ code: session === undefined ? 'REFUSED' : 'INVALID_ANSWER' });
  });
});

const asker = { id: '559', player: '26', currency: 'USD', session: 'token' };
const movement: ProviderMovement = { kind: 'bet', ...asker, amount: '10.50', round: '255', game: 'rocket' };
const funds: ProviderVerdict = { type: 'refused', why: 'funds', balance: undefined };

describe('the provider', () => {
  const voice = side.voice(settings);

  test.each<[ProviderMessage['kind'], number, ProviderVerdict | 'no-answer', string]>([
    ['bet', 5, { type: 'failed' }, 'repeat'],
    ['bet', 6, 'no-answer', 'roll-back'],
    ['bet', 6, { type: 'failed' }, 'roll-back'],
    ['bet', 1, funds, 'rest'],
    ['win', 1, { type: 'unreadable', what: 'rubbish' }, 'repeat'],
    ['win', 6, 'no-answer', 'rest'],
    ['balance', 1, 'no-answer', 'rest'],
  ])('after a %s has been sent %d times, to %j: %s', (kind, attempt, result, act) => {
    expect(voice.afterwards({ ...movement, kind }, attempt, result)).toMatchObject({ act });
  });

  test.each([
    ['bet', 200, '{"operator_tx_id":"tx","new_balance":"1.00","old_balance":"2.00"}', { transactionId: 'tx' }],
    ['bet', 200, '{"operator_tx_id":"tx","new_balance":1,"old_balance":2}', { type: 'unreadable' }],
    ['balance', 200, '{"balance":"1.00"}', { type: 'accepted', balance: '1.00' }],
    ['bet', 404, 'not found', { type: 'unreadable' }],
    ['bet', 503, '', { type: 'failed' }],
  ] as const)('hears of a %s answered %d %s', (kind, status, body, verdict) => {
    expect(voice.hear({ ...movement, kind }, { status, body })).toMatchObject(verdict);
  });

  test('serves launches and the transactions of a session to our own client', async () => {
    const opened: string[] = [];
    const sent = Array.from({ length: 120 }, (_, i) => ({ message: { ...movement, id: `${i}` }, at: new Date(0) }));
    const api = side.api(settings, {
      openGame: ({ player, game, session }) => `http://127.0.0.1:9/${opened.push(`${player} ${game} ${session}`)}`,
      callBack: () => Promise.resolve('no-answer'),
      accepted: () => sent,
      token: () => 'session-1',
      now: () => new Date(),
    });
    const server = await serve(({ path, headers, body }, response) => {
      const { pathname, searchParams: query } = new URL(path, 'http://provider');
      const call = { method: body === '' ? 'GET' : 'POST', path: pathname, query, headers, rawBody: Buffer.from(body) };
      api({ ...call, body: body === '' ? undefined : JSON.parse(body) })
        .then((answer) => json(response, answer?.body, answer?.status ?? 404))
        .catch(() => response.destroy());
    });
    const at = (accessToken = settings.accessToken) =>
      bind({ apiUrl: server.url, accessToken }).client(createProviderHttp({ timeoutMs: 2_000, retries: 0 }));
    const rocket = launchRequest({ game: 'rocket' });
    expect(await at().launch(rocket)).toEqual({ url: 'http://127.0.0.1:9/1' });
    expect(opened).toEqual(['alice rocket session-1']);
    const listed = await at().transactions?.({ ...span, session: 'token' });
    expect(listed?.map(({ key }) => key)).toEqual(sent.map(({ message }) => `bet:${message.id}`));
    expect(listed?.[0]).toMatchObject({ amount: '10.5', at: new Date(0) });
    expect(await at().transactions?.({ ...span, session: 'other' })).toEqual([]);
    for (const work of [at('another-token').launch(rocket), at().launch({ ...rocket, game: 'x' })]) {
      expect(await faultOf(work)).toMatchObject({ code: 'REFUSED' });
    }
  });
});
