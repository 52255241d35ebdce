import { gzipSync } from 'node:zlib';
import type { WireRequest } from '../../../src/adapters/contract.js';
import type { ProviderMessage, ProviderMovement } from '../../../src/adapters/provider-side.js';
import { said, understand } from './line.js';
import type { Channel } from './providers.js';
import { at, type JsonPath, leafPaths, readJson, replaced } from './tampering.js';

/** Tables of what a stranger, or a provider gone mad, may send: each case named, for any dialect. */

export type Case = readonly [string, string | Buffer];

const KiB = 1_024;
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const keys = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',');

/** Bodies made from one that is good as it stands, so that each is refused for nothing but the change. */
export function hostileBodies(whole: string): Case[] {
  /** The whole body with something put in after its first brace. */
  const plus = (text: string): string => whole.replace('{', () => `{${text},`);
  const [, key = '', value = ''] = /"(\w+)":("[^"]*"|[\d.]+|\{)/.exec(whole) ?? [];
  const again = value === '{' ? '{}' : value;
  const escaped = `\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}`;
  return [
    ['empty', ''],
    ['white space', ' \r\n\t'],
    ['null', 'null'],
    ['true', 'true'],
    ['a list', '[]'],
    ['a list of one good body', `[${whole}]`],
    ['text', '"x"'],
    ['a good body in text', JSON.stringify(whole)],
    ['a number', '123'],
    ['an object of nothing', '{}'],
    [
      'not UTF-8',
      Buffer.concat([Buffer.from(`{"x":"`), Buffer.from([0xc3, 0x28]), Buffer.from(`",${whole.slice(1)}`)]),
    ],
    ['an overlong encoding', Buffer.from(plus('"x":"\u00c0\u00af"'), 'latin1')],
    ['with a byte order mark', `\ufeff${whole}`],
    ['UTF-16', Buffer.from(whole, 'utf16le')],
    ['UTF-16 with its mark', Buffer.from(`\ufeff${whole}`, 'utf16le')],
    ['compressed', gzipSync(whole)],
    ['a bomb', gzipSync(Buffer.alloc(40 * KiB * KiB, 0x20))],
    ['64 KiB and one byte', whole.padEnd(64 * KiB + 1)],
    ['a megabyte', whole.padEnd(KiB * KiB)],
    ['a form', 'transaction_id=b&action=bet&user_id=mallory&currency=EUR&amount=10.00'],
    ['multipart', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'],
    ['XML', '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
    ['cut off', whole.slice(0, -1)],
    ['with more after it', `${whole}{}`],
    ['there twice', whole + whole],
    ['with a NUL after it', `${whole}\0`],
    ['with a comma too many', whole.replace(/\}$/, ',}')],
    ['with a comment', plus('/* x */"x":1')],
    ['with single quotes', whole.replaceAll('"', "'")],
    ['with a key without quotes', whole.replace(`"${key}"`, key)],
    ['with a line end in text', plus('"x":"a\nb"')],
    ['with an escape that is none', plus('"x":"\\x41"')],
    ['with a cut escape', plus('"x":"\\u00"')],
    ['with NaN', plus('"x":NaN')],
    ['with a hexadecimal number', plus('"x":0x10')],
    ['with a number that begins with 0', plus('"x":012')],
    ['with a key twice', plus(`"${key}":"x"`)],
    ['with a key twice, the same value', plus(`"${key}":${again}`)],
    ['with a key twice, once escaped', plus(`"${escaped}":"x"`)],
    ['with a key twice, deep inside', plus('"x":{"y":[{"z":1,"\\u007a":2}]}')],
    ['with __proto__', plus('"__proto__":{"amount":"99.00"}')],
    ['with __proto__, escaped', plus('"\\u005f_proto__":{"amount":"99.00"}')],
    ['with __proto__, deep inside', plus('"x":[{"__proto__":[]}]')],
    ['with constructor', plus('"constructor":{"prototype":{"amount":"99.00"}}')],
    ['with its fields only by inheritance', `{"__proto__":${whole}}`],
    ['nested 10,000 deep', nested(10_000)],
    ['with a field nested 10,000 deep', plus(`"x":${nested(10_000)}`)],
    ['with 10,000 objects left open', '{"x":'.repeat(10_000)],
    ['with 5,000 keys', plus(keys(5_000))],
    ['with 100,000 keys', plus(keys(100_000))],
  ];
}

/** JSON texts that no dialect takes for an amount, whichever of text and number it wants. */
export const hostileAmounts: readonly string[] = [
  [
    '""',
    '" "',
    '" 12 "',
    '"12 "',
    '"\\u00a012"',
    '"12\\n"',
    '"0x10"',
    '"1e3"',
    '"1E3"',
    '"1e-2"',
    '"1_000"',
    '"1,50"',
    '"1.000,00"',
  ],
  [
    '"\u0661\u0662"',
    '"\uff11\uff12"',
    '"12\u20ac"',
    '"$12"',
    '"+12"',
    '"-12"',
    '"-0"',
    '"--1"',
    '"01"',
    '".5"',
    '"5."',
    '"1.2.3"',
  ],
  [
    '"NaN"',
    '"Infinity"',
    '"null"',
    '"12\\u0000"',
    '"\u221212"',
    '[5]',
    '["5"]',
    '{}',
    '{"value":"5"}',
    'true',
    'false',
    'null',
  ],
  [
    'NaN',
    'Infinity',
    '1e400',
    '1e3',
    '1E+2',
    '-0',
    '-0.0',
    '-1',
    '-10.00',
    '01',
    '.5',
    '5.',
    '+5',
    '0x10',
    '1_000',
    '5n',
  ],
  [
    `"${'9'.repeat(40)}"`,
    `"${'9'.repeat(41)}"`,
    '9'.repeat(40),
    '9'.repeat(400),
    `"1.${'0'.repeat(400)}"`,
    `1.${'9'.repeat(60)}`,
  ],
  // 2^63 and 2^64, in thousandths still beyond what a wallet holds.
  ['"9223372036854775808"', '9223372036854775808', '18446744073709551616'],
].flat();

/** A stake with more decimals than any currency here has, and one that nobody can pay. */
export const hostileStakes: readonly string[] = ['"0.000000001"', '0.000000001', '1.0000000001', '9007199254740993'];

const notNames: readonly string[] = [
  [
    '""',
    '" "',
    '"\\t"',
    '" mallory"',
    '"mallory "',
    '"\\u0000"',
    '"mal\\u0000lory"',
    '"mallory\\n"',
    '"\\ud800"',
    '"\\udc00x"',
  ],
  ['true', 'null', '[]', '["mallory"]', '{}', '{"$ne":""}', '-1', '1.5', '1e3'],
  [`"${'x'.repeat(256)}"`, `"${'x'.repeat(300)}"`, `"${'\u20ac'.repeat(86)}"`, `"${'x'.repeat(60 * KiB)}"`],
].flat();

export const hostilePlayers: readonly string[] = [
  notNames,
  [`"${'x'.repeat(KiB * KiB)}"`, '42', '0', '9007199254740993'],
  [
    '"\'; DROP TABLE player; --"',
    '"1 OR 1=1"',
    '"{a,b}"',
    '"NULL"',
    '"\\\\"',
    '"\\""',
    '"../../etc/passwd"',
    '"${jndi:ldap://x}"',
  ],
  [
    '"MALLORY"',
    '"Mallory"',
    '"mallory\u0301"',
    '"\u202emallory"',
    '"mal\u00adlory"',
    '"%6dallory"',
    '"mallory\u200b"',
    '"__proto__"',
  ],
].flat();

export const hostileIds: readonly string[] = notNames;

export const hostileCurrencies: readonly string[] = [
  [
    '"eur"',
    '"Eur"',
    '"XXX"',
    '"JPY"',
    '"EU"',
    '"EURO"',
    '" EUR"',
    '"EUR "',
    '""',
    '"\\u0000"',
    '978',
    'null',
    '["EUR"]',
  ],
  ['"EUR\u200b"', '"\u20ac"', '"__proto__"', '"EUR,USD"', `"${'E'.repeat(300)}"`, 'true', '{}'],
].flat();

export const hostileWords: readonly string[] = [
  ['"Bet"', '"BET"', '"bet "', '"refund"', '"x"', '""', '["bet"]', '{}', '1', 'null', 'true'],
  ['"__proto__"', '"constructor"', '"toString"', '"\\u0000"', `"${'x'.repeat(300)}"`],
].flat();

/** Seconds where milliseconds are due, times of other years, and what is no time at all. */
export const hostileTimes: readonly string[] = [
  [
    '-1',
    '0',
    '"-1"',
    '1e400',
    '99999999999999999999',
    '"x"',
    'null',
    '[]',
    '1234567890',
    '"1234567890"',
    '4102444800000',
  ],
].flat();

/** The good body with JSON text put in the place of one value. */
export function withText(body: Buffer, path: JsonPath, json: string): Buffer {
  const marker = 'put-here';
  const text = JSON.stringify(replaced(readJson(body), path, marker), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && 'isLosslessNumber' in value && 'value' in value
      ? `number:${String(value.value)}`
      : value,
  );
  return Buffer.from(text.replaceAll(/"number:([^"]+)"/g, '$1').replace(`"${marker}"`, () => json));
}

export type Fact = 'amount' | 'player' | 'currency' | 'id' | 'target';

/** The places of a body that say a fact and are read: with another value there, the command is another, or none. */
export function placesOf(channel: Channel, message: ProviderMessage, fact: Fact): JsonPath[] {
  const other = differing(channel, message, fact);
  if (other === undefined) return [];
  const request = channel.voice.say(message);
  const [body, otherBody] = [readJson(request.body), readJson(channel.voice.say(other).body)];
  const own = commandText(channel, said(channel, message));
  return leafPaths(body).filter((path) => {
    const put = textAt(otherBody, path);
    if (put === undefined || put === textAt(body, path)) return false;
    const changed = channel.voice.signer.sign({ ...request, body: withText(request.body, path, put) });
    return commandText(channel, changed) !== own;
  });
}

function textAt(json: unknown, path: JsonPath): string | undefined {
  const value = at(json, path);
  if (typeof value === 'object' && value !== null && 'value' in value) return String(value.value);
  return value === undefined ? undefined : JSON.stringify(value);
}

/** The same message but for one fact. */
function differing(channel: Channel, message: ProviderMessage, fact: Fact): ProviderMessage | undefined {
  if (fact === 'player') return { ...message, player: `${message.player}z` };
  if (fact === 'currency') return { ...message, currency: message.currency === 'EUR' ? 'USD' : 'EUR' };
  if (message.kind === 'balance') return undefined;
  if (fact === 'id') return { ...message, id: channel.voice.newId(8_888_888) };
  if (fact === 'amount') return { ...message, amount: '20.00' };
  const target: ProviderMovement | undefined = message.target;
  return target === undefined ? undefined : { ...message, target: { ...target, id: channel.voice.newId(9_999_999) } };
}

export function commandText(channel: Channel, request: WireRequest): string {
  return JSON.stringify(understand(channel, request)?.command, (key, value: unknown) => {
    if (key === 'displayAt') return undefined;
    return typeof value === 'bigint' ? value.toString() : value;
  });
}

/** Places that hold a time of now, in seconds or milliseconds, as number or text. */
export function timePlaces(body: Buffer): JsonPath[] {
  const json = readJson(body);
  return leafPaths(json).filter((path) => {
    const digits = /^"?(\d{10}|\d{13})"?$/.exec(textAt(json, path) ?? '')?.[1];
    if (digits === undefined) return false;
    return Math.abs(Number(digits.padEnd(13, '0')) - Date.now()) < 86_400_000;
  });
}

/** Endings of a callback's path that are none. */
export const hostilePaths: readonly ((path: string) => string)[] = [
  (path) => `${path}/`,
  (path) => `${path}//`,
  (path) => `/${path}`,
  (path) => `/.${path}`,
  (path) => `/x/..${path}`,
  (path) => `${path}/..`,
  (path) => `${path}/.`,
  (path) => `/%2f${path.slice(1)}`,
  (path) => `${path}%2f`,
  (path) => `${path}%00`,
  (path) => `${path}%20`,
  (path) => `${path};x=1`,
  (path) => `${path}\\`,
  (path) => `${path}.json`,
  (path) => `${path}${path}x`,
  (path) => `${path}/%`,
  (path) => `${path}/%zz`,
  (path) => `${path}/%c0%ae`,
  (path) => `${path}/__proto__`,
  (path) => `${path.toUpperCase()}X`,
  (path) => `${path}/${'x'.repeat(8 * KiB)}`,
];
