import { describe, expect, test } from 'vitest';
import { createTestPlayer } from '../support/database.js';
import { expectRefused, secrets, underAttack } from './impostor.js';
import { type Answer, balanceOf, bodyOf, type Facts, movementsOf, refused, send, sign, tooPoor } from './provider.js';

const target = underAttack();

const paths = { bet: '/transaction', result: '/transaction', rollback: '/transaction-rollback' } as const;
type Action = keyof typeof paths;
const actions: Action[] = ['bet', 'result', 'rollback'];

/** A good body with fields put in as JSON text, so that anything can be said; undefined leaves the field out. */
function bodyWith(action: Action, fields: Readonly<Record<string, string | undefined>>): string {
  const target = action === 'rollback' ? { rollback_transaction_id: '"unseen"' } : {};
  const good = { transaction_id: '"v"', ...target, user_id: '"mallory"', currency: '"EUR"', amount: '"10.00"' };
  const said = { action: JSON.stringify(action), ...good, ...fields };
  const parts = Object.entries(said).flatMap(([name, json]) => (json === undefined ? [] : [`"${name}":${json}`]));
  return `{${parts.join(',')}}`;
}

function post(body: string, action: Action = 'bet'): Promise<Answer> {
  const path = `/callbacks/igpx-demo${paths[action]}`;
  return send(target().gateway.url, path, { body, headers: sign(body, secrets.current) });
}

const amounts = [
  ['""', '" 12 "', '"12 "', '"\\u00a012"', '"12\\n"', '"0x10"', '"1e3"', '"1E3"', '"1_000"', '"1,50"', '"1,000.00"', '"1.000,00"'],
  ['"\u0661\u0662"', '"\uff11\uff12"', '"12\u20ac"', '"$12"', '"+12"', '"-12"', '"-0"', '"--1"', '"01"', '".5"', '"5."', '"1.2.3"'],
  ['"NaN"', '"Infinity"', '"null"', '"12\\u0000"', '"\u221212"', '[5]', '["5"]', '{}', '{"value":"5"}', 'true', 'null'],
  ['NaN', 'Infinity', '-Infinity', '1e400', '1e3', '1E-2', '-0', '-0.0', '-1', '01', '.5', '5.', '+5', '0x10', '1_000', '5n'],
  [`"${'9'.repeat(40)}"`, `"${'9'.repeat(41)}"`, '9'.repeat(400), `"1.${'0'.repeat(400)}"`, `1.${'9'.repeat(60)}`],
  // 2^63, 2^64 and 2^53 + 1 of the major unit, and the first unit that a balance cannot hold.
  ['"9223372036854775808"', '9223372036854775808', '18446744073709551616', '9007199254740993', '"9223372036854.775808"'],
].flat();

describe.each(actions)('a %s', (action) => {
  test.each([...amounts, undefined])('of the amount %s is refused', async (amount) => {
    expectRefused(await post(bodyWith(action, { amount }), action));
  });
});

test('a stake with more decimals than the currency has is refused, written either way', async () => {
  for (const amount of ['"0.0000001"', '0.0000001', '"1.0000001"']) expectRefused(await post(bodyWith('bet', { amount })));
});

const names = [
  ['""', '" "', '"\\t"', '" mallory"', '"mallory "', '"\\u0000"', '"mal\\u0000lory"', '"mallory\\n"', '"\\ud800"', '"\\udc00x"'],
  ['42', '-1', '1.5', 'true', 'null', '[]', '["mallory"]', '{}', '{"$ne":""}', undefined, `"${'x'.repeat(300)}"`],
  [`"${'x'.repeat(256)}"`, `"${'\u20ac'.repeat(86)}"`, `"${'x'.repeat(60 * 1_024)}"`, `"${'x'.repeat(1_024 * 1_024)}"`],
].flat();

describe.each(actions)('in a %s', (action) => {
  test.each(names)('the user id %s is refused', async (user_id) => {
    expectRefused(await post(bodyWith(action, { user_id }), action));
  });

  test.each(names)('the transaction id %s is refused', async (transaction_id) => {
    if (/^" ?mallory ?"$/.test(transaction_id ?? '') && transaction_id === '"mallory"') return;
    expectRefused(await post(bodyWith(action, { transaction_id }), action));
  });

  test.each([
    ['"\'; DROP TABLE player; --"', '"1 OR 1=1"', '"{a,b}"', '"NULL"', '"\\\\"', '"\\""', '"../../etc/passwd"', '"${jndi:ldap://x}"'],
    ['"MALLORY"', '"Mallory"', '"mallory\u0301"', '"\u202emallory"', '"mal\u00adlory"', '"%6dallory"', '"mallory\u200b"', '"__proto__"'],
  ].flat())('the user id %s is nobody', async (user_id) => {
    expectRefused(await post(bodyWith(action, { user_id }), action));
  });

  // A rollback posts where its target is, so its own currency decides only where there is no target.
  test.each([
    ['"eur"', '"Eur"', '"XXX"', '"JPY"', '"EU"', '"EURO"', '" EUR"', '"EUR "', '""', '"\\u0000"', '978', 'null', '["EUR"]', undefined],
    ['"EUR\u200b"', '"\u20ac"', '"__proto__"', '"EUR,USD"', `"${'E'.repeat(300)}"`],
  ].flat())('the currency %s is refused', async (currency) => {
    expectRefused(await post(bodyWith(action, { currency }), action));
  });
});

describe('a rollback', () => {
  test.each([...names, '"v"'])('of the target %s is refused', async (rollback_transaction_id) => {
    expectRefused(await post(bodyWith('rollback', { rollback_transaction_id }), 'rollback'));
  });
});

test.each([
  ['"Bet"', '"BET"', '"bet "', '"refund"', '"balance"', '"getBalance"', '"rollback"', '"win"', '""', '["bet"]', '{}', '1', 'null'],
  ['"__proto__"', '"constructor"', '"toString"', undefined],
].flat())('the action %s on the path of transactions is refused', async (action) => {
  expectRefused(await post(bodyWith('result', { action })));
});

test.each(['"bet"', '"result"', '"cancel"', 'null', undefined])('the action %s on the path of rollbacks is refused', async (action) => {
  expectRefused(await post(bodyWith('rollback', { action }), 'rollback'));
});

describe('what may look hostile and is not', () => {
  async function expectMoved(facts: readonly Partial<Facts>[], balance: string): Promise<readonly { external_key: string }[]> {
    const { gateway } = target();
    const player = await createTestPlayer(gateway.database);
    for (const fact of facts) {
      const body = bodyOf({ transaction_id: 'k', user_id: player.externalId, ...fact });
      expect(await post(body)).toMatchObject({ status: 200, body: expect.stringContaining('"error":null') });
    }
    expect(await balanceOf(gateway.database, player.wallets.get('EUR'))).toBe(balance);
    const rows = await movementsOf(gateway.database, player.id);
    // The table of money rows is compared around each test, so what is put in here is taken note of there.
    await undo(player.id);
    return rows;
  }
});
