import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** One row per lane of each committed unit of work: which wallets moved to which sequence. The feed reads these by number. */
export const UnitOfWork = defineEntity({
  name: 'UnitOfWork',
  tableName: 'unit_of_work',
  properties: {
    lane: p.smallint().primary(),
    /** Dense per lane, in commit order. */
    number: p.bigint().primary(),
    /** Wallets that moved, and beside each the sequences of its first and its last row in the unit. */
    walletIds: p.array().columnType('bigint[]').$type<bigint[]>(),
    firstSequences: p.array().columnType('bigint[]').$type<bigint[]>(),
    sequences: p.array().columnType('bigint[]').$type<bigint[]>(),
    createdAt: p.datetime(3),
  },
  checks: [
    { name: 'unit_of_work_lane_range', expression: 'lane between 0 and 63' },
    { name: 'unit_of_work_number_positive', expression: 'number > 0' },
    {
      name: 'unit_of_work_pairs',
      expression:
        'cardinality(wallet_ids) = cardinality(sequences) and cardinality(wallet_ids) = cardinality(first_sequences) and cardinality(wallet_ids) > 0',
    },
  ],
});
export type UnitOfWork = InferEntity<typeof UnitOfWork>;
