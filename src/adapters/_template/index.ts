import type { WalletCommand } from '../../ledger/commands.js';
import { callback, defineAdapter, type IntegrationContext } from '../contract.js';
import { hmacSha256 } from '../kit/signers.js';
import { createClient } from './client.js';
import {
  accepted,
  BalanceQuestion,
  type CallbackName,
  Movement,
  refuse,
  RollbackMovement,
  WinMovement,
} from './messages.js';
import { policy } from './policy.js';
import { Settings } from './settings.js';

export { side } from './provider.js';

type Context = IntegrationContext<Settings>;

/** What all movements say. */
function facts(body: Movement, { id, brand }: Context) {
  const { player, currency, id: key, round, game } = body;
  return { brand, player, integration: id, currency, key, round, game, amount: body.amount };
}

export const adapter = defineAdapter<Settings>({
  id: 'template',
  title: 'Template',
  settings: Settings,
  signer: ({ secrets }) => hmacSha256({ headers: ['x-signature'], secrets, encoding: 'hex' }),
  policy,
  deadlineMs: { bet: 2_000, other: 2_000 },
  callbacks: [
    callback<Settings, Movement>('bet' satisfies CallbackName, {
      on: { path: '/bet' },
      body: Movement,
      command: (body, context): WalletCommand => ({ kind: 'bet', ...facts(body, context) }),
      reply: accepted,
    }),
    callback<Settings, WinMovement>('win' satisfies CallbackName, {
      on: { path: '/win' },
      body: WinMovement,
      command: (body, context): WalletCommand => ({
        kind: 'win',
        ...facts(body, context),
        pays: body.bet === undefined ? 'oldest-of-round' : { bet: body.bet },
      }),
      reply: accepted,
    }),
    callback<Settings, RollbackMovement>('rollback' satisfies CallbackName, {
      on: { path: '/rollback' },
      body: RollbackMovement,
      command: (body, context): WalletCommand => ({ kind: 'rollback', ...facts(body, context), target: body.bet }),
      reply: accepted,
    }),
    callback<Settings, BalanceQuestion>('balance' satisfies CallbackName, {
      on: { path: '/balance' },
      body: BalanceQuestion,
      command: ({ player, currency }, { brand }): WalletCommand => ({ kind: 'balance', brand, player, currency }),
      reply: accepted,
    }),
  ],
  refuse,
  client: createClient,
});
