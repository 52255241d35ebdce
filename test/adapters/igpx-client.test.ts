import { expect, test } from 'vitest';
import { type ProviderHttp } from '../../src/adapters/contract.js';
import { createIgpxClient } from '../../src/adapters/igpx/client.js';
import { IgpxSettings, side } from '../../src/adapters/igpx/index.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { startSimulator } from '../../src/simulator/simulator.js';
import { launchRequest } from '../support/launch-request.js';
import { afterThisTest, faultOf, json, serve } from '../support/loopback.js';

/** Auth and start-session, against the provider's side of the wire and against providers that answer wrongly. */

const AUTH = '/1.0.0/auth';
const START = '/1.0.0/start-session';
const launch = launchRequest();

function settingsFor(apiUrl: string) {
  return IgpxSettings.parse({
    apiUrl,
    apiVersion: '1.0.0',
    username: 'casino',
    password: 'casino-password',
    securityHash: ['test-security-hash'],
  });
}

/** A simulator and a client of it, with the paths the client called. */
async function simulate() {
  let lateMs = 0;
  const simulator = await startSimulator({
    side,
    settings: settingsFor('http://127.0.0.1:9'),
    callbackUrl: 'http://127.0.0.1:9/callbacks/igpx-demo',
    port: 0,
    now: () => new Date(Date.now() + lateMs),
  });
  afterThisTest(() => simulator.close());
  const calls: string[] = [];
  const plain = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
  const note = (url: string): void => void calls.push(url.slice(simulator.apiUrl.length));
  const http: ProviderHttp = {
    post(url, body, options) {
      note(url);
      return plain.post(url, body, options);
    },
    get(url, query, options) {
      note(url);
      return plain.get(url, query, options);
    },
  };
  const settings = settingsFor(simulator.apiUrl);
  const client = createIgpxClient(settings, http);
  /** The provider's clock runs ahead, so the tokens it gave have ended. */
  const endTokens = (): void => {
    lateMs += 24 * 3_600_000;
  };
  return { simulator, settings, calls, http, client, endTokens };
}

test('every launch gets a URL of its own, with one token for all', async () => {
  const { client, calls, simulator } = await simulate();
  const first = await client.launch(launch);
  const second = await client.launch(launch);
  expect(first.url).toMatch(new RegExp(`^${simulator.url}/play/[\\w-]{32}$`));
  expect(second.url).not.toBe(first.url);
  expect(calls).toEqual([AUTH, START, START]);
});

test('launches at the same time wait for one renewal', async () => {
  const { client, calls } = await simulate();
  const launched = await Promise.all(Array.from({ length: 10 }, () => client.launch(launch)));
  expect(new Set(launched.map(({ url }) => url)).size).toBe(10);
  expect(calls.filter((path) => path === AUTH)).toHaveLength(1);
});

test.each([
  [3_600, 3_240_000],
  [600, 540_000],
  [300, 240_000],
  [70, 10_000],
])('a token of %i s is renewed after %i ms', async (tokenSeconds, renewedAfterMs) => {
  let now = 1_000;
  const { url, received } = await serve(({ path }, response) => {
    const token = { token: 'secret-token', expires_in: String(tokenSeconds) };
    json(response, path === AUTH ? token : { url: 'https://play.example' });
  });
  const client = createIgpxClient(settingsFor(url), createProviderHttp({ timeoutMs: 2_000, retries: 0 }), () => now);
  const calls = () => received.map(({ path }) => path);
  await client.launch(launch);
  now += renewedAfterMs - 1;
  await client.launch(launch);
  expect(calls()).toEqual([AUTH, START, START]);
  now += 1;
  await client.launch(launch);
  expect(calls()).toEqual([AUTH, START, START, AUTH, START]);
});

test('a token that is turned away is renewed once, by all launches together', async () => {
  const { client, calls, endTokens } = await simulate();
  await client.launch(launch);
  endTokens();
  await Promise.all([client.launch(launch), client.launch(launch), client.launch(launch)]);
  expect(calls.filter((path) => path === AUTH)).toHaveLength(2);
  expect(calls.filter((path) => path === START)).toHaveLength(1 + 3 + 3);
});

test('a token that is turned away twice in a row fails the launch', async () => {
  const { url, received } = await serve(({ path }, response) => {
    if (path === AUTH) json(response, { token: 'secret-token', expires_in: '3600' });
    else response.writeHead(401).end('<h1>Unauthorized</h1>');
  });
  const client = createIgpxClient(settingsFor(url), createProviderHttp({ timeoutMs: 2_000, retries: 2 }));
  expect((await faultOf(client.launch(launch))).code).toBe('REFUSED');
  expect(received.map(({ path }) => path)).toEqual([AUTH, START, AUTH, START]);
});

test('wrong credentials are refused, and the next launch tries anew', async () => {
  const { settings, http, calls } = await simulate();
  const client = createIgpxClient({ ...settings, password: 'casino-passw0rd' }, http);
  expect((await faultOf(client.launch(launch))).code).toBe('REFUSED');
  expect((await faultOf(client.launch(launch))).code).toBe('REFUSED');
  expect(calls).toEqual([AUTH, AUTH]);
});

test('it sends what the document describes', async () => {
  const { url, received } = await serve(({ path }, response) => {
    json(response, path === AUTH ? { token: 'secret-token', expires_in: 3600 } : { url: 'https://play.example/a?b=c' });
  });
  const client = createIgpxClient(settingsFor(`${url}/`), createProviderHttp({ timeoutMs: 2_000, retries: 0 }));
  expect(await client.launch({ ...launch, language: undefined })).toEqual({ url: 'https://play.example/a?b=c' });
  expect(received.map(({ path, body }) => [path, body])).toEqual([
    [AUTH, '{"username":"casino","password":"casino-password"}'],
    [START, '{"user_id":"alice","currency":"USD"}'],
  ]);
  expect(received[1]?.headers.authorization).toBe('Bearer secret-token');
});

const good = { token: 'secret-token', expires_in: '3600' };
test.each<[string, unknown, unknown]>([
  ['no token', { expires_in: '3600' }, {}],
  ['a token with a line end', { ...good, token: 'secret-token\r\nx: y' }, {}],
  ['a life that is no number', { ...good, expires_in: 'soon' }, {}],
  ['a negative life', { ...good, expires_in: -1 }, {}],
  ['a list', [good], {}],
  ['no URL', good, { error: null }],
  ['a script as URL', good, { url: 'javascript:alert(1)' }],
  ['a script that looks like a URL', good, { url: 'javascript://play.example/%0aalert(1)' }],
  ['a relative URL', good, { url: '/play' }],
  ['a padded URL', good, { url: ' https://play.example' }],
  ['credentials in the URL', good, { url: 'https://a:b@play.example' }],
  ['a URL without end', good, { url: `https://play.example/${'a'.repeat(5_000)}` }],
])('%s is an invalid answer', async (_what, auth, session) => {
  const { url } = await serve(({ path }, response) => json(response, path === AUTH ? auth : session));
  const client = createIgpxClient(settingsFor(url), createProviderHttp({ timeoutMs: 2_000, retries: 0 }));
  expect((await faultOf(client.launch(launch))).code).toBe('INVALID_ANSWER');
});
