import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthError, type AuthErrorCode, type Authenticator, createAuthenticator, issueToken } from '../src/auth.js';
import { ConfigError, loadConfig } from '../src/config.js';
import { adapters } from '../src/adapters/registry.js';
import { Secret } from '../src/observability/secret.js';

const secret = new Secret('b3JkZXIgbWF0dGVycyBpbiBsYW5lcw-Wq81');
const clock = new Date('2026-03-01T12:00:00Z');
const nowSeconds = clock.getTime() / 1_000;
const bySecret = createAuthenticator({ kind: 'secret', secret }, { now: () => clock });
const claims = { sub: 'alice', brand: 'demo', roles: ['player'], exp: nowSeconds + 60 };

function sign(
  payload: Record<string, unknown>,
  key: Uint8Array | CryptoKey = bytes(secret),
  alg = 'HS256',
  kid?: string,
) {
  return new SignJWT(payload).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key);
}

function bytes(text: Secret): Uint8Array {
  return new TextEncoder().encode(text.reveal());
}

async function codeOf(token: string, authenticator: Authenticator = bySecret): Promise<AuthErrorCode | 'ACCEPTED'> {
  try {
    await authenticator.authenticate(token);
    return 'ACCEPTED';
  } catch (error) {
    if (error instanceof AuthError) return error.code;
    throw error;
  }
}

describe('a token signed with the secret', () => {
  test('says who asks, of which brand, with which roles, until when', async () => {
    expect(await bySecret.authenticate(await sign(claims))).toEqual({
      subject: 'alice',
      brand: 'demo',
      roles: new Set(['player']),
      expiresAt: new Date(clock.getTime() + 60_000),
      issuedAt: undefined,
      key: 'secret',
    });
    const { issuedAt } = await bySecret.authenticate(await sign({ ...claims, iat: nowSeconds - 7 }));
    expect(issuedAt).toEqual(new Date(clock.getTime() - 7_000));
  });

  test('of issueToken is accepted', async () => {
    const token = await issueToken(secret, { subject: 'olga', brand: 'demo', roles: ['operator', 'analyst'] }, 60);
    expect(await createAuthenticator({ kind: 'secret', secret }).authenticate(token)).toMatchObject({
      subject: 'olga',
      roles: new Set(['analyst', 'operator']),
    });
  });

  test('is refused once it has expired, give or take five seconds', async () => {
    expect(await codeOf(await sign({ ...claims, exp: nowSeconds - 4 }))).toBe('ACCEPTED');
    expect(await codeOf(await sign({ ...claims, exp: nowSeconds - 6 }))).toBe('TOKEN_EXPIRED');
    expect(await codeOf(await sign({ ...claims, nbf: nowSeconds + 60 }))).toBe('TOKEN_NOT_ACTIVE');
    expect(await codeOf(await sign({ ...claims, exp: 'tomorrow' }))).toBe('TOKEN_CLAIMS');
  });

  test('is refused when it says it was issued more than a minute ahead: it could not be called back until then', async () => {
    expect(await codeOf(await sign({ ...claims, iat: nowSeconds + 55 }))).toBe('ACCEPTED');
    expect(await codeOf(await sign({ ...claims, iat: nowSeconds + 65 }))).toBe('TOKEN_NOT_ACTIVE');
  });

  test('is accepted with the previous secret while the configuration holds it', async () => {
    const previousSecret = new Secret('a-secret-that-is-on-its-way-out-0123456');
    const rotating = createAuthenticator({ kind: 'secret', secret, previousSecret }, { now: () => clock });
    const old = await sign(claims, bytes(previousSecret));
    expect(await codeOf(old, rotating)).toBe('ACCEPTED');
    expect(await codeOf(await sign(claims), rotating)).toBe('ACCEPTED');
    expect(await codeOf(await sign({ ...claims, exp: nowSeconds - 60 }, bytes(previousSecret)), rotating)).toBe(
      'TOKEN_EXPIRED',
    );
    expect(await codeOf(await sign(claims, bytes(new Secret('neither-of-the-two-0123456789-abcdef'))), rotating)).toBe(
      'TOKEN_SIGNATURE',
    );
    expect(await codeOf(old)).toBe('TOKEN_SIGNATURE');
  });

  test('is refused for another audience, and accepted without one', async () => {
    expect(await codeOf(await sign({ ...claims, aud: 'croupier' }))).toBe('ACCEPTED');
    expect(await codeOf(await sign({ ...claims, aud: ['shop', 'croupier'] }))).toBe('ACCEPTED');
    for (const aud of ['shop', ['shop'], [], '']) {
      expect(await codeOf(await sign({ ...claims, aud }))).toBe('TOKEN_AUDIENCE');
    }
  });

  test.each([
    ['no sub', { sub: undefined }],
    ['an empty sub', { sub: '' }],
    ['a sub that is a number', { sub: 7 }],
    ['a sub with a NUL', { sub: 'a\0b' }],
    ['a sub of 256 characters', { sub: 'a'.repeat(256) }],
    ['no brand', { brand: undefined }],
    ['a brand that is no slug', { brand: 'Demo' }],
    ['no roles', { roles: undefined }],
    ['an empty list of roles', { roles: [] }],
    ['roles as text', { roles: 'operator' }],
    ['only unknown roles', { roles: ['root', 'Operator', '__proto__'] }],
  ])('is refused with %s', async (_, change) => {
    expect(await codeOf(await sign({ ...claims, ...change }))).toBe('TOKEN_CLAIMS');
  });

  test('keeps the roles that are known and drops those of other systems', async () => {
    const principal = await bySecret.authenticate(await sign({ ...claims, roles: ['support', 'billing'] }));
    expect(principal.roles).toEqual(new Set(['support']));
  });

  test('is refused with another secret, another algorithm or none', async () => {
    const other = bytes(new Secret('another-secret-of-thirty-two-bytes-and-more'));
    expect(await codeOf(await sign(claims, other))).toBe('TOKEN_SIGNATURE');
    expect(await codeOf(await sign(claims, bytes(secret), 'HS512'))).toBe('TOKEN_ALGORITHM');
    const unsigned = new UnsecuredJWT(claims).encode();
    expect(await codeOf(unsigned)).toBe('TOKEN_ALGORITHM');
    const [header, payload] = (await sign(claims)).split('.');
    expect(await codeOf(`${header}.${payload}.`)).toBe('TOKEN_SIGNATURE');
  });

  test.each([
    '',
    '.',
    'a.b',
    'a.b.c.d',
    'Bearer a.b.c',
    'é.b.c',
    'eyJhbGciOiJIUzI1NiJ9.e30',
    `a.${'b'.repeat(9_000)}.c`,
  ])('is refused when it is %j', async (token) => expect(await codeOf(token)).toBe('TOKEN_MALFORMED'));

  test('is refused with any one character changed', async () => {
    const token = await sign(claims);
    for (let at = 0; at < token.length - 1; at++) {
      if (token[at] === '.') continue;
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(await codeOf(changed)).toMatch(/^TOKEN_/);
    }
  });
});

