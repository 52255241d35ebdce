import { hash } from 'node:crypto';
import type { LedgerRow } from './decide.js';

/**
 * The hash chain of a wallet: each row's hash covers the row and the hash before it, so a changed, removed or inserted row
 * is found, and to the row. It is written here twice, for the gateway and for the audit's SQL; a test holds them equal.
 */

/** The chain's first link: what stands before a wallet's first row. */
export const CHAIN_START: Buffer = Buffer.alloc(0);

export interface ChainedRow extends LedgerRow {
  readonly lane: number;
  readonly walletId: bigint;
  readonly playerId: bigint;
  readonly createdAt: Date;
}

/** SHA-256 over the previous hash and the row's text. */
export function chainHash(previous: Buffer, row: ChainedRow): Buffer {
  return hash('sha256', Buffer.concat([previous, Buffer.from(chainText(row))]), 'buffer');
}

/** The row's facts, each written as `length:text` so that no two rows read the same. */
export function chainText(row: ChainedRow): string {
  return (
    `${row.lane}|${row.walletId}|${row.sequence}|${row.playerId}|${row.effect}|${row.balanceAfter}|${row.createdAt.getTime()}` +
    field(row.stated) +
    field(row.undoes) +
    field(row.resolves) +
    field(row.kind) +
    field(row.integration) +
    field(row.externalKey) +
    field(row.target) +
    field(row.round) +
    field(row.game) +
    field(row.rest) +
    field(row.flags.length === 0 ? null : row.flags.join(','))
  );
}

function field(value: string | bigint | null): string {
  if (value === null) return '|~';
  const text = String(value);
  return `|${Buffer.byteLength(text)}:${text}`;
}

/** The same hash as an SQL expression over a ledger row aliased `t`, given the expression of the previous hash. */
export function chainHashSql(previous: string): string {
  const text = (expression: string): string =>
    `coalesce('|' || octet_length(${expression}) || ':' || ${expression}, '|~')`;
  return [
    `sha256(${previous} || convert_to(concat_ws('|', t.lane, t.wallet_id, t.sequence, t.player_id, t.effect, t.balance_after, `,
    `round(extract(epoch from t.created_at) * 1000)::bigint)`,
    ...[
      't.stated::text',
      't.undoes::text',
      't.resolves::text',
      't.kind',
      't.integration',
      't.external_key',
      't.target',
      't.round',
      't.game',
      't.rest',
      "nullif(array_to_string(t.flags, ','), '')",
    ].map((each) => ` || ${text(each)}`),
    `, 'UTF8'))`,
  ].join('');
}
