import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { ReportGrain } from './report-bucket.js';

/** The part of a report bucket that is one player's. It tells who played, which no sum over buckets can. */
export const PlayerBucket = defineEntity({
  name: 'PlayerBucket',
  tableName: 'player_bucket',
  properties: {
    lane: p.smallint().primary(),
    playerId: p.bigint().primary(),
    brandId: p.text(),
    grain: p.text().primary().$type<ReportGrain>(),
    startsAt: p.datetime(3).primary(),
    integration: p.text().primary(),
    game: p.text().primary(),
    currency: p.text().primary(),
    stakes: p.decimal('string').columnType('numeric(38)'),
    payouts: p.decimal('string').columnType('numeric(38)'),
    bets: p.bigint(),
    wins: p.bigint(),
    rollbacks: p.bigint(),
    rounds: p.bigint(),
  },
  checks: [{ name: 'player_bucket_grain_known', expression: "grain in ('hour', 'day')" }],
  indexes: [{ name: 'player_bucket_of_brand', properties: ['brandId', 'grain', 'startsAt'] }],
});
export type PlayerBucket = InferEntity<typeof PlayerBucket>;
