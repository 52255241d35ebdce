import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CallbackRequest, WireRequest } from '../../src/adapters/contract.js';
import {
  allOf,
  fromAddresses,
  hmacSha256,
  keyedHmacSha256,
  secretPath,
  sharedToken,
  type SignedForm,
} from '../../src/adapters/kit/signers.js';

const SECRET = 'test-security-hash';
const PREVIOUS = 'previous-security-hash';
const body = Buffer.from('{"amount":"10.50"}');

function hex(secret: string, bytes: Buffer = body): string {
  return createHmac('sha256', secret).update(bytes).digest('hex');
}

const wire: WireRequest = { method: 'POST', path: '/transaction', query: '', headers: { 'x-own': 'kept' }, body };

function request(headers: Record<string, string | string[]>, bytes: Buffer = body): CallbackRequest {
  return { ...wire, headers, body: bytes, remoteAddress: '203.0.113.7' };
}

/** What a provider sent, as it arrives. */
function received(sent: WireRequest, remoteAddress = '203.0.113.7'): CallbackRequest {
  return { ...sent, remoteAddress };
}

describe('hmacSha256', () => {
  const signer = hmacSha256({ headers: ['x-hash', 'x-hsh'], secrets: [SECRET, PREVIOUS], encoding: 'hex' });
  const good = hex(SECRET);

  test.each([
    ['the first header', { 'x-hash': good }],
    ['the other header', { 'x-hsh': good }],
    ['upper-case hexadecimal', { 'x-hash': good.toUpperCase() }],
    ['the previous secret while it is live', { 'x-hash': hex(PREVIOUS) }],
    ['one good header beside a wrong one', { 'x-hash': hex('other'), 'x-hsh': good }],
  ])('%s is accepted', (_what, headers) => {
    const sent = request(headers);
    expect(signer.verify(sent)).toBe(sent);
  });

  test.each<[string, Record<string, string | string[]>]>([
    ['no header', {}],
    ['an empty header', { 'x-hash': '' }],
    ['a header sent twice', { 'x-hash': `${good}, ${good}` }],
    ['a list of headers', { 'x-hash': [good] }],
    ['a digit less', { 'x-hash': good.slice(0, -1) }],
    ['a byte less', { 'x-hash': good.slice(0, -2) }],
    ['a byte more', { 'x-hash': `${good}00` }],
    ['white space around it', { 'x-hash': ` ${good} ` }],
    ['a line end behind it', { 'x-hash': `${good}\n` }],
    ['a prefix', { 'x-hash': `sha256=${good}` }],
    ['junk of the right length', { 'x-hash': 'z'.repeat(64) }],
    ['hexadecimal that ends early', { 'x-hash': `${good.slice(0, 62)}zz` }],
    ['characters beyond ASCII', { 'x-hash': 'é'.repeat(64) }],
    ['Base64', { 'x-hash': createHmac('sha256', SECRET).update(body).digest('base64') }],
    ['another secret', { 'x-hash': hex('another-security-hash') }],
    ['the signature of other bytes', { 'x-hash': hex(SECRET, Buffer.from('{"amount": "10.50"}')) }],
    ['a megabyte of text', { 'x-hash': 'a'.repeat(1_000_000) }],
    ['a header nobody named', { 'x-signature': good }],
  ])('%s is refused', (_what, headers) => {
    expect(signer.verify(request(headers))).toBeUndefined();
  });

  test('one byte more in the body is refused', () => {
    expect(signer.verify(request({ 'x-hash': good }, Buffer.concat([body, Buffer.from(' ')])))).toBeUndefined();
  });

  test('a secret taken out is refused', () => {
    const later = hmacSha256({ headers: ['x-hash'], secrets: [SECRET], encoding: 'hex' });
    expect(later.verify(request({ 'x-hash': hex(PREVIOUS) }))).toBeUndefined();
  });

  test('it signs with the newest secret under the first header', () => {
    expect(signer.sign(wire)).toEqual({ ...wire, headers: { ...wire.headers, 'x-hash': good } });
  });

  test.each([[[]], [['']], [['   ']], [[SECRET, '']]])('secrets %j are no signer', (secrets) => {
    expect(() => hmacSha256({ headers: ['x-hash'], secrets, encoding: 'hex' })).toThrow(/secret/);
  });

  test('a signature may be written in Base64, exactly', () => {
    const base64 = hmacSha256({ headers: ['x-hash'], secrets: [SECRET], encoding: 'base64' });
    const digest = createHmac('sha256', SECRET).update(body).digest('base64');
    expect(digest).toMatch(/^.{43}=$/);
    expect(base64.sign(wire).headers['x-hash']).toBe(digest);
    expect(base64.verify(request({ 'x-hash': digest }))).toBeDefined();
    const wrong = [good, digest.slice(0, -1), `${digest}=`, `${digest.slice(0, -2)}*=`, ` ${digest}`, '', '='];
    expect(wrong.filter((each) => base64.verify(request({ 'x-hash': each })) !== undefined)).toEqual([]);
    // Node would read the URL's alphabet as well.
    expect(digest).toMatch(/[+/]/);
    const otherAlphabet = digest.replaceAll('+', '-').replaceAll('/', '_');
    expect(base64.verify(request({ 'x-hash': otherAlphabet }))).toBeUndefined();
  });

  test('no header is no signer', () => {
    expect(() => hmacSha256({ headers: [], secrets: [SECRET], encoding: 'hex' })).toThrow(/header/);
  });
});

