import type { z } from 'zod';
import type { Bet } from '../../ledger/commands.js';
import { callback, defineAdapter, type CallbackCommand, type IntegrationContext } from '../contract.js';
import { createFlexsoftClient } from './client.js';
import {
  acknowledged,
  Auth,
  authAnswer,
  balanceAnswer,
  type CallbackName,
  CloseRound,
  GetBalance,
  moved,
  refuse,
  RollBack,
  roundOf,
  WinDeposit,
  Withdraw,
} from './messages.js';
import { policy } from './policy.js';
import { flexsoftSigner, Settings } from './settings.js';

export { side } from './provider.js';

type Context = IntegrationContext<Settings>;

function movement<Body extends Parameters<typeof moved>[1]>(
  name: CallbackName,
  on: { readonly path: '/withdraw' | '/deposit'; readonly action: string },
  body: z.ZodType<Body>,
  command: (body: Body, context: Context) => CallbackCommand,
) {
  return callback<Settings, Body>(name, {
    on: { path: on.path, where: { action: on.action } },
    body,
    command,
    reply: (outcome, message, { settings }) => moved(outcome, message, settings),
  });
}

/** What all movements say. */
function facts(body: Omit<Withdraw, 'amount'>, { id, brand }: Context) {
  return {
    brand,
    player: body.user_id,
    integration: id,
    currency: body.currency,
    key: body.provider_tx_id,
    round: roundOf(body),
    game: body.game,
  };
}

function bet(body: Withdraw, context: Context): Bet {
  return { kind: 'bet', ...facts(body, context), amount: body.amount };
}

function win(body: WinDeposit, context: Context): CallbackCommand {
  const { amount, withdraw_provider_tx_id: named } = body;
  // A win that names neither bet nor round finds none either, and is flagged for that.
  const pays = named === undefined ? 'oldest-of-round' : { bet: named };
  return { kind: 'win', ...facts(body, context), amount, pays };
}

export const flexsoft = defineAdapter<Settings>({
  id: 'flexsoft',
  title: 'Flexsoft',
  settings: Settings,
  signer: flexsoftSigner,
  policy,
  // The provider states no time-out. Two seconds is what players put up with, and below any usual one.
  deadlineMs: { bet: 2_000, other: 2_000 },
  callbacks: [
    callback<Settings, Auth>('auth' satisfies CallbackName, {
      on: { path: '/auth' },
      body: Auth,
      launchToken: ({ user_token }) => user_token,
      command: (_body, { brand }, play) =>
        play === undefined
          ? 'SESSION_UNKNOWN'
          : { kind: 'balance', brand, player: play.player, currency: play.currency },
      reply: (outcome, _body, { settings }, play) => authAnswer(outcome, play, settings),
    }),
    movement('bet', { path: '/withdraw', action: 'BET' }, Withdraw, bet),
    movement('free-bet', { path: '/withdraw', action: 'FREE_BET' }, Withdraw, (body, context) => ({
      ...bet(body, context),
      free: true,
    })),
    movement('win', { path: '/deposit', action: 'WIN' }, WinDeposit, win),
    movement('free-bet-win', { path: '/deposit', action: 'FREE_BET_WIN' }, WinDeposit, win),
    movement('rollback', { path: '/deposit', action: 'ROLL_BACK' }, RollBack, (body, context) => ({
      kind: 'rollback',
      ...facts(body, context),
      amount: body.amount,
      target: body.withdraw_provider_tx_id,
    })),
    callback<Settings, CloseRound>('close-round' satisfies CallbackName, {
      on: { path: '/deposit', where: { action: 'CLOSE_ROUND' } },
      body: CloseRound,
      command: (body, { id, brand }) => ({
        kind: 'notice',
        brand,
        integration: id,
        round: roundOf(body),
        closesRound: true,
      }),
      reply: (_outcome, _body, { settings }) => acknowledged(settings),
    }),
    callback<Settings, GetBalance>('balance' satisfies CallbackName, {
      on: { path: '/balance' },
      body: GetBalance,
      command: ({ user_id: player, currency }, { brand }) => ({ kind: 'balance', brand, player, currency }),
      reply: (outcome, _body, { settings }) => balanceAnswer(outcome, settings),
    }),
  ],
  refuse,
  client: createFlexsoftClient,
});
export { flexsoft as adapter };
