import type { LedgerTransaction, Wallet } from '../entities/index.js';
import type { Page } from './paging.js';

/** The rows that the API shows, and the keys they are found by. */

export interface RowKey {
  readonly lane: number;
  readonly id: bigint;
}

export interface TransactionKey {
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
}

export interface ExternalKey {
  readonly lane: number;
  readonly playerId: bigint;
  readonly integration: string;
  readonly externalKey: string;
}

/** The parts of a wallet that the API shows; also made from an event, without the database. */
export type WalletRow = Pick<Wallet, 'lane' | 'id' | 'playerId' | 'currency' | 'balance' | 'sequence'>;

/** The parts of a ledger row that the API shows; also made from an event, without the database. */
export type TransactionRow = Pick<
  LedgerTransaction,
  | 'lane'
  | 'walletId'
  | 'sequence'
  | 'playerId'
  | 'integration'
  | 'externalKey'
  | 'kind'
  | 'effect'
  | 'balanceAfter'
  | 'target'
  | 'round'
  | 'game'
  | 'flags'
  | 'createdAt'
  | 'displayAt'
>;

export interface WalletPageKey extends RowKey {
  /** By sequence, newest first. */
  readonly page: Page<bigint>;
}

export function nameOfRow({ lane, id }: RowKey): string {
  return `${lane}|${id}`;
}

export function nameOfTransaction({ lane, walletId, sequence }: TransactionKey): string {
  return `${lane}|${walletId}|${sequence}`;
}

export function nameOfExternalKey({ lane, playerId, integration, externalKey }: ExternalKey): string {
  return `${lane}|${playerId}|${integration}|${externalKey}`;
}
