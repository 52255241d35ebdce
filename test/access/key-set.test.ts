import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuthError, createAuthenticator, type TokenAuthenticator } from '../../src/auth.js';

/** An identity provider: its key set is what `published` holds at the moment. */
let server: Server;
let url: string;
let published: JWK[];
let status: number;
let fetches: number;
let failures: string[];
let authenticator: TokenAuthenticator;

beforeEach(async () => {
  published = [];
  status = 200;
  fetches = 0;
  failures = [];
  server = createServer((_request, response) => {
    fetches += 1;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: published }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  authenticator = open();
});
afterEach(() => {
  authenticator.close();
  server.closeAllConnections();
  server.close();
});

function open(keySet: { cooldownMs?: number; refreshMs?: number } = {}): TokenAuthenticator {
  const failed = (message: string): void => void failures.push(message);
  return createAuthenticator(
    { kind: 'jwks', url },
    { keySet: { cooldownMs: 0, refreshMs: 60_000, failed, ...keySet } },
  );
}

async function newKey(
  kid: string,
): Promise<{ jwk: JWK; sign: (subject?: string, withKid?: boolean) => Promise<string> }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' },
    sign: (subject = 'alice', withKid = true) => token(privateKey, subject, withKid ? kid : undefined),
  };
}

function token(key: CryptoKey, subject: string, kid: string | undefined): Promise<string> {
  return new SignJWT({ brand: 'demo', roles: ['player'] })
    .setProtectedHeader({ alg: 'ES256', ...(kid !== undefined && { kid }) })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key);
}

async function codeOf(text: string): Promise<string> {
  return authenticator.authenticate(text).then(
    () => 'ACCEPTED',
    (error: unknown) => (error instanceof AuthError ? error.code : Promise.reject(error)),
  );
}

test('a key that the provider has begun to sign with is fetched when the first token names it', async () => {
  const [old, next] = await Promise.all([newKey('a'), newKey('b')]);
  published = [old.jwk];
  expect(await codeOf(await old.sign())).toBe('ACCEPTED');
  published = [old.jwk, next.jwk];
  expect(await codeOf(await next.sign())).toBe('ACCEPTED');
  expect(await codeOf(await old.sign())).toBe('ACCEPTED');
  expect(fetches).toBe(2);
});

test('tokens that name keys nobody knows make one request in a cooldown', async () => {
  authenticator.close();
  authenticator = open({ cooldownMs: 60_000 });
  const [known, stranger] = await Promise.all([newKey('a'), newKey('x')]);
  published = [known.jwk];
  expect(await codeOf(await known.sign())).toBe('ACCEPTED');
  const forged = await Promise.all(Array.from({ length: 20 }, (_, index) => stranger.sign(`nobody-${index}`)));
  expect(new Set(await Promise.all(forged.map(codeOf)))).toEqual(new Set(['TOKEN_SIGNATURE']));
  expect(fetches).toBe(1);
});

test('while the provider is away, the known keys go on, and a token with another one may come again', async () => {
  const [known, next] = await Promise.all([newKey('a'), newKey('b')]);
  published = [known.jwk];
  expect(await codeOf(await known.sign())).toBe('ACCEPTED');
  status = 503;
  expect(await codeOf(await next.sign())).toBe('KEYS_UNAVAILABLE');
  expect(await codeOf(await known.sign('bob'))).toBe('ACCEPTED');
  // The failure is remembered for a moment: no flood of requests, and one line in the log.
  const more = await Promise.all(Array.from({ length: 20 }, (_, index) => next.sign(`somebody-${index}`)));
  expect(new Set(await Promise.all(more.map(codeOf)))).toEqual(new Set(['KEYS_UNAVAILABLE']));
  expect(fetches).toBe(2);
  expect(failures).toHaveLength(1);
  status = 200;
  published = [known.jwk, next.jwk];
  await expect.poll(async () => codeOf(await next.sign()), { timeout: 5_000 }).toBe('ACCEPTED');
});

test('a key that was taken out is refused from the next look on, for remembered tokens too', async () => {
  authenticator.close();
  authenticator = open({ refreshMs: 50 });
  const [leaving, staying] = await Promise.all([newKey('a'), newKey('b')]);
  published = [leaving.jwk, staying.jwk];
  const [gone, good] = await Promise.all([leaving.sign(), staying.sign()]);
  const principal = await authenticator.authenticate(gone);
  expect(await codeOf(good)).toBe('ACCEPTED');
  expect(authenticator.acceptsKeyOf(principal)).toBe(true);
  let told = 0;
  authenticator.onKeysGone(() => (told += 1));
  published = [staying.jwk];
  await expect.poll(() => told, { timeout: 5_000 }).toBe(1);
  expect(authenticator.acceptsKeyOf(principal)).toBe(false);
  expect(await codeOf(gone)).toBe('TOKEN_SIGNATURE');
  expect(await codeOf(good)).toBe('ACCEPTED');
});

test('another key under an old id is another key', async () => {
  authenticator.close();
  authenticator = open({ refreshMs: 50 });
  const [first, second] = await Promise.all([newKey('a'), newKey('a')]);
  published = [first.jwk];
  const old = await first.sign();
  const principal = await authenticator.authenticate(old);
  published = [second.jwk];
  await expect.poll(() => authenticator.acceptsKeyOf(principal), { timeout: 5_000 }).toBe(false);
  expect(await codeOf(old)).toBe('TOKEN_SIGNATURE');
  expect(await codeOf(await second.sign())).toBe('ACCEPTED');
});

test('a token without a key id is tried with each key, as there are two during a rotation', async () => {
  const [one, two, stranger] = await Promise.all([newKey('a'), newKey('b'), newKey('c')]);
  published = [one.jwk, two.jwk];
  expect(await codeOf(await one.sign('alice', false))).toBe('ACCEPTED');
  expect(await codeOf(await two.sign('alice', false))).toBe('ACCEPTED');
  expect(await codeOf(await stranger.sign('alice', false))).toBe('TOKEN_SIGNATURE');
});

test.each([
  ['a page of HTML', '<html>sign in</html>'],
  ['no set', '{"keys":5}'],
  ['a redirect', ''],
])('what is no key set (%s) takes no key away', async (_name, body) => {
  const known = await newKey('a');
  published = [known.jwk];
  expect(await codeOf(await known.sign())).toBe('ACCEPTED');
  server.removeAllListeners('request');
  server.on('request', (_request, response) => {
    response.writeHead(body === '' ? 302 : 200, { location: 'http://127.0.0.1:1/' }).end(body);
  });
  expect(await codeOf(await (await newKey('b')).sign())).toBe('KEYS_UNAVAILABLE');
  expect(await codeOf(await known.sign('bob'))).toBe('ACCEPTED');
});
