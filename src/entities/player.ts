import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PlayerLimits, PlayerStatus } from '../ledger/commands.js';

/** A player of a brand. `externalId` is the operator's own name for the player, and fixes the lane for ever. */
export const Player = defineEntity({
  name: 'Player',
  tableName: 'player',
  properties: {
    lane: p.smallint().primary(),
    id: p.bigint().primary(),
    brandId: p.text(),
    externalId: p.text(),
    status: p.text().$type<PlayerStatus>(),
    /** When a self-exclusion ends by itself; null when it lasts until it is lifted. */
    statusUntil: p.datetime(3).nullable(),
    statusChangedAt: p.datetime(3).nullable(),
    /** What the player may do at most, across wallets; null when nothing limits them. */
    limits: p.json().nullable().$type<PlayerLimits>(),
    createdAt: p.datetime(3),
  },
  checks: [
    { name: 'player_status_known', expression: "status in ('ACTIVE', 'SUSPENDED', 'SELF_EXCLUDED', 'CLOSED')" },
    {
      name: 'player_status_until_of_exclusion',
      expression: "status_until is null or status = 'SELF_EXCLUDED'",
    },
    { name: 'player_limits_object', expression: "jsonb_typeof(limits) = 'object'" },
    { name: 'player_external_id_size', expression: 'octet_length(external_id) between 1 and 255' },
  ],
  indexes: [
    { name: 'player_status_changed_at', properties: ['statusChangedAt'], where: 'status_changed_at is not null' },
  ],
  uniques: [{ name: 'player_external_id_unique', properties: ['brandId', 'externalId', 'lane'] }],
});
export type Player = InferEntity<typeof Player>;
