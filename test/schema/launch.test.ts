import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LaunchRequest } from '../../src/adapters/contract.js';
import { checkReturnUrl } from '../../src/launch/return-url.js';
import { createLaunch, type LaunchProvider } from '../../src/launch/launch.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, testWorld, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let alice: TestPlayer;
let token: string;
let answer: { status: number; body: unknown };
const asked: unknown[] = [];

const provider = createServer((incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const login = incoming.url?.endsWith('/auth') === true;
    if (!login) asked.push(JSON.parse(Buffer.concat(chunks).toString()));
    const { status, body } = login ? { status: 200, body: { token: 'provider-token', expires_in: '3600' } } : answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
});

beforeAll(async () => {
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const address = provider.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  app = await startTestApp({ apiUrl: `http://127.0.0.1:${port}` });
  alice = await createTestPlayer(app.database, { externalId: 'alice' });
  token = await app.token('player', 'alice');
});
beforeEach(() => {
  answer = { status: 200, body: { url: 'https://games.example/play?t=once' } };
  asked.length = 0;
});
afterAll(async () => {
  await app.close();
  provider.close();
});

async function launch(as: string, input: object = {}) {
  const result = await request(
    app,
    as,
    `mutation ($input: LaunchGameInput!) { launchGame(input: $input) { __typename
      ... on LaunchSession { id url currency game integration { id } }
      ... on PlayerNotActive { status } ... on ProviderUnavailable { retryable } ... on CurrencyNotSupported { currency } } }`,
    { input: { integration: 'igpx-demo', currency: 'EUR', ...input } },
  );
  return result.errors.length > 0 ? codes(result) : result.data?.['launchGame'];
}

async function sessionCount(): Promise<unknown> {
  return (await app.database.owner.query('select count(*)::int as count from game_session where not failed')).rows[0];
}

test('a player launches for itself, and the session is kept', async () => {
  const session = {
    __typename: 'LaunchSession',
    id: expect.stringMatching(/^se_/),
    url: 'https://games.example/play?t=once',
    currency: 'EUR',
    game: null,
    integration: { id: 'igpx-demo' },
  };
  expect(await launch(token, { language: 'de' })).toEqual(session);
  expect(asked).toEqual([{ user_id: 'alice', currency: 'EUR', lang: 'de' }]);
  expect(await launch(token, { playerId: formatId('player', alice), game: 'g/1' })).toEqual({
    ...session,
    game: 'g/1',
  });
  const { rows } = await app.database.owner.query(
    'select player_id, integration, currency, game from game_session order by id',
  );
  expect(rows).toEqual([
    { player_id: String(alice.id), integration: 'igpx-demo', currency: 'EUR', game: null },
    { player_id: String(alice.id), integration: 'igpx-demo', currency: 'EUR', game: 'g/1' },
  ]);
  expect(app.log.join('')).not.toContain('t=once');
});

test('an operator launches for a player of the brand', async () => {
  expect(await launch(await app.token('operator'), { playerId: formatId('player', alice) })).toMatchObject({
    __typename: 'LaunchSession',
  });
  expect(await launch(await app.token('operator'))).toEqual(['NOT_FOUND']);
});

test('nobody launches for players they may not speak for', async () => {
  const bob = await createTestPlayer(app.database);
  const before = await sessionCount();
  for (const playerId of [formatId('player', bob), 'pl_00zzzz', '']) {
    expect(await launch(token, { playerId })).toEqual(['NOT_FOUND']);
    expect(await launch(await app.token('operator', 'boss', { brand: 'other' }), { playerId })).toEqual(['NOT_FOUND']);
  }
  expect(await launch(await app.token('support'), { playerId: formatId('player', alice) })).toEqual(['FORBIDDEN']);
  expect(await launch(await app.token('player', 'nobody'))).toEqual(['NOT_FOUND']);
  expect(asked).toEqual([]);
  expect(await sessionCount()).toEqual(before);
});

