import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A casino or sportsbook of the operator. Kept in step with the configuration at every start. */
export const Brand = defineEntity({
  name: 'Brand',
  tableName: 'brand',
  properties: {
    id: p.text().primary(),
    currencies: p.array().columnType('text[]'),
  },
});
export type Brand = InferEntity<typeof Brand>;
