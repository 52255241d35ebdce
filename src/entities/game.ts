import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/**
 * A game of an integration's catalogue, under the provider's id. Rows are never deleted: sessions and ledger rows name them,
 * and a game that returns is the same one.
 */
export const Game = defineEntity({
  name: 'Game',
  tableName: 'game',
  properties: {
    integration: p.text().primary(),
    /** The provider's id, as launches and callbacks name it. */
    id: p.text().primary(),
    name: p.text(),
    /** The name as it is searched and sorted by: without capitals, whatever the server's locale makes of them. */
    sortName: p.text(),
    category: p.text().nullable(),
    thumbnailUrl: p.text().nullable(),
    features: p.array().columnType('text[]'),
    /** Milliseconds that the game's end is shown later than it is sent. */
    balanceUpdateDelayMs: p.integer().nullable(),
    /** Empty where the provider does not say: then all of the integration. */
    currencies: p.array().columnType('text[]'),
    status: p.text().$type<'ACTIVE' | 'WITHDRAWN'>(),
    firstSeenAt: p.datetime(3),
    /** When anything of it changed last, its status included. */
    changedAt: p.datetime(3),
    withdrawnAt: p.datetime(3).nullable(),
  },
  checks: [
    { name: 'game_id_size', expression: 'octet_length(id) between 1 and 255' },
    { name: 'game_name_not_empty', expression: "name <> ''" },
    { name: 'game_delay_not_negative', expression: 'balance_update_delay_ms >= 0' },
    { name: 'game_status_known', expression: "status in ('ACTIVE', 'WITHDRAWN')" },
    { name: 'game_withdrawn_at_a_time', expression: "(status = 'WITHDRAWN') = (withdrawn_at is not null)" },
  ],
});
export type Game = InferEntity<typeof Game>;
