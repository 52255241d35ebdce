import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BoundAdapter, WireRequest } from '../../src/adapters/contract.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { parseJson } from '../../src/adapters/kit/json.js';
import type { ProviderMessage, ProviderVerdict, SimulatedGame, WireAnswer } from '../../src/adapters/provider-side.js';
import { scorpioplay, side } from '../../src/adapters/scorpioplay/index.js';
import { dispatch } from '../../src/callbacks/dispatch.js';
import { isTransient, type WalletErrorCode, walletErrors } from '../../src/ledger/errors.js';
import { formatId } from '../../src/ledger/ids.js';
import type { PolicyOverrides } from '../../src/ledger/policy.js';
import { movementsOf, send } from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer, testWorld } from '../support/database.js';
import { launchRequest } from '../support/launch-request.js';
import { faultOf, json, serve } from '../support/loopback.js';

const settings = {
  apiUrl: 'http://127.0.0.1:9',
  apiToken: 'secret-token-of-the-agent',
  callbackToken: ['test-callback-token', 'previous-callback-token'],
  currency: 'USD',
};

function bind(overrides: Record<string, unknown> = {}, policy?: PolicyOverrides): BoundAdapter {
  return scorpioplay.bind({ id: 'scorpioplay-demo', brand: 'demo', settings: { ...settings, ...overrides }, policy });
}

const bound = bind();
const codes = z.array(z.custom<WalletErrorCode>((code) => typeof code === 'string')).parse(Object.keys(walletErrors));

function read(body: object | string, adapter = bound) {
  const parsed = parseJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  return parsed.ok ? dispatch(adapter, '', parsed.value)?.read(parsed.value) : undefined;
}

const own = { account: 'alice' };
const play = { ...own, round_id: 'r1', game_code: 'vs20doghouse' };
const bet = (more = {}, check = '21,22,41,31') => says('bet', { ...play, trans_id: 1001, amount: 10, ...more }, check);
const win = (more = {}, check = '21,22,41') => says('win', { ...play, trans_id: 1002, amount: 25, ...more }, check);
const cancel = (more = {}, check = '21,22,42') =>
  says('cancel', { ...own, trans_id: 1001, amount: 10, ...more }, check);
const failed = (result: number) => ({ status: 200, body: `{"result":${result},"status":"ERROR"}` });
const byGuid = { trans_id: undefined, trans_guid: 'g-2', cancel_trans_guid: 'g-1' };

function says(command: string, data: object, check: unknown) {
  return { command, data, timestamp: '1676116607', check };
}

describe('the checks that a request lists decide what is refused', () => {
  const strict = { duplicate: 'refuse', inactiveCheck: 'before-key' };
  const lenient = { duplicate: 'first-answer', inactiveCheck: 'after-key' };

  test.each([
    [bet(), strict],
    [bet({}, '21, 22 ,41,31'), strict],
    [bet({}, '21,41,22,31'), { duplicate: 'refuse', inactiveCheck: 'after-key' }],
    [bet({}, '21,41'), { duplicate: 'refuse', inactiveCheck: 'after-key' }],
    [bet({}, '21,22,31'), lenient],
    [bet({}, ''), lenient],
    [win(), { ...strict, inactiveWin: 'refuse' }],
    [win({}, '21,41'), { duplicate: 'refuse', inactiveWin: 'accept' }],
    [cancel(), { ...lenient, rollbackOfUnknown: 'refuse' }],
    [cancel({}, '21,22,41,43'), { ...lenient, rollbackOfUnknown: 'refuse' }],
    [cancel({}, '21,22,41'), { ...lenient, rollbackOfUnknown: 'accept' }],
  ])('%j', (body, policy) => {
    expect(read(body)?.policy).toMatchObject(policy);
  });

  test('what an integration accepts, no check refuses', () => {
    const open = bind({}, { inactiveWin: 'accept', rollbackOfUnknown: 'accept' });
    expect(read(win(), open)?.policy).toMatchObject({ inactiveWin: 'accept' });
    expect(read(cancel(), open)?.policy).toMatchObject({ rollbackOfUnknown: 'accept' });
  });

  test('an unknown check stops a bet and nothing else', () => {
    expect(read(bet({}, '21,99'))?.command(undefined)).toBe('MALFORMED');
    expect(read(win({}, '21,99'))?.command(undefined)).toMatchObject({ kind: 'win' });
    expect(read(cancel({}, 'x'))?.command(undefined)).toMatchObject({ kind: 'rollback' });
  });
});

