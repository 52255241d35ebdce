import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** That a provider said a player's round is over. It moves nothing, so no ledger row says it. */
export const RoundClosure = defineEntity({
  name: 'RoundClosure',
  tableName: 'round_closure',
  properties: {
    lane: p.smallint().primary(),
    playerId: p.bigint().primary(),
    integration: p.text().primary(),
    externalId: p.text().primary(),
    closedAt: p.datetime(3),
  },
  indexes: [{ name: 'round_closure_closed_at', properties: ['closedAt'] }],
});
export type RoundClosure = InferEntity<typeof RoundClosure>;
