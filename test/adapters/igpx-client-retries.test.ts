import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { ProviderClient, ProviderError } from '../../src/adapters/contract.js';
import { createIgpxClient } from '../../src/adapters/igpx/client.js';
import { IgpxSettings } from '../../src/adapters/igpx/index.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { launchRequest } from '../support/launch-request.js';
import { type Answerer, faultOf, json, serve } from '../support/loopback.js';

/** Which calls are made again by themselves when the provider is in trouble for a moment. */

const AUTH = '/1.0.0/auth';
const START = '/1.0.0/start-session';

const works: Answerer = ({ path }, response) =>
  json(response, path === AUTH ? { token: 'secret-token', expires_in: '3600' } : { url: 'https://play.example' });

type Trouble = (response: ServerResponse) => unknown;
const lost: Trouble = (response) => response.destroy();
const inTrouble: Trouble = (response) => json(response, { error: 'BUSY' }, 503);
const silent: Trouble = () => undefined;

/** A provider that answers the first call of a path wrongly, and a client that may repeat what is safe. */
async function launchWith(trouble: Trouble, at: string) {
  let isOver = false;
  const { url, received } = await serve((one, response, count) => {
    if (one.path !== at || isOver) return works(one, response, count);
    isOver = true;
    trouble(response);
  });
  const settings = IgpxSettings.parse({
    apiUrl: url,
    apiVersion: '1.0.0',
    username: 'casino',
    password: 'casino-password',
    securityHash: ['test-security-hash'],
  });
  const client: ProviderClient = createIgpxClient(settings, createProviderHttp({ timeoutMs: 250, retries: 2 }));
  const launched = client.launch(launchRequest());
  return { launched, paths: () => received.map(({ path }) => path) };
}

test.each<[string, Trouble]>([
  ['a connection that was lost', lost],
  ['an answer of trouble', inTrouble],
  ['silence', silent],
])('a token is asked for again after %s, and the player notices nothing', async (_what, trouble) => {
  const { launched, paths } = await launchWith(trouble, AUTH);
  expect(await launched).toEqual({ url: 'https://play.example' });
  expect(paths()).toEqual([AUTH, AUTH, START]);
});

test.each<[string, Trouble, ProviderError['code']]>([
  ['a connection that was lost', lost, 'UNREACHABLE'],
  ['an answer of trouble', inTrouble, 'REFUSED'],
  ['silence', silent, 'TIMEOUT'],
])('a session that may have been started is not started again after %s', async (_what, trouble, code) => {
  const { launched, paths } = await launchWith(trouble, START);
  expect((await faultOf(launched)).code).toBe(code);
  expect(paths()).toEqual([AUTH, START]);
});