describe('requests', () => {
  test('an id keeps its digits, and is the same id as text', () => {
    const body = JSON.stringify(bet()).replace('1001', '9007199254740993');
    expect(read(body)?.command(undefined)).toMatchObject({ key: '9007199254740993' });
    expect(read(bet({ trans_id: '1001' }))?.command(undefined)).toEqual(read(bet())?.command(undefined));
  });

  test('a cancel goes by the id of what it cancels, or by its own and that of its target', () => {
    expect(read(cancel())?.command(undefined)).toMatchObject({ key: 'cancel:1001', target: '1001' });
    expect(read(cancel(byGuid))?.command(undefined)).toMatchObject({ key: 'g-2', target: 'g-1' });
  });

  test('a win pays the oldest bet of its round', () => {
    expect(read(win())?.command(undefined)).toMatchObject({ round: 'r1', pays: 'oldest-of-round' });
  });

  test('a movement is in the currency of the settings, whatever it says', () => {
    expect(read(bet({ currency: 'BTC' }))?.command(undefined)).toMatchObject({ currency: 'USD', player: 'alice' });
  });

  test.each<[string, object | string]>([
    ['an id that is no integer', bet({ trans_id: 1.5 })],
    ['an id with a leading zero', bet({ trans_id: '01001' })],
    ['an id below zero', bet({ trans_id: -1 })],
    ['an id like a key of ours', bet({ trans_id: undefined, trans_guid: 'cancel:1001' })],
    ['an id of our own making', bet({ trans_id: 'cancel:1001' })],
    ['ids of both dialects', bet({ trans_guid: 'g-1' })],
    ['a cancel without a target', cancel({ ...byGuid, cancel_trans_guid: undefined })],
    ['a cancel with two targets', cancel({ ...byGuid, cancle_trans_guid: 'g-0' })],
    ['an account that is a number', bet({ account: 7 })],
    ['a negative amount', bet({ amount: -10 })],
    ['an amount with an exponent', JSON.stringify(bet()).replace(':10}', ':1e1}')],
    ['no amount', win({ amount: undefined })],
    ['checks in a list', says('bet', { ...play, trans_id: 1, amount: 1 }, [21, 22])],
    ['a command in other letters', { ...bet(), command: 'Bet' }],
    ['data as text', { ...bet(), data: '{}' }],
  ])('%s is not read', (_what, body) => {
    expect(read(body)).toBeUndefined();
  });
});

describe('refusals', () => {
  const credits = ['win', 'cancel', undefined];

  test.each(codes)('%s has a number of the document, and HTTP 500 only for a credit that may be sent again', (code) => {
    for (const callback of ['authenticate', 'balance', 'bet', 'status', ...credits]) {
      const reply = z.object({ status: z.number(), body: z.string() }).parse(bound.refuse(code, { callback }));
      expect(reply.status).toBe(isTransient(code) && credits.includes(callback) ? 500 : 200);
      const { result, ...rest } = z.looseObject({ result: z.number() }).parse(JSON.parse(reply.body));
      expect([21, 22, 31, 41, 42, 99, 100]).toContain(result);
      expect(rest).toEqual({ status: 'ERROR' });
    }
  });

  const balance = { lane: 3, walletId: 7n, sequence: 1n, balanceUnits: 12_349_999n, currency: 'USD', scale: 6 };
  test.each<[WalletErrorCode, string]>([
    ['PLAYER_NOT_ACTIVE', '{"result":22,"status":"ERROR"}'],
    ['INSUFFICIENT_FUNDS', '{"result":31,"status":"ERROR","data":{"balance":12.34}}'],
    ['KEY_CONFLICT', '{"result":41,"status":"ERROR","data":{"balance":12.34}}'],
    ['UNAVAILABLE', '{"result":99,"status":"ERROR","data":{"balance":12.34}}'],
  ])('%s is %s', (code, body) => {
    const outcome = { type: 'refused', code, balance, flags: [] } as const;
    expect(bound.refuse(code, { callback: 'bet', outcome })).toEqual({ status: 200, body });
  });

  test('an unknown target is check 43 in the newer dialect, for cancels', () => {
    const newer = bind({ dialect: 'trans-guid' });
    expect(newer.refuse('TARGET_UNKNOWN', { callback: 'cancel' })).toMatchObject(failed(43));
    expect(newer.refuse('TARGET_UNKNOWN', { callback: 'status' })).toMatchObject(failed(42));
  });
});

test.each([
  ['no currency', { currency: undefined }],
  ['a currency in small letters', { currency: 'usd' }],
  ['no callback token', { callbackToken: [] }],
  ['a padded callback token', { callbackToken: ['test-callback-token '] }],
  ['a script for the API', { apiUrl: 'javascript:alert(1)' }],
  ['nine decimals', { balanceDecimals: 9 }],
  ['an unknown key', { colour: 'blue' }],
])('settings with %s are refused', (_what, overrides) => {
  expect(() => bind(overrides)).toThrow(z.ZodError);
});

