import type { Decimal } from '../../ledger/money.js';
import type { Policy } from '../../ledger/policy.js';
import { callback, type CallbackCommand, defineAdapter, type IntegrationContext } from '../contract.js';
import { fromAddresses, secretPath } from '../kit/signers.js';
import { createPhoenixClient } from './client.js';
import { displayAt, emptyAnswer, Finish, Other, readPlayer, refuse, Start, startAnswer } from './messages.js';
import { policy } from './policy.js';
import { missingInProduction, Settings } from './settings.js';

export { side } from './provider.js';

type Context = IntegrationContext<Settings>;

/** What both messages say of the game. */
function facts({ session, game }: Start | Finish, { id, brand }: Context) {
  return { brand, integration: id, currency: session.currency, round: game.id, game: session.gameId };
}

/** "This callback is used to check user balance", but no other takes the stake; the provider's own casino does it here. */
function startCommand(body: Start, context: Context): CallbackCommand {
  const player = readPlayer(body.session, context.settings);
  if (player === undefined) return 'UNAUTHENTICATED';
  const { id, round, bet } = body.game;
  return { kind: 'bet', ...facts(body, context), player, key: `start:${id}:${round}`, amount: bet };
}

const nothing: Decimal = { digits: 0n, decimals: 0 };

function finishCommand(body: Finish, context: Context): CallbackCommand {
  const player = readPlayer(body.session, context.settings);
  if (player === undefined) return 'UNAUTHENTICATED';
  const { id, status, payout, bet } = body.game;
  // An end that is none settles nothing, and leaves the key to the real one.
  if (status === 'in_progress') return { kind: 'notice', brand: context.brand, integration: context.id, round: id };
  if (status === 'win' && payout.digits > BigInt(context.settings.multipleMax) * 10n ** BigInt(payout.decimals)) {
    return { kind: 'refusal', code: 'AMOUNT_INVALID', flags: ['quarantined'], key: `finish:${id}` };
  }
  return {
    kind: 'win',
    ...facts(body, context),
    player,
    // Without the round, as its meaning is not documented: were it a count of turns, a game could be paid twice.
    key: `finish:${id}`,
    pays: 'round',
    amount: status === 'win' ? { times: payout } : nothing,
    stake: bet,
    displayAt: displayAt(body, Date.now()),
  };
}

/** A multiple of a stake that nobody took is no amount: such a win cannot be credited, whatever the integration asks for. */
function multipliedPolicy(row: Policy): Policy {
  const held = <Answer extends string>(answer: Answer) => (answer === 'accept' ? 'quarantine' : answer);
  return { ...row, winWithoutBet: held(row.winWithoutBet), winOfRolledBackBet: held(row.winOfRolledBackBet) };
}

/** All callbacks come to one URL, which may be registered with a slash at its end or without. */
function callbacksAt(path: '' | '/') {
  return [
    callback<Settings, Start>('start', {
      on: { path, where: { type: 'start' } },
      body: Start,
      command: startCommand,
      reply: () => startAnswer(true),
    }),
    callback<Settings, Finish>('finish', {
      on: { path, where: { type: 'finish' } },
      body: Finish,
      command: finishCommand,
      policy: multipliedPolicy,
      reply: () => emptyAnswer,
    }),
    // Types the document does not have; the provider's own casino answers them so.
    callback<Settings, Other>('other', {
      on: { path },
      body: Other,
      command: (_body, { id, brand }) => ({ kind: 'notice', brand, integration: id }),
      reply: () => emptyAnswer,
    }),
  ];
}

export const phoenix = defineAdapter<Settings>({
  id: 'phoenix',
  title: 'Phoenix Gambling',
  settings: Settings,
  missingInProduction,
  // The provider signs nothing: the path is all that says who calls, and `readPlayer` whom they may speak of.
  signer({ pathSecret, sourceAddresses }) {
    const signer = secretPath({ secrets: pathSecret });
    return sourceAddresses === undefined ? signer : fromAddresses(sourceAddresses, signer);
  },
  policy,
  // The provider states no time-out. Two seconds is what players put up with, and below any usual one.
  deadlineMs: { bet: 2_000, other: 2_000 },
  callbacks: [...callbacksAt(''), ...callbacksAt('/')],
  refuse,
  client: createPhoenixClient,
});
export { phoenix as adapter };
