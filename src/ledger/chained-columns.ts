import type { ChainedRow } from './chain.js';
import type { Flag, TransactionKind } from './commands.js';

/** A ledger row read by plain SQL, for readers of many rows: a row made an entity costs twenty times what it costs to read. */

/** What to select of `ledger_transaction t`. Times come as milliseconds, which need no parser. */
export const CHAINED_COLUMNS =
  't.lane, t.wallet_id, t.sequence, t.player_id, t.integration, t.external_key, t.kind, t.effect, t.stated, t.rest, ' +
  't.balance_after, t.target, t.undoes, t.resolves, t.round, t.game, t.flags, ' +
  '(extract(epoch from t.created_at) * 1000)::float8 as created_ms, ' +
  '(extract(epoch from t.display_at) * 1000)::float8 as display_ms';

/** As the driver gives it: bigint is text. */
export interface ChainedColumns {
  readonly lane: number;
  readonly wallet_id: string;
  readonly sequence: string;
  readonly player_id: string;
  readonly integration: string;
  readonly external_key: string;
  readonly kind: TransactionKind;
  readonly effect: string;
  readonly stated: string | null;
  readonly rest: string | null;
  readonly balance_after: string;
  readonly target: string | null;
  readonly undoes: string | null;
  readonly resolves: string | null;
  readonly round: string | null;
  readonly game: string | null;
  readonly flags: Flag[];
  readonly created_ms: number;
  readonly display_ms: number | null;
}

export function chainedRow(row: ChainedColumns): ChainedRow {
  return {
    lane: row.lane,
    walletId: BigInt(row.wallet_id),
    sequence: BigInt(row.sequence),
    playerId: BigInt(row.player_id),
    integration: row.integration,
    externalKey: row.external_key,
    kind: row.kind,
    effect: BigInt(row.effect),
    stated: row.stated === null ? null : BigInt(row.stated),
    rest: row.rest,
    balanceAfter: BigInt(row.balance_after),
    target: row.target,
    undoes: row.undoes === null ? null : BigInt(row.undoes),
    resolves: row.resolves === null ? null : BigInt(row.resolves),
    round: row.round,
    game: row.game,
    flags: row.flags,
    createdAt: new Date(row.created_ms),
    displayAt: row.display_ms === null ? null : new Date(row.display_ms),
  };
}
