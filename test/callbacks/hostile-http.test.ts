import type { Server } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { expectNoLeak, expectRefused, secrets, underAttack } from './impostor.js';
import { type Answer, bodyOf, rawRequest, send, sendBytes, sign } from './provider.js';

const target = underAttack();

const route = '/callbacks/igpx-demo/transaction';
/** Applied as it stands: what is refused here is refused for the way it is sent. */
const body = bodyOf({ transaction_id: 'h', user_id: 'mallory', action: 'result' });
const headers = sign(body, secrets.current);

describe('the method', () => {
  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY', 'TRACE'])(
    '%s is refused',
    async (method) => {
      expectRefused(await send(target().gateway.url, route, { method, body, headers }));
    },
  );

  test('HEAD is refused without a body', async () => {
    expect(await send(target().gateway.url, route, { method: 'HEAD', body, headers })).toEqual({
      status: 200,
      body: '',
    });
  });

  test('an override in a header or in the query is none', async () => {
    const override = { ...headers, 'x-http-method-override': 'POST', 'x-method-override': 'POST' };
    expectRefused(
      await send(target().gateway.url, `${route}?_method=POST`, { method: 'PUT', body, headers: override }),
    );
  });

  test.each(['CONNECT', 'POKE'])('%s opens no way in', async (method) => {
    const answer = await sendBytes(target().gateway.url, rawRequest({ path: route, method, headers }, body));
    expect(answer).not.toMatch(/^HTTP\/1\.1 [25]/);
    expectNoLeak(answer);
  });
});

/** Not there, or not a callback of the protocol: never a success, never a server error. */
function expectNoWayIn(answer: Answer): void {
  if (answer === 'closed') throw new Error('The connection was closed without an answer');
  expectNoLeak(answer.body);
  if (answer.status === 200) expectRefused(answer);
  else expect(answer.status).toSatisfy((status: number) => status >= 400 && status < 500);
}

describe('the path', () => {
  test.each(
    [
      [
        '/transaction/',
        '//transaction',
        '/./transaction',
        '/x/../transaction',
        '/transaction/..',
        '/transaction/.',
        '/%2e%2e/x',
      ],
      [
        '/%2ftransaction',
        '%2ftransaction',
        '%2Ftransaction',
        '/transaction%2f',
        '/transactio%6e',
        '/transaction%00',
        '/transaction%20',
      ],
      [
        '/Transaction',
        '/TRANSACTION',
        '/transaction;x=1',
        '/transaction\\',
        '\\transaction',
        '/%5ctransaction',
        '/transaction.json',
      ],
      ['/%', '/%zz', '/%ff', '/%c0%ae', '/%e0%a4%a', '/transaction#x', '/transaction/transaction', '/__proto__', '/'],
    ].flat(),
  )('%s below an integration is no callback', async (path) => {
    expectNoWayIn(await send(target().gateway.url, `/callbacks/igpx-demo${path}`, { body, headers }));
  });

  test.each(
    [
      [
        '/callbacks',
        '/callbacks/',
        '/callbacks//',
        '//callbacks/igpx-demo/transaction',
        '/callbacks//igpx-demo/transaction',
      ],
      [
        '/callbacks/./igpx-demo/transaction',
        '/callbacks/../callbacks/igpx-demo/transaction',
        '/callbacks%2figpx-demo/transaction',
      ],
      ['/callbacks/igpx-demo%2ftransaction', '/callbacks/igpx%2ddemo/transaction', '/callbacks/IGPX-DEMO/transaction'],
      ['/callbacks/nothing/transaction', '/callbacks/__proto__/transaction', '/callbacks/constructor/transaction'],
      [
        '/callbacks/%/transaction',
        '/callbacks/%ff/transaction',
        '/callbacks/%00/transaction',
        '/callbacks/igpx-demo%00/transaction',
      ],
      [
        '/callbacks?/igpx-demo/transaction',
        '/callbacks/?igpx-demo/transaction',
        '/transaction',
        '/',
        '/%',
        '*',
        '/callback/igpx-demo/x',
      ],
    ].flat(),
  )('%s leads to no integration', async (path) => {
    const answer = await send(target().gateway.url, path, { body, headers });
    expectNoWayIn(answer);
    expect(answer).not.toMatchObject({ status: 200 });
  });

  test('a path of 12 KiB and a query of 12 KiB are refused', async () => {
    const long = 'x'.repeat(12 * 1_024);
    expectNoWayIn(await send(target().gateway.url, `/callbacks/igpx-demo/${long}`, { body, headers }));
    expectNoWayIn(await send(target().gateway.url, `/callbacks/${long}/transaction`, { body, headers }));
    expectNoWayIn(await send(target().gateway.url, `/callbacks/igpx-demo/nothing?${long}`, { body, headers }));
  });

  test('an absolute target, as for a proxy, reaches nothing but the same routes', async () => {
    const forwarded = rawRequest(
      { path: `http://elsewhere${route}x`, headers: { ...headers, 'content-length': String(body.length) } },
      body,
    );
    expect(await sendBytes(target().gateway.url, forwarded)).toMatch(/^HTTP\/1\.1 (200 OK.*INTERNAL_ERROR|4)/s);
  });
});

