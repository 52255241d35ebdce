import { isLosslessNumber } from 'lossless-json';
import type { WireRequest } from '../../../src/adapters/contract.js';
import type { WalletCommand } from '../../../src/ledger/commands.js';
import { formatUnits, parseDecimal } from '../../../src/ledger/money.js';
import type { Random } from '../../support/random.js';
import type { Channel } from './providers.js';
import { at, credentialsOf, leafPaths, readJson, replaced } from './tampering.js';

/** Requests that something happened to, on the way or at a provider gone mad; every one can be made again from its seed. */

export interface Mutation {
  readonly what: string;
  readonly request: WireRequest;
  /** Whether it was signed after it was changed: then it is the provider that speaks so. */
  readonly signed: boolean;
}

export function mutate(channel: Channel, bare: WireRequest, random: Random): Mutation {
  const { signer } = channel.voice;
  const signed = random.chance(0.5);
  const [name, change] = random.pick(bodyChanges);
  if (signed)
    return { what: `signed, ${name}`, signed, request: signer.sign({ ...bare, body: change(bare.body, random) }) };
  const request = signer.sign(bare);
  if (random.chance(0.6)) return { what: name, signed, request: { ...request, body: change(request.body, random) } };
  const [mangling, mangle] = random.pick(manglings);
  return { what: mangling, signed, request: mangle(channel, request, random) };
}

type BodyChange = readonly [string, (body: Buffer, random: Random) => Buffer];

const bodyChanges: readonly [BodyChange, ...BodyChange[]] = [
  ['bytes flipped', flipBytes],
  ['truncated', (body, random) => body.subarray(0, random.below(body.length))],
  ['doubled', (body) => Buffer.concat([body, body])],
  ['bytes put in', putIn],
  ['bytes taken out', takeOut],
  ['two parts swapped', swapParts],
  ['values swapped', swapValues],
  ['a value replaced', replaceValue],
  ['a value replaced', replaceValue],
  ['a key repeated', repeatKey],
  [
    'wrapped',
    (body, random) =>
      Buffer.from(random.pick(['[B]', '{"a":B}', '"B"', 'B,B', '\ufeffB']).replaceAll('B', body.toString('latin1'))),
  ],
];

function flipBytes(body: Buffer, random: Random): Buffer {
  const flipped = Buffer.from(body);
  for (let count = random.between(1, 4); count > 0; count -= 1) {
    const index = random.below(flipped.length);
    flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
  }
  return flipped;
}

function putIn(body: Buffer, random: Random): Buffer {
  const index = random.below(body.length + 1);
  const put = random.pick([
    '"',
    '\\',
    '{',
    '}',
    ',',
    ':',
    '\0',
    '-',
    '0',
    '9',
    '.',
    'e5',
    ' ',
    '\u00ff',
    '\\u0000',
    '[',
    'null',
  ]);
  return Buffer.concat([body.subarray(0, index), Buffer.from(put, 'latin1'), body.subarray(index)]);
}

function takeOut(body: Buffer, random: Random): Buffer {
  const start = random.below(body.length);
  return Buffer.concat([body.subarray(0, start), body.subarray(start + random.between(1, 12))]);
}

function swapParts(body: Buffer, random: Random): Buffer {
  const [first = 0, second = 0] = [random.below(body.length), random.below(body.length)].toSorted((a, b) => a - b);
  const size = random.between(1, 8);
  const parts = [body.subarray(0, first), body.subarray(second, second + size), body.subarray(first + size, second)];
  return Buffer.concat([...parts, body.subarray(first, first + size), body.subarray(second + size)]);
}

function swapValues(body: Buffer, random: Random): Buffer {
  const json = readJson(body);
  const [first, ...others] = leafPaths(json);
  if (first === undefined) return body;
  const [one, other] = [random.pick([first, ...others]), random.pick([first, ...others])];
  return textOf(replaced(replaced(json, one, at(json, other)), other, at(json, one)));
}

/** JSON texts that stand where a value stood. */
const hostileValues: readonly [string, ...string[]] = [
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '" "',
  '0',
  '-0',
  '-1',
  '1e3',
  '1e400',
  'NaN',
  '0x10',
  '01',
  '9007199254740993',
  '9223372036854775808',
  '18446744073709551616',
  '"1e3"',
  '"-5"',
  '"0x10"',
  '"1,50"',
  '"\u0661\u0662"',
  '"\\u0000"',
  '"\\ud800"',
  '"EUR"',
  '"eur"',
  '"nobody"',
  '["EUR"]',
  '{"$gt":""}',
  `"${'x'.repeat(300)}"`,
  '0.000000000000000001',
  '9'.repeat(40),
  '"__proto__"',
  '{"__proto__":1}',
  '99999999',
  '12.5',
  '"12.5"',
];

function replaceValue(body: Buffer, random: Random): Buffer {
  const json = readJson(body);
  const [first, ...others] = leafPaths(json);
  if (first === undefined) return body;
  const marker = 'put-here';
  const text = textOf(replaced(json, random.pick([first, ...others]), marker)).toString();
  return Buffer.from(text.replace(`"${marker}"`, () => random.pick(hostileValues)));
}

