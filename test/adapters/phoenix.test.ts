import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BoundAdapter, CallbackCommand } from '../../src/adapters/contract.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { parseJson } from '../../src/adapters/kit/json.js';
import { createPhoenixClient } from '../../src/adapters/phoenix/client.js';
import { adapter, side } from '../../src/adapters/phoenix/index.js';
import { displayAt, readPlayer, signPlayer } from '../../src/adapters/phoenix/messages.js';
import { multipleOf } from '../../src/adapters/phoenix/provider.js';
import { Settings } from '../../src/adapters/phoenix/settings.js';
import type { ProviderMovement, SimulatorHost } from '../../src/adapters/provider-side.js';
import { dispatch } from '../../src/callbacks/dispatch.js';
import { isTransient, type WalletErrorCode, walletErrors } from '../../src/ledger/errors.js';
import { formatUnits } from '../../src/ledger/money.js';
import { movementsOf, send } from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer, testWorld } from '../support/database.js';
import { launchRequest } from '../support/launch-request.js';
import { type Answerer, faultOf, json, serve } from '../support/loopback.js';

const raw = {
  apiUrl: 'http://127.0.0.1:1',
  apiKey: 'test-api-key',
  pathSecret: ['test-path-secret-0123456789-abcdef'],
  playerIdSecret: ['test-player-id-secret'],
};
const settings = Settings.parse(raw);

function bind(overrides: Record<string, unknown> = {}): BoundAdapter {
  return adapter.bind({ id: 'phoenix-demo', brand: 'demo', settings: { ...raw, ...overrides } });
}

const play = { currency: 'USD', gameId: 'Mines' };
const session = { id: 's1', playerId: signPlayer('se_0f1', '42', play, settings), ...play };
const start = { type: 'start', session, game: { id: 'g1', status: 'in_progress', payout: 0, bet: 1, round: 1 } };
const finish = { ...start, type: 'finish', game: { ...start.game, status: 'win', payout: 2.5 } };

