import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export const reportGrains = ['hour', 'day'] as const;
export type ReportGrain = (typeof reportGrains)[number];

/**
 * What was played of one game in one currency in one hour, or one day, of UTC. A projection, as `Round` is. A rollback counts
 * when it was posted, so what was reported of an hour that is over stays true.
 */
export const ReportBucket = defineEntity({
  name: 'ReportBucket',
  tableName: 'report_bucket',
  properties: {
    brandId: p.text().primary(),
    grain: p.text().primary().$type<ReportGrain>(),
    startsAt: p.datetime(3).primary(),
    integration: p.text().primary(),
    /** The provider's id of the game; empty where the ledger row, and the one it undoes or pays, name none. */
    game: p.text().primary(),
    currency: p.text().primary(),
    /** Ledger units, after rollbacks; below zero when more was undone than played. */
    stakes: p.decimal('string').columnType('numeric(38)'),
    payouts: p.decimal('string').columnType('numeric(38)'),
    bets: p.bigint(),
    wins: p.bigint(),
    rollbacks: p.bigint(),
    /** Rounds that began. */
    rounds: p.bigint(),
    /** Players that moved anything, each once. */
    players: p.bigint(),
  },
  checks: [{ name: 'report_bucket_grain_known', expression: "grain in ('hour', 'day')" }],
});
export type ReportBucket = InferEntity<typeof ReportBucket>;