describe('on a gateway', () => {
  const live = (id: string, more: object = {}, policy: PolicyOverrides = {}) => {
    const common = { id, adapter: 'scorpioplay', brand: 'demo', currencies: ['USD'], policy };
    return { ...common, settings: { ...settings, callbackToken: [`token-of-${id}`], ...more } };
  };
  const integrations = [
    live('plain'),
    live('by-id', { accounts: 'player-id' }),
    live('kind', {}, { inactiveWin: 'accept' }),
  ];
  let gateway: TestApp & { database: TestDatabase };
  beforeAll(async () => {
    gateway = await startTestApp({ config: { ...testWorld, integrations } });
  });
  afterAll(() => gateway.close());

  async function deliver(id: string, body: object): Promise<WireAnswer> {
    const headers = { 'callback-token': `token-of-${id}` };
    return answered(await send(gateway.url, `/callbacks/${id}`, { headers, body: JSON.stringify(body) }));
  }

  function answered(got: WireAnswer | 'closed'): WireAnswer {
    if (got === 'closed') throw new Error('The connection was closed without an answer');
    return got;
  }

  async function suspended(): Promise<TestPlayer> {
    const player = await createTestPlayer(gateway.database, { balances: { USD: '100' } });
    expect(await deliver('plain', bet({ account: player.externalId }))).toEqual(ok(90));
    await gateway.database.owner.query("update player set status = 'SUSPENDED' where id = $1", [player.id]);
    return player;
  }

  const ok = (balance: number) => ({ status: 200, body: `{"result":0,"status":"OK","data":{"balance":${balance}}}` });

  test('a player who is not active fails check 22 before 41, in the order that is listed', async () => {
    const { externalId: account } = await suspended();
    expect(await deliver('plain', bet({ account, trans_id: 5 }))).toEqual(failed(22));
    expect(await deliver('plain', bet({ account, trans_id: 5 }, '21'))).toEqual(failed(22));
    expect(await deliver('plain', bet({ account }))).toEqual(failed(22));
    const body = '{"result":41,"status":"ERROR","data":{"balance":90}}';
    expect(await deliver('plain', bet({ account }, '21,41,22,31'))).toEqual({ status: 200, body });
  });

  test('the win of a player who is not active is refused where check 22 is listed, and credited where it is not', async () => {
    const { externalId: account, id } = await suspended();
    expect(await deliver('plain', win({ account }))).toEqual(failed(22));
    expect(await movementsOf(gateway.database, id)).toHaveLength(1);
    expect(await deliver('plain', win({ account }, '21,41'))).toEqual(ok(115));
    expect(await deliver('kind', win({ account }))).toEqual(ok(140));
    expect((await movementsOf(gateway.database, id)).at(-1)?.flags).toContain('win-of-inactive-player');
  });

  test('a cancel is never refused because the player is not active', async () => {
    const { externalId: account } = await suspended();
    expect(await deliver('plain', cancel({ account }))).toEqual(ok(100));
  });

  test('a player may be known by the public id', async () => {
    const own = { externalId: 'much-too-long-for-a-name', balances: { USD: '100' } };
    const player = await createTestPlayer(gateway.database, own);
    const account = formatId('player', player);
    expect(account).toMatch(/^[a-z0-9_]{2,50}$/);
    const asked = says('authenticate', { account }, '21');
    const data = `{"account":"${account}","balance":100}`;
    expect(await deliver('by-id', asked)).toEqual({ status: 200, body: `{"result":0,"status":"OK","data":${data}}` });
    expect(await deliver('by-id', bet({ account }))).toEqual(ok(90));
    expect(await deliver('by-id', bet({ account: player.externalId }))).toEqual(failed(21));
    expect(await deliver('plain', bet({ account }))).toEqual(failed(21));
  });

  test('a player without a wallet in the currency has no account', async () => {
    const { externalId: account } = await createTestPlayer(gateway.database, { balances: { EUR: '100' } });
    expect(await deliver('plain', says('authenticate', { account }, '21'))).toEqual(failed(21));
    expect(await deliver('plain', bet({ account }))).toEqual(failed(21));
  });

  test('a launch creates the user, who is asked after, and opens the game once', async () => {
    const opened: SimulatedGame[] = [];
    const asked: WireRequest[] = [];
    const config = integrations[0]?.settings ?? settings;
    const callBack = async (request: WireRequest) => {
      asked.push(request);
      return answered(await send(gateway.url, '/callbacks/plain', request));
    };
    const openGame = (game: SimulatedGame) => `https://games.example/${opened.push(game)}`;
    const api = side.api(config, { openGame, callBack, accepted: () => [], token: () => 'x', now: () => new Date() });
    const provider = await serve((received, response) => {
      const { path, headers, body } = received;
      const call = { method: 'POST', path, query: new URLSearchParams(), headers, rawBody: Buffer.from(body) };
      void api({ ...call, body: JSON.parse(body) }).then((answer) => json(response, answer?.body));
    });
    const player = 'carol_7';
    await createTestPlayer(gateway.database, { externalId: player, balances: { USD: '1' } });
    const http = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
    const client = bind({ apiUrl: provider.url }).client(http);
    const wish = launchRequest({ player, game: 'vs25tidepool', language: 'ko', returnUrl: 'https://casino.example/' });
    expect(await client.launch(wish)).toEqual({ url: 'https://games.example/1' });
    expect(opened).toMatchObject([{ player, currency: 'USD', game: 'vs25tidepool', language: 'ko' }]);
    expect(asked.map(({ body }) => String(body))).toEqual([expect.stringContaining('"authenticate"')]);
    expect((await client.catalogue?.())?.map(({ id }) => id)).toEqual(side.games.map(({ id }) => id));

    expect((await faultOf(client.launch({ ...wish, player: 'nobody' }))).message).toContain('1015');
    const stranger = bind({ apiUrl: provider.url, apiToken: 'secret-token-of-nobody' }).client(http);
    expect((await faultOf(stranger.launch(wish))).message).toContain('1009');
    expect(opened).toHaveLength(1);
  });
});