/** The command that the gateway makes of a body, found and read as it does; undefined where it is not read. */
function read(body: unknown, bound = bind(), path = ''): CallbackCommand | undefined {
  const parsed = parseJson(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  if (!parsed.ok) return undefined;
  return dispatch(bound, path, parsed.value)?.read(parsed.value)?.command(undefined);
}

/** A body with another fact of its game, as text: a number keeps the digits it is given. */
function withGame(body: { game: object }, fact: string, text: string): string {
  return JSON.stringify({ ...body, game: { ...body.game, [fact]: 'TEXT' } }).replace('"TEXT"', () => text);
}

test('the secret path is taken off and shown nowhere, and counts from listed addresses only', () => {
  const path = `/${raw.pathSecret[0]}`;
  const request = { method: 'POST', path, query: '', headers: {}, body: Buffer.from('{}'), remoteAddress: '192.0.2.7' };
  const { signer } = bind({ sourceAddresses: ['192.0.2.0/29', '2001:db8::/32'] });
  expect(signer.verify(request)?.path).toBe('');
  expect(signer.verify({ ...request, remoteAddress: '2001:db8::9' })).toBeDefined();
  expect(signer.verify({ ...request, remoteAddress: '192.0.2.8' })).toBeUndefined();
  expect(signer.verify({ ...request, path: '/' })).toBeUndefined();
  expect(signer.publicPath?.(path)).toBe('/***');
});

describe('the signed player', () => {
  test.each(['42', 'a.b', '.a.', 'a..b', 'ü|"\\', '-'])('%j comes back as it was', (player) => {
    const playerId = signPlayer('se_0f1', player, play, settings);
    expect(playerId.startsWith(`se_0f1.${player}.`)).toBe(true);
    expect(readPlayer({ playerId, ...play }, settings)).toBe(player);
  });

  test('keeps its form, as games once opened never end', () => {
    expect(session.playerId).toBe('se_0f1.42.qJxtOCziW71oYS_rmGahmw');
  });

  const [launch = '', , tag = ''] = session.playerId.split('.');
  test.each([
    ['another player', { playerId: `${launch}.43.${tag}` }],
    ['another launch', { playerId: `se_0f2.42.${tag}` }],
    ['a dot moved into the player', { playerId: `${launch}..42.${tag}` }],
    ['another game', { gameId: 'Plinko' }],
    ['another currency', { currency: 'EUR' }],
    ['a shorter tag', { playerId: session.playerId.slice(0, -1) }],
    ['the bare player', { playerId: '42' }],
    ['a guest', { playerId: '-' }],
  ])('%s is refused as forged, in both messages', (_what, forged) => {
    for (const message of [start, finish]) {
      expect(read({ ...message, session: { ...session, ...forged } })).toBe('UNAUTHENTICATED');
    }
  });

  test('can be switched off: then the player is the bare id, and production lacks it', () => {
    const body = { ...start, session: { ...session, playerId: 'a.b' } };
    expect(read(body, bind({ signedPlayerId: false, playerIdSecret: undefined }))).toMatchObject({ player: 'a.b' });
    expect(signPlayer('se_0f1', '42', play, { ...settings, signedPlayerId: false })).toBe('42');
    expect(adapter.missingInProduction?.({ ...raw, signedPlayerId: false })).toMatch(/signedPlayerId/);
    expect(adapter.missingInProduction?.(raw)).toBeUndefined();
  });
});

describe('requests', () => {
  test.each([
    ['1.98765432109876543210', { digits: 198765432109876543210n, decimals: 20 }],
    ['9.007199254740993', { digits: 9007199254740993n, decimals: 15 }],
    ['1e-7', { digits: 1n, decimals: 7 }],
    ['2.5e-08', { digits: 25n, decimals: 9 }],
  ])('the payout %s keeps its digits', (payout, times) => {
    expect(read(withGame(finish, 'payout', payout))).toMatchObject({ amount: { times } });
  });

  test.each(['[]', 'null', '"soon"', '{"balanceUpdateDelay":"1000"}', '{"balanceUpdateDelay":-1}'])(
    'a finish with the data %s is settled all the same',
    (data) => {
      const body = JSON.stringify({ ...finish, data: 'DATA', time: 'never' }).replace('"DATA"', data);
      expect(read(body)).toMatchObject({ kind: 'win', displayAt: undefined });
    },
  );

  test.each<[string, unknown]>([
    ['a padded currency', { ...start, session: { ...session, currency: ' USD' } }],
    ['a start without a bet', withGame(start, 'bet', 'null')],
    ['a negative bet', withGame(start, 'bet', '-1')],
    ['a bet of 1e3', withGame(start, 'bet', '1e3')],
    ['a bet of 1e-400', withGame(start, 'bet', '1e-400')],
    ['a bet of 41 digits', withGame(start, 'bet', '1'.repeat(41))],
    ['two bets', withGame(start, 'bet', '1,"\\u0062et":2')],
    ['a round that is a fraction', withGame(start, 'round', '1.5')],
    ['a round that is a name', withGame(start, 'round', '"1:2"')],
    ['a numeric game', withGame(start, 'id', '7')],
    ['a game of 201 bytes', withGame(start, 'id', `"${'g'.repeat(201)}"`)],
    ['an unknown status', withGame(finish, 'status', '"draw"')],
    ['a negative payout', withGame(finish, 'payout', '-2.5')],
    ['a type in a list', { ...start, type: ['start'] }],
    ['null', 'null'],
  ])('%s is not read', (_what, body) => {
    expect(read(withGame(start, 'bet', '1'))).toMatchObject({ kind: 'bet', amount: { digits: 1n } });
    expect(read(body)).toBeUndefined();
  });
});

const now = Date.UTC(2026, 0, 1);
test.each<[string, number | undefined, number | undefined, number]>([
  ['after what is left of the delay', 3_500, now - 1_000, 2_500],
  ['after the whole delay when no time is told', 3_500, undefined, 3_500],
  ["no later than the delay, be the provider's clock a year ahead", 3_500, now + 31_536_000_000, 3_500],
  ['by a time in seconds too', 3_500, now / 1_000, 3_500],
  ['within a minute', 900_000, now, 60_000],
])('the end of a game may be seen %s', (_what, balanceUpdateDelay, time, waitMs) => {
  const shownAt = displayAt({ data: { balanceUpdateDelay }, time }, now)?.getTime() ?? now;
  expect(shownAt - now).toBe(waitMs);
});

test('each refusal is told as the callback can tell it', () => {
  const statuses: Record<string, number> = {
    UNAUTHENTICATED: 404,
    UNKNOWN_CALLBACK: 404,
    MALFORMED: 400,
    TOO_LARGE: 413,
  };
  for (const code of Object.keys(walletErrors).filter((each): each is WalletErrorCode => each in walletErrors)) {
    const status = statuses[code] ?? (isTransient(code) ? 500 : 200);
    const [forStart, forFinish] = ['start', 'finish'].map((callback) => bind().refuse(code, { callback }));
    expect(forFinish).toEqual({ status, body: '{}' });
    expect(forStart).toEqual(status === 404 ? forFinish : { status: 200, body: '{"result":false}' });
  }
});

test.each([
  ['no path secret', { pathSecret: [] }],
  ['a short path secret', { pathSecret: ['x'.repeat(31)] }],
  ['a path secret with a slash', { pathSecret: [`${'x'.repeat(32)}/y`] }],
  ['a repeated path secret', { pathSecret: [...raw.pathSecret, ...raw.pathSecret] }],
  ['no player secret', { playerIdSecret: [] }],
  ['a player secret left out', { playerIdSecret: undefined }],
  ['an address that is none', { sourceAddresses: ['phoenix.example'] }],
  ['limits upside down', { betLimits: { USD: { min: 2, max: 1 } } }],
])('settings with %s are refused', (_what, overrides) => {
  expect(() => bind(overrides)).toThrow(z.ZodError);
});

/** A client of a provider that answers as the test says, and what that was sent. */
async function clientOf(answer: Answerer, overrides: Record<string, unknown> = {}) {
  const { url, received } = await serve(answer);
  const http = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
  const client = createPhoenixClient(Settings.parse({ ...raw, ...overrides, apiUrl: `${url}/api` }), http);
  const sent = () => received.map(({ path, body }) => ({ path, body: z.looseObject({}).parse(JSON.parse(body)) }));
  return { url, sent, launch: client.launch.bind(client), catalogue: client.catalogue ?? (() => undefined) };
}

describe('launches', () => {
  const opened: Answerer = (_received, response) => json(response, { url: 'https://games.example/1' });

  test('name the signed player, the currency and its limits, with the key in the body', async () => {
    const { launch, sent } = await clientOf(opened, { betLimits: { USD: { min: 0.5, max: 50 } } });
    await launch(launchRequest({ player: 'a.b', game: 'a/../b?c' }));
    const playerId = signPlayer('se_011', 'a.b', { currency: 'USD', gameId: 'a/../b?c' }, settings);
    const limits = { minBet: 0.5, maxBet: 50, currencyName: 'USD', currencyParam: 2, isDemo: false };
    const body = { api_key: 'test-api-key', playerId, playerName: 'pl_011', ...limits };
    expect(sent()).toEqual([{ path: '/api/game/create/a%2F..%2Fb%3Fc', body }]);
  });

  test('for play money name a guest, never the player', async () => {
    const { launch, sent } = await clientOf(opened);
    await launch(launchRequest({ game: 'Mines', demo: true, currency: 'BTC', displayDecimals: 8 }));
    const guest = { playerId: '-', playerName: 'Demo', isDemo: true };
    expect(sent()[0]?.body).toMatchObject({ ...guest, currencyParam: 8, minBet: 0.000_01, maxBet: 0.001 });
    expect(JSON.stringify(sent())).not.toMatch(/alice|pl_011/);
  });

  const longest = 128 - 'se_011..'.length - 22;
  test.each([{ game: 'Mines', player: 'p'.repeat(longest + 1) }, { game: undefined }, { game: '..' }])(
    'of %j are refused before the call',
    async (wish) => {
      const { launch, sent } = await clientOf(opened);
      expect((await faultOf(launch(launchRequest(wish)))).code).toBe('REFUSED');
      expect(sent()).toEqual([]);
      await launch(launchRequest({ game: 'Mines', player: 'p'.repeat(longest) }));
    },
  );

  test.each<[number, unknown, string]>([
    [201, { url: 'https://games.example/1' }, 'REFUSED'],
    [403, { error: 'test-api-key' }, 'REFUSED'],
    [200, [], 'INVALID_ANSWER'],
    [200, { url: '/play/1' }, 'INVALID_ANSWER'],
    [200, { url: 'javascript:alert(1)' }, 'INVALID_ANSWER'],
  ])('answered %i %j fail', async (status, body, code) => {
    const { launch } = await clientOf((_received, response) => json(response, body, status));
    const fault = await faultOf(launch(launchRequest({ game: 'Mines' })));
    expect(fault.code).toBe(code);
    expect(fault.message).not.toMatch(/api-key|javascript/);
  });
});

test('the catalogue leaves out what players may not see, and takes odd trimmings for none', async () => {
  const shown = { id: 'Mines', name: 'Mines', category: 'Classic', released: true, isPublic: true };
  const trimmings = { thumbnail: '/assets/mines.webp', features: [{ name: 'WILD' }], balanceUpdateDelay: 100 };
  const odd = { id: 'Odd', name: 'Odd', category: 7, thumbnail: 'javascript:alert(1)', features: 'none' };
  const hidden = [{ released: false }, { isPublic: false }, { comingSoon: true }];
  const { url, sent, catalogue } = await clientOf((_received, response) =>
    json(response, [{ ...shown, ...trimmings }, odd, ...hidden.map((each) => ({ ...shown, ...each }))]),
  );
  const mines = { id: 'Mines', name: 'Mines', category: 'Classic', thumbnailUrl: `${url}/assets/mines.webp` };
  const plain = { category: undefined, thumbnailUrl: undefined, balanceUpdateDelayMs: undefined };
  expect(await catalogue()).toEqual([
    { ...mines, features: ['WILD'], balanceUpdateDelayMs: 100, currencies: [] },
    { id: 'Odd', name: 'Odd', ...plain, features: [], currencies: [] },
  ]);
  expect(sent()).toEqual([{ path: '/api/game/list', body: { api_key: 'test-api-key' } }]);
});

const named = { player: '42', currency: 'USD', round: '100', game: 'Plinko', session: 's1' };
const bet: ProviderMovement = { kind: 'bet', id: '7', amount: '4.00', ...named };
const win: ProviderMovement = { kind: 'win', id: '8', amount: '10.00', ...named, target: bet };

describe("the provider's side", () => {
  const voice = side.voice(raw);
  const bodyOf = (message: ProviderMovement): unknown => JSON.parse(voice.say(message).body.toString());

  test('a bet is a start of its own round, and its win a finish that states the multiple', () => {
    expect(bodyOf(bet)).toMatchObject({ type: 'start', game: { id: '100', bet: 4, round: 7 } });
    expect(bodyOf({ ...bet, id: voice.newId(2 ** 40) })).toMatchObject({ game: { id: '100', round: 2 ** 40 } });
    expect(bodyOf(win)).toMatchObject({
      game: { id: '100', status: 'win', payout: 2.5, bet: 4, round: 7 },
    });
    expect(bodyOf({ ...win, amount: '0.00' })).toMatchObject({ game: { status: 'lose', payout: 0 } });
    expect(() => voice.say({ ...win, kind: 'rollback' })).toThrow(/rollback/);
  });

  test('a multiple is exact, or rounded up at its twelfth decimal where that pays the same', () => {
    expect(multipleOf('10.00', '4.00')).toBe('2.5');
    expect(multipleOf('10', '3')).toBe('3.333333333334');
    expect(multipleOf('0.00001989', '0.00001001')).toBe('1.987012987013');
    expect(() => multipleOf('1', '0')).toThrow(/no multiple/);
    expect(() => multipleOf('1000000.01', '300000.07')).toThrow(/no multiple/);
  });

  test('answers are heard as the document has them, and only silence and faults are answered by a repeat', () => {
    const heard = (message: ProviderMovement, status: number, body: string) => voice.hear(message, { status, body });
    expect(heard(bet, 200, '{"result":true}').type).toBe('accepted');
    expect(heard(bet, 200, '{"result":false}')).toMatchObject({ type: 'refused', why: 'funds' });
    expect(heard(bet, 200, '{}').type).toBe('unreadable');
    expect(heard(win, 200, '{}').type).toBe('accepted');
    expect(heard(win, 200, '{"result":true}').type).toBe('unreadable');
    expect(heard(win, 404, '{}')).toMatchObject({ type: 'refused', why: 'authentication' });
    expect(voice.afterwards(win, 1, heard(win, 404, '{}'))).toEqual({ act: 'rest' });
    expect(voice.afterwards(win, 3, heard(win, 500, '{}'))).toEqual({ act: 'repeat', afterMs: 2_000 });
    expect(voice.afterwards(bet, 1, 'no-answer')).toEqual({ act: 'repeat', afterMs: 500 });
    expect(voice.afterwards(win, 6, 'no-answer')).toEqual({ act: 'rest' });
  });

  test('its API opens the game for the player that the launch names', async () => {
    const openGame = ({ player, game }: { player: string; game: string | undefined }) =>
      `http://${player}.play/${game}`;
    const token = () => 'token';
    const silent = { accepted: () => [], callBack: async () => 'no-answer' as const, now: () => new Date() };
    const host: SimulatorHost = { openGame, token, ...silent };
    const api = side.api(raw, host);
    const answerer: Answerer = ({ path, headers, body }, response) => {
      const rawBody = Buffer.from(body);
      const call = { method: 'POST', path: path.slice(4), query: new URLSearchParams(), headers, rawBody };
      void api({ ...call, body: JSON.parse(body) }).then((answer) => json(response, answer?.body, answer?.status));
    };
    const { launch, catalogue } = await clientOf(answerer);
    expect((await launch(launchRequest({ player: 'a.b', game: 'Mines' }))).url).toBe('http://a.b.play/Mines');
    // The simulator's page plays nothing else.
    expect((await catalogue())?.map(({ id }) => id)).toEqual(['Mines']);
    expect((await faultOf(launch(launchRequest({ game: 'Crash' })))).code).toBe('REFUSED');
    const other = await clientOf(answerer, { apiKey: 'another-api-key' });
    expect((await faultOf(other.launch(launchRequest({ game: 'Mines' })))).code).toBe('REFUSED');
  });
});

const Texts = z.record(z.string(), z.string());
const Balances = z.record(z.string(), Texts);
const Request = z.strictObject({ method: z.string(), path: z.string(), headers: Texts, body: z.string() });
const Answer = z.strictObject({ status: z.number(), body: z.string() });
const Exchange = z.strictObject({ request: Request, command: Texts.optional(), answer: Answer, after: Balances });
const Fixture = z.strictObject({
  title: z.string(),
  source: z.string(),
  settings: z.record(z.string(), z.unknown()),
  before: Balances,
  exchanges: z.array(Exchange),
});

const folder = new URL('../../src/adapters/phoenix/fixtures/', import.meta.url);
const fixtures = readdirSync(folder).map((file) => ({
  // A brand and an integration of its own for each: their players and games are the same.
  id: file.replace('.json', ''),
  ...Fixture.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
}));

const Amount = z.object({ digits: z.bigint(), decimals: z.number() });
const Fact = z.union([
  z.string(),
  Amount.transform(({ digits, decimals }) => formatUnits(digits, decimals, decimals)),
  z.object({ times: Amount }).transform(({ times }) => `stake * ${formatUnits(times.digits, times.decimals)}`),
]);

/** A command as fixtures write it. */
function summary(command: CallbackCommand | undefined): Record<string, string> | undefined {
  if (typeof command !== 'object' || command.kind === 'refusal') return undefined;
  const { brand: _brand, integration: _integration, ...facts } = { integration: '', ...command };
  const stated = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(stated.map(([name, value]) => [name, Fact.parse(value)]));
}

describe('a gateway', () => {
  let gateway: TestApp & { database: TestDatabase };
  beforeAll(async () => {
    const currencies = ['USD', 'BTC'];
    const own = [...fixtures, { id: 'demo', settings: raw }];
    const integrations = own.map((each) => ({ ...each, adapter: 'phoenix', brand: each.id, currencies, policy: {} }));
    const brands = [...testWorld.brands, ...fixtures.map(({ id }) => ({ id, currencies }))];
    gateway = await startTestApp({ config: { brands, integrations } });
  });
  afterAll(() => gateway.close());

  async function balancesOf(players: ReadonlyMap<string, TestPlayer>) {
    const sql = 'select id, balance from wallet';
    const { rows } = await gateway.database.owner.query<{ id: string; balance: string }>(sql);
    const units = new Map(rows.map(({ id, balance }) => [BigInt(id), BigInt(balance)]));
    const ofOne = ({ wallets }: TestPlayer) =>
      [...wallets].map(([code, id]) => [code, formatUnits(units.get(id) ?? 0n, code === 'BTC' ? 8 : 6, 2)]);
    return Object.fromEntries([...players].map(([name, player]) => [name, Object.fromEntries(ofOne(player))]));
  }

  test.each(fixtures)('$id: $title', async ({ id, settings: given, before, exchanges }) => {
    const players = new Map<string, TestPlayer>();
    for (const [externalId, balances] of Object.entries(before)) {
      players.set(externalId, await createTestPlayer(gateway.database, { brand: id, externalId, balances }));
    }
    const bound = adapter.bind({ id, brand: id, settings: given });
    for (const { request, command, answer, after } of exchanges) {
      const bytes = { body: Buffer.from(request.body), query: '', remoteAddress: '127.0.0.1' };
      const verified = bound.signer.verify({ ...request, ...bytes });
      expect(summary(verified && read(request.body, bound, verified.path))).toEqual(command);
      expect(await send(gateway.url, `/callbacks/${id}${request.path}`, request)).toEqual(answer);
      expect(await balancesOf(players)).toEqual(after);
    }
  });

  test('a finish without its start is held, uses up no key, and pays the stake that was taken later', async () => {
    const player = await createTestPlayer(gateway.database, { balances: { USD: '100' } });
    const voice = side.voice(raw);
    const mine = { ...bet, player: player.externalId };
    const finished: ProviderMovement = { ...win, player: player.externalId, target: { ...bet, amount: '5.00' } };
    for (const [message, count] of [[finished, 0] as const, [mine, 1] as const, [finished, 2] as const]) {
      const said = voice.signer.sign(voice.say(message));
      const answers = Array.from({ length: 8 }, () => send(gateway.url, `/callbacks/demo${said.path}`, said));
      const wanted = { status: 200, body: message.kind === 'bet' ? '{"result":true}' : '{}' };
      expect(await Promise.all(answers)).toEqual(answers.map(() => wanted));
      expect(await movementsOf(gateway.database, player.id)).toHaveLength(count);
    }
    const [, paid] = await movementsOf(gateway.database, player.id);
    expect(paid).toMatchObject({ external_key: 'finish:100', effect: '8000000', flags: ['stake-differs'] });
    const sql = "select distinct flags, path from callback where verdict = 'BET_UNKNOWN' and integration = 'demo'";
    const { rows } = await gateway.database.owner.query<object>(sql);
    expect(rows).toEqual([{ flags: ['win-without-bet', 'quarantined'], path: '/***' }]);
  });
});
