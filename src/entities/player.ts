import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { PlayerStatus } from '../ledger/commands.js';

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
    createdAt: p.datetime(3),
  },
  checks: [
    { name: 'player_status_known', expression: "status in ('ACTIVE', 'SUSPENDED', 'SELF_EXCLUDED', 'CLOSED')" },
    { name: 'player_external_id_size', expression: 'octet_length(external_id) between 1 and 255' },
  ],
  uniques: [{ name: 'player_external_id_unique', properties: ['brandId', 'externalId', 'lane'] }],
});
export type Player = InferEntity<typeof Player>;
