import { createHmac, createSecretKey, hash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { CallbackRequest, Signer, VerifiedCallback, WireRequest } from '../contract.js';

/** What a provider signs, and what is read of the request when that fits. */
export interface SignedForm {
  readonly message: Buffer;
  readonly body: Buffer;
}

export interface HmacOptions {
  /** Lower-case header names that may carry the signature; the first is the one used when signing. */
  readonly headers: readonly string[];
  /** Live secrets, newest first: signing uses the first, and the old ones still verify until they are taken out. */
  readonly secrets: readonly string[];
  readonly encoding: 'hex' | 'base64';
  /** Forms in which the provider may have signed the request, likeliest first; the raw body unless told. Signing uses the first. */
  readonly forms?: (request: Pick<WireRequest, 'path' | 'query' | 'body'>) => Iterable<SignedForm>;
}

/**
 * A SHA-256 digest in either encoding. Node's own decoders would quietly stop at the first wrong character; the last one of
 * Base64 has two bits to spare, which must be 0.
 */
const DIGEST = { hex: /^[0-9A-Fa-f]{64}$/, base64: /^[0-9A-Za-z+/]{42}[AEIMQUYcgkosw048]=$/ } as const;

/** HMAC-SHA-256 in a header. */
export function hmacSha256({ headers, secrets, encoding, forms = rawBody }: HmacOptions): Signer {
  const [signingHeader] = headers;
  assertSecrets(secrets);
  const keys = secrets.map((secret) => createSecretKey(secret, 'utf8'));
  const [signingKey] = keys;
  if (signingHeader === undefined || signingKey === undefined) {
    throw new TypeError('A signer needs a header that carries the signature.');
  }

  /** The form that was signed so. Forms are made one by one, as the first is nearly always the one. */
  function findForm(request: CallbackRequest, signature: Buffer): SignedForm | undefined {
    for (const form of forms(request)) {
      for (const key of keys) {
        if (timingSafeEqual(createHmac('sha256', key).update(form.message).digest(), signature)) return form;
      }
    }
    return undefined;
  }

  return {
    verify(request) {
      for (const header of headers) {
        const signature = request.headers[header];
        if (typeof signature !== 'string' || !DIGEST[encoding].test(signature)) continue;
        const form = findForm(request, Buffer.from(signature, encoding));
        if (form !== undefined) return verified(request, { body: form.body });
      }
      return undefined;
    },
    sign(request) {
      const [form] = forms(request);
      if (form === undefined) throw new TypeError('A signer needs a form to sign.');
      const signature = createHmac('sha256', signingKey).update(form.message).digest(encoding);
      return { ...request, headers: { ...request.headers, [signingHeader]: signature } };
    },
  };
}

function rawBody({ body }: Pick<WireRequest, 'body'>): readonly SignedForm[] {
  return [{ message: body, body }];
}

export interface KeyedHmacOptions extends Omit<HmacOptions, 'secrets'> {
  /** Lower-case name of the header that says which key pair signed. */
  readonly keyHeader: string;
  /** Live key pairs, newest first. */
  readonly pairs: readonly { readonly publicKey: string; readonly secret: string }[];
}

/** HMAC-SHA-256 in a header, by the secret that another header names. */
export function keyedHmacSha256({ keyHeader, pairs, ...options }: KeyedHmacOptions): Signer {
  const signers = new Map(
    pairs.map(({ publicKey, secret }) => [publicKey, hmacSha256({ ...options, secrets: [secret] })]),
  );
  const [newest] = pairs;
  if (newest === undefined || signers.size !== pairs.length)
    throw new TypeError('A signer needs key pairs, each once.');
  return {
    verify(request) {
      const publicKey = request.headers[keyHeader];
      return typeof publicKey === 'string' ? signers.get(publicKey)?.verify(request) : undefined;
    },
    sign(request) {
      const signed = signers.get(newest.publicKey)?.sign(request) ?? request;
      return { ...signed, headers: { ...signed.headers, [keyHeader]: newest.publicKey } };
    },
  };
}

/** A shared token in a header: all the proof there is, so the connection has to be private. */
export function sharedToken({ header, tokens }: { header: string; tokens: readonly string[] }): Signer {
  assertSecrets(tokens);
  const digests = tokens.map(digestOf);
  return {
    verify(request) {
      const given = request.headers[header];
      return typeof given === 'string' && isOneOf(given, digests) ? verified(request) : undefined;
    },
    sign: (request) => ({ ...request, headers: { ...request.headers, [header]: tokens[0] ?? '' } }),
  };
}

/** An unguessable first segment of the path: for a provider that signs nothing. What is read then is the path after it. */
export function secretPath({ secrets }: { secrets: readonly string[] }): Signer {
  assertSecrets(secrets);
  if (secrets.some((secret) => !/^[A-Za-z0-9_-]+$/.test(secret))) {
    throw new TypeError('A secret path may hold letters, digits, "-" and "_" only.');
  }
  const digests = secrets.map(digestOf);
  return {
    verify(request) {
      const [, segment = '', rest = ''] = /^\/([^/]+)(.*)$/s.exec(request.path) ?? [];
      return isOneOf(segment, digests) ? verified(request, { path: rest }) : undefined;
    },
    sign: (request) => ({ ...request, path: `/${secrets[0] ?? ''}${request.path}` }),
    // Wherever else somebody's mistake put it, a secret is not shown either.
    publicPath: (path) =>
      secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), path.replace(/^\/[^/]*/, '/***')),
  };
}

