import { errors, type JWTPayload, SignJWT } from 'jose';
import { z } from 'zod';
import { createTokenKeys, type KeySetOptions } from './access/token-keys.js';
import { createTokenMemory } from './access/token-memory.js';
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
  /** Undefined for a token without `iat`. */
  readonly issuedAt?: Date | undefined;
  /** Name of the key that signed the token. */
  readonly key?: string | undefined;
}

export type AuthErrorCode =
  | 'TOKEN_MALFORMED'
  | 'TOKEN_ALGORITHM'
  | 'TOKEN_SIGNATURE'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_NOT_ACTIVE'
  | 'TOKEN_AUDIENCE'
  | 'TOKEN_CLAIMS'
  | 'TOKEN_CALLED_BACK'
  /** Whether the token was called back cannot be found out now: the caller may try again. */
  | 'CALL_BACKS_UNAVAILABLE'
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

/** Which tokens are no longer taken, whatever they say of their own end. */
export interface CallBacks {
  /** @returns tokens of the subject issued before this are refused; undefined when none are. @throws when nobody knows */
  calledBackBefore(brand: string, subject: string): Promise<Date | undefined>;
  /** Reads what was called back lately, through whichever gateway. @throws when nobody knows */
  look(): Promise<void>;
  /** Milliseconds since what `look` read. */
  age(): number;
  /** Told of every subject whose tokens were called back lately; perhaps several times. */
  onCallBack(listener: (subject: CalledBack) => void): () => void;
}

export interface CalledBack {
  readonly brand: string;
  readonly subject: string;
  readonly before: Date;
}

export interface Authenticator {
  /** @param token the JWT alone, without "Bearer". @throws AuthError */
  authenticate(token: string): Promise<Principal>;
}

export interface TokenAuthenticator extends Authenticator {
  /** Whether the key that signed the principal's token is still accepted. */
  acceptsKeyOf(principal: Principal): boolean;
  /** Told after keys have gone. */
  onKeysGone(listener: () => void): void;
  close(): void;
}

export interface AuthenticatorOptions {
  /** The clock tokens are judged by. */
  readonly now?: (() => Date) | undefined;
  /** Without it no token is ever called back. */
  readonly callBacks?: CallBacks | undefined;
  readonly keySet?: KeySetOptions | undefined;
}

/** A token that names its audience must name this one; a token without `aud` is accepted. */
const audience = 'croupier';
const tokenCharactersMax = 8_192;
const clockToleranceSeconds = 5;
/** A token from further in the future could not be called back until then. */
const issuedAheadMsMax = 60_000;
/** Known tokens are taken at once while what was called back is known up to this moment or later. */
const callBacksAgeMsMax = 500;
/** From here on it is read again, before anybody has to wait for it. */
const callBacksAgeMs = 250;

