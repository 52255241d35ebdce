import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
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
  return (await app.database.owner.query('select count(*)::int as count from game_session')).rows[0];
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
