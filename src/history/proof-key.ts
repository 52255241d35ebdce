import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** Keys that signed heads are signed and checked with: Ed25519, nothing else, so that nobody can choose a weaker one. */

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const PEM_START = '-----BEGIN ';
/** What stands before the 32 bytes of the key itself in PKCS#8 (RFC 8410, 7). */
const PKCS8_START = Buffer.from('302e020100300506032b657004220420', 'hex');
const PKCS8_BYTES = PKCS8_START.length + 32;
const DISTINCT_BYTES_MIN = 12;

/** @returns the key, or why the text is none; nothing of the text goes into the words */
export function readPrivateKey(text: string): { readonly key: KeyObject } | { readonly why: string } {
  const encoded = decode(text);
  if (encoded === undefined) return { why: 'is neither PEM nor base64' };
  if (Buffer.isBuffer(encoded) && encoded.length < PKCS8_BYTES) {
    return { why: `has ${encoded.length} bytes, a PKCS#8 key of Ed25519 has ${PKCS8_BYTES}` };
  }
  let key;
  try {
    key = createPrivateKey(
      Buffer.isBuffer(encoded) ? { key: encoded, format: 'der', type: 'pkcs8' } : { key: encoded, format: 'pem' },
    );
  } catch {
    return { why: 'is not a private key in PKCS#8 without a passphrase' };
  }
  if (key.asymmetricKeyType !== 'ed25519')
    return { why: `is a key of ${key.asymmetricKeyType ?? 'no'} kind, not Ed25519` };
  const secret = key.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  if (new Set(secret).size < DISTINCT_BYTES_MIN) return { why: 'is guessable' };
  return { key };
}

/** @returns the key, or why the text is none */
export function readPublicKey(text: string): { readonly key: KeyObject } | { readonly why: string } {
  // A private key has a public half too, and must not stand where only that is wanted.
  if (!text.includes('-----BEGIN PUBLIC KEY-----')) return { why: 'is not a public key in PEM' };
  try {
    const key = createPublicKey(unescaped(text));
    return key.asymmetricKeyType === 'ed25519' ? { key } : { why: 'is not a key of Ed25519' };
  } catch {
    return { why: 'is not a public key in PEM' };
  }
}

/** Names a public key for ever: the first 16 digits of the SHA-256 over its SubjectPublicKeyInfo. */
export function keyIdOf(publicKey: KeyObject): string {
  const info = publicKey.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(info).digest('hex').slice(0, 16);
}

/** PKCS#8 in base64 of the key that 32 bytes make. */
export function privateKeyOf(secret: Buffer): string {
  return Buffer.concat([PKCS8_START, secret]).toString('base64');
}

/** PEM as text, anything else as bytes. */
function decode(text: string): string | Buffer | undefined {
  const pem = unescaped(text);
  if (pem.startsWith(PEM_START)) return pem;
  if (!BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Some stores of secrets take one line only, so that PEM is put there in base64 as a whole.
  const inner = bytes.toString('latin1').trim();
  return inner.startsWith(PEM_START) ? inner : bytes;
}

/** A variable of the environment that was written on one line has `\n` where the lines end. */
function unescaped(text: string): string {
  return text.replaceAll('\\n', '\n').trim();
}
