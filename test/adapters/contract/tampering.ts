import { isLosslessNumber, parse, stringify } from 'lossless-json';
import type { Signer, WireRequest } from '../../../src/adapters/contract.js';
import { arrived } from './line.js';
import type { Channel } from './providers.js';

/** Ways to change a signed request, and to sign a changed one: what a signer adds is found by letting it sign. */

/** What proves who sent a request. */
export interface Credentials {
  /** Lower-case names of the headers that carry it. */
  readonly headers: readonly string[];
  /** Whether the path does. */
  readonly path: boolean;
  /** Whether it changes with the body: then no byte of the body may change under it. */
  readonly coversBody: boolean;
}

export function credentialsOf(signer: Signer): Credentials {
  const bare = { method: 'POST', path: '/x', query: '', headers: {}, body: Buffer.from('{}') };
  const one = signer.sign(bare);
  const other = signer.sign({ ...bare, body: Buffer.from('{ }') });
  return {
    headers: Object.keys(one.headers).map((name) => name.toLowerCase()),
    path: one.path !== bare.path,
    coversBody: JSON.stringify(one.headers) !== JSON.stringify(other.headers),
  };
}

/** The request before it was signed. @returns undefined when it is not signed by a live secret */
export function unsigned({ adapter, voice }: Channel, request: WireRequest): WireRequest | undefined {
  const verified = adapter.signer.verify(arrived(request));
  if (verified === undefined) return undefined;
  const bare = { ...request, path: verified.path, body: verified.body };
  const isProof = proofOf(voice.signer, bare);
  return {
    ...bare,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([name, value]) => !isProof(name, value))),
  };
}

/** Whether a header carries a credential: by its name, or by its value where the protocol knows two spellings of the name. */
function proofOf(signer: Signer, bare: WireRequest): (name: string, value: string) => boolean {
  const signed = signer.sign({ ...bare, headers: {} }).headers;
  const names = new Set(Object.keys(signed).map((name) => name.toLowerCase()));
  const values = new Set(Object.values(signed));
  return (name, value) => names.has(name.toLowerCase()) || values.has(value);
}

/** Every request that differs from a signed one in one bit of its body, or in one byte of its credentials. */
export function* flips(
  { voice }: Channel,
  request: WireRequest,
  bare: WireRequest,
): Generator<{ what: string; request: WireRequest }> {
  const { path, coversBody } = credentialsOf(voice.signer);
  const isProof = proofOf(voice.signer, bare);
  for (const index of coversBody ? request.body.keys() : []) {
    for (let bit = 0; bit < 8; bit += 1) {
      const body = Buffer.from(request.body);
      body[index] = (body[index] ?? 0) ^ (1 << bit);
      yield { what: `bit ${bit} of byte ${index} of the body`, request: { ...request, body } };
    }
  }
  for (const [name, value] of Object.entries(request.headers)) {
    if (!isProof(name, value)) continue;
    for (const flipped of flippedTexts(value)) {
      yield { what: `${name}: ${flipped}`, request: { ...request, headers: { ...request.headers, [name]: flipped } } };
    }
  }
  const segment = /^\/[^/]*/.exec(request.path)?.[0] ?? '';
  for (const flipped of path ? flippedTexts(segment.slice(1)) : []) {
    const flippedPath = `/${flipped}${request.path.slice(segment.length)}`;
    yield { what: `path ${flippedPath}`, request: { ...request, path: flippedPath } };
  }
}

/** The lowest bit only: the one that makes a small letter a capital changes no hexadecimal digit. */
function* flippedTexts(text: string): Generator<string> {
  for (let index = 0; index < text.length; index += 1) {
    const flipped = String.fromCharCode(text.charCodeAt(index) ^ 1);
    yield text.slice(0, index) + flipped + text.slice(index + 1);
  }
}

/** A request whose credentials are not what they should be. Header values may be several. */
export interface Forged {
  readonly what: string;
  readonly request: Omit<WireRequest, 'headers'> & { headers: Readonly<Record<string, string | readonly string[]>> };
}

