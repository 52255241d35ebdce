import type { Balance, Receipt } from './commands.js';
import type { LedgerRow } from './decide.js';
import { formatTransactionId } from './ids.js';
import type { Currency } from './money.js';

/** The answer's facts from a ledger row; a repeat reads them from the stored row and gets the same. */
export function receiptOf(row: LedgerRow, wallet: { lane: number; id: bigint }, currency: Currency): Receipt {
  const { lane, id: walletId } = wallet;
  return {
    transactionId: formatTransactionId({ lane, walletId, sequence: row.sequence }),
    lane,
    walletId,
    sequence: row.sequence,
    kind: row.kind,
    effectUnits: row.effect,
    balanceAfterUnits: row.balanceAfter,
    currency: currency.code,
    scale: currency.scale,
  };
}

/** The balance of a wallet as it stands. */
export function balanceOf(
  wallet: { lane: number; id: bigint; balance: bigint; sequence: bigint },
  currency: Currency,
): Balance {
  return {
    lane: wallet.lane,
    walletId: wallet.id,
    sequence: wallet.sequence,
    balanceUnits: wallet.balance,
    currency: currency.code,
    scale: currency.scale,
  };
}
