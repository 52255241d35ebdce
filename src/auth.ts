import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { Slug } from './config/shape.js';
import type { AuthConfig } from './config/types.js';
import type { Secret } from './observability/secret.js';

export const roles = ['player', 'support', 'analyst', 'operator', 'service'] as const;
export type Role = (typeof roles)[number];

/** Who asks: a player of a brand, or somebody of the operator's. */
export interface Principal {
  /** For players, the player's external id. */
  readonly subject: string;
  readonly brand: string;
  readonly roles: ReadonlySet<Role>;
  /** Undefined for a token without `exp`. */
  readonly expiresAt: Date | undefined;
}

export type AuthErrorCode =
  | 'TOKEN_MALFORMED'
  | 'TOKEN_ALGORITHM'
  | 'TOKEN_SIGNATURE'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_NOT_ACTIVE'
  | 'TOKEN_AUDIENCE'
  | 'TOKEN_CLAIMS'
  /** The key set could not be fetched: nothing is said about the token, and the caller may try again. */
  | 'KEYS_UNAVAILABLE';

/** The token is not accepted. The message is for logs and for developers of clients; it holds nothing of the token. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  constructor(
    readonly code: AuthErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface Authenticator {
  /** @param token the JWT alone, without "Bearer". @throws AuthError */
  authenticate(token: string): Promise<Principal>;
}

/** A token that names its audience must name this one; a token without `aud` is accepted. */
const audience = 'croupier';
const tokenCharactersMax = 8_192;
const clockToleranceSeconds = 5;
const keySetTimeoutMs = 3_000;

/** Compact JWS: three parts of base64url. */
const tokenShape = /^[\w-]+\.[\w-]+\.[\w-]*$/;

const Claims = z.object({
  sub: z
    .string()
    .min(1)
    .max(255)
    .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), 'must be well-formed text'),
  brand: Slug,
  // An identity provider may put roles of other systems into the same list; they mean nothing here.
  roles: z.array(z.string()).transform((list) => new Set(roles.filter((role) => list.includes(role)))),
});

/** @param options.now the clock tokens are judged by. */
export function createAuthenticator(config: AuthConfig, options: { now?: () => Date } = {}): Authenticator {
  const { now = () => new Date() } = options;
  const verify = createVerify(config);
  return {
    async authenticate(token) {
      if (token.length > tokenCharactersMax || !tokenShape.test(token)) {
        throw new AuthError('TOKEN_MALFORMED', 'The token is not a signed JWT.');
      }
      let payload: JWTPayload;
      try {
        payload = await verify(token, now());
      } catch (error) {
        throw toAuthError(error);
      }
      return readPrincipal(payload);
    },
  };
}

/** One family of algorithms per kind of key: with a public key as HMAC secret, anybody could sign. */
function createVerify(config: AuthConfig): (token: string, currentDate: Date) => Promise<JWTPayload> {
  const limits = { clockTolerance: clockToleranceSeconds } satisfies JWTVerifyOptions;
  if (config.kind === 'secret') {
    const key = keyOf(config.secret);
    return async (token, currentDate) =>
      (await jwtVerify(token, key, { ...limits, currentDate, algorithms: ['HS256'] })).payload;
  }
  const keys = createRemoteJWKSet(new URL(config.url), { timeoutDuration: keySetTimeoutMs });
  const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
  return async (token, currentDate) => (await jwtVerify(token, keys, { ...limits, currentDate, algorithms })).payload;
}

function readPrincipal(payload: JWTPayload): Principal {
  const { aud, exp } = payload;
  if (aud !== undefined && ![aud].flat().includes(audience)) {
    throw new AuthError('TOKEN_AUDIENCE', `The token is for another audience than "${audience}".`);
  }
  const claims = Claims.safeParse(payload);
  if (!claims.success) {
    const names = [...new Set(claims.error.issues.map(({ path }) => String(path[0])))].join(', ');
    throw new AuthError('TOKEN_CLAIMS', `The token lacks a usable ${names}.`);
  }
  const { sub, brand, roles: granted } = claims.data;
  if (granted.size === 0) throw new AuthError('TOKEN_CLAIMS', `The token has none of the roles ${roles.join(', ')}.`);
  return { subject: sub, brand, roles: granted, expiresAt: exp === undefined ? undefined : new Date(exp * 1_000) };
}

function toAuthError(cause: unknown): AuthError {
  if (cause instanceof errors.JWTExpired) return new AuthError('TOKEN_EXPIRED', 'The token has expired.', { cause });
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return cause.claim === 'nbf' && cause.reason === 'check_failed'
      ? new AuthError('TOKEN_NOT_ACTIVE', 'The token is not valid yet.', { cause })
      : new AuthError('TOKEN_CLAIMS', `The token has an unusable ${cause.claim}.`, { cause });
  }
  if (cause instanceof errors.JOSEAlgNotAllowed || cause instanceof errors.JOSENotSupported) {
    return new AuthError('TOKEN_ALGORITHM', 'The token is signed with an algorithm that is not accepted.', { cause });
  }
  const wrongKey = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
  if (wrongKey.some((type) => cause instanceof type)) {
    return new AuthError('TOKEN_SIGNATURE', 'The token is not signed with an accepted key.', { cause });
  }
  if (cause instanceof errors.JWSInvalid || cause instanceof errors.JWTInvalid) {
    return new AuthError('TOKEN_MALFORMED', 'The token is not a signed JWT.', { cause });
  }
  return new AuthError('KEYS_UNAVAILABLE', 'The keys that tokens are checked with are not available.', { cause });
}

export interface TokenSubject {
  readonly subject: string;
  readonly brand: string;
  readonly roles: readonly Role[];
}

/** Signs a token as the operator's own systems would. @param lifetimeSeconds from now on. */
export async function issueToken(
  secret: Secret,
  { subject, brand, roles: granted }: TokenSubject,
  lifetimeSeconds: number,
): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1_000);
  return new SignJWT({ brand, roles: granted })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .sign(keyOf(secret));
}

function keyOf(secret: Secret): Uint8Array {
  return new TextEncoder().encode(secret.reveal());
}
