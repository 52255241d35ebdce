import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A game launched for a player. A launch token handed to a provider is stored as its SHA-256 only. */
export const GameSession = defineEntity({
  name: 'GameSession',
  tableName: 'game_session',
  properties: {
    lane: p.smallint().primary(),
    id: p.bigint().primary(),
    playerId: p.bigint(),
    integration: p.text(),
    currency: p.text(),
    game: p.text().nullable(),
    /** SHA-256 of the one-time token that the provider may ask with. */
    tokenHash: p.blob().nullable(),
    /** First use of the token; shortly after that it is spent. */
    redeemedAt: p.datetime(3).nullable(),
    platform: p.text().default('desktop').$type<'desktop' | 'mobile'>(),
    /** The operator's own word for the device. */
    device: p.text().nullable(),
    demo: p.boolean().default(false),
    /** The provider did not start the game. */
    failed: p.boolean().default(false),
    createdAt: p.datetime(3),
  },
  checks: [
    { name: 'game_session_platform_known', expression: "platform in ('desktop', 'mobile')" },
    { name: 'game_session_device_size', expression: 'octet_length(device) between 1 and 255' },
  ],
  indexes: [{ name: 'game_session_played', properties: ['lane', 'playerId', 'integration', 'createdAt', 'id'] }],
  uniques: [{ name: 'game_session_token_unique', properties: ['lane', 'tokenHash'] }],
});
export type GameSession = InferEntity<typeof GameSession>;
