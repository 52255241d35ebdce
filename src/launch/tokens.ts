import { createHash, randomBytes } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { LaunchedPlay } from '../adapters/contract.js';
import { GameSession, Player } from '../entities/index.js';
import { LANE_COUNT } from '../ledger/lanes.js';

/**
 * One-time launch tokens: a provider that is launched with one asks with it who plays. Only the hash is stored. The token
 * begins with its lane, so that a look-up asks one shard.
 */

/** A launch is played at once, or not at all. */
const LIFE_MS = 24 * 60 * 60_000;
/** The provider may repeat a request whose answer was lost. */
const REPEAT_MS = 60_000;
const TOKEN = /^([0-9a-z]{2})([A-Za-z0-9_-]{43})$/;

export function newLaunchToken(lane: number): string {
  return lane.toString(36).padStart(2, '0') + randomBytes(32).toString('base64url');
}

export function hashLaunchToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** @returns undefined when the token is not one of this integration's, spent, or too old. */
export async function redeemLaunchToken(
  orm: MikroORM,
  integration: string,
  token: string,
  now = new Date(),
): Promise<LaunchedPlay | undefined> {
  const lane = Number.parseInt(TOKEN.exec(token)?.[1] ?? 'zz', 36);
  if (lane >= LANE_COUNT) return undefined;
  const em = orm.em.fork();
  const where = { lane, tokenHash: hashLaunchToken(token), integration, failed: false };
  const session = await em.findOne(GameSession, where);
  if (session === null || now.getTime() - session.createdAt.getTime() > LIFE_MS) return undefined;
  // Of two first uses at once, one marks it, and both read the same mark.
  await em.nativeUpdate(GameSession, { ...where, redeemedAt: null }, { redeemedAt: now });
  const marked = await orm.em.fork().findOneOrFail(GameSession, where);
  if (now.getTime() - (marked.redeemedAt ?? now).getTime() > REPEAT_MS) return undefined;
  const player = await em.findOneOrFail(Player, { lane, id: session.playerId });
  return { player: player.externalId, currency: session.currency, game: session.game ?? undefined };
}