test('players who are not active do not launch', async () => {
  for (const status of ['SUSPENDED', 'SELF_EXCLUDED', 'CLOSED'] as const) {
    const player = await createTestPlayer(app.database, { status });
    expect(await launch(await app.token('player', player.externalId))).toEqual({
      __typename: 'PlayerNotActive',
      status,
    });
  }
  expect(asked).toEqual([]);
});

test('integrations that are unknown, or of another brand, are unavailable alike', async () => {
  for (const integration of ['igpx-other', 'nothing', 'cashier', '', '__proto__']) {
    expect(await launch(token, { integration })).toEqual({ __typename: 'GameUnavailable' });
  }
});

test('a currency needs the integration and a wallet', async () => {
  for (const currency of ['BTC', 'USD', 'eur']) {
    expect(await launch(token, { currency })).toEqual({ __typename: 'CurrencyNotSupported', currency });
  }
});

test('what cannot be said to a provider is refused', async () => {
  for (const input of [{ language: 'EN' }, { language: 'eng' }, { language: '' }, { game: '' }, { game: 'a\u0000' }]) {
    expect(await launch(token, input)).toEqual(['BAD_USER_INPUT']);
  }
  expect(asked).toEqual([]);
});

test('a provider that refuses or answers nonsense leaves no session', async () => {
  const before = await sessionCount();
  for (const given of [
    { status: 400, body: { error: 'no' } },
    { status: 200, body: { url: 'javascript:alert(1)' } },
    { status: 200, body: {} },
  ]) {
    answer = given;
    expect(await launch(token)).toEqual({ __typename: 'ProviderUnavailable', retryable: false });
  }
  expect(await sessionCount()).toEqual(before);
});

test('a provider that cannot be reached is worth another try', async () => {
  const unreachable = await startTestApp({ database: app.database });
  try {
    const { data } = await request(
      unreachable,
      token,
      'mutation { launchGame(input: { integration: "igpx-demo", currency: "EUR" }) { ... on ProviderUnavailable { retryable message } } }',
    );
    expect(data).toEqual({ launchGame: { retryable: true, message: expect.any(String) } });
  } finally {
    await unreachable.close();
  }
});

describe('where a game sends its player back to', () => {
  const origins = ['https://casino.example', 'http://localhost:3000'];
  let listed: Awaited<ReturnType<typeof startTestApp>>;

  async function refusal(to: Pick<typeof app, 'url'>, returnUrl: string): Promise<unknown> {
    const answer = await request(
      to,
      token,
      'mutation ($u: String) { launchGame(input: { integration: "igpx-demo", currency: "EUR", returnUrl: $u }) { __typename } }',
      { u: returnUrl },
    );
    return codes(answer)[0];
  }

  beforeAll(async () => {
    const { database } = app;
    listed = await startTestApp({
      database,
      config: { brands: testWorld.brands.map((each) => ({ ...each, returnOrigins: origins })) },
    });
  });
  afterAll(() => listed.close());

  test.each([
    'javascript:alert(1)',
    'http://casino.example/',
    'http://10.0.0.1/',
    'http://localhost.casino.example/',
    '//casino.example',
    '/lobby',
    'https://',
    'https://user:pw@casino.example/',
    'https://casino.example\\@evil.example/',
    'https://casino.example/a b',
    'https://casino.example/\u202e',
    `https://casino.example/${'x'.repeat(2_048)}`,
  ])('is never %j', async (url) => {
    expect(await refusal(app, url)).toBe('BAD_USER_INPUT');
    expect(asked).toEqual([]);
  });

  test('is any page under TLS, and outside production a local one without', async () => {
    expect(await refusal(app, 'https://casino.example/lobby?x=1')).toBeUndefined();
    for (const local of ['http://localhost:3000/', 'http://127.0.0.1/', 'http://[::1]:8080/back']) {
      expect(await refusal(app, local)).toBeUndefined();
      expect(checkReturnUrl(local, { origins: undefined, localPages: false })).toEqual({
        why: 'must begin with https://',
      });
    }
  });

  test('is of a listed origin once the configuration lists any', async () => {
    expect(await refusal(listed, 'https://casino.example/lobby')).toBeUndefined();
    expect(await refusal(listed, 'http://localhost:3000/')).toBeUndefined();
    for (const other of [
      'https://casino.example.evil.example/',
      'https://evil.example/?https://casino.example',
      'https://casino.example:8443/',
      'https://sub.casino.example/',
      'http://localhost:3001/',
    ]) {
      expect(await refusal(listed, other)).toBe('BAD_USER_INPUT');
    }
  });
});

