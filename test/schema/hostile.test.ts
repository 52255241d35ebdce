import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { SignJWT } from 'jose';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { authSecret, startTestApp } from '../support/app.js';
import { createTestPlayer } from '../support/database.js';
import { codes, openClient, post, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let closed: Awaited<ReturnType<typeof startTestApp>>;
let token: string;
let walletId: string;

beforeAll(async () => {
  app = await startTestApp();
  closed = await startTestApp({
    database: app.database,
    config: { graphql: { introspection: false, explorer: false } },
  });
  token = await app.token('support');
  const player = await createTestPlayer(app.database);
  walletId = formatId('wallet', { lane: player.lane, id: player.wallets.get('EUR') ?? 0n });
});
afterAll(async () => {
  await closed.close();
  await app.close();
});

/** So many fields inside each other, to be put into a player. */
const nested = (depth: number, field: 'wallets' | 'player' = 'wallets'): string =>
  depth === 1 ? 'id' : `${field} { ${nested(depth - 1, field === 'wallets' ? 'player' : 'wallets')} }`;

describe('a token', () => {
  const sign = (
    claims: Record<string, unknown>,
    options: { secret?: string; expiresAt?: number; audience?: string } = {},
  ) =>
    new SignJWT({ brand: 'demo', roles: ['operator'], ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('staff')
      .setExpirationTime(options.expiresAt ?? Math.floor(Date.now() / 1_000) + 60)
      .setAudience(options.audience ?? 'croupier')
      .sign(new TextEncoder().encode(options.secret ?? authSecret));
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"x","brand":"demo","roles":["operator"]}').toString('base64url')}.`;

  test('that is missing, expired, unsigned, foreign or for somebody else is 401 in the shape of GraphQL', async () => {
    for (const bad of [
      undefined,
      'x',
      none,
      await sign({}, { expiresAt: 1_000 }),
      await sign({}, { secret: 'another-secret-of-at-least-32-bytes!' }),
      await sign({}, { audience: 'casino' }),
      await sign({ roles: [] }),
      await sign({ brand: 5 }),
    ]) {
      const answer = await request(app, bad, '{ integrations { id } }');
      expect([answer.status, ...codes(answer), answer.data]).toEqual([401, 'UNAUTHENTICATED', undefined]);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    const basic = await supertest(app.url)
      .post('/graphql')
      .set('authorization', 'Basic eDp5')
      .send({ query: '{ me { id } }' });
    expect(basic.status).toBe(401);
  });

  test('is asked for before the body is read', async () => {
    const answer = await post(app.url, undefined, '{ not json');
    expect([answer.status, ...codes(answer)]).toEqual([401, 'UNAUTHENTICATED']);
  });
});

/** Every operation that must be refused, and the code; the same on HTTP and WebSocket. */
const refused: readonly (readonly [string, string, string])[] = [
  ['fields 11 deep', `{ me { ${nested(10)} } }`, 'QUERY_TOO_COMPLEX'],
  [
    'depth hidden in fragments',
    `{ me { ...A } } fragment A on Player { wallets { player { wallets { ...B } } } } fragment B on Wallet { player { wallets { player { wallets { player { wallets { id } } } } } } }`,
    'QUERY_TOO_COMPLEX',
  ],
  [
    'a fragment cycle',
    '{ me { ...A } } fragment A on Player { wallets { player { ...A } } }',
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    '31 aliases',
    `{ me { ${Array.from({ length: 31 }, (_, index) => `a${index}: id`).join(' ')} } }`,
    'QUERY_TOO_COMPLEX',
  ],
  ['11 top-level fields', `{ ${'me { id } '.repeat(11)} }`, 'QUERY_TOO_COMPLEX'],
  ['31 directives', `{ me { ${'id @include(if: true) '.repeat(31)} } }`, 'QUERY_TOO_COMPLEX'],
  ['one field 3,000 times', `{ me { ${'id '.repeat(3_000)} } }`, 'GRAPHQL_PARSE_FAILED'],
  ['1,001 tokens', `{ me { ${'id '.repeat(996)} } }`, 'GRAPHQL_PARSE_FAILED'],
  [
    'pages within pages',
    'query ($w: ID! = "wa_001") { wallet(id: $w) { transactions(first: 100) { edges { node { wallet { transactions(first: 100) { edges { node { id } } } } } } } } }',
    'QUERY_TOO_COMPLEX',
  ],
  [
    'fragments that double each other',
    `{ me { ...F0 } } ${Array.from({ length: 60 }, (_, index) => `fragment F${index} on Player { ${index === 59 ? 'id' : `...F${index + 1} ...F${index + 1}`} }`).join(' ')}`,
    'QUERY_TOO_COMPLEX',
  ],
  ['an unknown field', '{ mee { id } }', 'GRAPHQL_VALIDATION_FAILED'],
  ['no GraphQL', '{ me { id }', 'GRAPHQL_PARSE_FAILED'],
  ['two operations without a name', 'query A { me { id } } query B { me { id } }', 'OPERATION_RESOLUTION_FAILURE'],
];

async function overSocket(target: typeof app, query: string, variables: Record<string, unknown> = {}) {
  const client = openClient(target, token);
  try {
    return await new Promise<{
      errors: readonly { message: string; extensions: Record<string, unknown> }[];
      data?: unknown;
    }>((resolve, reject) => {
      let last: unknown;
      client.subscribe(
        { query, variables },
        {
          next: (result) => (last = result),
          error: (error) => (Array.isArray(error) ? resolve({ errors: error }) : reject(error)),
          complete: () => resolve({ errors: [], ...(last as object) }),
        },
      );
    });
  } finally {
    await client.dispose();
  }
}

describe('an operation', () => {
  test.each(refused)('with %s is refused on HTTP and WebSocket alike', async (_name, query, code) => {
    const answer = await request(app, token, query);
    expect(new Set(codes(answer))).toEqual(new Set([code]));
    expect(answer.data).toBeUndefined();
    expect(answer.status).toBe(400);
    const { errors } = await overSocket(app, query);
    expect(new Set(errors.map(({ extensions }) => extensions['code']))).toEqual(new Set([code]));
    expect(errors.map(({ message }) => message)).toEqual(answer.errors.map(({ message }) => message));
  });

  test('within the limits passes on both', async () => {
    const query = `{ me { ${nested(9)} } ${'integrations { id } '.repeat(9)} }`;
    expect((await request(app, token, query)).errors).toEqual([]);
    expect((await overSocket(app, query)).errors).toEqual([]);
  });

  test('is priced by the page its variables ask for', async () => {
    const query = `query ($w: ID!, $n: Int) { wallet(id: $w) { transactions(first: $n) { edges { node { wallet { transactions(first: $n) { edges { node { id } } } } } } } } }`;
    expect(codes(await request(app, token, query, { w: walletId, n: 100 }))).toEqual(['QUERY_TOO_COMPLEX']);
    expect((await overSocket(app, query, { w: walletId, n: 100 })).errors).toMatchObject([
      { extensions: { code: 'QUERY_TOO_COMPLEX' } },
    ]);
    expect((await request(app, token, query, { w: walletId, n: 10 })).errors).toEqual([]);
  });

  test('that is costly to check is checked in no time', async () => {
    const startedAt = performance.now();
    await request(app, token, `{ ${'a: me { id ...on Player { id } } '.repeat(90)} }`);
    await request(app, token, `query { me { ${'x: wallets { '.repeat(150)} id ${'} '.repeat(150)} } }`);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('with wrong variables or a wrong name is told so', async () => {
    const query = 'query Q($id: ID!) { wallet(id: $id) { id } }';
    expect(codes(await request(app, token, query))).toEqual(['BAD_USER_INPUT']);
    expect(codes(await request(app, token, query, { id: ['x'] }))).toEqual(['BAD_USER_INPUT']);
    expect(codes(await post(app.url, token, { query, variables: { id: 'x' }, operationName: 'R' }))).toEqual([
      'OPERATION_RESOLUTION_FAILURE',
    ]);
    expect((await overSocket(app, query)).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('that subscribes is refused on HTTP', async () => {
    const answer = await request(app, token, 'subscription ($id: ID!) { balanceChanged(walletId: $id) { sequence } }', {
      id: walletId,
    });
    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
  });
});

describe('the schema', () => {
  test('tells nothing of itself when introspection is off', async () => {
    for (const query of [
      '{ __schema { types { name } } }',
      '{ __type(name: "Player") { name } }',
      '{ integrations { idd } }',
      '{ playr { id } }',
    ]) {
      const answers = [await request(closed, token, query), await overSocket(closed, query)];
      for (const { errors } of answers) {
        expect(new Set(errors.map(({ extensions }) => extensions['code']))).toEqual(
          new Set(['GRAPHQL_VALIDATION_FAILED']),
        );
        expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
      }
    }
    const variable = await request(
      closed,
      token,
      'query ($f: TransactionFilter) { transactions(filter: $f) { pageInfo { endCursor } } }',
      { f: { kin: 'BET' } },
    );
    expect(variable.text).not.toMatch(/did you mean/i);
  });

  test('can be read where introspection is on', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    expect((await request(app, token, getIntrospectionQuery())).errors).toEqual([]);
    expect((await overSocket(app, getIntrospectionQuery())).errors).toEqual([]);
  });
});

describe('a request', () => {
  const send = () => supertest(app.url).post('/graphql').set('authorization', `Bearer ${token}`);

  test('is POST and JSON, and nothing else', async () => {
    const get = await supertest(app.url)
      .get('/graphql')
      .query({ query: '{ me { id } }' })
      .set('authorization', `Bearer ${token}`);
    expect([get.status, get.headers['allow'], codes(get.body)]).toEqual([405, 'POST', ['BAD_USER_INPUT']]);
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/graphql',
    ]) {
      const answer = await send().set('content-type', type).send('query=%7Bme%7Bid%7D%7D');
      expect([answer.status, codes(answer.body)]).toEqual([400, ['BAD_USER_INPUT']]);
    }
  });

  test('that is no operation is refused', async () => {
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '123',
      '{}',
      '{"query":5}',
      '{"query":""}',
      '{"query":"{ me { id } }","variables":"x"}',
      '[{"query":"{ me { id } }"}]',
      '{"query":"{ me { id } }","variables":[1]}',
    ]) {
      const answer = await post(app.url, token, body);
      expect([body, answer.status, answer.errors.length]).toEqual([body, 400, 1]);
      expect(codes(answer)).not.toContain('INTERNAL');
    }
  });

  test('that is too large, or compressed, is refused unread', async () => {
    const comment = await request(app, token, `{ me { id } } #${'x'.repeat(17_000)}`);
    expect([comment.status, ...codes(comment)]).toEqual([400, 'QUERY_TOO_COMPLEX']);
    const large = await post(app.url, token, JSON.stringify({ query: `{ me { id } } #${'x'.repeat(1_000_000)}` }));
    expect(large.status).toBe(413);
    const zipped = await send()
      .set('content-type', 'application/json')
      .set('content-encoding', 'gzip')
      .serialize((body) => body)
      .send(gzipSync('{"query":"{ me { id } }"}') as unknown as string);
    expect([zipped.status, codes(zipped.body)]).toEqual([415, ['BAD_USER_INPUT']]);
  });

  test('upgraded on another path is turned away', async () => {
    const port = Number(new URL(app.url).port);
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    expect(answer).toMatch(/^HTTP\/1.1 404 /);
    socket.destroy();
  });
});

test('a fault is logged once under an id, and only the id is told', async () => {
  const { orm } = app.app.database;
  const broken = vi.spyOn(orm.em, 'fork').mockImplementation(() => {
    throw new Error('secret table names');
  });
  try {
    const answer = await request(app, token, '{ integrations { id } }');
    const [error] = answer.errors;
    expect(error).toEqual({
      message: expect.stringContaining('logged under the id'),
      locations: expect.anything(),
      path: ['integrations'],
      extensions: { code: 'INTERNAL', id: expect.any(String) },
    });
    const socket = await overSocket(app, '{ integrations { id } }');
    expect(socket.errors).toMatchObject([{ extensions: { code: 'INTERNAL', id: expect.any(String) } }]);
    for (const id of [error?.extensions['id'], socket.errors[0]?.extensions['id']]) {
      expect(app.log.filter((line) => line.includes(String(id)))).toHaveLength(1);
    }
    expect(answer.text + JSON.stringify(socket)).not.toContain('secret table');
  } finally {
    broken.mockRestore();
  }
});
