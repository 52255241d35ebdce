import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let alice: TestPlayer;
let bob: TestPlayer;
let stranger: TestPlayer;
let token: { alice: string; support: string; otherOperator: string; nobody: string };

beforeAll(async () => {
  app = await startTestApp();
  alice = await createTestPlayer(app.database, { externalId: 'alice', balances: { EUR: '100.5', BTC: '0.00000001' } });
  bob = await createTestPlayer(app.database, { externalId: 'bob' });
  stranger = await createTestPlayer(app.database, { brand: 'other', externalId: 'alice' });
  token = {
    alice: await app.token('player', 'alice'),
    support: await app.token('support'),
    otherOperator: await app.token('operator', 'boss', { brand: 'other' }),
    nobody: await app.token('player', 'nobody'),
  };
});
afterAll(() => app.close());

const playerId = (player: TestPlayer): string => formatId('player', player);
const walletId = (player: TestPlayer, currency = 'EUR'): string =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get(currency) ?? 0n });

describe('a player', () => {
  test('reads itself with exact balances, padded to two decimals at most', async () => {
    const { data, errors } = await request(
      app,
      token.alice,
      '{ me { id externalId brand status createdAt wallets { id currency balance { amount currency } sequence player { id } } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      me: {
        id: playerId(alice),
        externalId: 'alice',
        brand: 'demo',
        status: 'ACTIVE',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        wallets: [
          {
            id: walletId(alice, 'BTC'),
            currency: 'BTC',
            balance: { amount: '0.00000001', currency: 'BTC' },
            sequence: '1',
            player: { id: playerId(alice) },
          },
          {
            id: walletId(alice),
            currency: 'EUR',
            balance: { amount: '100.50', currency: 'EUR' },
            sequence: '1',
            player: { id: playerId(alice) },
          },
        ],
      },
    });
  });

  test('that the operator has not created yet is null', async () => {
    expect((await request(app, token.nobody, '{ me { id } }')).data).toEqual({ me: null });
  });

  test('gets for every id of somebody else what an unknown id gets', async () => {
    const query = `query ($player: ID, $wallet: ID!, $transaction: ID!) {
      player(id: $player) { id } wallet(id: $wallet) { id } transaction(id: $transaction) { id }
      transactions(filter: { playerId: $player, walletId: $wallet }) { edges { node { id } } pageInfo { hasNextPage } } }`;
    const answers = await Promise.all(
      [bob, stranger].map((other) =>
        request(app, token.alice, query, {
          player: playerId(other),
          wallet: walletId(other),
          transaction: `tx_${walletId(other).slice(3)}_1`,
        }),
      ),
    );
    const unknown = await request(app, token.alice, query, {
      player: 'pl_00zzzz',
      wallet: 'wa_00zzzz',
      transaction: 'tx_00zzzz_1',
    });
    const forged = await request(app, token.alice, query, { player: "'; DROP", wallet: '\u0000', transaction: 'tx' });
    expect(unknown.data).toEqual({
      player: null,
      wallet: null,
      transaction: null,
      transactions: { edges: [], pageInfo: { hasNextPage: false } },
    });
    for (const answer of [...answers, forged]) expect(answer.text).toBe(unknown.text);
  });

  test('finds only its own history and keys', async () => {
    const all = await request(
      app,
      token.alice,
      '{ transactions { edges { node { wallet { player { externalId brand } } } } } }',
    );
    expect(all.data).toEqual({
      transactions: {
        edges: Array.from({ length: 2 }, () => ({
          node: { wallet: { player: { externalId: 'alice', brand: 'demo' } } },
        })),
      },
    });
    const bobs = await request(
      app,
      token.support,
      '{ transactions(filter: { integration: "cashier" }) { edges { node { externalKey wallet { player { externalId } } } } } }',
    );
    expect(JSON.stringify(bobs.data)).toContain('"bob"');
    expect(JSON.stringify(bobs.data)).not.toContain('other');
  });
});

describe('staff', () => {
  test('reads players of its brand by id and by external id', async () => {
    const query =
      'query ($id: ID) { byId: player(id: $id) { externalId } byName: player(externalId: "bob") { id } named: player(brand: "demo", externalId: "bob") { id } }';
    const { data } = await request(app, token.support, query, { id: playerId(bob) });
    expect(data).toEqual({ byId: { externalId: 'bob' }, byName: { id: playerId(bob) }, named: { id: playerId(bob) } });
  });

  test('never reads another brand, whatever it asks by', async () => {
    const { data, errors } = await request(
      app,
      token.otherOperator,
      `query ($player: ID, $wallet: ID!, $transaction: ID!) {
        player(id: $player) { id } named: player(brand: "demo", externalId: "bob") { id } wallet(id: $wallet) { id }
        transaction(id: $transaction) { id }
        transactions(filter: { walletId: $wallet }) { edges { node { id } } }
        all: transactions { edges { node { wallet { player { brand } } } } }
        integrations { id } }`,
      { player: playerId(bob), wallet: walletId(bob), transaction: `tx_${walletId(bob).slice(3)}_1` },
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      player: null,
      named: null,
      wallet: null,
      transaction: null,
      transactions: { edges: [] },
      all: { edges: [{ node: { wallet: { player: { brand: 'other' } } } }] },
      integrations: [{ id: 'igpx-other' }],
    });
  });

  test('sees the integrations of its brand, without the cashier', async () => {
    const { data } = await request(app, token.support, '{ integrations { id adapter currencies active } }');
    expect(data).toEqual({
      integrations: [
        { id: 'igpx-demo', adapter: 'igpx', currencies: ['EUR', 'USD'], active: true },
        { id: 'igpx-second', adapter: 'igpx', currencies: ['EUR', 'USD'], active: true },
      ],
    });
  });
});

test('a player is asked for by exactly one of id and external id', async () => {
  for (const args of ['', '(id: "pl_001", externalId: "bob")', '(id: "pl_001", brand: "demo")', '(brand: "demo")']) {
    expect(codes(await request(app, token.support, `{ player${args} { id } }`))).toEqual(['BAD_USER_INPUT']);
  }
});

test('external ids that cannot exist are unknown, not a fault', async () => {
  for (const externalId of ['', ' bob', 'a\u0000b', '\ud800', 'x'.repeat(1_000)]) {
    const { data, errors } = await request(app, token.support, 'query ($e: String) { player(externalId: $e) { id } }', {
      e: externalId,
    });
    expect({ data, errors }).toEqual({ data: { player: null }, errors: [] });
  }
});