describe('hmacSha256 over other forms of the request', () => {
  /** As a provider does that signs its fields the other way round, or the body as it is. */
  const reversed = (text: string): string =>
    JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).toReversed()));
  const forms = ({ query, body: bytes }: Pick<WireRequest, 'query' | 'body'>): readonly SignedForm[] => [
    { message: Buffer.from(`${query}&${reversed(bytes.toString())}`), body: Buffer.from(reversed(bytes.toString())) },
    { message: bytes, body: bytes },
  ];
  const signer = hmacSha256({ headers: ['x-hash'], secrets: [SECRET, PREVIOUS], encoding: 'hex', forms });
  const sent: WireRequest = { ...wire, query: 'v=1', body: Buffer.from('{"b":2,"a":1}') };
  const signedAs = (message: string, secret = SECRET) =>
    received({ ...sent, headers: { 'x-hash': hex(secret, Buffer.from(message)) } });

  test('it signs the likeliest, and sends the body as it is', () => {
    expect(signer.sign(sent)).toEqual({
      ...sent,
      headers: { 'x-own': 'kept', 'x-hash': hex(SECRET, Buffer.from('v=1&{"a":1,"b":2}')) },
    });
  });

  test('what is read is the form that was signed, and nothing of the request is changed', () => {
    const arrived = signedAs('v=1&{"a":1,"b":2}');
    const read = signer.verify(arrived);
    expect(read?.body.toString()).toBe('{"a":1,"b":2}');
    expect(arrived.body.toString()).toBe('{"b":2,"a":1}');
    const raw = signedAs('{"b":2,"a":1}', PREVIOUS);
    expect(signer.verify(raw)).toBe(raw);
  });

  test('a form that was not signed is refused', () => {
    expect(signer.verify(signedAs('{"a":1,"b":2}'))).toBeUndefined();
    expect(signer.verify(signedAs('v=2&{"a":1,"b":2}'))).toBeUndefined();
  });

  test('a provider without a form has no signature', () => {
    const none = hmacSha256({ headers: ['x-hash'], secrets: [SECRET], encoding: 'hex', forms: () => [] });
    expect(none.verify(signedAs(''))).toBeUndefined();
    expect(() => none.sign(sent)).toThrow(/form/);
  });
});