function repeatKey(body: Buffer, random: Random): Buffer {
  const keys = [...body.toString().matchAll(/"(\w+)":/g)].map(([, key = '']) => key);
  const [first = 'a', ...others] = keys;
  const key = random.pick([first, ...others]);
  const written = random.chance(0.5) ? key : `\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${key.slice(1)}`;
  return Buffer.from(body.toString().replace('{', () => `{"${written}":${random.pick(hostileValues)},`));
}

function textOf(json: unknown): Buffer {
  return Buffer.from(write(json));
}

/** Numbers with the digits they came with. */
function write(json: unknown): string {
  if (isLosslessNumber(json)) return json.value;
  if (Array.isArray(json)) return `[${json.map(write).join(',')}]`;
  if (typeof json !== 'object' || json === null) return JSON.stringify(json) ?? 'null';
  const fields = Object.entries(json).map(([key, each]) => `${JSON.stringify(key)}:${write(each)}`);
  return `{${fields.join(',')}}`;
}

type Mangling = readonly [string, (channel: Channel, request: WireRequest, random: Random) => WireRequest];

const manglings: readonly [Mangling, ...Mangling[]] = [
  [
    'credentials cut',
    (channel, request, random) => mangled(channel, request, (text) => text.slice(0, random.below(text.length))),
  ],
  ['credentials flipped', (channel, request, random) => mangled(channel, request, (text) => flipText(text, random))],
  ['credentials doubled', (channel, request) => mangled(channel, request, (text) => `${text}, ${text}`)],
  ['credentials emptied', (channel, request) => mangled(channel, request, () => '')],
  [
    'credentials reversed',
    (channel, request) =>
      mangled(channel, request, (text) => `~${Buffer.from(Buffer.from(text).toReversed()).toString('latin1')}`),
  ],
  [
    'another method',
    (_channel, request, random) => ({ ...request, method: random.pick(['PUT', 'PATCH', 'DELETE', 'HEAD', 'post']) }),
  ],
  [
    'another path',
    (_channel, request, random) => ({
      ...request,
      path: random.pick(['/x', '//', '/..', '/%2f', `${request.path}/x`, `/x${request.path}`]),
    }),
  ],
];

/** All that proves the sender, changed in one way. */
function mangled({ voice }: Channel, request: WireRequest, change: (text: string) => string): WireRequest {
  const { headers, path } = credentialsOf(voice.signer);
  const put = Object.entries(request.headers).map(([name, value]) => [
    name,
    headers.includes(name.toLowerCase()) ? change(value) : value,
  ]);
  const segment = /^\/([^/]*)/.exec(request.path)?.[1] ?? '';
  const mangledPath = path ? `/${change(segment)}${request.path.slice(segment.length + 1)}` : request.path;
  return { ...request, path: mangledPath, headers: Object.fromEntries(put) };
}

function flipText(text: string, random: Random): string {
  const index = random.below(text.length);
  return `${text.slice(0, index)}${String.fromCharCode(text.charCodeAt(index) ^ 1)}${text.slice(index + 1)}`;
}

/**
 * Whether a request that was accepted may have been: it is JSON with every key once, and its command says nothing that is not
 * in it. The currency and the player may come from the settings.
 */
export function isStated(command: WalletCommand, body: Buffer): boolean {
  const values = valuesOf(body);
  if (values === undefined) return false;
  const texts = values
    .map((each) => (isLosslessNumber(each) ? each.value : each))
    .filter((each) => typeof each === 'string');
  if (command.kind !== 'bet' && command.kind !== 'win' && command.kind !== 'rollback') return true;
  const holds = (name: string): boolean => texts.some((text) => text !== '' && name.includes(text));
  if (!holds(command.key) || (command.kind === 'rollback' && !holds(command.target))) return false;
  const amount = command.amount !== undefined && 'times' in command.amount ? command.amount.times : command.amount;
  if (amount === undefined) return true;
  if (amount.digits < 0n) return false;
  const isAmount = (text: string): boolean => {
    const stated = parseDecimal(text);
    if (stated === undefined) return false;
    // In major units, or in the smallest ones that protocols count in.
    return [0, 2, 3].some(
      (shift) => formatUnits(stated.digits, stated.decimals + shift) === formatUnits(amount.digits, amount.decimals),
    );
  };
  return amount.digits === 0n || texts.some(isAmount);
}

/** All that stands in a body. @returns undefined when it is no JSON, or a key is there twice, or has a name of JavaScript's own */
function valuesOf(body: Buffer): unknown[] | undefined {
  const text = body.toString();
  try {
    JSON.parse(text);
    const json = readJson(body);
    const paths = leafPaths(json);
    if (!Buffer.from(text).equals(body) || paths.some((path) => path.includes('__proto__'))) return undefined;
    return paths.map((path) => at(json, path));
  } catch {
    return undefined;
  }
}
