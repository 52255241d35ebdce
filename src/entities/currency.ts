import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A currency and the scale of its ledger unit; the scale never changes once money exists in it. */
export const Currency = defineEntity({
  name: 'Currency',
  tableName: 'currency',
  properties: {
    code: p.text().primary(),
    scale: p.smallint(),
  },
  checks: [{ name: 'currency_scale_range', expression: 'scale between 0 and 18' }],
});
export type Currency = InferEntity<typeof Currency>;
