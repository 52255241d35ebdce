import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { CallbackRequest, Signer, VerifiedCallback } from '../contract.js';

export interface HmacOptions {
  /** Lower-case header names that may carry the signature; the first is the one used when signing. */
  readonly headers: readonly string[];
  /** Live secrets, newest first: signing uses the first, and the old ones still verify until they are taken out. */
  readonly secrets: readonly string[];
  readonly encoding: 'hex';
}

/** A SHA-256 digest in hexadecimal, of either case. Node's own decoder would quietly stop at the first wrong character. */
const HEX_DIGEST = /^[0-9A-Fa-f]{64}$/;

/** HMAC-SHA-256 over the raw body, in a header. */
export function hmacSha256({ headers, secrets, encoding }: HmacOptions): Signer {
  const [signingHeader] = headers;
  const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [signingKey] = keys;
  if (signingHeader === undefined) throw new TypeError('A signer needs a header that carries the signature.');
  if (signingKey === undefined || secrets.some((secret) => secret.trim() === '')) {
    throw new TypeError('A signer needs at least one secret, and none may be blank.');
  }

  function isSigned(request: CallbackRequest): request is VerifiedCallback {
    // Digests are made once per secret and only when a header holds something that could be a signature.
    let digests: Buffer[] | undefined;
    for (const header of headers) {
      const signature = request.headers[header];
      if (typeof signature !== 'string' || !HEX_DIGEST.test(signature)) continue;
      const given = Buffer.from(signature, encoding);
      digests ??= keys.map((key) => createHmac('sha256', key).update(request.body).digest());
      if (digests.some((digest) => timingSafeEqual(digest, given))) return true;
    }
    return false;
  }

  return {
    verify: (request) => (isSigned(request) ? request : undefined),
    sign: ({ body }) => ({ [signingHeader]: createHmac('sha256', signingKey).update(body).digest(encoding) }),
  };
}
