import type { ChainedRow } from '../ledger/chain.js';

/** One change of a wallet's balance: what one ledger row did. */
export interface BalanceMoved {
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
  readonly balanceUnits: bigint;
  readonly row: ChainedRow;
  /** When a frontend may show it; the ledger has it already. */
  readonly displayAt: Date;
}

/** Where a follower stands in one wallet. */
export interface WalletCursor {
  readonly lane: number;
  readonly walletId: bigint;
  /** The last sequence seen. */
  readonly after: bigint;
}

export function movedBy(row: ChainedRow): BalanceMoved {
  const { lane, walletId, sequence, balanceAfter: balanceUnits, displayAt } = row;
  return { lane, walletId, sequence, balanceUnits, row, displayAt: displayAt ?? row.createdAt };
}
