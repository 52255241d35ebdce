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

const amounts = named(
  [
    [
      '""',
      '" 12 "',
      '"12 "',
      '"\\u00a012"',
      '"12\\n"',
      '"0x10"',
      '"1e3"',
      '"1E3"',
      '"1_000"',
      '"1,50"',
      '"1,000.00"',
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
      'null',
    ],
    [
      'NaN',
      'Infinity',
      '-Infinity',
      '1e400',
      '1e3',
      '1E-2',
      '-0',
      '-0.0',
      '-1',
      '01',
      '.5',
      '5.',
      '+5',
      '0x10',
      '1_000',
      '5n',
    ],
    [`"${'9'.repeat(40)}"`, `"${'9'.repeat(41)}"`, '9'.repeat(400), `"1.${'0'.repeat(400)}"`, `1.${'9'.repeat(60)}`],
    // 2^63, 2^64 and 2^53 + 1 of the major unit, and the first unit that a balance cannot hold.
    [
      '"9223372036854775808"',
      '9223372036854775808',
      '18446744073709551616',
      '9007199254740993',
      '"9223372036854.775808"',
    ],
    undefined,
  ].flat(),
);

describe.each(actions)('a %s', (action) => {
  test.each(amounts)('of the amount %s is refused', async (_name, amount) => {
    expectRefused(await post(bodyWith(action, { amount }), action));
  });
});

test('a stake with more decimals than the currency has is refused, written either way', async () => {
  for (const amount of ['"0.0000001"', '0.0000001', '"1.0000001"'])
    expectRefused(await post(bodyWith('bet', { amount })));
});

const names = named(
  [
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
    ['42', '-1', '1.5', 'true', 'null', '[]', '["mallory"]', '{}', '{"$ne":""}', undefined, `"${'x'.repeat(300)}"`],
    [
      `"${'x'.repeat(256)}"`,
      `"${'\u20ac'.repeat(86)}"`,
      `"${'x'.repeat(60 * 1_024)}"`,
      `"${'x'.repeat(1_024 * 1_024)}"`,
    ],
  ].flat(),
);

describe.each(actions)('in a %s', (action) => {
  test.each(names)('the user id %s is refused', async (_name, user_id) => {
    expectRefused(await post(bodyWith(action, { user_id }), action));
  });

  test.each(names)('the transaction id %s is refused', async (_name, transaction_id) => {
    expectRefused(await post(bodyWith(action, { transaction_id }), action));
  });

  test.each(
    [
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
    ].flat(),
  )('the user id %s is nobody', async (user_id) => {
    expectRefused(await post(bodyWith(action, { user_id }), action));
  });

  // A rollback posts where its target is, so its own currency decides only where there is no target.
  test.each(
    named(
      [
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
          undefined,
        ],
        ['"EUR\u200b"', '"\u20ac"', '"__proto__"', '"EUR,USD"', `"${'E'.repeat(300)}"`],
      ].flat(),
    ),
  )('the currency %s is refused', async (_name, currency) => {
    expectRefused(await post(bodyWith(action, { currency }), action));
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
