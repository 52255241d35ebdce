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
    tokenHash: p.blob().nullable(),
    createdAt: p.datetime(3),
  },
});
export type GameSession = InferEntity<typeof GameSession>;
