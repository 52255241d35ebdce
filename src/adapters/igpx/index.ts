import type { z } from 'zod';
import type { WalletCommand } from '../../ledger/commands.js';
import { callback, type CallbackDefinition, defineAdapter, type IntegrationContext, type Signer } from '../contract.js';
import { fromAddresses, hmacSha256 } from '../kit/signers.js';
import { createIgpxClient } from './client.js';
import {
  accepted,
  balanceAnswer,
  type CallbackName,
  GetBalance,
  refuse,
  Transaction,
  TransactionRollback,
} from './messages.js';
import { policy } from './policy.js';
import { Settings } from './settings.js';

export { side } from './provider.js';
export { Settings as IgpxSettings } from './settings.js';

type Context = IntegrationContext<Settings>;

/** The vendor's prose says `X-Security-Hash`, the samples in its PDF say `X-Securty-Hash`: both are taken. */
export function igpxSigner({
  securityHash,
  sourceAddresses,
}: Pick<Settings, 'securityHash' | 'sourceAddresses'>): Signer {
  const headers = ['x-security-hash', 'x-securty-hash'];
  const signer = hmacSha256({ headers, secrets: securityHash, encoding: 'hex' });
  return sourceAddresses === undefined ? signer : fromAddresses(sourceAddresses, signer);
}

/** The callback URL without a suffix, as clients write it with and without the slash. */
const barePaths = ['/', ''] as const;

interface MovementDefinition<Body> {
  readonly action: string;
  readonly path: string;
  readonly body: z.ZodType<Body>;
  readonly command: (body: Body, context: Context) => WalletCommand;
}

/** A movement on its documented path, and on the bare callback URL for integrations that ask for it. */
function movement<Body>(name: CallbackName, { action, path, body, command }: MovementDefinition<Body>) {
  const where = { action };
  const shared: Pick<CallbackDefinition<Settings, Body>, 'body' | 'command' | 'reply'> = {
    body,
    command,
    reply: (outcome, _body, { settings }) => accepted(outcome, settings),
  };
  return [
    callback(name, { ...shared, on: { path, where } }),
    ...barePaths.map((bare) =>
      callback(name, { ...shared, on: { path: bare, where }, enabled: (settings: Settings) => settings.bareRoute }),
    ),
  ];
}

/** What all movements say. No round, game or session: the provider links a result to nothing. */
function facts(body: Transaction, { id, brand }: Context) {
  return {
    brand,
    player: body.user_id,
    integration: id,
    currency: body.currency,
    key: body.transaction_id,
    amount: body.amount,
  };
}

export const igpx = defineAdapter<Settings>({
  id: 'igpx',
  title: 'IGPX Sportsbook',
  settings: Settings,
  signer: igpxSigner,
  policy,
  // The provider states no time-out. Two seconds is what players put up with, and below any usual one.
  deadlineMs: { bet: 2_000, other: 2_000 },
  callbacks: [
    ...movement('bet', {
      action: 'bet',
      path: '/transaction',
      body: Transaction,
      command: (body, context) => ({ kind: 'bet', ...facts(body, context) }),
    }),
    ...movement('result', {
      action: 'result',
      path: '/transaction',
      body: Transaction,
      command: (body, context) => ({ kind: 'win', ...facts(body, context) }),
    }),
    ...movement('rollback', {
      action: 'rollback',
      path: '/transaction-rollback',
      body: TransactionRollback,
      command: (body, context) => ({ kind: 'rollback', ...facts(body, context), target: body.rollback_transaction_id }),
    }),
    ...barePaths.map((path) =>
      callback<Settings, GetBalance>('balance' satisfies CallbackName, {
        on: { path, where: { action: 'getBalance' } },
        enabled: (settings) => settings.balanceCallback,
        body: GetBalance,
        command: (body, { brand }) => ({
          kind: 'balance',
          brand,
          player: body.user_id,
          currency: body.currency,
        }),
        reply: balanceAnswer,
      }),
    ),
  ],
  refuse,
  client: (settings, http) => createIgpxClient(settings, http),
});
export { igpx as adapter };
