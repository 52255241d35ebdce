import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { WalletLimits } from '../ledger/commands.js';

/** A player's money in one currency. Only a unit of work changes it, and only together with the ledger rows that say why. */
export const Wallet = defineEntity({
  name: 'Wallet',
  tableName: 'wallet',
  properties: {
    lane: p.smallint().primary(),
    id: p.bigint().primary(),
    playerId: p.bigint(),
    currency: p.text(),
    /** Ledger units; below zero only in debt, after the undo of a win already spent. */
    balance: p.bigint().default(0),
    /** That of the last ledger row: 1, 2, 3 … without gaps; 0 while there is none. */
    sequence: p.bigint().default(0),
    /** Hash of the last ledger row; empty while there is none. */
    head: p.blob().defaultRaw("''"),
    /** What may be staked, lost and deposited at most, and what has been; null when nothing is limited. */
    limits: p.json().nullable().$type<WalletLimits>(),
    createdAt: p.datetime(3),
  },
  checks: [
    { name: 'wallet_sequence_not_negative', expression: 'sequence >= 0' },
    { name: 'wallet_head_size', expression: 'octet_length(head) = case when sequence = 0 then 0 else 32 end' },
    { name: 'wallet_limits_object', expression: "jsonb_typeof(limits) = 'object'" },
    { name: 'wallet_empty_without_rows', expression: 'sequence > 0 or balance = 0' },
  ],
  uniques: [{ name: 'wallet_currency_unique', properties: ['playerId', 'currency', 'lane'] }],
});
export type Wallet = InferEntity<typeof Wallet>;