describe('the headers', () => {
  test('a hundred of them do no harm', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-h${index}`, 'v'.repeat(20)]));
    expectRefused(await send(target().gateway.url, route, { body: `${body} `, headers: { ...many, ...headers } }));
  });

  test('a thousand of them do no harm', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`h${index}`, 'v']));
    expectNoWayIn(await send(target().gateway.url, route, { body: `${body} `, headers: { ...many, ...headers } }));
  });

  test.each([
    ['16 KiB of one', { 'x-long': 'v'.repeat(16 * 1_024) }],
    ['16 KiB of many', Object.fromEntries(Array.from({ length: 800 }, (_, index) => [`x-${index}`, 'v'.repeat(20)]))],
  ])('%s are refused before the body is looked at', async (_what, long) => {
    const request = rawRequest(
      { path: route, headers: { ...long, ...headers, 'content-length': String(body.length) } },
      body,
    );
    expect(await sendBytes(target().gateway.url, request)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test.each([
    ['a line end in a name', 'POST /x HTTP/1.1\r\nhost: a\r\nx\ny: 1\r\n\r\n'],
    ['a NUL in a value', 'POST /x HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n'],
    ['a space before the colon', 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length : 5\r\n\r\nhello'],
    ['a folded line', 'POST /x HTTP/1.1\r\nhost: a\r\nx: a\r\n\tb: c\r\ncontent-length: -1\r\n\r\n'],
    ['no host', 'POST /callbacks/igpx-demo/transaction HTTP/1.1\r\n\r\n'],
    ['version 9.9', 'POST /callbacks/igpx-demo/transaction HTTP/9.9\r\nhost: a\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS hello', Buffer.from('160301020001000001fc0303', 'hex')],
    ['nothing but zeros', Buffer.alloc(4_096)],
  ])('a request with %s is refused as no HTTP', async (_what, bytes) => {
    const answer = await sendBytes(target().gateway.url, bytes, { end: true });
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    expectNoLeak(answer);
  });
});

/** Sent with a head that says something else of the body than is true. */
const claim = (fields: Record<string, string>): Buffer =>
  rawRequest({ path: route, headers: { ...headers, ...fields } });

describe('the length of the body', () => {
  test.each(['close', 'keep-alive'])(
    'that is claimed too short, with connection: %s, is refused',
    async (connection) => {
      const bytes = Buffer.concat([
        claim({ 'content-length': String(body.length - 1), connection }),
        Buffer.from(body),
      ]);
      const answer = await sendBytes(target().gateway.url, bytes);
      expect(answer).toMatch(/^HTTP\/1\.1 (400|200 OK.*INTERNAL_ERROR)/s);
      expect(answer).not.toContain('transaction_id');
    },
  );

  test('that is claimed too short does not let a request in behind the rest', async () => {
    const smuggled = rawRequest({ path: route, headers: { ...headers, 'content-length': String(body.length) } }, body);
    const head = claim({ 'content-length': '1', connection: 'keep-alive' });
    const answer = await sendBytes(target().gateway.url, Buffer.concat([head, Buffer.from('xx'), smuggled]));
    expect(answer).toMatch(/HTTP\/1\.1 400 /);
    expect(answer).not.toContain('transaction_id');
  });

  test('that is claimed too long is no request, however well what came is signed', async () => {
    const bytes = Buffer.concat([claim({ 'content-length': String(body.length + 1) }), Buffer.from(body)]);
    expect(await sendBytes(target().gateway.url, bytes, { end: true })).not.toContain('transaction_id');
  });

  test.each<[string, Record<string, string>]>([
    ['is negative', { 'content-length': '-1' }],
    ['is no number', { 'content-length': 'many' }],
    ['is in hexadecimal', { 'content-length': '0x10' }],
    ['overflows', { 'content-length': '18446744073709551617' }],
    ['is there twice and differs', { 'content-length': '5', 'Content-Length': '6' }],
    ['is there with chunks as well', { 'content-length': '5', 'transfer-encoding': 'chunked' }],
    ['comes with an encoding that is not known', { 'transfer-encoding': 'chunked, identity' }],
    ['comes with chunks under a strange name', { 'transfer-encoding': 'xchunked' }],
  ])('that %s is refused as no HTTP', async (_what, fields) => {
    const bytes = Buffer.concat([claim(fields), Buffer.from(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)]);
    const answer = await sendBytes(target().gateway.url, bytes, { end: true });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toContain('transaction_id');
  });

  test('that is over the limit is refused as soon as that is known, and the connection ends', async () => {
    const { gateway } = target();
    const answer = await sendBytes(
      gateway.url,
      Buffer.concat([claim({ 'transfer-encoding': 'chunked', connection: 'keep-alive' }), chunk('x'.repeat(70_000))]),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^{]*connection: close\r\n[^{]*\{"error":"INTERNAL_ERROR"\}$/i);
  });
});

function chunk(text: string): Buffer {
  return Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`);
}

describe('chunks', () => {
  test('make the same body, whatever their sizes', async () => {
    // One byte too many, so that it is refused for its signature and not for the way it came.
    const chunks = Buffer.concat(Array.from(`${body} `, chunk));
    const bytes = Buffer.concat([claim({ 'transfer-encoding': 'chunked' }), chunks, Buffer.from('0\r\n\r\n')]);
    expect(await sendBytes(target().gateway.url, bytes)).toMatch(/^HTTP\/1\.1 200 OK.*INTERNAL_ERROR/s);
  });

  test('without an end, by a client that goes away, are no request', async () => {
    const bytes = Buffer.concat([claim({ 'transfer-encoding': 'chunked' }), chunk(body)]);
    expect(await sendBytes(target().gateway.url, bytes, { end: true })).not.toContain('transaction_id');
  });

  test.each([
    ['of a size that is none', 'zz\r\nhello\r\n0\r\n\r\n'],
    ['of a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
    ['of a size that overflows', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
    ['longer than they say', '1\r\nhello\r\n0\r\n\r\n'],
  ])('%s are refused as no HTTP', async (_what, chunks) => {
    const bytes = Buffer.concat([claim({ 'transfer-encoding': 'chunked' }), Buffer.from(chunks)]);
    expect(await sendBytes(target().gateway.url, bytes, { end: true })).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('with trailers that repeat the signature are refused by the header alone', async () => {
    const unsigned = rawRequest({
      path: route,
      headers: { 'transfer-encoding': 'chunked', trailer: 'x-security-hash' },
    });
    const trailer = `0\r\nx-security-hash: ${headers['x-security-hash'] ?? ''}\r\n\r\n`;
    const bytes = Buffer.concat([unsigned, chunk(body), Buffer.from(trailer)]);
    expect(await sendBytes(target().gateway.url, bytes)).toMatch(/^HTTP\/1\.1 200 OK.*INTERNAL_ERROR/s);
  });
});

describe('a client that', () => {
  /** Connects, sends so much and no more. @returns how it ended. */
  function stall(server: Server, bytes: string | Buffer): Promise<string> {
    const address = server.address();
    const { promise, resolve } = Promise.withResolvers<string>();
    let read = '';
    const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
    socket.setEncoding('latin1').on('data', (text: string) => (read += text));
    socket.on('error', () => undefined).on('close', () => resolve(read));
    socket.write(bytes);
    return promise;
  }

  test('is slow has ten seconds for a request, and five of them for the headers', () => {
    const { http } = target().gateway.app;
    expect(http.headersTimeout).toBe(5_000);
    expect(http.requestTimeout).toBe(10_000);
    expect(http.keepAliveTimeout).toBeGreaterThan(0);
    expect(http.timeout).toBe(0);
  });

  // The server looks at its clients now and then; the time-outs are shortened here, not that interval.
  test('stalls in the headers, in the body or between chunks is shown the door', { timeout: 60_000 }, async () => {
    const { http } = target().gateway.app;
    const { headersTimeout, requestTimeout } = http;
    http.headersTimeout = 50;
    http.requestTimeout = 50;
    try {
      const ends = await Promise.all([
        stall(http, 'POST /callbacks/igpx-demo/transaction HTTP/1.1\r\nhost: a\r\nx'),
        stall(http, Buffer.concat([claim({ 'content-length': String(body.length) }), Buffer.from(body.slice(0, -1))])),
        stall(http, Buffer.concat([claim({ 'transfer-encoding': 'chunked' }), chunk(body)])),
      ]);
      for (const end of ends) expect(end).toMatch(/^HTTP\/1\.1 408 /);
    } finally {
      http.headersTimeout = headersTimeout;
      http.requestTimeout = requestTimeout;
    }
  });

  test('goes away in the middle of its body has said nothing', async () => {
    const bytes = Buffer.concat([claim({ 'content-length': String(body.length) }), Buffer.from(body.slice(0, -1))]);
    expect(await sendBytes(target().gateway.url, bytes, { end: true })).not.toContain('transaction_id');
  });

  test('sends many requests at once on one connection gets their answers in order', async () => {
    const bad = rawRequest({ path: route, headers: { connection: 'keep-alive', 'content-length': '2' } }, '{}');
    const last = rawRequest({ path: '/callbacks/nothing', headers: { 'content-length': '0' } });
    const answer = await sendBytes(
      target().gateway.url,
      Buffer.concat([...Array.from({ length: 50 }, () => bad), last]),
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([
      ...Array.from({ length: 50 }, () => 'HTTP/1.1 200'),
      'HTTP/1.1 404',
    ]);
  });
});
