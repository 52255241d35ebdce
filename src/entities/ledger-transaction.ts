import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { Flag, TransactionKind } from '../ledger/commands.js';

/**
 * One immutable row per movement. With the wallet on one side and the counter account on the other it is double entry by
 * construction: what the wallet gains the account loses. The app's role may insert and read it, nothing else.
 */
export const LedgerTransaction = defineEntity({
  name: 'LedgerTransaction',
  tableName: 'ledger_transaction',
  properties: {
    lane: p.smallint().primary(),
    walletId: p.bigint().primary(),
    sequence: p.bigint().primary(),
    playerId: p.bigint(),
    /** Slug of the integration, `cashier` or `adjustment`. */
    integration: p.text(),
    /** The provider's id of the movement; unique per integration and player, for ever. */
    externalKey: p.text(),
    kind: p.text().$type<TransactionKind>(),
    /** Signed ledger units that the wallet gained. */
    effect: p.bigint(),
    /** Ledger units the request stated, rounded down; the facts of a repeat are compared with it. Null when it stated none. */
    stated: p.bigint().nullable(),
    /** What rounding down cut off a stated credit, as decimal text. */
    rest: p.text().nullable(),
    balanceAfter: p.bigint(),
    /** Counter account: `house:<integration>`, `cashier` or `adjustment`. */
    account: p
      .text()
      .generated(
        "(case when integration in ('cashier', 'adjustment') then integration else 'house:' || integration end) stored",
      ),
    /** External key of the movement a rollback undoes, or of the bet a win says it pays. */
    target: p.text().nullable(),
    /** Sequence, in the same wallet, of the movement this rollback really undid: at most one row per target. */
    undoes: p.bigint().nullable(),
    /** Sequence, in the same wallet, of the bet this win pays. */
    resolves: p.bigint().nullable(),
    round: p.text().nullable(),
    game: p.text().nullable(),
    flags: p.array().columnType('text[]').$type<Flag[]>(),
    createdAt: p.datetime(3),
    /** When a player may see it; null means at once. No part of the books, so the hash does not cover it. */
    displayAt: p.datetime(3).nullable(),
    /** SHA-256 over this row and the wallet's previous hash (ledger/chain.ts). */
    hash: p.blob(),
  },
  checks: [
    { name: 'ledger_sequence_positive', expression: 'sequence > 0' },
    {
      name: 'ledger_kind_known',
      expression: "kind in ('bet', 'win', 'rollback', 'tombstone', 'deposit', 'withdrawal', 'adjustment')",
    },
    {
      name: 'ledger_effect_direction',
      expression:
        "case kind when 'bet' then effect <= 0 when 'withdrawal' then effect < 0 when 'win' then effect >= 0 when 'deposit' then effect > 0 when 'adjustment' then effect <> 0 when 'tombstone' then effect = 0 else true end",
    },
    {
      name: 'ledger_debit_covered',
      expression:
        "case kind when 'bet' then balance_after >= 0 when 'withdrawal' then balance_after >= 0 when 'adjustment' then effect > 0 or balance_after >= 0 else true end",
    },
    { name: 'ledger_stated_not_negative', expression: 'stated >= 0' },
    {
      name: 'ledger_effect_as_stated',
      expression:
        "case when kind in ('rollback', 'tombstone') then true when stated is null then false when 'free-bet' = any(flags) then kind = 'bet' and effect = 0 else abs(effect) = stated end",
    },
    { name: 'ledger_undo_is_rollback', expression: "undoes is null or (kind = 'rollback' and undoes < sequence)" },
    { name: 'ledger_rollback_effect_undoes', expression: "kind <> 'rollback' or undoes is not null or effect = 0" },
    {
      name: 'ledger_rollback_names_target',
      expression: "case kind when 'rollback' then target is not null when 'win' then true else target is null end",
    },
    { name: 'ledger_resolves_is_win', expression: "resolves is null or (kind = 'win' and resolves < sequence)" },
    { name: 'ledger_external_key_size', expression: 'octet_length(external_key) between 1 and 255' },
    { name: 'ledger_hash_size', expression: 'octet_length(hash) = 32' },
  ],
  uniques: [
    { name: 'ledger_external_key_unique', properties: ['externalKey', 'integration', 'playerId', 'lane'] },
    { name: 'ledger_undoes_unique', properties: ['lane', 'walletId', 'undoes'], where: 'undoes is not null' },
  ],
  indexes: [
    { name: 'ledger_history', properties: ['integration', 'createdAt', 'lane', 'walletId', 'sequence'] },
    {
      name: 'ledger_flagged',
      properties: ['integration', 'createdAt', 'lane', 'walletId', 'sequence'],
      where: "flags <> '{}'",
    },
    { name: 'ledger_resolves', properties: ['lane', 'walletId', 'resolves'], where: 'resolves is not null' },
    { name: 'ledger_round', properties: ['round', 'playerId', 'integration', 'lane'], where: 'round is not null' },
  ],
});
export type LedgerTransaction = InferEntity<typeof LedgerTransaction>;