describe('calls to the provider', () => {
  const game = { provider_id: 7, game_code: 'vs20doghouse', game_name: 'Dog House', launch_enable: true };
  const answers: Record<string, string> = {
    '/v4/game/all': JSON.stringify([game, { ...game, game_code: 'off', launch_enable: false }, { game_code: 'bad' }]),
    '/v4/user/create': '{"user_code":9007199254740993}',
    '/v4/game/game-url': '{"game_url":"https://games.example/1"}',
  };

  async function clientAt(overrides: Record<string, string> = {}, more: object = {}) {
    const server = await serve(({ path }, response) => {
      response.end(overrides[path] ?? `{"code":0,"message":"OK","data":${answers[path] ?? 'null'}}`);
    });
    const http = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
    return { client: bind({ apiUrl: server.url, ...more }).client(http), received: server.received };
  }
  const wish = launchRequest({ game: 'vs20doghouse', language: 'pt' });

  test('a user code keeps its digits on the way to the game', async () => {
    const { client, received } = await clientAt();
    await client.launch(wish);
    await client.launch(wish);
    const launched = ['/v4/user/create', '/v4/game/game-url'];
    expect(received.map(({ path }) => path)).toEqual(['/v4/game/all', ...launched, ...launched]);
    expect(received[1]).toMatchObject({ body: '{"name":"alice"}' });
    expect(received[2]?.headers['authorization']).toBe('Bearer secret-token-of-the-agent');
    expect(received[2]?.body).toBe(
      '{"user_code":9007199254740993,"provider_id":7,"game_symbol":"vs20doghouse","lang":6,"win_ratio":0}',
    );
  });

  test.each<[string, object, object]>([
    ['an external id that is too long', { player: 'sixteen_letters_' }, {}],
    ['an external id with other letters', { player: 'al-ice' }, {}],
    ['another currency', { currency: 'EUR' }, {}],
    ['no game', { game: undefined }, {}],
    ['play money', { demo: true }, { accounts: 'player-id' }],
  ])('a launch with %s is refused before anything is sent', async (_what, more, overrides) => {
    const { client, received } = await clientAt({}, overrides);
    expect((await faultOf(client.launch({ ...wish, ...more }))).code).toBe('REFUSED');
    expect(received).toEqual([]);
  });

  test('any external id will do where players are known by their public ids', async () => {
    const { client, received } = await clientAt({}, { accounts: 'player-id' });
    await client.launch({ ...wish, player: 'Zoë with a long name' });
    expect(received[1]).toMatchObject({ body: '{"name":"pl_011"}' });
  });

  test.each([
    ['{"code":2003,"message":"GAME_NOT_FOUND"}', 'REFUSED'],
    ['{"code":1018,"message":"SERVER_IS_BUSY"}', 'UNREACHABLE'],
    ['{"code":0,"data":{"game_url":"javascript:alert(1)"}}', 'INVALID_ANSWER'],
    ['{"code":0}', 'INVALID_ANSWER'],
    ['{"game_url":"https://games.example/"}', 'INVALID_ANSWER'],
  ])('a game URL answered with %s is %s', async (answer, code) => {
    const { client } = await clientAt({ '/v4/game/game-url': answer });
    expect((await faultOf(client.launch(wish))).code).toBe(code);
  });

  test.each(['off', 'bad', 'unheard-of'])('the game %s cannot be launched', async (id) => {
    const { client, received } = await clientAt();
    expect((await faultOf(client.launch({ ...wish, game: id }))).message).toContain('no such game');
    expect(received).toHaveLength(1);
  });

  test('transactions come page by page, under the keys of the ledger', async () => {
    const common = { trans_amount: 0.9, round_id: 'r1', regdate: '2026-01-02 03:04:05' };
    const listed = (trans_id: number, trans_type: number) => ({ ...common, trans_id, trans_type });
    const first = Array.from({ length: 1_000 }, (_, index) => listed(index + 1, 1));
    const rest = [listed(1_001, 2), listed(1, 16), listed(1_002, 4), listed(1_003, 32)];
    const server = await serve(({ body }, response) => {
      json(response, { code: 0, message: 'OK', data: { list: body.includes('"offset":0,') ? first : rest } });
    });
    const client = bind({ apiUrl: server.url }).client(createProviderHttp({ timeoutMs: 2_000, retries: 0 }));
    const span = { from: new Date('2026-01-02T00:00:00Z'), to: new Date('2026-01-03T00:00:00Z') };
    const found = (await client.transactions?.(span)) ?? [];
    expect(found.slice(1_000).map(({ key, kind }) => `${key} ${kind}`)).toEqual([
      '1001 win',
      'cancel:1 rollback',
      '1003 win',
    ]);
    expect(found[0]).toMatchObject({ key: '1', amount: '0.9', round: 'r1', at: new Date('2026-01-02T03:04:05Z') });
    expect(server.received[1]?.body).toBe(
      '{"start_time":"2026-01-02 00:00:00","end_time":"2026-01-03 00:00:00","offset":1000,"limit":1000}',
    );
  });
});

