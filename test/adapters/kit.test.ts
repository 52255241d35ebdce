import { isLosslessNumber } from 'lossless-json';
import { describe, expect, test } from 'vitest';
import { decimalAmount, idText, idTextOrNumber, millisAmount, shownUnits } from '../../src/adapters/kit/amounts.js';
import { exactNumber, type JsonFault, jsonText, parseJson } from '../../src/adapters/kit/json.js';

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

/** A value as it would arrive: written into a body. */
function arrived(json: string): unknown {
  const parsed = parseJson(Buffer.from(json));
  return parsed.ok ? parsed.value : undefined;
}

describe('decimalAmount', () => {
  const read = (json: string) => decimalAmount.safeParse(arrived(json));

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

describe('millisAmount', () => {
  test.each([
    ['0', 0n],
    ['5440', 5440n],
    ['1', 1n],
    ['9007199254740993', 9007199254740993n],
    ['9'.repeat(39), BigInt('9'.repeat(39))],
  ])('%s is so many thousandths', (json, digits) => {
    expect(millisAmount.safeParse(arrived(json))).toEqual({ success: true, data: { digits, decimals: 3 } });
  });

  test.each(['"5440"', '5.44', '5440.0', '5e3', '-1', '-0', 'null', 'true', '[5440]', '""', '9'.repeat(41), '{}'])(
    '%s is refused',
    (json) => {
      expect(millisAmount.safeParse(arrived(json)).success).toBe(false);
    },
  );

  test.each([[5440], [5440n], [undefined]])('the JavaScript value %s is refused', (value) => {
    expect(millisAmount.safeParse(value).success).toBe(false);
  });
});

describe('idTextOrNumber', () => {
  test.each([
    ['42', '42'],
    ['"42"', '42'],
    ['0', '0'],
    ['18446744073709551617', '18446744073709551617'],
    ['"tx-1"', 'tx-1'],
    ['"007"', '007'],
    ['"1.50"', '1.50'],
  ])('%s is the id %s', (json, id) => {
    expect(idTextOrNumber.parse(arrived(json))).toBe(id);
  });

  test.each([
    '4.2',
    '42.0',
    '-42',
    '-0',
    '1e3',
    '""',
    '" 42"',
    '"a\\u0000"',
    'true',
    'null',
    '[42]',
    '{}',
    '9'.repeat(256),
  ])('%s is refused', (json) => {
    expect(idTextOrNumber.safeParse(arrived(json)).success).toBe(false);
  });

  test.each([[42], [42n], [undefined]])('the JavaScript value %s is refused', (value) => {
    expect(idTextOrNumber.safeParse(value).success).toBe(false);
  });
});

describe('shownUnits', () => {
  test.each<[bigint, number, { max: number; min: number }, string]>([
    [12_345_678n, 6, { max: 2, min: 2 }, '12.34'],
    [12_999_999n, 6, { max: 2, min: 2 }, '12.99'],
    [12_000_000n, 6, { max: 2, min: 2 }, '12.00'],
    [12_000_000n, 6, { max: 2, min: 0 }, '12'],
    [9_999n, 6, { max: 2, min: 2 }, '0.00'],
    [0n, 6, { max: 2, min: 2 }, '0.00'],
    [-1n, 6, { max: 2, min: 2 }, '-0.01'],
    [-10_000n, 6, { max: 2, min: 2 }, '-0.01'],
    [-10_001n, 6, { max: 2, min: 2 }, '-0.02'],
    [-12_345_678n, 6, { max: 2, min: 2 }, '-12.35'],
    [12_999_999n, 6, { max: 0, min: 0 }, '12'],
    [-12_000_001n, 6, { max: 0, min: 0 }, '-13'],
    [12_345_678n, 6, { max: 6, min: 2 }, '12.345678'],
    [12_500_000n, 6, { max: 8, min: 2 }, '12.50'],
    [12n, 0, { max: 2, min: 2 }, '12'],
    [-12n, 0, { max: 2, min: 2 }, '-12'],
    [9_223_372_036_854_775_807n, 6, { max: 2, min: 2 }, '9223372036854.77'],
    [-9_223_372_036_854_775_807n, 6, { max: 2, min: 2 }, '-9223372036854.78'],
  ])('%s units at scale %s within %o are shown as %s, never as more than there is', (units, scale, decimals, text) => {
    expect(shownUnits(units, scale, decimals)).toBe(text);
  });
});

describe('exactNumber', () => {
  test('keeps its digits in the answer, where a JavaScript number would lose some', () => {
    const balance = exactNumber('9007199254740993.10');
    expect(jsonText({ balance, currency: 'EUR', left: undefined })).toBe(
      '{"balance":9007199254740993.10,"currency":"EUR"}',
    );
    expect(jsonText({})).toBe('{}');
  });

  test.each(['', '12,5', '1 ', 'NaN', '0x1', '"1"', '1}'])('%j is no number', (text) => {
    expect(() => exactNumber(text)).toThrow(/number/i);
  });
});
