import type { ServerResponse } from 'node:http';
import { LosslessNumber } from 'lossless-json';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ProviderHttp } from '../../src/adapters/contract.js';
import { isPrivateAddress } from '../../src/adapters/kit/addresses.js';
import { createProviderHttp, type ProviderHttpOptions } from '../../src/adapters/kit/http.js';
import { faultOf, json, serve } from '../support/loopback.js';

afterEach(() => void vi.useRealTimers());

describe('calls to a provider', () => {
  function httpWith(options: Partial<ProviderHttpOptions> = {}): ProviderHttp {
    return createProviderHttp({ timeoutMs: 2_000, retries: 0, ...options });
  }

  test.each<[string, (response: ServerResponse) => void]>([
    ['HTML', (response) => response.end('<h1>It works</h1>')],
    ['nothing', (response) => response.end()],
    ['JSON with a repeated key', (response) => response.end('{"token":"a","token":"b"}')],
    ['more than 4 MiB', (response) => response.end(JSON.stringify('x'.repeat(4_200_000)))],
    ['a redirect', (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end('{}')],
  ])('%s is an invalid answer, and is not asked for again', async (_what, answer) => {
    const { url, received } = await serve((_received, response) => answer(response));
    const fault = await faultOf(httpWith({ retries: 3 }).post(`${url}/auth`, {}, { safe: true }));
    expect(fault.code).toBe('INVALID_ANSWER');
    expect(received).toHaveLength(1);
  });

  test('an endless answer is cut off', async () => {
    let cut: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => (cut = resolve));
    const { url } = await serve((_received, response) => {
      response.on('close', cut);
      const more = () => void response.write(Buffer.alloc(16_384, 0x20), () => response.destroyed || more());
      more();
    });
    expect((await faultOf(httpWith().post(url, {}))).code).toBe('INVALID_ANSWER');
    await closed;
  });

  test('an error status is an answer, with its body where that is JSON', async () => {
    const { url } = await serve(({ path }, response) => {
      if (path === '/json') json(response, { error: 'LIMIT' }, 429);
      else response.writeHead(404).end('Not found');
    });
    expect(await httpWith().post(`${url}/json`, {})).toEqual({ status: 429, body: { error: 'LIMIT' } });
    expect(await httpWith().post(`${url}/text`, {})).toEqual({ status: 404, body: undefined });
  });

  test('a provider that is silent is given up after the time-out', async () => {
    const { url } = await serve(() => undefined);
    expect((await faultOf(httpWith({ timeoutMs: 50 }).post(url, {}))).code).toBe('TIMEOUT');
  });

  test('the time-out covers the whole answer', async () => {
    const { url } = await serve((_received, response) => void response.write('{"token":'));
    expect((await faultOf(httpWith({ timeoutMs: 50 }).post(url, {}))).code).toBe('TIMEOUT');
  });

  test('only safe calls are repeated', async () => {
    const { url, received } = await serve((_received, response, count) => {
      if (count < 3) response.destroy();
      else json(response, { count });
    });
    expect((await faultOf(httpWith({ retries: 2 }).post(url, {}))).code).toBe('UNREACHABLE');
    expect(received).toHaveLength(1);
    expect((await httpWith({ retries: 2 }).post(url, {}, { safe: true })).status).toBe(200);
    expect(received).toHaveLength(3);
  });

  test('the last answer of a failing provider is handed on', async () => {
    const { url, received } = await serve((_received, response, count) => json(response, { error: count }, 503));
    const answer = await httpWith({ retries: 1 }).post(url, {}, { safe: true });
    expect(answer.status).toBe(503);
    expect(received).toHaveLength(2);
  });

  test('after some failures in a row calls are held back, and then tried again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    let healthy = false;
    const { url, received } = await serve((_received, response) => {
      if (healthy) json(response, {});
      else response.destroy();
    });
    const http = httpWith({ breaker: { failuresMax: 3, openMs: 10_000 } });
    for (let i = 0; i < 3; i++) expect((await faultOf(http.post(url, {}))).code).toBe('UNREACHABLE');
    healthy = true;
    expect((await faultOf(http.post(url, {}))).code).toBe('CIRCUIT_OPEN');
    expect(received).toHaveLength(3);
    vi.setSystemTime(Date.now() + 10_000);
    expect((await http.post(url, {})).status).toBe(200);
    expect((await http.post(url, {})).status).toBe(200);
  });

  test('refusals do not open the circuit', async () => {
    const { url } = await serve((_received, response) => json(response, { error: 'NO' }, 403));
    const http = httpWith({ breaker: { failuresMax: 2, openMs: 10_000 } });
    for (let i = 0; i < 5; i++) expect((await http.post(url, {})).status).toBe(403);
  });

  test('a host that is not listed is not called', async () => {
    const { url, received } = await serve((_received, response) => json(response, {}));
    const http = httpWith({ allowedHosts: ['api.provider.example'] });
    expect((await faultOf(http.post(url, {}))).code).toBe('UNREACHABLE');
    expect(received).toHaveLength(0);
    expect((await httpWith({ allowedHosts: [new URL(url).host] }).post(url, {})).status).toBe(200);
  });
});

describe('what a call carries', () => {
  test('numbers leave with the digits they came with', async () => {
    const { url, received } = await serve((_received, response) => json(response, {}));
    const http = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
    const exact = { amount: new LosslessNumber('1.10'), units: 9_007_199_254_740_993n, text: 'é', none: undefined };
    await http.post(url, exact);
    await http.post(url, undefined);
    expect(received.map(({ body }) => body)).toEqual(['{"amount":1.10,"units":9007199254740993,"text":"é"}', '']);
    expect(received[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': '52' });
  });

  test('a list that is read may be longer than what a change answers', async () => {
    const { url } = await serve((_received, response) => json(response, { text: 'x'.repeat(200_000) }));
    const http = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
    expect((await http.get(url, {}, { safe: true })).status).toBe(200);
    expect((await http.post(url, {}, { safe: true })).status).toBe(200);
    expect((await faultOf(http.post(url, {}))).code).toBe('INVALID_ANSWER');
  });
});

describe('the own network', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
  ])('%s is of it', (address) => expect(isPrivateAddress(address)).toBe(true));

  test.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.0.1', '172.32.0.1', '2606:4700::1', '::ffff:1.1.1.1'])(
    '%s is not of it',
    (address) => expect(isPrivateAddress(address)).toBe(false),
  );

  test('is not called by address or by name where that is not allowed', async () => {
    const { url, received } = await serve((_received, response) => json(response, {}));
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]', 'localhost']) {
      const http = createProviderHttp({ timeoutMs: 2_000, retries: 0, allowPrivate: false });
      const fault = await faultOf(http.post(`http://${host}:${port}/`, {}));
      expect([host, fault.code, fault.message]).toEqual([host, 'UNREACHABLE', expect.stringContaining('not a public')]);
    }
    expect(received).toHaveLength(0);
    const nearby = createProviderHttp({ timeoutMs: 2_000, retries: 0, allowPrivate: true });
    expect((await nearby.post(`http://localhost:${port}/`, {})).status).toBe(200);
  });
});
