import { z } from 'zod';
import type { Outcome } from '../../ledger/commands.js';
import type { WalletErrorCode } from '../../ledger/errors.js';
import { formatUnits } from '../../ledger/money.js';
import { closeConnection, type RefusalContext, type Reply } from '../contract.js';
import { decimalAmount, idText } from '../kit/amounts.js';
import type { Settings } from './settings.js';

/**
 * The provider's bodies. `action` is not repeated here: it has selected the callback before its body is read. Unknown
 * fields are ignored, so that a field the provider adds later stops nothing.
 */
export const Transaction = z.object({
  transaction_id: idText,
  user_id: idText,
  currency: idText,
  amount: decimalAmount,
});
export type Transaction = z.infer<typeof Transaction>;

export const TransactionRollback = z.object({
  ...Transaction.shape,
  rollback_transaction_id: idText,
});
export type TransactionRollback = z.infer<typeof TransactionRollback>;

export const GetBalance = z.object({ user_id: idText, currency: idText });
export type GetBalance = z.infer<typeof GetBalance>;

/** Names of the callbacks, as the journal shows them. */
export type CallbackName = 'bet' | 'result' | 'rollback' | 'balance';

type Done = Exclude<Outcome, { type: 'refused' }>;

/** An accepted movement: "transaction_id - is the CLIENT side transaction identifier, must be unique". */
export function accepted(outcome: Done, settings: Settings): Reply {
  if (outcome.type === 'done') throw new TypeError('A movement was answered without a receipt.');
  const { transactionId, balanceAfterUnits, currency, scale } = outcome.receipt;
  return answer({
    error: null,
    transaction_id: transactionId,
    ...(settings.balanceInAnswer && { balance: shown(balanceAfterUnits, scale), currency }),
  });
}

/** Of a wallet that is there: for a player without one in the currency the ledger refuses. */
export function balanceAnswer(outcome: Done): Reply {
  if (outcome.type !== 'done' || outcome.balance === undefined) {
    throw new TypeError('A balance inquiry was answered without a balance.');
  }
  const { balanceUnits, currency, scale } = outcome.balance;
  return answer({ error: null, balance: shown(balanceUnits, scale), currency });
}

/** Two decimals at least, as the provider's own amounts have, where the currency has that many. */
function shown(units: bigint, scale: number): string {
  return formatUnits(units, scale, Math.min(2, scale));
}

/** How a refusal is told: the provider knows a code for missing funds and one for everything else. */
type Refusal = 'funds' | 'signature' | 'final' | 'transient';

const refusals: Record<WalletErrorCode, Refusal> = {
  UNAUTHENTICATED: 'signature',
  MALFORMED: 'final',
  TOO_LARGE: 'final',
  UNKNOWN_CALLBACK: 'final',
  AMOUNT_INVALID: 'final',
  SESSION_UNKNOWN: 'final',
  PLAYER_UNKNOWN: 'final',
  PLAYER_NOT_ACTIVE: 'final',
  CURRENCY_NOT_ALLOWED: 'final',
  INSUFFICIENT_FUNDS: 'funds',
  // Nothing is left to bet with: to the provider that is the same as too little.
  WALLET_IN_DEBT: 'funds',
  LIMIT_REACHED: 'funds',
  DUPLICATE: 'final',
  KEY_CONFLICT: 'final',
  BET_ROLLED_BACK: 'final',
  TARGET_UNKNOWN: 'final',
  TARGET_INVALID: 'final',
  ALREADY_ROLLED_BACK: 'final',
  BET_UNKNOWN: 'final',
  BET_RESOLVED: 'final',
  DEADLINE_EXCEEDED: 'transient',
  OVERLOADED: 'transient',
  UNAVAILABLE: 'transient',
  INTERNAL: 'transient',
};

/** Callbacks that may be answered "not now" for good: nobody is owed money by them, and the provider sends a bet once. */
const endedByError: ReadonlySet<string | undefined> = new Set<CallbackName>(['bet', 'balance']);

export function refuse(code: WalletErrorCode, { callback, integration }: RefusalContext<Settings>): Reply {
  const { settings } = integration;
  switch (refusals[code]) {
    case 'funds':
      return failed(settings.insufficientFundsCode);
    case 'signature':
      return failed('INTERNAL_ERROR', settings.badSignatureStatus);
    case 'transient':
      // Results and rollbacks are sent again only "if not answered", so an answer would lose them. The same goes for a
      // request that was turned away before anybody looked at what it is.
      return endedByError.has(callback) ? failed('INTERNAL_ERROR') : closeConnection;
    case 'final':
      return failed('INTERNAL_ERROR');
  }
}

function failed(error: string, status = 200): Reply {
  return answer({ error }, status);
}

function answer(body: Readonly<Record<string, string | null>>, status = 200): Reply {
  return { status, body: JSON.stringify(body) };
}
