import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { LaunchRequest } from '../src/adapters/contract.js';
import type { Config } from '../src/config.js';
import { bindIntegrations, openSources } from '../src/integrations.js';
import { openObservability } from '../src/observability/observability.js';
import { integrationsWith } from './callbacks/provider.js';
import { request } from './schema/client.js';
import { igpxHash, startTestApp, type TestApp } from './support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase } from './support/database.js';
import { launchRequest } from './support/launch-request.js';
import { afterThisTest, type Answerer, faultOf, json, serve } from './support/loopback.js';

/** How providers are called, as a gateway is put together: to which addresses, how often, and for how long. */

let database: TestDatabase;
let config: Config;
beforeAll(async () => {
  database = await createTestDatabase();
  const gateway = await startTestApp({ database });
  ({ config } = gateway);
  await gateway.close();
});
afterAll(() => database.close());
afterEach(() => void vi.useRealTimers());

const AUTH = '/1.0.0/auth';
const START = '/1.0.0/start-session';

const works: Answerer = ({ path }, response) =>
  json(response, path === AUTH ? { token: 'secret-token', expires_in: '3600' } : { url: 'https://play.example' });

function integrationAt(apiUrl: string): Config['integrations'] {
  return integrationsWith({ 'igpx-demo': { securityHash: [igpxHash], apiUrl } });
}

/** Launches by the integration, whose outgoing side is opened as the gateway opens it. */
async function launcherWith(
  wish: Pick<Config, 'mode' | 'integrations'>,
): Promise<(wish: LaunchRequest) => Promise<unknown>> {
  const given = { ...config, ...wish };
  const logger = pino({ level: 'silent' });
  const observability = await openObservability(given, logger);
  afterThisTest(() => observability.close());
  const sources = openSources(given, bindIntegrations(given), { logger, observability });
  const client = sources.get('igpx-demo')?.client;
  if (client === undefined) throw new Error('The integration is not called');
  return (wish) => client.launch(wish);
}

test.each(['127.0.0.1', 'localhost'])('in production a provider at %s is not called', async (host) => {
  const { url, received } = await serve(works);
  const integrations = integrationAt(url.replace('127.0.0.1', host));
  const fault = await faultOf((await launcherWith({ mode: 'production', integrations }))(launchRequest()));
  expect(fault.code).toBe('UNREACHABLE');
  expect(fault.message).toContain('not a public address');
  expect(received).toHaveLength(0);
  // The same provider is simulated nearby everywhere else.
  expect(await (await launcherWith({ mode: 'development', integrations }))(launchRequest())).toEqual({
    url: 'https://play.example',
  });
});

test('a provider that is silent is given up after five seconds', async () => {
  const silent = Promise.withResolvers<void>();
  const { url } = await serve((received, response, count) => {
    if (received.path === START) silent.resolve();
    else works(received, response, count);
  });
  const launch = await launcherWith({ mode: 'development', integrations: integrationAt(url) });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let isOver = false;
  const fault = faultOf(launch(launchRequest())).finally(() => (isOver = true));
  await silent.promise;
  await vi.advanceTimersByTimeAsync(4_999);
  expect(isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect((await fault).code).toBe('TIMEOUT');
});

test('after five failures in a row a launch fails at once, and ten seconds later the provider is tried again', async () => {
  let isUp = false;
  const failing = await serve((received, response, count) => {
    if (isUp) works(received, response, count);
    else response.destroy();
  });
  const healthy = await serve(works);
  const at = (apiUrl: string) => ({ securityHash: [igpxHash], apiUrl });
  const integrations = integrationsWith({ 'igpx-demo': at(failing.url), 'igpx-second': at(healthy.url) });
  const gateway = await startTestApp({ database, config: { integrations } });
  afterThisTest(() => gateway.close());
  const player = await createTestPlayer(database);
  const launch = (integration: string) => launchBy(gateway, player.externalId, integration);
  const unavailable = { __typename: 'ProviderUnavailable', retryable: true };

  // Each asks for a token, and that is safe to ask for three times.
  expect(await launch('igpx-demo')).toEqual(unavailable);
  expect(failing.received.map(({ path }) => path)).toEqual([AUTH, AUTH, AUTH]);
  expect(await launch('igpx-demo')).toEqual(unavailable);
  expect(failing.received).toHaveLength(5);

  isUp = true;
  expect(await launch('igpx-demo')).toEqual(unavailable);
  expect(failing.received).toHaveLength(5);
  // Another provider is no worse for it.
  expect(await launch('igpx-second')).toEqual({ __typename: 'LaunchSession' });

  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
  expect(await launch('igpx-demo')).toEqual({ __typename: 'LaunchSession' });
  expect(failing.received.slice(5).map(({ path }) => path)).toEqual([AUTH, START]);
});

async function launchBy(gateway: TestApp, player: string, integration: string): Promise<unknown> {
  const { data, errors } = await request(
    gateway,
    await gateway.token('player', player),
    `mutation ($integration: ID!) { launchGame(input: { integration: $integration, currency: "EUR" }) {
      __typename ... on ProviderUnavailable { retryable } } }`,
    { integration },
  );
  expect(errors).toEqual([]);
  return data?.['launchGame'];
}
