import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { PlayerStatus } from '../../src/ledger/commands.js';
import { igpxHash, startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import {
  type Answer,
  balanceOf,
  bodyOf,
  type Facts,
  integrationsWith,
  journalOf,
  movementsOf,
  refused,
  send,
  sign,
  tooPoor,
} from './provider.js';

let gateway: TestApp & { database: TestDatabase };
let player: TestPlayer;
beforeAll(async () => {
  gateway = await startTestApp({
    config: {
      integrations: integrationsWith({
        'igpx-demo': { securityHash: [igpxHash] },
        'igpx-second': { securityHash: [igpxHash], badSignatureStatus: 401, bareRoute: true },
        'igpx-other': { securityHash: [igpxHash] },
      }),
    },
  });
});
beforeEach(async () => {
  player = await createTestPlayer(gateway.database);
});
afterAll(() => gateway.close());

type Said = Omit<Facts, 'user_id'> & { user_id?: string; integration?: string };

function post({ integration = 'igpx-demo', user_id = player.externalId, ...facts }: Said): Promise<Answer> {
  const body = bodyOf({ user_id, ...facts });
  const path = facts.rollback_transaction_id === undefined ? '/transaction' : '/transaction-rollback';
  return send(gateway.url, `/callbacks/${integration}${path}`, { body, headers: sign(body, igpxHash) });
}

/** @returns the operator's transaction id of an accepted movement. */
async function accepted(said: Said): Promise<string> {
  const answer = await post(said);
  const id = answer === 'closed' ? undefined : /^\{"error":null,"transaction_id":"(tx_\w+)"\}$/.exec(answer.body)?.[1];
  expect({ answer, id }).toMatchObject({ answer: { status: 200 }, id: expect.any(String) });
  return id ?? '';
}

const balance = (currency = 'EUR', of = player): Promise<string> =>
  balanceOf(gateway.database, of.wallets.get(currency));

async function setStatus(status: PlayerStatus): Promise<void> {
  const { outcome } = await gateway.app.ledger.execute(
    { kind: 'status', brand: player.brand, player: player.externalId, status },
    { policy, deadlineMs: 5_000 },
  );
  expect(outcome.type).toBe('done');
}

describe('a repeat', () => {
  test.each([
    ['bet', { action: 'bet' }, '90.00'],
    ['result', { action: 'result' }, '110.00'],
  ])('of a %s gets the first transaction id and moves nothing', async (_kind, said, after) => {
    const first = await accepted({ transaction_id: 'k', ...said });
    expect(await accepted({ transaction_id: 'k', ...said })).toBe(first);
    expect(await accepted({ transaction_id: 'k', ...said })).toBe(first);
    expect(await balance()).toBe(after);
    expect(await movementsOf(gateway.database, player.id)).toHaveLength(1);
  });

  test('of a rollback gets the first transaction id and moves nothing', async () => {
    await accepted({ transaction_id: 'bet' });
    const first = await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet' });
    expect(await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet' })).toBe(first);
    expect(await balance()).toBe('100.00');
  });

  test('gets the first answer whatever has happened since', async () => {
    const first = await accepted({ transaction_id: 'bet' });
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet' });
    await setStatus('SUSPENDED');
    expect(await accepted({ transaction_id: 'bet' })).toBe(first);
    expect(await balance()).toBe('100.00');
  });

  test('may differ in white space, order of keys, notation of the amount and fields nobody asked for', async () => {
    const first = await accepted({ transaction_id: 'k', amount: '10.50' });
    const user = JSON.stringify(player.externalId);
    for (const body of [
      `{ "amount" : "10.5",\n"currency":"EUR", "user_id":${user}, "action":"bet", "transaction_id":"k" }`,
      `{"transaction_id":"k","action":"bet","user_id":${user},"currency":"EUR","amount":10.50,"timestamp":1}`,
      `{"transaction_id":"\\u006b","action":"bet","user_id":${user},"currency":"EUR","amount":"10.500000"}`,
    ]) {
      const answer = await send(gateway.url, '/callbacks/igpx-demo/transaction', {
        body,
        headers: sign(body, igpxHash),
      });
      expect(answer).toEqual({ status: 200, body: `{"error":null,"transaction_id":"${first}"}` });
    }
    expect(await balance()).toBe('89.50');
  });

  test('may come in on the bare callback URL and under the other spelling of the header', async () => {
    const first = await accepted({ transaction_id: 'k', integration: 'igpx-second' });
    const body = bodyOf({ transaction_id: 'k', user_id: player.externalId });
    const headers = { 'X-Securty-Hash': sign(body, igpxHash)['x-security-hash'] ?? '' };
    for (const path of ['', '/', '/transaction']) {
      const answer = await send(gateway.url, `/callbacks/igpx-second${path}`, { body, headers });
      expect(answer).toEqual({ status: 200, body: `{"error":null,"transaction_id":"${first}"}` });
    }
  });
});

describe('a conflict', () => {
  test.each<[string, Partial<Said>]>([
    ['another amount', { amount: '10.01' }],
    ['another kind', { action: 'result' }],
    ['another currency', { currency: 'USD' }],
    ['a rollback under the id of a bet', { rollback_transaction_id: 'bet' }],
  ])('with %s is refused and the first stays', async (_what, other) => {
    const both = await createTestPlayer(gateway.database, { balances: { EUR: '100', USD: '100' } });
    const first = await accepted({ transaction_id: 'bet', user_id: both.externalId });
    expect(await post({ transaction_id: 'bet', user_id: both.externalId, ...other })).toEqual(refused);
    expect(await accepted({ transaction_id: 'bet', user_id: both.externalId })).toBe(first);
    expect(await balance('EUR', both)).toBe('90.00');
    expect(await balance('USD', both)).toBe('100.00');
  });

  test('is none between integrations, brands, players, or ids that differ in case', async () => {
    const stranger = await createTestPlayer(gateway.database);
    const namesake = await createTestPlayer(gateway.database, { brand: 'other', externalId: player.externalId });
    const ids = [
      await accepted({ transaction_id: 'same' }),
      await accepted({ transaction_id: 'same', integration: 'igpx-second' }),
      await accepted({ transaction_id: 'same', integration: 'igpx-other' }),
      await accepted({ transaction_id: 'same', user_id: stranger.externalId }),
      await accepted({ transaction_id: 'SAME' }),
    ];
    expect(new Set(ids).size).toBe(5);
    expect(await balance()).toBe('70.00');
    expect(await balance('EUR', stranger)).toBe('90.00');
    expect(await balance('EUR', namesake)).toBe('90.00');
  });
});

describe('a rollback', () => {
  test('of a bet gives the stake back, of a result takes the payout back', async () => {
    await accepted({ transaction_id: 'bet', amount: '30.00' });
    await accepted({ transaction_id: 'won', action: 'result', amount: '45.00' });
    expect(await balance()).toBe('115.00');
    await accepted({ transaction_id: 'u1', rollback_transaction_id: 'won', amount: '45.00' });
    expect(await balance()).toBe('70.00');
    await accepted({ transaction_id: 'u2', rollback_transaction_id: 'bet', amount: '30.00' });
    expect(await balance()).toBe('100.00');
  });

  test('of a result that was spent goes below zero, and keeps bets out until it is covered', async () => {
    await accepted({ transaction_id: 'won', action: 'result', amount: '50.00' });
    await accepted({ transaction_id: 'all', amount: '150.00' });
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'won', amount: '50.00' });
    expect(await balance()).toBe('-50.00');
    expect(await post({ transaction_id: 'b1', amount: '1.00' })).toEqual(tooPoor);
    expect(await post({ transaction_id: 'b2', amount: '0' })).toEqual(tooPoor);
    const refusedBet = bodyOf({ transaction_id: 'b1', user_id: player.externalId, amount: '1.00' });
    expect(await journalOf(gateway.database, refusedBet)).toMatchObject([{ verdict: 'WALLET_IN_DEBT' }]);
    await accepted({ transaction_id: 'more', action: 'result', amount: '51.00' });
    await accepted({ transaction_id: 'b1', amount: '1.00' });
    expect(await balance()).toBe('0.00');
  });

  test('moves the amount of the original, whatever it states itself', async () => {
    await accepted({ transaction_id: 'bet', amount: '30.00' });
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet', amount: '99999.00', currency: 'USD' });
    expect(await balance()).toBe('100.00');
    const undo = (await movementsOf(gateway.database, player.id)).at(-1);
    expect(undo).toMatchObject({ effect: '30000000', flags: ['amount-differs', 'currency-differs'] });
  });

  test('of what is not known is accepted, and the late bet is refused for ever', async () => {
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'late' });
    expect(await post({ transaction_id: 'late' })).toEqual(refused);
    expect(await post({ transaction_id: 'late', amount: '1.00' })).toEqual(refused);
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'late' });
    expect(await balance()).toBe('100.00');
    const rows = await movementsOf(gateway.database, player.id);
    expect(rows.map(({ kind, external_key, effect }) => [kind, external_key, effect])).toEqual([
      ['rollback', 'undo', '0'],
      ['tombstone', 'late', '0'],
    ]);
  });

  test('of a bet that was declined is accepted, and moves nothing', async () => {
    expect(await post({ transaction_id: 'bet', amount: '100.01' })).toEqual(tooPoor);
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet', amount: '100.01' });
    expect(await balance()).toBe('100.00');
  });

  test('under a second id is accepted, and moves nothing', async () => {
    await accepted({ transaction_id: 'bet' });
    const first = await accepted({ transaction_id: 'u1', rollback_transaction_id: 'bet' });
    expect(await accepted({ transaction_id: 'u2', rollback_transaction_id: 'bet' })).not.toBe(first);
    expect(await balance()).toBe('100.00');
  });

  test('of a rollback is refused', async () => {
    await accepted({ transaction_id: 'bet' });
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet' });
    expect(await post({ transaction_id: 'redo', rollback_transaction_id: 'undo' })).toEqual(refused);
    expect(await balance()).toBe('100.00');
  });

  test("never reaches another player's bet", async () => {
    const stranger = await createTestPlayer(gateway.database);
    await accepted({ transaction_id: 'bet', user_id: stranger.externalId });
    await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet' });
    expect(await balance()).toBe('100.00');
    expect(await balance('EUR', stranger)).toBe('90.00');
  });
});

