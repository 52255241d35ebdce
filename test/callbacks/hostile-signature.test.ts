import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { expectRefused, secrets, underAttack } from './impostor.js';
import { bodyOf, send, sign } from './provider.js';

const target = underAttack();

/** Both are applied as they stand. */
const result = bodyOf({ transaction_id: 'h', user_id: 'mallory', action: 'result' });
const rollback = bodyOf({ transaction_id: 'h', user_id: 'mallory', rollback_transaction_id: 'x' });
const routes = [
  { path: '/transaction', body: result },
  { path: '/transaction-rollback', body: rollback },
];

const signature = (body: string | Buffer, secret: string = secrets.current): string =>
  sign(body, secret)['x-security-hash'] ?? '';
const under = (value: string | string[], name = 'X-Security-Hash') => ({ [name]: value });
const digest = (body: string, encoding: 'base64' | 'base64url', algorithm = 'sha256'): string =>
  createHmac(algorithm, secrets.current).update(body).digest(encoding);

/** What the impostor sends for a body: headers, and where it matters another body. */
type Forgery = (body: string) => { headers?: Record<string, string | string[]>; body?: string | Buffer };

const forgeries: [string, Forgery][] = [
  ['is absent', () => ({})],
  ['is empty', () => ({ headers: under('') })],
  ['is blank', () => ({ headers: under('   ') })],
  ['is there twice, the same', (body) => ({ headers: under([signature(body), signature(body)]) })],
  ['is there twice, one of them wrong', (body) => ({ headers: under([signature(body), '0'.repeat(64)]) })],
  ['is two in one line', (body) => ({ headers: under(`${signature(body)},${signature(body)}`) })],
  ['is one digit short', (body) => ({ headers: under(signature(body).slice(0, -1)) })],
  ['is cut in half', (body) => ({ headers: under(signature(body).slice(0, 32)) })],
  ['is one digit long', (body) => ({ headers: under(`${signature(body)}0`) })],
  ['has a digit that is none', (body) => ({ headers: under(`g${signature(body).slice(1)}`) })],
  ['has a digit of another script', (body) => ({ headers: under(`\u00b9${signature(body).slice(1)}`) })],
  ['has its last digit changed', (body) => ({ headers: under(flipLast(signature(body))) })],
  ['has 0x before it', (body) => ({ headers: under(`0x${signature(body)}`) })],
  ['has its algorithm before it', (body) => ({ headers: under(`sha256=${signature(body)}`) })],
  ['is in quotes', (body) => ({ headers: under(`"${signature(body)}"`) })],
  ['is base64', (body) => ({ headers: under(digest(body, 'base64')) })],
  ['is base64url', (body) => ({ headers: under(digest(body, 'base64url')) })],
  ['is made with SHA-512', (body) => ({ headers: under(digest(body, 'base64', 'sha512')) })],
  ['is all zeros', () => ({ headers: under('0'.repeat(64)) })],
  ['is 8 KiB long', (body) => ({ headers: under(signature(body).repeat(128)) })],
  ['is under a name that is none of the two', (body) => ({ headers: under(signature(body), 'X-Signature') })],
  ["is made with another integration's secret", (body) => ({ headers: under(signature(body, secrets.second)) })],
  ["is made with another brand's secret", (body) => ({ headers: under(signature(body, secrets.other)) })],
  ['is made with the password', (body) => ({ headers: under(signature(body, secrets.password)) })],
  [
    'is made with white space after the secret',
    (body) => ({ headers: under(signature(body, `${secrets.current}\n`)) }),
  ],
  ['is made without a secret', (body) => ({ headers: under(createHmac('sha256', '').update(body).digest('hex')) })],
  ['covers the body written in another way', (body) => ({ headers: under(signature(body)), body: ` ${body}` })],
  ['covers the body before its keys were sorted', (body) => ({ headers: under(signature(body)), body: sorted(body) })],
  ['covers one byte less', (body) => ({ headers: under(signature(body)), body: `${body}\n` })],
  ['covers one byte more', (body) => ({ headers: under(signature(`${body}\n`)) })],
  ['covers another body', (body) => ({ headers: under(signature(body)), body: body.replace('10.00', '90.00') })],
  ['covers nothing', (body) => ({ headers: under(signature('')), body })],
  [
    'covers what a compressed body holds',
    (body) => ({ headers: { ...under(signature(body)), 'content-encoding': 'gzip' }, body: gzipSync(body) }),
  ],
];

function flipLast(text: string): string {
  return text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
}

function sorted(body: string): string {
  const fields = Object.entries(JSON.parse(body) as Record<string, string>);
  return JSON.stringify(Object.fromEntries(fields.toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

describe.each(routes)('on $path', ({ path, body }) => {
  test.each(forgeries)('a signature that %s is refused', async (_what, forge) => {
    const { headers = {}, body: sent = body } = forge(body);
    expectRefused(await send(target().gateway.url, `/callbacks/igpx-demo${path}`, { body: sent, headers }));
  });
});

test('a signature in the query is none', async () => {
  const path = `/callbacks/igpx-demo/transaction?x-security-hash=${signature(result)}`;
  expectRefused(await send(target().gateway.url, path, { body: result }));
});

test('a signature valid here is refused at every other integration', async () => {
  const headers = sign(result, secrets.current);
  for (const integration of ['igpx-second', 'igpx-other']) {
    const path = `/callbacks/${integration}/transaction`;
    expectRefused(await send(target().gateway.url, path, { body: result, headers }));
  }
});

test('a signature is taken in either case, from either header, and of every live secret; of a retired one no longer', async () => {
  const { gateway } = target();
  // Signed by the provider, about nobody it knows: who gets as far as being unknown was believed.
  const body = bodyOf({ transaction_id: 'k', user_id: 'nobody' });
  const verdictOf = async (headers: Record<string, string | string[]>): Promise<string | undefined> => {
    const before = gateway.log.length;
    expectRefused(await send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers }));
    return /"verdict":"(\w+)"/.exec(gateway.log.slice(before).join(''))?.[1];
  };
  expect(await verdictOf(under(signature(body)))).toBe('PLAYER_UNKNOWN');
  expect(await verdictOf(under(signature(body).toUpperCase()))).toBe('PLAYER_UNKNOWN');
  expect(await verdictOf(under(signature(body), 'X-Securty-Hash'))).toBe('PLAYER_UNKNOWN');
  expect(await verdictOf(under(signature(body, secrets.previous)))).toBe('PLAYER_UNKNOWN');
  expect(await verdictOf(under(signature(body, secrets.previous), 'X-Securty-Hash'))).toBe('PLAYER_UNKNOWN');
  expect(await verdictOf(under(signature(body, 'canary-retired-1b3d5f7a9c0e2468')))).toBe('UNAUTHENTICATED');
});