/** Takes what `signer` takes, from these addresses only. @param addresses single ones, or ranges such as "10.0.0.0/8" */
export function fromAddresses(addresses: readonly string[], signer: Signer): Signer {
  const list = new BlockList();
  for (const each of addresses) {
    if (!/^[^/]+(?:\/\d{1,3})?$/.test(each)) throw new TypeError(`"${each}" is no address, nor one with a prefix.`);
    const [address = '', bits] = each.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return {
    ...signer,
    verify(request) {
      const address = request.remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
      const family = isIP(address);
      if (family === 0 || !list.check(address, family === 6 ? 'ipv6' : 'ipv4')) return undefined;
      return signer.verify(request);
    },
  };
}

/** Takes a request that each of the signers takes, each reading what the one before it left. */
export function allOf(first: Signer, ...others: readonly Signer[]): Signer {
  const signers = [first, ...others];
  const publicPaths = signers.flatMap((each) => each.publicPath ?? []);
  return {
    verify(request) {
      let read: VerifiedCallback | undefined;
      for (const signer of signers) {
        read = signer.verify(read ?? request);
        if (read === undefined) return undefined;
      }
      return read;
    },
    // What is put around the request last is what the receiver takes off first.
    sign: (request) => signers.toReversed().reduce((signed, signer) => signer.sign(signed), request),
    ...(publicPaths.length > 0 && {
      publicPath: (path: string) => publicPaths.reduce((shown, hide) => hide(shown), path),
    }),
  };
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** @param digests of the live secrets */
function isOneOf(given: string, digests: readonly Buffer[]): boolean {
  const digest = digestOf(given);
  // Every secret is compared, so that the time taken tells nothing.
  return digests.map((each) => timingSafeEqual(each, digest)).includes(true);
}

function assertSecrets(secrets: readonly string[]): void {
  if (secrets.length === 0 || secrets.some((secret) => secret.trim() === '')) {
    throw new TypeError('A signer needs at least one secret, and none may be blank.');
  }
}

/** The one place where a request becomes a verified one. */
function verified(
  request: CallbackRequest,
  read: Partial<Pick<CallbackRequest, 'path' | 'body'>> = {},
): VerifiedCallback {
  const same = (read.body ?? request.body) === request.body && read.path === undefined;
  return (same ? request : { ...request, ...read }) as VerifiedCallback;
}
