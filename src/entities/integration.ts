import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** One configured connection to a provider, or the reserved `cashier`. Rows are never deleted: the ledger refers to them. */
export const Integration = defineEntity({
  name: 'Integration',
  tableName: 'integration',
  properties: {
    id: p.text().primary(),
    /** Adapter id; null for the cashier, which no provider stands behind. */
    adapter: p.text().nullable(),
    /** Slug of the brand; null for the cashier, which serves all. */
    brandId: p.text().nullable(),
    currencies: p.array().columnType('text[]'),
    /** False once it has left the configuration. */
    active: p.boolean(),
  },
});
export type Integration = InferEntity<typeof Integration>;
