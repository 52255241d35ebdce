import { createHmac } from 'node:crypto';
import { isLosslessNumber } from 'lossless-json';
import { describe, expect, test } from 'vitest';
import { decimalAmount, idText } from '../../src/adapters/kit/amounts.js';
import { type JsonFault, parseJson } from '../../src/adapters/kit/json.js';
import { hmacSha256 } from '../../src/adapters/kit/signers.js';

const SECRET = 'test-security-hash';
const PREVIOUS = 'previous-security-hash';
const body = Buffer.from('{"amount":"10.50"}');

function hex(secret: string, bytes: Buffer = body): string {
  return createHmac('sha256', secret).update(bytes).digest('hex');
}

function request(headers: Record<string, string | string[]>, bytes: Buffer = body) {
  return { method: 'POST', path: '/transaction', query: '', headers, body: bytes };
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
    expect(signer.sign(request({}))).toEqual({ 'x-hash': good });
  });

  test.each([[[]], [['']], [['   ']], [[SECRET, '']]])('secrets %j are no signer', (secrets) => {
    expect(() => hmacSha256({ headers: ['x-hash'], secrets, encoding: 'hex' })).toThrow(/secret/);
  });

  test('no header is no signer', () => {
    expect(() => hmacSha256({ headers: [], secrets: [SECRET], encoding: 'hex' })).toThrow(/header/);
  });
});

describe('parseJson', () => {
  function faultOf(input: string | Buffer): JsonFault | undefined {
    const result = parseJson(Buffer.from(input));
    return result.ok ? undefined : result.fault;
  }

  test.each(['9007199254740993', '18446744073709551616', '1.10', '-0', '1e400', '0.1'])(
    'the number %s keeps its digits',
    (digits) => {
      const result = parseJson(Buffer.from(`[${digits}]`));
      const [number] = result.ok && Array.isArray(result.value) ? result.value : [];
      expect(isLosslessNumber(number) && number.value).toBe(digits);
    },
  );

  test.each([
    ['text', '"x"', 'x'],
    ['null', 'null', null],
    ['an empty list', '[]', []],
    ['an object', ' {"a":{"b":[true,false,null,"\\u00e9:{[\\"]"]}} ', { a: { b: [true, false, null, 'é:{["]'] } }],
  ])('%s is JSON', (_what, text, value) => {
    expect(parseJson(Buffer.from(text))).toEqual({ ok: true, value });
  });

  test.each<[string, string | Buffer, JsonFault]>([
    ['nothing', '', 'SYNTAX'],
    ['white space', '  ', 'SYNTAX'],
    ['text that is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'NOT_UTF8'],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'SYNTAX'],
    ['a surrogate encoded as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'NOT_UTF8'],
    ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), 'BOM'],
    ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00]), 'NOT_UTF8'],
    ['a form', 'amount=10.50&action=bet', 'SYNTAX'],
    ['NaN', '{"a":NaN}', 'SYNTAX'],
    ['a number with a plus', '{"a":+1}', 'SYNTAX'],
    ['a leading zero', '{"a":01}', 'SYNTAX'],
    ['a trailing comma', '{"a":1,}', 'SYNTAX'],
    ['a comment', '{"a":1}//', 'SYNTAX'],
    ['two values', '{}{}', 'SYNTAX'],
    ['an open string', '{"a":"', 'SYNTAX'],
    ['a string that ends in a backslash', '{"a":"\\', 'SYNTAX'],
    ['a control character in a string', '{"a":"\n"}', 'SYNTAX'],
    ['a repeated key', '{"amount":1,"amount":2}', 'REPEATED_KEY'],
    ['a repeated key with the same value', '{"amount":"1","amount":"1"}', 'REPEATED_KEY'],
    ['a repeated key with the same number', '{"amount":1,"amount":1}', 'REPEATED_KEY'],
    ['a key repeated in an escaped spelling', '{"amount":1,"\\u0061mount":2}', 'REPEATED_KEY'],
    ['a key repeated in an escaped spelling with the same value', '{"amount":1,"\\u0061mount":1}', 'REPEATED_KEY'],
    ['a repeated key further inside', '[{"a":{"b":1,"b":1}}]', 'REPEATED_KEY'],
    ['__proto__', '{"__proto__":{"admin":true}}', 'FORBIDDEN_KEY'],
    ['__proto__ in an escaped spelling', '{"\\u005f_proto__":{}}', 'FORBIDDEN_KEY'],
    ['constructor further inside', '{"a":[{"constructor":1}]}', 'FORBIDDEN_KEY'],
    ['prototype', '{"prototype":1}', 'FORBIDDEN_KEY'],
    ['33 levels', '['.repeat(33) + ']'.repeat(33), 'TOO_DEEP'],
    ['10,000 lists', '['.repeat(10_000) + ']'.repeat(10_000), 'TOO_DEEP'],
    ['10,000 objects', '{"a":'.repeat(10_000), 'TOO_DEEP'],
    [
      '1,001 keys',
      JSON.stringify(Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, 0]))),
      'TOO_MANY_KEYS',
    ],
    ['100,000 keys', `{${'"a":1,'.repeat(100_000)}`, 'TOO_MANY_KEYS'],
  ])('%s is refused', (_what, input, fault) => {
    expect(faultOf(input)).toBe(fault);
  });

  test('32 levels and 1,000 keys are accepted', () => {
    expect(faultOf('['.repeat(32) + ']'.repeat(32))).toBeUndefined();
    expect(
      faultOf(JSON.stringify(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [i, 0])))),
    ).toBeUndefined();
  });

  test('brackets and colons within strings are text', () => {
    expect(faultOf('{"a":"\\":\\"","b":"\\\\"}')).toBeUndefined();
    expect(faultOf(JSON.stringify({ a: '['.repeat(100) + ':'.repeat(2_000) }))).toBeUndefined();
  });
});

