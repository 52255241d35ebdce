import { describe, test } from 'vitest';
import { expectRefused, secrets, underAttack } from './impostor.js';
import { type Answer, send, sign } from './provider.js';

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

/** Named by their beginning: some are a megabyte long. */
function named(values: readonly (string | undefined)[]): [string, string | undefined][] {
  return values.map((json) => {
    if (json === undefined) return ['that is missing', json];
    return [json.length > 50 ? `${json.slice(0, 30)}… of ${json.length} characters` : json, json];
  });
}

// The lists that hold for every dialect are in test/adapters/contract/hostile.ts; here is what only this one refuses, because
// its amounts have six decimals and its ids are text.
const amounts = named([
  '"1,000.00"',
  '-Infinity',
  '1E-2',
  // 2^53 + 1 of the major unit, and the first unit that a balance cannot hold.
  '9007199254740993',
  '"9223372036854.775808"',
  undefined,
]);

describe.each(actions)('a %s', (action) => {
  test.each(amounts)('of the amount %s is refused', async (_name, amount) => {
    expectRefused(await post(bodyWith(action, { amount }), action));
  });
});

test('a stake with more decimals than the currency has is refused, written either way', async () => {
  for (const amount of ['"0.0000001"', '0.0000001', '"1.0000001"'])
    expectRefused(await post(bodyWith('bet', { amount })));
});

const names = named(['42', '1.5', '9007199254740993', undefined, `"${'x'.repeat(1_024 * 1_024)}"`]);

describe.each(actions)('in a %s', (action) => {
  test.each(names)('the user id %s is refused', async (_name, user_id) => {
    expectRefused(await post(bodyWith(action, { user_id }), action));
  });

  test.each(names)('the transaction id %s is refused', async (_name, transaction_id) => {
    expectRefused(await post(bodyWith(action, { transaction_id }), action));
  });

  test('without a currency is refused', async () => {
    expectRefused(await post(bodyWith(action, { currency: undefined }), action));
  });
});

test('a payout that the balance could not hold is refused', async () => {
  expectRefused(await post(bodyWith('result', { amount: '"9223372036854.775807"' })));
});

describe('a rollback', () => {
  test.each([...names, ...named(['"v"'])])('of the target %s is refused', async (_name, rollback_transaction_id) => {
    expectRefused(await post(bodyWith('rollback', { rollback_transaction_id }), 'rollback'));
  });
});

test.each(
  named(
    [
      [
        '"Bet"',
        '"BET"',
        '"bet "',
        '"refund"',
        '"balance"',
        '"getBalance"',
        '"rollback"',
        '"win"',
        '""',
        '["bet"]',
        '{}',
        '1',
        'null',
      ],
      ['"__proto__"', '"constructor"', '"toString"', undefined],
    ].flat(),
  ),
)('the action %s on the path of transactions is refused', async (_name, action) => {
  expectRefused(await post(bodyWith('result', { action })));
});

test.each(named(['"bet"', '"result"', '"cancel"', 'null', undefined]))(
  'the action %s on the path of rollbacks is refused',
  async (_name, action) => {
    expectRefused(await post(bodyWith('rollback', { action }), 'rollback'));
  },
);
