import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/**
 * What one wallet played in one round of a provider. A projection: built from the ledger by the feed, at most a second
 * behind it, and at any time again.
 */
export const Round = defineEntity({
  name: 'Round',
  tableName: 'round',
  properties: {
    lane: p.smallint().primary(),
    walletId: p.bigint().primary(),
    /** Sequences of the round's first and last ledger row. */
    firstSequence: p.bigint().primary(),
    lastSequence: p.bigint(),
    playerId: p.bigint(),
    integration: p.text(),
    /** The provider's id of the round. */
    externalId: p.text(),
    game: p.text().nullable(),
    /** Bets and wins that were not undone, and what undid the others. */
    bets: p.integer(),
    wins: p.integer(),
    rollbacks: p.integer(),
    /** Ledger units, after rollbacks. */
    stakes: p.bigint(),
    payouts: p.bigint(),
    startedAt: p.datetime(3),
    lastAt: p.datetime(3),
    /** When the provider said that the round is over. */
    closedAt: p.datetime(3).nullable(),
    state: p
      .text()
      .generated(
        "(case when bets = 0 and rollbacks > 0 then 'rolled-back' when wins > 0 then 'settled' when closed_at is not null then 'closed' else 'open' end) stored",
      )
      .$type<'open' | 'settled' | 'rolled-back' | 'closed'>(),
  },
  checks: [{ name: 'round_sequences_ordered', expression: 'first_sequence <= last_sequence' }],
  uniques: [{ name: 'round_external_id_unique', properties: ['externalId', 'integration', 'walletId', 'lane'] }],
  indexes: [
    { name: 'round_history', properties: ['integration', 'startedAt', 'lane', 'walletId', 'firstSequence'] },
    {
      name: 'round_open',
      properties: ['integration', 'startedAt'],
      where: 'bets > 0 and wins = 0 and closed_at is null',
    },
  ],
});
export type Round = InferEntity<typeof Round>;
