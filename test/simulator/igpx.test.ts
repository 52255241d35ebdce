import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createIgpxClient } from '../../src/adapters/igpx/client.js';
import { igpxSigner } from '../../src/adapters/igpx/index.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { createIgpxProvider, type Exchange, type IgpxProviderOptions } from '../../src/simulator/igpx/callbacks.js';
import { AUTH, launch, settingsFor, simulate, START } from '../support/igpx.js';
import { afterThisTest, faultOf, json, serve } from '../support/loopback.js';

describe('launching', () => {
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
    const { client, calls } = await simulate({ tokenSeconds }, () => now);
    await client.launch(launch);
    now += renewedAfterMs - 1;
    await client.launch(launch);
    expect(calls).toEqual([AUTH, START, START]);
    now += 1;
    await client.launch(launch);
    expect(calls).toEqual([AUTH, START, START, AUTH, START]);
  });

  test('a token that is turned away is renewed once, by all launches together', async () => {
    const { client, calls, simulator } = await simulate();
    await client.launch(launch);
    simulator.revokeTokens();
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
      json(
        response,
        path === AUTH ? { token: 'secret-token', expires_in: 3600 } : { url: 'https://play.example/a?b=c' },
      );
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
});

describe("the provider's callbacks", () => {
  const signer = igpxSigner({ securityHash: ['test-security-hash'] });
  const movement = { player: 'alice', currency: 'USD', amount: '10.50', transactionId: 'op-tx-1' };
  const accepted = { error: null, transaction_id: 'T-1' };

  function providerFor(url: string, options: Partial<IgpxProviderOptions> = {}) {
    const provider = createIgpxProvider({ callbackUrl: `${url}/callbacks/igpx`, signer, retryDelayMs: 1, ...options });
    afterThisTest(() => provider.close());
    return provider;
  }

  test('each goes to its path, signed over its bytes', async () => {
    const { url, received } = await serve((_received, response) => json(response, accepted));
    const provider = providerFor(url);
    await provider.bet(movement);
    await provider.result({ ...movement, transactionId: 'op-tx-2' });
    await provider.rollback({ ...movement, transactionId: 'op-tx-3', target: 'op-tx-1' });
    const facts = '"user_id":"alice","currency":"USD","amount":"10.50"}';
    expect(received.map(({ path, body }) => [path, body])).toEqual([
      ['/callbacks/igpx/transaction', `{"transaction_id":"op-tx-1","action":"bet",${facts}`],
      ['/callbacks/igpx/transaction', `{"transaction_id":"op-tx-2","action":"result",${facts}`],
      [
        '/callbacks/igpx/transaction-rollback',
        `{"transaction_id":"op-tx-3","rollback_transaction_id":"op-tx-1","action":"rollback",${facts}`,
      ],
    ]);
    for (const { headers, path, body } of received) {
      const request = { method: 'POST', path, query: '', headers, body: Buffer.from(body) };
      expect(signer.verify(request)).toBe(request);
    }
  });

  test('an unanswered bet is not sent again', async () => {
    const { url, received } = await serve((_received, response) => response.destroy());
    const delivery = await providerFor(url).bet(movement);
    expect(delivery).toEqual({ transactionId: 'op-tx-1', attempts: 1, answer: undefined });
    expect(received).toHaveLength(1);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['a closed connection', (response) => response.destroy()],
    ['HTTP 500', (response) => json(response, accepted, 500)],
    ['HTTP 401', (response) => json(response, { error: 'INTERNAL_ERROR' }, 401)],
    ['HTML', (response) => response.end('<h1>Bad gateway</h1>')],
    ['half an answer', (response) => void response.write('{"error":', () => response.destroy())],
    ['silence', () => undefined],
  ])('after %s a result is sent again, byte for byte', async (_what, failure) => {
    const { url, received } = await serve((_received, response, count) => {
      if (count <= 2) failure(response);
      else json(response, accepted);
    });
    const exchanges: Exchange[] = [];
    const provider = providerFor(url, { timeoutMs: 100 });
    const delivery = await provider.result(movement, { onExchange: (exchange) => exchanges.push(exchange) });
    expect(delivery).toEqual({ transactionId: 'op-tx-1', attempts: 3, answer: { error: null, transactionId: 'T-1' } });
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(exchanges.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  test('results and rollbacks are given up after six attempts', async () => {
    const { url, received } = await serve((_received, response) => response.destroy());
    const provider = providerFor(url);
    expect(await provider.result(movement)).toMatchObject({ attempts: 6, answer: undefined });
    expect(await provider.rollback({ ...movement, target: 'op-tx-9' })).toMatchObject({
      attempts: 6,
      answer: undefined,
    });
    expect(received).toHaveLength(12);
  });

  test('an error with HTTP 200 is an answer', async () => {
    const { url, received } = await serve((_received, response) => json(response, { error: 'INTERNAL_ERROR' }));
    const { attempts, answer } = await providerFor(url).result(movement);
    expect({ attempts, error: answer?.error }).toEqual({ attempts: 1, error: 'INTERNAL_ERROR' });
    expect(received).toHaveLength(1);
  });

  test('closing ends the wait for the next attempt', async () => {
    const { url, received } = await serve((_received, response) => response.destroy());
    const provider = providerFor(url, { retryDelayMs: 60_000 });
    const sent = provider.result(movement, { onExchange: () => void setImmediate(() => provider.close()) });
    expect((await sent).answer).toBeUndefined();
    expect(received).toHaveLength(1);
  });
});
