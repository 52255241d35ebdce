import type { Outcome } from '../../ledger/commands.js';
import { callback, type CallbackDefinition, defineAdapter, type IntegrationContext, type Reply } from '../contract.js';
import { sharedToken } from '../kit/signers.js';
import { createScorpioPlayClient } from './client.js';
import { Account, Cancel, type CommandName, idAsSent, Movement, Status } from './messages.js';
import { refuse, shownBalance, succeeded } from './messages.js';
import { checks, policy, policyOf } from './policy.js';
import { Settings } from './settings.js';

export { side } from './provider.js';

type Context = IntegrationContext<Settings>;
type Answered = Exclude<Outcome, { type: 'refused' }>;

/** All commands come to the callback URL itself, which clients write with and without the slash. */
function command<Body>(name: CommandName, definition: Omit<CallbackDefinition<Settings, Body>, 'name' | 'on'>) {
  return ['', '/'].map((path) =>
    callback<Settings, Body>(name, { ...definition, on: { path, where: { command: name } } }),
  );
}

/** Whose account it is, in the only currency it can be in. */
function wallet(account: string, { id, brand, settings: { accounts, currency } }: Context) {
  const playerIs = accounts === 'player-id' ? ('public-id' as const) : undefined;
  return { brand, integration: id, player: account, playerIs, currency };
}

function movement({ data }: Movement, context: Context) {
  const { account, key, amount, round_id: round, game_code: game } = data;
  return { ...wallet(account, context), key, amount, round, game };
}

/** The balance as it is now: for a repeat, not that of the first answer. */
function tellBalance({ balance }: Answered, _body: unknown, { settings }: Context): Reply {
  return succeeded({ balance: shownBalance(balance, settings) });
}

export const scorpioplay = defineAdapter<Settings>({
  id: 'scorpioplay',
  title: 'ScorpioPlay (SlotCity)',
  settings: Settings,
  signer: ({ callbackToken }) => sharedToken({ header: 'callback-token', tokens: callbackToken }),
  policy,
  // The document gives bets and balances 2 s and the rest 4 s. A balance may start later than it should: it moves nothing.
  deadlineMs: { bet: 2_000, other: 4_000 },
  callbacks: [
    ...command('authenticate', {
      body: Account,
      command: ({ data: { account } }, context) => ({ kind: 'balance', ...wallet(account, context) }),
      reply: ({ balance }, { data: { account } }, { settings }) =>
        succeeded({ account, balance: shownBalance(balance, settings) }),
    }),
    ...command('balance', {
      body: Account,
      command: ({ data: { account } }, context) => ({ kind: 'balance', ...wallet(account, context) }),
      reply: tellBalance,
    }),
    ...command('bet', {
      body: Movement,
      // A stake is not taken where a check of it may have been missed; a credit is not held back for that.
      command: (body, context) =>
        body.check.some((each) => !checks.has(each)) ? 'MALFORMED' : { kind: 'bet', ...movement(body, context) },
      policy: (row, { check }) => policyOf(row, 'bet', check),
      reply: tellBalance,
    }),
    ...command('win', {
      body: Movement,
      // "each round includes both a bet and a win/loss transaction"
      command: (body, context) => ({ kind: 'win', ...movement(body, context), pays: 'oldest-of-round' }),
      policy: (row, { check }) => policyOf(row, 'win', check),
      reply: tellBalance,
    }),
    ...command('cancel', {
      body: Cancel,
      command: ({ data: { account, key, target, amount } }, context) => {
        return { kind: 'rollback', ...wallet(account, context), key, target, amount };
      },
      policy: (row, { check }) => policyOf(row, 'cancel', check),
      reply: tellBalance,
    }),
    ...command('status', {
      body: Status,
      command: ({ data: { account, key } }, context) => ({ kind: 'lookup', ...wallet(account, context), key }),
      reply: (outcome, { data }) => {
        if (outcome.type !== 'done' || outcome.found === undefined) throw new TypeError('A look-up found nothing.');
        const status = outcome.found.rolledBack ? 'CANCELED' : 'OK';
        return succeeded({ account: data.account, ...idAsSent(data), trans_status: status });
      },
    }),
  ],
  refuse,
  client: (settings, http) => createScorpioPlayClient(settings, http),
});
export { scorpioplay as adapter };
