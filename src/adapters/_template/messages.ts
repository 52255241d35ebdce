import { z } from 'zod';
import type { Balance, Outcome } from '../../ledger/commands.js';
import type { WalletErrorCode } from '../../ledger/errors.js';
import type { RefusalContext, Reply } from '../contract.js';
import { decimalAmount, idText, shownUnits } from '../kit/amounts.js';
import { jsonText } from '../kit/json.js';
import type { Settings } from './settings.js';

/** The provider's bodies. Unknown fields are ignored, so that a field the provider adds later stops nothing. */
export const Movement = z.object({
  id: idText,
  player: idText,
  currency: idText,
  amount: decimalAmount,
  round: idText,
  game: idText,
});
export type Movement = z.infer<typeof Movement>;

export const WinMovement = z.object({ ...Movement.shape, bet: idText.optional() });
export type WinMovement = z.infer<typeof WinMovement>;

export const RollbackMovement = z.object({ ...Movement.shape, bet: idText });
export type RollbackMovement = z.infer<typeof RollbackMovement>;

export const BalanceQuestion = z.object({ player: idText, currency: idText });
export type BalanceQuestion = z.infer<typeof BalanceQuestion>;

/** Names of the callbacks, as the journal shows them. */
export type CallbackName = 'bet' | 'win' | 'rollback' | 'balance';

/** A success. Pure: the same receipt gives the same bytes, so a repeat gets its first answer. */
export function accepted(outcome: Exclude<Outcome, { type: 'refused' }>): Reply {
  if (outcome.type === 'done') return answer({ status: 'ok', balance: balanceText(outcome.balance) });
  const { transactionId, balanceAfterUnits, scale } = outcome.receipt;
  return answer({
    status: 'ok',
    transaction: transactionId,
    balance: shownUnits(balanceAfterUnits, scale, { max: 2, min: 2 }),
  });
}

/** A player without a wallet in the currency has nothing in it. */
function balanceText(balance: Balance | undefined): string {
  return balance === undefined ? '0.00' : shownUnits(balance.balanceUnits, balance.scale, { max: 2, min: 2 });
}

/** How a refusal is told: the HTTP status, and the provider's word. A 5xx is sent again, everything else is final. */
const refusals: Record<WalletErrorCode, readonly [status: number, word: string]> = {
  UNAUTHENTICATED: [401, 'bad_signature'],
  MALFORMED: [400, 'bad_request'],
  TOO_LARGE: [413, 'bad_request'],
  UNKNOWN_CALLBACK: [404, 'bad_request'],
  AMOUNT_INVALID: [400, 'bad_request'],
  SESSION_UNKNOWN: [401, 'bad_signature'],
  PLAYER_UNKNOWN: [404, 'unknown_player'],
  PLAYER_NOT_ACTIVE: [403, 'player_blocked'],
  CURRENCY_NOT_ALLOWED: [400, 'bad_currency'],
  INSUFFICIENT_FUNDS: [402, 'insufficient_funds'],
  WALLET_IN_DEBT: [402, 'insufficient_funds'],
  LIMIT_REACHED: [403, 'player_blocked'],
  DUPLICATE: [409, 'duplicate'],
  KEY_CONFLICT: [409, 'conflict'],
  BET_ROLLED_BACK: [409, 'rolled_back'],
  TARGET_UNKNOWN: [404, 'unknown_bet'],
  TARGET_INVALID: [409, 'conflict'],
  ALREADY_ROLLED_BACK: [409, 'rolled_back'],
  BET_UNKNOWN: [404, 'unknown_bet'],
  BET_RESOLVED: [409, 'conflict'],
  DEADLINE_EXCEEDED: [503, 'try_again'],
  OVERLOADED: [503, 'try_again'],
  UNAVAILABLE: [503, 'try_again'],
  INTERNAL: [503, 'try_again'],
};

export function refuse(code: WalletErrorCode, _context: RefusalContext<Settings>): Reply {
  const [status, error] = refusals[code];
  return answer({ status: 'error', error }, status);
}

function answer(body: Readonly<Record<string, string>>, status = 200): Reply {
  return { status, body: jsonText(body) };
}
