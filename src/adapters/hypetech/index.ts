import { callback, type CallbackCommand, type CallbackDefinition } from '../contract.js';
import { defineAdapter, type IntegrationContext } from '../contract.js';
import { createHypetechClient } from './client.js';
import { accepted, balanceAnswer, Bet, type CallbackName, GetBalance } from './messages.js';
import { Movement, refuse, roundOf, untouched } from './messages.js';
import { dialectPolicy, policy } from './policy.js';
import { hypetechSigner, isTimely, Settings } from './settings.js';

export { side } from './provider.js';

type Context = IntegrationContext<Settings>;

/**
 * The first document puts these paths below `/webhooks/hypetech`; after a callback URL that reads twice, so the short
 * spelling is served too. The later one leaves paths to the operator: ours are `/bet` and `/win`, and the older names stay,
 * so that an integration can change its dialect without changing its URLs.
 */
const paths: Record<CallbackName, Readonly<Record<string, readonly Settings['dialect'][]>>> = {
  bet: { '/register': ['g1', 'g4'], '/bet': ['g4'] },
  win: { '/rewards': ['g1', 'g4'], '/win': ['g4'] },
  // Gone in the later document: a loss is a win of 0.
  loss: { '/loses': ['g1'] },
  rollback: { '/rollback': ['g1', 'g4'] },
  balance: { '/balance': ['g1', 'g4'] },
};

type Served<Body> = Pick<CallbackDefinition<Settings, Body>, 'body' | 'reply'> & {
  readonly command: (body: Body, context: Context) => CallbackCommand;
};

/** A callback under all of its paths. A time in the body is checked here: after the signature, before the ledger. */
function served<Body extends { timestamp?: unknown }>(name: CallbackName, { body, command, reply }: Served<Body>) {
  return Object.entries(paths[name]).flatMap(([path, dialects]) =>
    [path, `/webhooks/hypetech${path}`].map((each) =>
      callback<Settings, Body>(name, {
        on: { path: each },
        enabled: ({ dialect }) => dialects.includes(dialect),
        body,
        command: (read, context) => (isTimely(read.timestamp) ? command(read, context) : 'UNAUTHENTICATED'),
        reply,
      }),
    ),
  );
}

/** The provider's own samples give the id 559 to a bet, to its loss and to a rollback, so an id counts within its kind. */
function facts<Kind extends 'bet' | 'win' | 'rollback'>(kind: Kind, body: Movement, { id, brand }: Context) {
  const { user_id: player, currency, amount, game } = body;
  const key = `${kind}:${body.provider_tx_id}`;
  return { kind, brand, player, integration: id, currency, key, amount, round: roundOf(body), game };
}

function betCommand(body: Bet, context: Context): CallbackCommand {
  const bet = facts('bet', body, context);
  if (bet.round === undefined) return 'MALFORMED';
  return body.mode === 'free' ? { ...bet, free: true } : bet;
}

/** The later document links a win to its bet. Without a link it resolves the oldest bet of its round that is still open. */
function winCommand(body: Movement, context: Context): CallbackCommand {
  const win = facts('win', body, context);
  const linked = context.settings.dialect === 'g4' ? body.linked_tx_id : undefined;
  if (typeof linked === 'string') return { ...win, pays: { bet: `bet:${linked}` } };
  return win.round === undefined ? 'MALFORMED' : { ...win, pays: 'oldest-of-round' };
}

function rollbackCommand(body: Movement, context: Context): CallbackCommand {
  const target = body.rollback_provider_tx_id ?? body.linked_tx_id;
  return typeof target === 'string' ? { ...facts('rollback', body, context), target: `bet:${target}` } : 'MALFORMED';
}

/** It asks for the balance, because its answer names it; that the round is over is all else it says. */
function lossCommand(body: Movement, { id: integration, brand }: Context): CallbackCommand {
  const { user_id: player, currency } = body;
  return { kind: 'balance', brand, player, currency, integration, round: roundOf(body), closesRound: true };
}

function balanceCommand({ user_id, currency }: GetBalance, { brand }: Context): CallbackCommand {
  return { kind: 'balance', brand, player: user_id, currency };
}

export const hypetech = defineAdapter<Settings>({
  id: 'hypetech',
  title: 'Hypetech Games',
  settings: Settings,
  signer: hypetechSigner,
  policy,
  dialectPolicy,
  // No time-out is stated. Two seconds is what players of a crash game put up with, and below any usual one.
  deadlineMs: { bet: 2_000, other: 2_000 },
  methods: ({ allowGet }) => (allowGet ? ['POST', 'GET'] : ['POST']),
  callbacks: [
    ...served('bet', { body: Bet, command: betCommand, reply: accepted }),
    ...served('win', { body: Movement, command: winCommand, reply: accepted }),
    // "Not necessary to use it, since you will only need bets and wins": the stake went with the bet.
    ...served('loss', { body: Movement, command: lossCommand, reply: untouched }),
    ...served('rollback', { body: Movement, command: rollbackCommand, reply: accepted }),
    ...served('balance', { body: GetBalance, command: balanceCommand, reply: balanceAnswer }),
  ],
  refuse,
  client: createHypetechClient,
});
export { hypetech as adapter };
