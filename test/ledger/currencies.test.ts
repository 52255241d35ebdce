import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Outcome, WalletCommand } from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, policy, rollback, said, win } from './commands.js';

/** Which currencies money moves in, and where a movement in another one goes. */

let db: TestDatabase;
/** Two gateway processes on one database. */
let first: Ledger;
let second: Ledger;
let alice: TestPlayer;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

beforeEach(async () => {
  first = createTestLedger(db);
  second = createTestLedger(db);
  alice = await createTestPlayer(db);
});
afterEach(async () => {
  await Promise.all([first.close(), second.close()]);
});

async function execute(ledger: Ledger, command: WalletCommand): Promise<Outcome> {
  const { outcome } = await ledger.execute(command, { policy, deadlineMs: 10_000 });
  return outcome;
}

test.each(['BTC', 'USD'])(
  'rule 12: a bet in %s, which the integration does not list, is refused, and no wallet opens',
  async (currency) => {
    expect(said(await execute(first, bet(alice, 'b', '1', { currency })))).toBe('refused CURRENCY_NOT_ALLOWED');
    const { rows } = await db.owner.query('select currency from wallet where player_id = $1', [alice.id]);
    expect(rows).toEqual([{ currency: 'EUR' }]);
  },
);

test('rule 12: a credit opens a wallet in a currency of the brand once, and says so once', async () => {
  const outcomes = await Promise.all(
    ['w1', 'w2', 'w3'].map((key) => execute(first, win(alice, key, '0.00000001', { currency: 'BTC' }))),
  );
  expect(outcomes.map(said)).toEqual(['applied 1', 'applied 2', 'applied 3']);
  expect(outcomes.map((each) => each.flags)).toEqual([['wallet-opened-by-credit'], [], []]);
  const inquiry = { kind: 'balance', brand: alice.brand, player: alice.externalId, currency: 'BTC' } as const;
  expect(said(await execute(first, inquiry))).toBe('done 3');
});

test('rule 12: a credit in a currency that the brand does not list is refused and flagged', async () => {
  expect(await execute(first, win(alice, 'w', '1', { currency: 'GBP' }))).toMatchObject({
    type: 'refused',
    code: 'CURRENCY_NOT_ALLOWED',
    flags: ['quarantined'],
  });
});

test('rules 2 and 3: what was bet while the integration listed the currency is still known by its key', async () => {
  await execute(first, bet(alice, 'b', '5'));
  const after = createTestLedger(db, { integrationCurrencies: new Map([['igpx-demo', new Set(['USD'])]]) });
  expect(said(await execute(after, bet(alice, 'b', '5')))).toBe('replayed 95000000');
  expect(await execute(after, bet(alice, 'b', '6'))).toMatchObject({ code: 'KEY_CONFLICT', flags: ['key-conflict'] });
  expect(said(await execute(after, bet(alice, 'c', '5')))).toBe('refused CURRENCY_NOT_ALLOWED');
  await after.close();
});

test('rule 4: a rollback of an unknown bet leaves its tombstone, whatever currency it states', async () => {
  const outcome = await execute(first, rollback(alice, 'r', 'b', { currency: 'GBP' }));
  expect(said(outcome)).toBe('applied 100000000');
  expect(outcome.flags).toEqual(['rollback-of-unknown', 'currency-differs']);
  expect(said(await execute(first, bet(alice, 'b', '5')))).toBe('refused BET_ROLLED_BACK');
  expect(said(await execute(first, rollback(alice, 'r', 'b', { currency: 'GBP' })))).toBe('replayed 100000000');
});

test('rule 4: the same for a player who has no wallet yet', async () => {
  const carol = await createTestPlayer(db, { balances: {} });
  expect(said(await execute(first, rollback(carol, 'r', 'b', { currency: 'GBP' })))).toBe('applied 0');
  expect(said(await execute(first, bet(carol, 'b', '0')))).toBe('refused BET_ROLLED_BACK');
});

test('a rollback that states another currency opens no wallet in it', async () => {
  await execute(first, bet(alice, 'b', '5'));
  const outcome = await execute(first, rollback(alice, 'x', 'b', { currency: 'USD' }));
  expect(outcome).toMatchObject({ type: 'applied', flags: ['currency-differs'], receipt: { currency: 'EUR' } });
  const { rows } = await db.owner.query('select currency from wallet where player_id = $1', [alice.id]);
  expect(rows).toEqual([{ currency: 'EUR' }]);
});

test('a wallet that two gateways open at once is one wallet', async () => {
  const outcomes = await Promise.all(
    [first, second].map((ledger, count) => execute(ledger, win(alice, `w${count}`, '1', { currency: 'USD' }))),
  );
  expect(outcomes.map(said).sort()).toEqual(['applied 1000000', 'applied 2000000']);
});