test('a wish reaches the provider as it was understood, and the session keeps it', async () => {
  const wishes: LaunchRequest[] = [];
  const provider: LaunchProvider = {
    client: {
      launch(wish) {
        wishes.push(wish);
        return Promise.resolve({ url: 'https://games.example/play' });
      },
    },
    brand: 'demo',
    currencies: new Set(['EUR']),
    displayDecimals: () => 2,
    returns: { origins: undefined, localPages: false },
  };
  const { orm } = app.app.database;
  const launches = createLaunch({ orm, providers: new Map([['igpx-demo', provider]]), failed: () => undefined });
  const wish = {
    player: { ...alice, brandId: 'demo', status: 'ACTIVE' },
    integration: 'igpx-demo',
    currency: 'EUR',
    game: 'mines',
    language: 'de',
  } as const;
  const returnUrl = 'https://casino.example/x?y';
  await launches.launchGame({ ...wish, returnUrl, platform: 'mobile', demo: true });
  await launches.launchGame(wish);
  expect(wishes).toMatchObject([
    { returnUrl, platform: 'mobile', demo: true, game: 'mines' },
    { returnUrl: undefined, platform: 'desktop', demo: false },
  ]);
  const { rows } = await app.database.owner.query(
    'select platform, demo from game_session order by lane, id desc limit 2',
  );
  expect(rows).toEqual([
    { platform: 'desktop', demo: false },
    { platform: 'mobile', demo: true },
  ]);
});

test('platform and demo are asked for by the mutation', async () => {
  expect(await launch(token, { platform: 'MOBILE', demo: true })).toMatchObject({ __typename: 'LaunchSession' });
  const { rows } = await app.database.owner.query('select platform, demo from game_session order by id desc limit 1');
  expect(rows).toEqual([{ platform: 'mobile', demo: true }]);
});

describe('an integration with a catalogue', () => {
  beforeAll(async () => {
    await app.database.owner.query(
      `insert into game (integration, id, name, sort_name, features, currencies, status, first_seen_at, changed_at, withdrawn_at)
       values ('igpx-demo', 'there', 'There', 'there', '{}', '{}', 'ACTIVE', now(), now(), null),
              ('igpx-demo', 'usd', 'Dollars', 'dollars', '{}', '{USD}', 'ACTIVE', now(), now(), null),
              ('igpx-demo', 'gone', 'Gone', 'gone', '{}', '{}', 'WITHDRAWN', now(), now(), now()),
              ('igpx-second', 'elsewhere', 'Elsewhere', 'elsewhere', '{}', '{}', 'ACTIVE', now(), now(), null)`,
    );
  });
  afterAll(() => app.database.owner.query('delete from game'));

  test('launches its active games, and nothing else', async () => {
    expect(await launch(token, { game: 'there' })).toMatchObject({ __typename: 'LaunchSession', game: 'there' });
    asked.length = 0;
    for (const game of ['gone', 'elsewhere', 'THERE', 'no-such']) {
      expect(await launch(token, { game })).toEqual({ __typename: 'GameUnavailable' });
    }
    expect(await launch(token, { game: 'usd' })).toEqual({ __typename: 'CurrencyNotSupported', currency: 'EUR' });
    expect(asked).toEqual([]);
  });

  test('still launches without a game', async () => {
    expect(await launch(token)).toMatchObject({ __typename: 'LaunchSession', game: null });
  });
});