describe('money owed to a player', () => {
  test.each<PlayerStatus>(['SUSPENDED', 'SELF_EXCLUDED', 'CLOSED'])(
    'comes in while the player is %s',
    async (status) => {
      await accepted({ transaction_id: 'bet' });
      await setStatus(status);
      expect(await post({ transaction_id: 'no' })).toEqual(refused);
      await accepted({ transaction_id: 'won', action: 'result', amount: '20.00' });
      await accepted({ transaction_id: 'undo', rollback_transaction_id: 'bet' });
      expect(await balance()).toBe('120.00');
    },
  );

  test('in a currency the player has no wallet for opens one, if the brand has the currency', async () => {
    await accepted({ transaction_id: 'won', action: 'result', currency: 'USD', amount: '5.00' });
    expect(await movementsOf(gateway.database, player.id)).toMatchObject([{ kind: 'win', effect: '5000000' }]);
    expect(await post({ transaction_id: 'odd', action: 'result', currency: 'JPY' })).toEqual(refused);
    expect(await balance()).toBe('100.00');
  });

  test('is rounded down to what the ledger can hold, and the rest is recorded', async () => {
    await accepted({ transaction_id: 'won', action: 'result', amount: '0.0000019' });
    const [won] = await movementsOf(gateway.database, player.id);
    expect(won).toMatchObject({ effect: '1', flags: ['credit-rounded-down'] });
  });
});

