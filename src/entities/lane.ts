import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/**
 * One of 64 lanes: the lock, the order and the shard of its players. Whoever changes anything of them holds this row
 * `FOR UPDATE`; `number` is that of the lane's last unit of work.
 */
export const Lane = defineEntity({
  name: 'Lane',
  tableName: 'lane',
  properties: {
    lane: p.smallint().primary(),
    number: p.bigint().default(0),
  },
  checks: [
    { name: 'lane_range', expression: 'lane between 0 and 63' },
    { name: 'lane_number_not_negative', expression: 'number >= 0' },
  ],
});
export type Lane = InferEntity<typeof Lane>;
