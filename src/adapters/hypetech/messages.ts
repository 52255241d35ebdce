import { z } from 'zod';
import type { Outcome } from '../../ledger/commands.js';
import { type WalletErrorCode, walletErrors } from '../../ledger/errors.js';
import type { Reply } from '../contract.js';
import { decimalAmount, idText, idTextOrNumber, shownUnits } from '../kit/amounts.js';
import { jsonText } from '../kit/json.js';

/** Names of the callbacks, as the journal shows them. */
export type CallbackName = 'bet' | 'win' | 'loss' | 'rollback' | 'balance';

/**
 * A win, loss or rollback. `action` is not among the fields: the provider's samples of a win and of a loss both say "bet",
 * so only the path tells what a message is. Unknown fields are ignored.
 */
export const Movement = z.object({
  user_id: idText,
  currency: idText,
  amount: decimalAmount,
  provider: idText,
  /** Declared as text, but a number in later samples. */
  provider_tx_id: idTextOrNumber,
  game: idText,
  /** The round; `round_id` in later documents. */
  action_id: idTextOrNumber.nullish(),
  round_id: idTextOrNumber.nullish(),
  /** What a rollback undoes; `linked_tx_id` in later documents, where a win has it too. */
  rollback_provider_tx_id: idTextOrNumber.nullish(),
  linked_tx_id: idTextOrNumber.nullish(),
  timestamp: z.unknown().optional(),
});
export type Movement = z.infer<typeof Movement>;

/** A mode that nobody described may or may not be the player's money, so it is no bet. */
export const Bet = z.object({ ...Movement.shape, mode: z.enum(['default', 'free']).nullish() });
export type Bet = z.infer<typeof Bet>;

export const GetBalance = z.object({
  user_id: idText,
  currency: idText,
  /** Only sent back. */
  session_token: z.string().min(1).max(4_096),
  timestamp: z.unknown().optional(),
});
export type GetBalance = z.infer<typeof GetBalance>;

/**
 * A win without a linked bet belongs to one by player, game, round and session. The player is the ledger's part. The game
 * is made part of the round's name, as nothing says that two games do not count their rounds alike. The session is left
 * out: a token that is issued anew in the middle of a round must not part a win from its bet.
 */
export function roundOf({ game, action_id, round_id }: Movement): string | undefined {
  const round = action_id ?? round_id;
  return typeof round === 'string' ? `${game}:${round}` : undefined;
}

type Done = Exclude<Outcome, { type: 'refused' }>;

/** A bet, win or rollback; the balances are those around the movement itself, also when it is answered again. */
export function accepted(outcome: Done, body: Movement): Reply {
  if (outcome.type === 'done') throw new TypeError('A movement was answered without a receipt.');
  const { transactionId, balanceAfterUnits: after, effectUnits, currency, scale } = outcome.receipt;
  const [new_balance, old_balance] = [shown(after, scale), shown(after - effectUnits, scale)];
  return movementAnswer(body, { operator_tx_id: transactionId, new_balance, old_balance, currency });
}

/** A loss moves nothing and leaves no ledger row, so the id of its answer is made from its own. */
export function untouched(outcome: Done, body: Movement): Reply {
  const operator_tx_id = `loss-${body.provider_tx_id}`;
  const balance = balanceText(outcome);
  return movementAnswer(body, { operator_tx_id, new_balance: balance, old_balance: balance, currency: body.currency });
}

/** All seven fields of the first document; the later one names the first three of them. */
function movementAnswer(body: Movement, { currency, ...effect }: { currency: string } & Record<string, string>): Reply {
  const { user_id, provider, provider_tx_id } = body;
  return { status: 200, body: jsonText({ ...effect, user_id, currency, provider, provider_tx_id }) };
}

export function balanceAnswer(outcome: Done, { user_id, currency, session_token }: GetBalance): Reply {
  const balance = balanceText(outcome);
  return { status: 200, body: jsonText({ user_id, currency, balance, hypetech_session_token: session_token }) };
}

/** A player without a wallet in the currency has nothing in it. */
function balanceText(outcome: Done): string {
  if (outcome.type !== 'done') throw new TypeError('A question was answered with a movement.');
  return outcome.balance === undefined ? '0.00' : shown(outcome.balance.balanceUnits, outcome.balance.scale);
}

/** Requests state doubles, answers text with two decimals. */
function shown(units: bigint, scale: number): string {
  return shownUnits(units, scale, { max: 2, min: 2 });
}

/** "4xx codes indicate failures caused by the information sent by the player or the current state of the entities." */
const statusOf = {
  'Insufficient Funds': 400,
  'Bad Request': 400,
  Unauthorized: 401,
  Forbidden: 403,
  'Not Found': 404,
  Conflict: 409,
  // Only where the same message is wanted again.
  'Internal Server Error': 500,
} as const;

const titleOf: Record<WalletErrorCode, keyof typeof statusOf> = {
  UNAUTHENTICATED: 'Unauthorized',
  MALFORMED: 'Bad Request',
  TOO_LARGE: 'Bad Request',
  UNKNOWN_CALLBACK: 'Not Found',
  AMOUNT_INVALID: 'Bad Request',
  SESSION_UNKNOWN: 'Unauthorized',
  PLAYER_UNKNOWN: 'Not Found',
  PLAYER_NOT_ACTIVE: 'Forbidden',
  CURRENCY_NOT_ALLOWED: 'Bad Request',
  INSUFFICIENT_FUNDS: 'Insufficient Funds',
  // Nothing is left to bet with: to the provider that is the same as too little.
  WALLET_IN_DEBT: 'Insufficient Funds',
  LIMIT_REACHED: 'Forbidden',
  DUPLICATE: 'Conflict',
  KEY_CONFLICT: 'Conflict',
  BET_ROLLED_BACK: 'Conflict',
  TARGET_UNKNOWN: 'Not Found',
  TARGET_INVALID: 'Conflict',
  ALREADY_ROLLED_BACK: 'Conflict',
  BET_UNKNOWN: 'Not Found',
  BET_RESOLVED: 'Conflict',
  DEADLINE_EXCEEDED: 'Internal Server Error',
  OVERLOADED: 'Internal Server Error',
  UNAVAILABLE: 'Internal Server Error',
  INTERNAL: 'Internal Server Error',
};

/** No refusal is documented; this is the form in which the provider itself refuses. */
export function refuse(code: WalletErrorCode): Reply {
  const title = titleOf[code];
  const statusCode = statusOf[title];
  return { status: statusCode, body: jsonText({ title, statusCode, detail: walletErrors[code] }) };
}