describe('keyedHmacSha256', () => {
  const pairs = [
    { publicKey: 'new', secret: SECRET },
    { publicKey: 'old', secret: PREVIOUS },
  ];
  const options = { headers: ['x-sign'], encoding: 'hex', keyHeader: 'x-key' } as const;
  const signer = keyedHmacSha256({ ...options, pairs });

  test('the newest pair signs, and each live one is taken', () => {
    const signed = signer.sign(wire);
    expect(signed.headers).toEqual({ 'x-own': 'kept', 'x-sign': hex(SECRET), 'x-key': 'new' });
    expect(signer.verify(received(signed))).toBeDefined();
    expect(signer.verify(request({ 'x-sign': hex(PREVIOUS), 'x-key': 'old' }))).toBeDefined();
  });

  test.each<[string, Record<string, string | string[]>]>([
    ['the secret of another pair', { 'x-sign': hex(PREVIOUS), 'x-key': 'new' }],
    ['an unknown key', { 'x-sign': hex(SECRET), 'x-key': 'other' }],
    ['a key in other case', { 'x-sign': hex(SECRET), 'x-key': 'NEW' }],
    ['no key', { 'x-sign': hex(SECRET) }],
    ['no signature', { 'x-key': 'new' }],
    ['two keys', { 'x-sign': hex(SECRET), 'x-key': ['new', 'old'] }],
    ['a key that every object has', { 'x-sign': hex(SECRET), 'x-key': 'constructor' }],
  ])('%s is refused', (_what, headers) => {
    expect(signer.verify(request(headers))).toBeUndefined();
  });

  test('no pair, a repeated key and a blank secret are no signer', () => {
    expect(() => keyedHmacSha256({ ...options, pairs: [] })).toThrow(/pairs/);
    expect(() => keyedHmacSha256({ ...options, pairs: [...pairs, { publicKey: 'old', secret: 'x' }] })).toThrow(/once/);
    expect(() => keyedHmacSha256({ ...options, pairs: [{ publicKey: 'new', secret: ' ' }] })).toThrow(/secret/);
  });
});

describe('sharedToken', () => {
  const signer = sharedToken({ header: 'x-token', tokens: ['new-token', 'old-token'] });

  test('the newest is sent, and each live one is taken', () => {
    const signed = signer.sign(wire);
    expect(signed).toEqual({ ...wire, headers: { 'x-own': 'kept', 'x-token': 'new-token' } });
    const arrived = received(signed);
    expect(signer.verify(arrived)).toBe(arrived);
    expect(signer.verify(request({ 'x-token': 'old-token' }))).toBeDefined();
  });

  test.each<[string, Record<string, string | string[]>]>([
    ['no header', {}],
    ['an empty one', { 'x-token': '' }],
    ['another token', { 'x-token': 'new-tokeN' }],
    ['the beginning of one', { 'x-token': 'new-toke' }],
    ['more than one', { 'x-token': 'new-token, new-token' }],
    ['a list', { 'x-token': ['new-token'] }],
    ['another header', { 'x-tokens': 'new-token' }],
  ])('%s is refused', (_what, headers) => {
    expect(signer.verify(request(headers))).toBeUndefined();
  });

  test.each([[[]], [['']], [['a', ' ']]])('tokens %j are no signer', (tokens) => {
    expect(() => sharedToken({ header: 'x-token', tokens })).toThrow(/secret/);
  });
});

describe('secretPath', () => {
  const signer = secretPath({ secrets: ['New_secret-1', 'old'] });
  const arrivedOn = (path: string): CallbackRequest => received({ ...wire, path });

  test('it goes before the path, and what is read is the path after it', () => {
    const signed = signer.sign(wire);
    expect(signed).toEqual({ ...wire, path: '/New_secret-1/transaction' });
    expect(signer.verify(received(signed))).toEqual({ ...received(wire), path: '/transaction' });
    expect(signer.verify(arrivedOn('/old/a/b'))?.path).toBe('/a/b');
    expect(signer.verify(arrivedOn('/old'))?.path).toBe('');
    expect(signer.verify(arrivedOn('/old/'))?.path).toBe('/');
  });

  test.each([
    '',
    '/',
    '//',
    '//old',
    '/transaction',
    '/new_secret-1/x',
    '/New_secret-1x/y',
    '/x/old',
    'old',
    '/%6fld/x',
  ])('the path "%s" is refused', (path) => {
    expect(signer.verify(arrivedOn(path))).toBeUndefined();
  });

  test('journal and log see a path without it, right or wrong', () => {
    expect(signer.publicPath?.('/New_secret-1/transaction')).toBe('/***/transaction');
    expect(signer.publicPath?.('/nearly/transaction')).toBe('/***/transaction');
    expect(signer.publicPath?.('/old')).toBe('/***');
    expect(signer.publicPath?.('')).toBe('');
  });

  test.each([[[]], [['']], [['a/b']], [['a b']], [['ä']], [['a%20']], [['good', 'a?b']]])(
    'secrets %j are no signer',
    (secrets) => {
      expect(() => secretPath({ secrets })).toThrow(TypeError);
    },
  );
});