describe('decimalAmount', () => {
  /** The amount as it would arrive: written into a body. */
  function read(json: string) {
    const parsed = parseJson(Buffer.from(json));
    return decimalAmount.safeParse(parsed.ok ? parsed.value : undefined);
  }

  test.each([
    ['"0"', 0n, 0],
    ['"0.00"', 0n, 2],
    ['"10.50"', 1050n, 2],
    ['10.50', 1050n, 2],
    ['0.1', 1n, 1],
    ['9007199254740993', 9007199254740993n, 0],
    ['"9007199254740993"', 9007199254740993n, 0],
    ['18446744073709551616', 18446744073709551616n, 0],
    ['0.000000000000000001', 1n, 18],
  ])('%s is exact', (json, digits, decimals) => {
    expect(read(json)).toEqual({ success: true, data: { digits, decimals } });
  });

  test.each([
    '""',
    '" "',
    '" 12 "',
    '"12\\n"',
    '"0x10"',
    '"1e3"',
    '"1_000"',
    '"1,50"',
    '"1.000,50"',
    '"١٢"',
    '"１２"',
    '"+5"',
    '"-5"',
    '"-0"',
    '"-0.00"',
    '"5."',
    '".5"',
    '"007"',
    '"NaN"',
    '"Infinity"',
    '"5 USD"',
    '"\\u0000"',
    `"${'9'.repeat(41)}"`,
    '9'.repeat(41),
    '[5]',
    '["5"]',
    '{"value":"5"}',
    '{"isLosslessNumber":true,"value":"5"}',
    'true',
    'null',
    '-1',
    '-0',
    '1e3',
    '1.0E2',
    '1e-2',
    '1e400',
  ])('%s is refused', (json) => {
    expect(read(json).success).toBe(false);
  });

  test.each([[12.5], [5], [5n], [undefined]])('the JavaScript value %s is refused', (value) => {
    expect(decimalAmount.safeParse(value).success).toBe(false);
  });
});

describe('idText', () => {
  test.each([
    '42',
    'op-tx-1',
    "'; DROP TABLE player; --",
    'a b',
    'Zoë',
    '日本',
    '😀',
    'a'.repeat(255),
    'é'.repeat(127),
    'TX',
    'tx',
  ])('%j is kept as it is', (text) => {
    expect(idText.parse(text)).toBe(text);
  });

  test.each<[string, unknown]>([
    ['empty', ''],
    ['blank', '   '],
    ['padded in front', ' 42'],
    ['padded behind', '42\u00a0'],
    ['ending in a line end', '42\n'],
    ['with NUL', '4\u00002'],
    ['with DEL', '4\u007f2'],
    ['with a C1 control', '4\u00852'],
    ['with a lone high surrogate', '42\ud800'],
    ['with a lone low surrogate', '\udc0042'],
    ['of 256 bytes', 'a'.repeat(256)],
    ['of 256 bytes in 128 characters', 'é'.repeat(128)],
    ['of a megabyte', 'a'.repeat(1_000_000)],
    ['a number', 42],
    ['null', null],
    ['a list', ['42']],
  ])('text %s is refused', (_what, value) => {
    expect(idText.safeParse(value).success).toBe(false);
  });
});
