import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A correction of a wallet by hand. One person proposes it, another one approves it, and only then does money move. */
export const Adjustment = defineEntity({
  name: 'Adjustment',
  tableName: 'adjustment',
  properties: {
    lane: p.smallint().primary(),
    id: p.bigint().primary(),
    playerId: p.bigint(),
    currency: p.text(),
    /** Signed ledger units that the wallet shall gain. */
    amount: p.bigint(),
    reason: p.text(),
    /** Subject of the token that proposed it. */
    proposedBy: p.text(),
    proposedAt: p.datetime(3),
    approvedBy: p.text().nullable(),
    approvedAt: p.datetime(3).nullable(),
  },
  checks: [
    { name: 'adjustment_amount_not_zero', expression: 'amount <> 0' },
    { name: 'adjustment_reason_size', expression: 'octet_length(reason) between 1 and 1000' },
    { name: 'adjustment_approved_at_a_time', expression: '(approved_by is null) = (approved_at is null)' },
    { name: 'adjustment_two_people', expression: 'approved_by <> proposed_by' },
  ],
});
export type Adjustment = InferEntity<typeof Adjustment>;