describe("the provider's side", () => {
  const message: ProviderMessage = { kind: 'balance', id: '1', player: 'alice', currency: 'USD', session: '' };
  const refused: ProviderVerdict = { type: 'refused', why: 'other', balance: undefined };

  test.each<[ProviderMessage['kind'], string, number, ProviderVerdict | 'no-answer', string]>([
    ['bet', 'trans-id', 1, 'no-answer', 'roll-back'],
    ['bet', 'trans-id', 1, { type: 'failed' }, 'roll-back'],
    ['bet', 'trans-id', 1, refused, 'rest'],
    ['win', 'trans-id', 3, { type: 'failed' }, 'repeat'],
    ['win', 'trans-id', 4, { type: 'failed' }, 'roll-back'],
    ['win', 'trans-guid', 50, 'no-answer', 'repeat'],
    ['rollback', 'trans-id', 3, 'no-answer', 'repeat'],
    ['rollback', 'trans-id', 4, 'no-answer', 'rest'],
    ['rollback', 'trans-id', 1, refused, 'rest'],
    ['balance', 'trans-id', 2, 'no-answer', 'repeat'],
    ['balance', 'trans-id', 3, 'no-answer', 'rest'],
  ])('sends a %s of the dialect %s, after attempt %d with %j: %s', (kind, dialect, attempt, result, act) => {
    const movement = { ...message, kind, amount: '1', round: 'r1', game: 'g' };
    const voice = side.voice({ ...settings, dialect });
    expect(voice.afterwards(movement, attempt, result)).toMatchObject({ act });
  });

  test.each([
    [500, '', { type: 'failed' }],
    [200, '<html>', { type: 'unreadable' }],
    [200, '{"result":0,"status":"OK","data":{}}', { type: 'unreadable' }],
    [200, '{"result":0,"status":"OK","data":{"balance":"a lot"}}', { type: 'unreadable' }],
    [200, '{"result":0,"status":"OK","data":{"balance":0.10}}', { type: 'accepted', balance: '0.10' }],
    [200, '{"result":31,"status":"ERROR","data":{"balance":5}}', { type: 'refused', why: 'funds', balance: '5' }],
    [200, '{"result":100,"status":"ERROR"}', { type: 'refused', why: 'authentication' }],
  ])('hears %d %s', (status, body, verdict) => {
    expect(side.voice(settings).hear(message, { status, body })).toMatchObject(verdict);
  });
});
