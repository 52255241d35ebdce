import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import {
  BalanceChangedDocument,
  CreatePlayerDocument,
  DepositDocument,
  LaunchDocument,
  MeDocument,
  type TypedDocumentString,
  WalletHistoryDocument,
} from '../support/graphql/graphql.js';
import { openClient, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

async function ask<Result, Variables extends Record<string, unknown>>(
  token: string,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const { data, errors } = await request(app, token, document.toString(), variables);
  expect(errors).toEqual([]);
  return data as Result;
}

test('an operator creates a player and takes a deposit; the player watches, reads its history and launches', async () => {
  const operator = await app.token('operator');
  const player = await app.token('player', 'alice');
  const { createPlayer } = await ask(operator, CreatePlayerDocument, {
    input: { externalId: 'alice', currencies: ['EUR'] },
  });
  const walletId = createPlayer.wallets[0]?.id ?? '';

  const client = openClient(app, player);
  const changes = client.iterate({ query: BalanceChangedDocument.toString(), variables: { walletId } });
  expect((await changes.next()).value?.data).toMatchObject({
    balanceChanged: { sequence: '0', balance: { amount: '0.00' }, transaction: null },
  });
  const input = { playerId: createPlayer.id, currency: 'EUR', amount: '20', idempotencyKey: 'first' };
  expect(await ask(operator, DepositDocument, { input })).toMatchObject({
    deposit: { __typename: 'CashierReceipt', repeated: false },
  });
  expect((await changes.next()).value?.data).toMatchObject({
    balanceChanged: { sequence: '1', balance: { amount: '20.00' }, transaction: { kind: 'DEPOSIT' } },
  });
  await client.dispose();

  const { me } = await ask(player, MeDocument, {});
  expect(me?.wallets).toEqual([
    { id: walletId, currency: 'EUR', balance: { amount: '20.00', currency: 'EUR' }, sequence: '1' },
  ]);
  const { wallet } = await ask(player, WalletHistoryDocument, { walletId });
  expect(wallet?.transactions.edges).toMatchObject([
    { node: { kind: 'DEPOSIT', amount: { amount: '20.00' }, rolledBackBy: null } },
  ]);
  expect(await ask(player, LaunchDocument, { input: { integration: 'igpx-demo', currency: 'BTC' } })).toMatchObject({
    launchGame: { __typename: 'CurrencyNotSupported' },
  });
});
