import type { LedgerRow } from '../ledger/decide.js';
import type { CommittedUnit } from '../ledger/unit-of-work.js';

/** One change of a wallet's balance: what one ledger row did. */
export interface BalanceMoved {
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
  readonly balanceUnits: bigint;
  readonly row: LedgerRow & { readonly createdAt: Date };
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

/** What committed, in order. The ledger is the outbox: whoever misses something repairs it from there by sequence. */
export interface Feed {
  /** The ledger's `committed` hook. Never throws, never waits. */
  accept(units: readonly CommittedUnit[]): void;
  /** Every change after the cursors, each wallet's in sequence: nothing missing, nothing twice, never backwards. Ends with the signal. */
  follow(cursors: readonly WalletCursor[], signal: AbortSignal): AsyncIterable<BalanceMoved>;
  close(): Promise<void>;
}
