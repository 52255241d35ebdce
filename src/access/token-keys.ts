import { createSecretKey } from 'node:crypto';
import {
  calculateJwkThumbprint,
  createRemoteJWKSet,
  type CryptoKey,
  customFetch,
  errors,
  type ExportedJWKSCache,
  exportJWK,
  type FetchImplementation,
  type JSONWebKeySet,
  jwksCache,
  type JWKSCacheInput,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { AuthConfig } from '../config/types.js';

/** The keys that tokens are checked with. */
export interface TokenKeys {
  /**
   * @returns what the token says, and a name of the key that signed it
   * @throws an error of jose, or whatever kept the keys from being fetched
   */
  verify(token: string, options: JWTVerifyOptions): Promise<{ payload: JWTPayload; key: string }>;
  /** Whether a key of that name is still accepted. */
  has(key: string): boolean;
  /** Told after keys have gone. */
  onGone(listener: () => void): void;
  close(): void;
}

export interface KeySetOptions {
  /** A token that names an unknown key has the set fetched again, but not sooner than this after the last time. */
  readonly cooldownMs?: number | undefined;
  /** How soon a key that was taken out of the set is noticed. */
  readonly refreshMs?: number | undefined;
  /** Told once when the set cannot be fetched, until it can be again. */
  readonly failed?: ((message: string, error: unknown) => void) | undefined;
}

/** One family of algorithms per kind of key: with a public key as HMAC secret, anybody could sign. */
export function createTokenKeys(config: AuthConfig, options: KeySetOptions = {}): TokenKeys {
  return config.kind === 'secret' ? secretKeys(config) : remoteKeys(config.url, options);
}

function secretKeys({ secret, previousSecret }: Extract<AuthConfig, { kind: 'secret' }>): TokenKeys {
  const secrets = previousSecret === undefined ? [secret] : [secret, previousSecret];
  const keys = secrets.map((each, index) => ({
    name: index === 0 ? 'secret' : 'previous secret',
    key: createSecretKey(Buffer.from(each.reveal())),
  }));
  return {
    async verify(token, options) {
      let failure: unknown;
      for (const { name, key } of keys) {
        try {
          const { payload } = await jwtVerify(token, key, { ...options, algorithms: ['HS256'] });
          return { payload, key: name };
        } catch (error) {
          // Anything but the signature is the token's own fault, whatever it was signed with.
          if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
          failure = error;
        }
      }
      throw failure;
    },
    has: () => true,
    onGone: () => undefined,
    close: () => undefined,
  };
}

const FETCH_TIMEOUT_MS = 3_000;
/** While the set is away, at most so often. */
const FETCH_RETRY_MS = 1_000;
const COOLDOWN_MS = 30_000;
const REFRESH_MS = 60_000;
/** The last known keys go on while the set is away, but not for ever: one of them may have been withdrawn meanwhile. */
const KEYS_AGE_MAX_MS = 24 * 3_600_000;
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];

function remoteKeys(url: string, { cooldownMs, refreshMs, failed }: KeySetOptions): TokenKeys {
  const cache: Partial<ExportedJWKSCache> & JWKSCacheInput = {};
  const fetchKeys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: cooldownMs ?? COOLDOWN_MS,
    cacheMaxAge: KEYS_AGE_MAX_MS,
    [jwksCache]: cache,
    [customFetch]: notTooOften(failed),
  });
  const listeners: (() => void)[] = [];
  let noted: JSONWebKeySet | undefined;
  let names: ReadonlySet<string> = new Set();

  /** jose replaces the whole set when it has fetched one. */
  async function noteKeys(): Promise<void> {
    const { jwks } = cache;
    if (jwks === undefined || jwks === noted) return;
    noted = jwks;
    // A key that cannot be named cannot be used either.
    const named = await Promise.all(jwks.keys.map((key) => calculateJwkThumbprint(key).catch(() => '')));
    const before = names;
    names = new Set(named);
    if (!before.isSubsetOf(names)) for (const listener of listeners) listener();
  }

  const timer = setInterval(() => {
    // Nobody has shown a token yet.
    if (cache.jwks === undefined) return;
    fetchKeys.reload().then(noteKeys, () => undefined);
  }, refreshMs ?? REFRESH_MS).unref();

  return {
    async verify(token, given) {
      const options = { ...given, algorithms: ALGORITHMS };
      const { payload, key } = await jwtVerify(token, fetchKeys, options).catch((error: unknown) =>
        // Without a key id, several keys may be meant: during a rotation there are two.
        error instanceof errors.JWKSMultipleMatchingKeys ? verifyWithAny(token, error, options) : Promise.reject(error),
      );
      await noteKeys();
      return { payload, key: await nameOf(key) };
    },
    has: (key) => names.has(key),
    onGone: (listener) => void listeners.push(listener),
    close: () => clearInterval(timer),
  };
}

async function verifyWithAny(
  token: string,
  keys: AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<{ payload: JWTPayload; key: CryptoKey | Uint8Array }> {
  for await (const key of keys) {
    try {
      return { ...(await jwtVerify(token, key, options)), key };
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

const keyNames = new WeakMap<object, string>();

/** By what the key is, not by its id: an id may be used again for another key. */
async function nameOf(key: CryptoKey | Uint8Array): Promise<string> {
  const known = keyNames.get(key);
  if (known !== undefined) return known;
  const name = await calculateJwkThumbprint(await exportJWK(key));
  keyNames.set(key, name);
  return name;
}

/** While the set is away, tokens with keys nobody knows must not become a flood of requests. */
function notTooOften(failed: KeySetOptions['failed']): FetchImplementation {
  let failure: { readonly error: unknown; readonly at: number } | undefined;
  return async (url, options) => {
    if (failure !== undefined && performance.now() - failure.at < FETCH_RETRY_MS) throw failure.error;
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) throw new Error(`The key set answers with status ${response.status}`);
      failure = undefined;
      return response;
    } catch (error) {
      if (failure === undefined) failed?.('The key set that tokens are checked with cannot be fetched', error);
      failure = { error, at: performance.now() };
      throw error;
    }
  };
}