export function forgeries({ voice }: Channel, bare: WireRequest, strangers: Signer): Forged[] {
  const signed = voice.signer.sign(bare);
  const { headers, path } = credentialsOf(voice.signer);
  const forged: Forged[] = [
    { what: 'no credentials', request: bare },
    { what: 'the credentials of somebody else', request: strangers.sign(bare) },
  ];
  for (const name of headers) {
    const value = signed.headers[name] ?? '';
    const { [name]: _, ...others } = signed.headers;
    const withValue = (what: string, put: string | readonly string[]): Forged => ({
      what: `${name} ${what}`,
      request: { ...signed, headers: { ...others, [name]: put } },
    });
    forged.push(
      { what: `${name} missing`, request: { ...signed, headers: others } },
      withValue('empty', ''),
      withValue('blank', '  '),
      withValue('twice', [value, value]),
      withValue('twice, once wrong', [value, 'x'.repeat(value.length)]),
      withValue('two in one line', `${value},${value}`),
      withValue('one character short', value.slice(0, -1)),
      withValue('one character long', `${value}0`),
      withValue('cut in half', value.slice(0, value.length / 2)),
      withValue('in quotes', `"${value}"`),
      withValue('junk', '\u00ff\u00fe{}[]'),
      withValue('zeros', '0'.repeat(value.length)),
      withValue('8 KiB long', value.repeat(Math.ceil(8_192 / value.length))),
    );
    if (/[+/=]/.test(value)) {
      const url = value.replaceAll('+', '-').replaceAll('/', '_');
      forged.push(withValue('without padding', value.replaceAll('=', '')));
      if (url !== value) forged.push(withValue('base64url', url));
    }
  }
  if (path) {
    const segment = /^\/[^/]*/.exec(signed.path)?.[0] ?? '';
    const rest = signed.path.slice(segment.length);
    for (const put of ['/', segment.slice(0, -1), `${segment}0`, `/${segment}`, `${segment}%20`, '/..', '//']) {
      const isSame = `${put}${rest}` === signed.path;
      if (!isSame) forged.push({ what: `path ${put}${rest}`, request: { ...signed, path: `${put}${rest}` } });
    }
  }
  return forged;
}

export type JsonPath = readonly (string | number)[];

export function readJson(body: Buffer): unknown {
  return parse(body.toString());
}

export function writeJson(value: unknown): Buffer {
  return Buffer.from(stringify(value) ?? '');
}

/** Paths of all fields of objects, outer ones first. */
export function fieldPaths(value: unknown, path: JsonPath = []): JsonPath[] {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return [];
  return Object.entries(value).flatMap(([key, each]): JsonPath[] => {
    const own = [...path, Array.isArray(value) ? Number(key) : key];
    return [...(Array.isArray(value) ? [] : [own]), ...fieldPaths(each, own)];
  });
}

/** Paths of all values that are neither lists nor objects. */
export function leafPaths(value: unknown, path: JsonPath = []): JsonPath[] {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return [path];
  return Object.entries(value).flatMap(([key, each]) =>
    leafPaths(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

export function at(value: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>(
    (each, key) => (typeof each === 'object' && each !== null ? Reflect.get(each, key) : undefined),
    value,
  );
}

/** A copy in which the value at a path is another, or gone where `put` is undefined. */
export function replaced(value: unknown, path: JsonPath, put: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return put;
  if (Array.isArray(value)) return value.map((each: unknown, i) => (i === key ? replaced(each, rest, put) : each));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, each]): [string, unknown][] => {
    if (name !== key) return [[name, each]];
    return rest.length === 0 && put === undefined ? [] : [[name, replaced(each, rest, put)]];
  });
  return Object.fromEntries(entries);
}

/** A copy in which every object has a field that nobody knows. */
export function withStrangers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return value;
  if (Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [key, withStrangers(each)]);
  return Object.fromEntries([['zz_first', null], ...entries, ['zz_last', { a: ['b', { c: true }] }]]);
}