describe('fromAddresses', () => {
  const token = sharedToken({ header: 'x-token', tokens: ['token'] });
  const signer = fromAddresses(['192.0.2.7', '10.1.0.0/16', '2001:db8::1', '2001:db8:1::/48'], token);
  const from = (remoteAddress: string) => signer.verify(received(signer.sign(wire), remoteAddress));

  test.each([
    '192.0.2.7',
    '10.1.0.0',
    '10.1.255.255',
    '::ffff:192.0.2.7',
    '::ffff:10.1.2.3',
    '2001:db8::1',
    '2001:0DB8:0:0:0:0:0:1',
    '2001:db8:1:ffff::9',
  ])('%s is one of them', (address) => {
    expect(from(address)).toBeDefined();
  });

  test.each([
    '192.0.2.8',
    '10.2.0.0',
    '::ffff:192.0.2.8',
    '2001:db8::2',
    '2001:db8:2::1',
    '::1',
    '127.0.0.1',
    '',
    'localhost',
    '192.0.2.7, 10.1.0.1',
    '192.0.2.7:443',
    ' 192.0.2.7',
    'fe80::1%eth0',
  ])('"%s" is not', (address) => {
    expect(from(address)).toBeUndefined();
  });

  test('the signature is asked for all the same', () => {
    expect(signer.verify(received(wire, '192.0.2.7'))).toBeUndefined();
  });

  test('no address is nobody', () => {
    expect(fromAddresses([], token).verify(received(token.sign(wire), '127.0.0.1'))).toBeUndefined();
  });

  test.each(['somewhere', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '', '10.0.0'])(
    'the address "%s" is no signer',
    (address) => {
      expect(() => fromAddresses([address], token)).toThrow(/address|prefix/i);
    },
  );

  test('what is secret in the path stays so', () => {
    const path = secretPath({ secrets: ['secret'] });
    expect(fromAddresses(['192.0.2.7'], path).publicPath?.('/secret/x')).toBe('/***/x');
    expect(signer.publicPath).toBeUndefined();
  });
});

describe('allOf', () => {
  const forms = ({ body: bytes }: Pick<WireRequest, 'body'>): readonly SignedForm[] => [
    { message: bytes, body: Buffer.from('{"signed":true}') },
  ];
  const hmac = hmacSha256({ headers: ['x-hash'], secrets: [SECRET], encoding: 'hex', forms });
  const signer = allOf(
    secretPath({ secrets: ['secret'] }),
    sharedToken({ header: 'x-token', tokens: ['token'] }),
    hmac,
  );

  test('what one signs each of them takes, and what is read is what all have left', () => {
    const signed = signer.sign(wire);
    expect(signed).toMatchObject({
      path: '/secret/transaction',
      headers: { 'x-own': 'kept', 'x-token': 'token', 'x-hash': hex(SECRET) },
    });
    const read = signer.verify(received(signed));
    expect(read).toMatchObject({ path: '/transaction', body: Buffer.from('{"signed":true}') });
  });

  test('one that does not fit is enough', () => {
    const signed = received(signer.sign(wire));
    const wrong: Partial<CallbackRequest>[] = [
      { path: '/other/transaction' },
      { headers: { ...signed.headers, 'x-token': 'other' } },
      { headers: { ...signed.headers, 'x-hash': hex(PREVIOUS) } },
      { body: Buffer.from('{}') },
    ];
    for (const part of wrong) expect(signer.verify({ ...signed, ...part })).toBeUndefined();
  });

  test('what one of them hides is hidden; where nothing is secret, nothing is', () => {
    expect(signer.publicPath?.('/secret/x')).toBe('/***/x');
    expect(allOf(hmac).publicPath).toBeUndefined();
  });
});
