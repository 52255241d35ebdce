import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { expectRefused, secrets, underAttack } from './impostor.js';
import { bodyOf, send, sign } from './provider.js';

const target = underAttack();

const KiB = 1_024;
/** Applied as it stands, so that a body made from it is refused for nothing but the change. */
const good = {
  '/transaction': bodyOf({ transaction_id: 'b', user_id: 'mallory', action: 'result' }),
  '/transaction-rollback': bodyOf({ transaction_id: 'b', user_id: 'mallory', rollback_transaction_id: 'x' }),
};
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const keys = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',');

function bodiesFrom(whole: string): [string, string | Buffer][] {
  /** The whole body with something put in after its first brace. */
  const plus = (text: string): string => whole.replace('{', `{${text},`);
  return [
    ['is empty', ''],
    ['is white space', ' \r\n\t'],
    ['is null', 'null'],
    ['is true', 'true'],
    ['is a list', '[]'],
    ['is a list of one good body', `[${whole}]`],
    ['is text', '"x"'],
    ['is a good body in text', JSON.stringify(whole)],
    ['is a number', '123'],
    ['is an object of nothing', '{}'],
    [
      'is not UTF-8',
      Buffer.concat([Buffer.from(plus('"x":"')).subarray(0, -1), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    ],
    ['has an overlong encoding', Buffer.from(plus('"x":"\u00c0\u00af"'), 'latin1')],
    ['has a byte order mark', `\ufeff${whole}`],
    ['is UTF-16', Buffer.from(whole, 'utf16le')],
    ['is UTF-16 with its mark', Buffer.from(`\ufeff${whole}`, 'utf16le')],
    ['is compressed', gzipSync(whole)],
    ['is a bomb', gzipSync(Buffer.alloc(40 * KiB * KiB, 0x20))],
    ['is 64 KiB and one byte', whole + ' '.repeat(64 * KiB + 1 - whole.length)],
    ['is a megabyte', whole + ' '.repeat(KiB * KiB)],
    ['is a form', 'transaction_id=b&action=result&user_id=mallory&currency=EUR&amount=10.00'],
    ['is XML', '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
    ['is cut off', whole.slice(0, -1)],
    ['has more after it', `${whole}{}`],
    ['is there twice', whole + whole],
    ['has a NUL after it', `${whole}\0`],
    ['has a comma too many', whole.replace('}', ',}')],
    ['has a comment', plus('/* x */"x":1')],
    ['has single quotes', whole.replaceAll('"', "'")],
    ['has keys without quotes', whole.replace('"amount"', 'amount')],
    ['has a line end in text', plus('"x":"a\nb"')],
    ['has an escape that is none', plus('"x":"\\x41"')],
    ['has a cut escape', plus('"x":"\\u00"')],
    ['has a key twice', plus('"amount":"99.00"')],
    ['has a key twice with the same value', plus('"amount":"10.00"')],
    ['has a key twice, once escaped', plus('"\\u0061mount":"99.00"')],
    ['has a key twice, deep inside', plus('"x":{"y":[{"z":1,"\\u007a":2}]}')],
    ['has __proto__', plus('"__proto__":{"amount":"99.00"}')],
    ['has __proto__, escaped', plus('"\\u005f_proto__":{"amount":"99.00"}')],
    ['has __proto__, deep inside', plus('"x":[{"__proto__":[]}]')],
    ['has constructor', plus('"constructor":{"prototype":{"amount":"99.00"}}')],
    ['has its fields only by inheritance', `{"__proto__":${whole}}`],
    ['is nested 10,000 deep', nested(10_000)],
    ['has a field nested 10,000 deep', plus(`"x":${nested(10_000)}`)],
    ['has 10,000 objects left open', '{"x":'.repeat(10_000)],
    ['has 5,000 keys', plus(keys(5_000))],
    ['has 100,000 keys', plus(keys(100_000))],
  ];
}

describe.each(Object.entries(good))('on %s', (path, whole) => {
  test.each(bodiesFrom(whole))('a signed body that %s is refused', async (_what, body) => {
    const answer = await send(target().gateway.url, `/callbacks/igpx-demo${path}`, {
      body,
      headers: sign(body, secrets.current),
    });
    expectRefused(answer);
  });
});

test.each([
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'text/plain; charset=utf-16',
  'application/json; charset=utf-16',
  'application/json; charset="',
  'nonsense',
  '',
])('the bytes count, not the content type "%s" or an encoding it comes with', async (type) => {
  const { gateway } = target();
  const empty = bodyOf({ transaction_id: 'typed', user_id: 'nobody' });
  const before = gateway.log.length;
  const headers = { ...sign(empty, secrets.current), 'content-type': type, 'content-encoding': 'gzip' };
  expectRefused(await send(gateway.url, '/callbacks/igpx-demo/transaction', { body: empty, headers }));
  expect(gateway.log.slice(before).join('')).toContain('"verdict":"PLAYER_UNKNOWN"');
});

test('a body of exactly 64 KiB is read', async () => {
  const { gateway } = target();
  const body = bodyOf({ transaction_id: 'wide', user_id: 'nobody' }).padEnd(64 * KiB);
  const before = gateway.log.length;
  expectRefused(
    await send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers: sign(body, secrets.current) }),
  );
  expect(gateway.log.slice(before).join('')).toContain('"verdict":"PLAYER_UNKNOWN"');
});