/** Compact JWS: three parts of base64url. */
const tokenShape = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Whether a token may be about somebody of that name. */
export function isSubject(text: string): boolean {
  return text !== '' && text.length <= 255 && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

const Claims = z.object({
  sub: z.string().refine(isSubject, 'must be well-formed text'),
  brand: Slug,
  // An identity provider may put roles of other systems into the same list; they mean nothing here.
  roles: z.array(z.string()).transform((list) => new Set(roles.filter((role) => list.includes(role)))),
});

export function createAuthenticator(config: AuthConfig, options: AuthenticatorOptions = {}): TokenAuthenticator {
  const { now = () => new Date(), callBacks, keySet } = options;
  const keys = createTokenKeys(config, keySet);
  const memory = createTokenMemory();
  keys.onGone(() => memory.forget((principal) => !acceptsKeyOf(principal)));
  const stopListening = callBacks?.onCallBack((subject) => {
    memory.forget((principal) => isCalledBack(principal, subject));
  });

  function acceptsKeyOf({ key }: Principal): boolean {
    return key === undefined || keys.has(key);
  }

  /** Waits only when nobody has looked for a while. */
  function lookAround(): Promise<void> | undefined {
    if (callBacks === undefined) return undefined;
    const age = callBacks.age();
    if (age < callBacksAgeMs) return undefined;
    const looked = callBacks.look();
    if (age >= callBacksAgeMsMax) return looked;
    // Whoever comes once it is too old waits, and hears of it if it failed again.
    looked.catch(() => undefined);
    return undefined;
  }

  async function authenticateNew(token: string): Promise<Principal> {
    if (token.length > tokenCharactersMax || !tokenShape.test(token)) {
      throw new AuthError('TOKEN_MALFORMED', 'The token is not a signed JWT.');
    }
    const currentDate = now();
    const verified = await keys
      .verify(token, { clockTolerance: clockToleranceSeconds, currentDate })
      .catch((error: unknown) => Promise.reject(toAuthError(error)));
    const principal = Object.freeze({ ...readPrincipal(verified.payload, currentDate), key: verified.key });
    const { brand, subject } = principal;
    const before = await callBacks?.calledBackBefore(brand, subject).catch((cause: unknown) => {
      throw unknownCallBacks(cause);
    });
    if (before !== undefined && isCalledBack(principal, { brand, subject, before })) {
      throw new AuthError('TOKEN_CALLED_BACK', 'The token was called back; a new one is needed.');
    }
    // It may have gone meanwhile.
    if (!acceptsKeyOf(principal)) throw notAcceptedKey();
    memory.keep(token, principal);
    return principal;
  }

  async function authenticateAfter(looked: Promise<void>, token: string): Promise<Principal> {
    try {
      await looked;
    } catch (cause) {
      throw unknownCallBacks(cause);
    }
    return memory.find(token, now().getTime()) ?? authenticateNew(token);
  }

  return {
    authenticate(token) {
      const principal = memory.find(token, now().getTime());
      if (principal === undefined) return authenticateNew(token);
      const looked = lookAround();
      return looked === undefined ? Promise.resolve(principal) : authenticateAfter(looked, token);
    },
    acceptsKeyOf,
    onKeysGone: (listener) => keys.onGone(listener),
    close() {
      stopListening?.();
      keys.close();
    },
  };
}

/** Whether a call-back means this principal's token; one that does not say when it was issued is meant by every one. */
export function isCalledBack({ brand, subject, issuedAt }: Principal, calledBack: CalledBack): boolean {
  if (brand !== calledBack.brand || subject !== calledBack.subject) return false;
  return issuedAt === undefined || issuedAt < calledBack.before;
}

function unknownCallBacks(cause: unknown): AuthError {
  return new AuthError('CALL_BACKS_UNAVAILABLE', 'Whether the token was called back cannot be found out now.', {
    cause,
  });
}

function readPrincipal(payload: JWTPayload, now: Date): Principal {
  const { aud, exp, iat } = payload;
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
  const issuedAt = toDate(iat);
  if (issuedAt !== undefined && issuedAt.getTime() > now.getTime() + issuedAheadMsMax) {
    throw new AuthError('TOKEN_NOT_ACTIVE', 'The token says it was issued in the future.');
  }
  return { subject: sub, brand, roles: granted, expiresAt: toDate(exp), issuedAt };
}

function toDate(seconds: number | undefined): Date | undefined {
  return seconds === undefined ? undefined : new Date(seconds * 1_000);
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
    return notAcceptedKey(cause);
  }
  if (cause instanceof errors.JWSInvalid || cause instanceof errors.JWTInvalid) {
    return new AuthError('TOKEN_MALFORMED', 'The token is not a signed JWT.', { cause });
  }
  return new AuthError('KEYS_UNAVAILABLE', 'The keys that tokens are checked with are not available.', { cause });
}

function notAcceptedKey(cause?: unknown): AuthError {
  return new AuthError('TOKEN_SIGNATURE', 'The token is not signed with an accepted key.', { cause });
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