describe('a token signed with a key of the key set', () => {
  let server: Server;
  let url: string;
  let requestCount = 0;
  const keys = new Map<string, CryptoKey>();

  beforeAll(async () => {
    const published = await Promise.all(
      ['RS256', 'ES256', 'EdDSA', 'ES384'].map(async (alg) => {
        const { publicKey, privateKey } = await generateKeyPair(alg);
        keys.set(alg, privateKey);
        return Object.assign(await exportJWK(publicKey), { kid: alg, alg });
      }),
    );
    server = createServer((_, response) => {
      requestCount++;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  });
  afterAll(() => {
    server.close();
  });

  test.each(['RS256', 'ES256', 'EdDSA'])('with %s is accepted', async (alg) => {
    const authenticator = createAuthenticator({ kind: 'jwks', url }, { now: () => clock });
    expect(await codeOf(await sign(claims, keys.get(alg), alg, alg), authenticator)).toBe('ACCEPTED');
  });

  test('is refused with a key that is not in the set, and the set is fetched once', async () => {
    const authenticator = createAuthenticator({ kind: 'jwks', url }, { now: () => clock });
    const before = requestCount;
    const stranger = await generateKeyPair('ES256');
    expect(await codeOf(await sign(claims, stranger.privateKey, 'ES256', 'ES256'), authenticator)).toBe(
      'TOKEN_SIGNATURE',
    );
    expect(await codeOf(await sign(claims, stranger.privateKey, 'ES256', 'other'), authenticator)).toBe(
      'TOKEN_SIGNATURE',
    );
    expect(requestCount).toBe(before + 1);
  });

  test('is refused with an algorithm that is not on the list, whatever the key set offers', async () => {
    const authenticator = createAuthenticator({ kind: 'jwks', url }, { now: () => clock });
    expect(await codeOf(await sign(claims, keys.get('ES384'), 'ES384', 'ES384'), authenticator)).toBe(
      'TOKEN_ALGORITHM',
    );
  });

  test('is refused when an HMAC poses as a signature', async () => {
    const authenticator = createAuthenticator({ kind: 'jwks', url }, { now: () => clock });
    expect(await codeOf(await sign(claims, bytes(secret), 'HS256', 'RS256'), authenticator)).toBe('TOKEN_ALGORITHM');
  });

  test('is neither accepted nor called wrong while the key set is away', async () => {
    const closed = createServer();
    await new Promise<void>((done) => closed.listen(0, '127.0.0.1', done));
    const { port } = closed.address() as AddressInfo;
    await new Promise<void>((done) => void closed.close(() => done()));
    const authenticator = createAuthenticator({ kind: 'jwks', url: `http://127.0.0.1:${port}/` }, { now: () => clock });
    expect(await codeOf(await sign(claims, keys.get('ES256'), 'ES256', 'ES256'), authenticator)).toBe(
      'KEYS_UNAVAILABLE',
    );
  });
});

describe('the secrets of the configuration', () => {
  const previous = 'a-secret-that-is-on-its-way-out-0123456';
  let stateDirectory: string;
  beforeAll(async () => {
    stateDirectory = await mkdtemp(join(tmpdir(), 'croupier-auth-'));
  });
  afterAll(() => rm(stateDirectory, { recursive: true, force: true }));
  const problemsOf = (env: NodeJS.ProcessEnv): string[] => {
    try {
      loadConfig(env, { adapters, stateDirectory });
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems
        .filter(({ path }) => path.startsWith('CROUPIER_AUTH'))
        .map(({ path, message }) => path + message);
    }
  };
  const set = (current: string | undefined, before: string, rest: NodeJS.ProcessEnv = {}) =>
    problemsOf({ CROUPIER_AUTH_SECRET: current, CROUPIER_AUTH_SECRET_PREVIOUS: before, ...rest });

  test('are the current one, and the previous one while it is about', () => {
    const env = { CROUPIER_AUTH_SECRET: secret.reveal(), CROUPIER_AUTH_SECRET_PREVIOUS: previous };
    const { auth } = loadConfig(env, { adapters, stateDirectory });
    expect(auth.kind === 'secret' && [auth.secret.reveal(), auth.previousSecret?.reveal()]).toEqual(Object.values(env));
    expect(JSON.stringify(auth)).not.toContain(previous);
  });

  test.each([
    ['short', 'short', 'has fewer than 32 bytes'],
    ['empty', '', 'is empty'],
    ['the current one again', secret.reveal(), 'repeats the secret of CROUPIER_AUTH_SECRET'],
    ['in white space', ` ${previous}`, 'has white space around it'],
  ])('are refused when the previous one is %s', (_name, before, message) => {
    expect(set(secret.reveal(), before)).toContainEqual(
      expect.stringMatching(new RegExp(`^CROUPIER_AUTH_SECRET_PREVIOUS${message}`)),
    );
  });

  test('are refused without a current one, and in production when the previous one is weak', () => {
    expect(set(undefined, previous)).toContainEqual(expect.stringContaining('is set without CROUPIER_AUTH_SECRET'));
    const production = { NODE_ENV: 'production' };
    expect(set(secret.reveal(), 'change-me-change-me-change-me-change-me', production)).toContainEqual(
      expect.stringMatching(/^CROUPIER_AUTH_SECRET_PREVIOUSis a well-known/),
    );
    expect(set(secret.reveal(), 'k7', production)).toContainEqual(
      expect.stringMatching(/^CROUPIER_AUTH_SECRET_PREVIOUShas 2 bytes, production needs 32/),
    );
  });
});

describe('npm run token', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'croupier-token-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  function run(...args: string[]) {
    const script = resolve('src/cli/token.ts');
    const command = ['--import', import.meta.resolve('tsx'), script, ...args];
    const { CROUPIER_CONFIG: _, NODE_ENV: __, ...env } = process.env;
    return promisify(execFile)(process.execPath, command, { cwd: directory, env });
  }

  test("prints a token the sandbox's gateway accepts", async () => {
    const { stdout } = await run('--role', 'player', '--player', 'alice', '--hours', '1');
    const { auth } = loadConfig({}, { adapters, stateDirectory: join(directory, '.croupier') });
    const principal = await createAuthenticator(auth).authenticate(stdout.trim());
    expect(principal).toMatchObject({ subject: 'alice', brand: 'demo', roles: new Set(['player']) });
  });

  test('names no role by itself, and no player', async () => {
    await expect(run('--player', 'alice')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--role'),
    });
    await expect(run('--role', 'player')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--player'),
    });
  });
});
