import type { Player } from '../entities/index.js';
import type { Flag, PlayerLimits, PlayerStatus, TransactionKind } from '../ledger/commands.js';
import type { TransactionRow, WalletRow } from './rows.js';

/** Rows as PostgreSQL gives them, and as the API takes them. Columns of different tables have different names. */

export interface PlayerColumns {
  readonly lane: number;
  readonly p_id: string;
  readonly brand_id: string;
  readonly external_id: string;
  readonly status: PlayerStatus;
  readonly status_until: Date | null;
  readonly status_changed_at: Date | null;
  readonly p_limits: PlayerLimits | null;
  readonly p_created_at: Date;
}

export function playerColumns(p: string): string {
  return (
    `${p}.lane, ${p}.id as p_id, ${p}.brand_id, ${p}.external_id, ${p}.status, ${p}.status_until, ${p}.status_changed_at, ` +
    `${p}.limits as p_limits, ${p}.created_at as p_created_at`
  );
}

export function playerOf(row: PlayerColumns): Player {
  return {
    lane: row.lane,
    id: BigInt(row.p_id),
    brandId: row.brand_id,
    externalId: row.external_id,
    status: row.status,
    statusUntil: row.status_until,
    statusChangedAt: row.status_changed_at,
    limits: row.p_limits,
    createdAt: row.p_created_at,
  };
}

export interface WalletColumns {
  readonly lane: number;
  readonly w_id: string;
  readonly player_id: string;
  readonly currency: string;
  readonly balance: string;
  readonly w_sequence: string;
}

export function walletColumns(w: string): string {
  return `${w}.lane, ${w}.id as w_id, ${w}.player_id, ${w}.currency, ${w}.balance, ${w}.sequence as w_sequence`;
}

export function walletOf(row: WalletColumns): WalletRow {
  return {
    lane: row.lane,
    id: BigInt(row.w_id),
    playerId: BigInt(row.player_id),
    currency: row.currency,
    balance: BigInt(row.balance),
    sequence: BigInt(row.w_sequence),
  };
}

export interface LedgerColumns {
  readonly lane: number;
  readonly wallet_id: string;
  readonly sequence: string;
  readonly player_id: string;
  readonly integration: string;
  readonly external_key: string;
  readonly kind: TransactionKind;
  readonly effect: string;
  readonly balance_after: string;
  readonly target: string | null;
  readonly round: string | null;
  readonly game: string | null;
  readonly flags: Flag[];
  readonly created_at: Date;
  readonly display_at: Date | null;
}

export function ledgerColumns(t: string): string {
  return [
    'lane',
    'wallet_id',
    'sequence',
    'player_id',
    'integration',
    'external_key',
    'kind',
    'effect',
    'balance_after',
    'target',
    'round',
    'game',
    'flags',
    'created_at',
    'display_at',
  ]
    .map((column) => `${t}.${column}`)
    .join(', ');
}

export function transactionOf(row: LedgerColumns): TransactionRow {
  return {
    lane: row.lane,
    walletId: BigInt(row.wallet_id),
    sequence: BigInt(row.sequence),
    playerId: BigInt(row.player_id),
    integration: row.integration,
    externalKey: row.external_key,
    kind: row.kind,
    effect: BigInt(row.effect),
    balanceAfter: BigInt(row.balance_after),
    target: row.target,
    round: row.round,
    game: row.game,
    flags: row.flags,
    createdAt: row.created_at,
    displayAt: row.display_at,
  };
}
