import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  balanceOf,
  bodyOf,
  integrationsWith,
  journalOf,
  movementsOf,
  refused,
  send,
  sign,
} from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase } from '../support/database.js';

/** The settings of the dialect that only a whole gateway can show. */

const securityHash = ['test-security-hash-of-this-file'];
const [hash = ''] = securityHash;

let gateway: TestApp & { database: TestDatabase };
beforeAll(async () => {
  gateway = await startTestApp({
    config: {
      integrations: integrationsWith({
        'igpx-demo': { securityHash, sourceAddresses: ['192.0.2.0/24', '127.0.0.0/8'], balanceCallback: true },
        'igpx-second': { securityHash, sourceAddresses: ['192.0.2.0/24', '2001:db8::7'] },
        'igpx-other': { securityHash },
      }),
    },
  });
});
afterAll(() => gateway.close());

function call(path: string, body: string) {
  return send(gateway.url, `/callbacks/${path}`, { body, headers: sign(body, hash) });
}

describe('sourceAddresses', () => {
  test('a bet from another address is refused although it is signed, and the journal says why', async () => {
    const player = await createTestPlayer(gateway.database);
    const body = bodyOf({ transaction_id: 'from-elsewhere', user_id: player.externalId });
    expect(await call('igpx-second/transaction', body)).toEqual(refused);
    const row = { name: null, verdict: 'UNAUTHENTICATED', status: 200, answer: refused.body };
    await expect.poll(() => journalOf(gateway.database, body)).toMatchObject([row]);
    expect(await movementsOf(gateway.database, player.id)).toEqual([]);
    expect(await balanceOf(gateway.database, player.wallets.get('EUR'))).toBe('100.00');
  });

  test.each([
    ['igpx-demo', 'demo', 'a listed range'],
    ['igpx-other', 'other', 'anywhere without a list'],
  ])('%s: a bet of brand %s from %s is taken', async (integration, brand) => {
    const player = await createTestPlayer(gateway.database, { brand });
    const body = bodyOf({ transaction_id: 'from-there', user_id: player.externalId });
    expect(await call(`${integration}/transaction`, body)).toMatchObject({
      body: expect.stringContaining('"error":null'),
    });
    expect(await balanceOf(gateway.database, player.wallets.get('EUR'))).toBe('90.00');
  });

  test('a listed address does not stand in for a signature', async () => {
    const player = await createTestPlayer(gateway.database);
    const body = bodyOf({ transaction_id: 'unsigned', user_id: player.externalId });
    expect(await send(gateway.url, '/callbacks/igpx-demo/transaction', { body })).toEqual(refused);
    expect(await movementsOf(gateway.database, player.id)).toEqual([]);
  });
});

describe('getBalance', () => {
  const inquiry = (user_id: string, currency: string) => JSON.stringify({ action: 'getBalance', user_id, currency });

  test('tells the balance of a wallet, an empty one included', async () => {
    const { externalId } = await createTestPlayer(gateway.database, { balances: { EUR: '12.5', USD: '0' } });
    for (const [currency, balance] of [['EUR', '12.50'] as const, ['USD', '0.00'] as const]) {
      const body = JSON.stringify({ error: null, balance, currency });
      expect(await call('igpx-demo/', inquiry(externalId, currency))).toEqual({ status: 200, body });
    }
  });

  test.each([
    ['no wallet in the currency', 'no-dollars', 'USD', 'CURRENCY_NOT_ALLOWED'],
    ['a currency that nobody has', 'no-dollars', 'XXX', 'CURRENCY_NOT_ALLOWED'],
    ['an unknown player', 'nobody', 'EUR', 'PLAYER_UNKNOWN'],
  ])('for %s is an error, and opens nothing', async (_what, user, currency, verdict) => {
    const { externalId, id } = await createTestPlayer(gateway.database);
    const body = inquiry(user === 'nobody' ? `${user}-${externalId}` : externalId, currency);
    expect(await call('igpx-demo', body)).toEqual(refused);
    await expect.poll(() => journalOf(gateway.database, body)).toMatchObject([{ name: 'balance', verdict }]);
    const { rows } = await gateway.database.owner.query('select currency from wallet where player_id = $1', [id]);
    expect(rows).toEqual([{ currency: 'EUR' }]);
  });
});