test('an unknown player is refused, and not made', async () => {
  const user_id = `nobody-${randomUUID()}`;
  for (const action of ['bet', 'result']) {
    expect(await post({ transaction_id: 'k', user_id, action })).toEqual(refused);
  }
  const { rowCount } = await gateway.database.owner.query('select from player where external_id = $1', [user_id]);
  expect(rowCount).toBe(0);
});

test.each([
  `'; DROP TABLE player; --`,
  '{a,"b"}',
  'NULL',
  '\\',
  '../../x',
  '\u00e9\u0301\u{1f3b2}',
  '__proto__',
  'x'.repeat(255),
])('the id %j is kept as it is', async (transaction_id) => {
  const first = await accepted({ transaction_id });
  expect(await accepted({ transaction_id })).toBe(first);
  await accepted({ transaction_id: 'undo', rollback_transaction_id: transaction_id });
  const rows = await movementsOf(gateway.database, player.id);
  expect(rows).toMatchObject([{ external_key: transaction_id }, { target: transaction_id, effect: '10000000' }]);
});

test('a declined bet does not use its id up', async () => {
  expect(await post({ transaction_id: 'bet', amount: '100.01' })).toEqual(tooPoor);
  await accepted({ transaction_id: 'won', action: 'result', amount: '1.00' });
  await accepted({ transaction_id: 'bet', amount: '100.01' });
  expect(await balance()).toBe('0.99');
});

test('a wrong signature is told by status 401 where the integration asks for it, and by 200 elsewhere', async () => {
  const body = bodyOf({ transaction_id: 'k', user_id: player.externalId });
  const headers = sign(body, 'another-secret-of-32-characters-0');
  const tell = (integration: string) => send(gateway.url, `/callbacks/${integration}/transaction`, { body, headers });
  expect(await tell('igpx-second')).toEqual({ status: 401, body: '{"error":"INTERNAL_ERROR"}' });
  expect(await tell('igpx-demo')).toEqual(refused);
  expect(await balance()).toBe('100.00');
});

test('the bare callback URL is closed unless the integration opens it', async () => {
  const body = bodyOf({ transaction_id: 'k', user_id: player.externalId });
  for (const path of ['', '/']) {
    const answer = await send(gateway.url, `/callbacks/igpx-demo${path}`, { body, headers: sign(body, igpxHash) });
    expect(answer).toEqual(refused);
  }
  expect(await balance()).toBe('100.00');
});
