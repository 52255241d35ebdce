import { createHash } from 'node:crypto';

/** Lanes are the lock, the order and the shard of their players (docs/glossary.md). Their number never changes. */
export const LANE_COUNT = 64;

/**
 * The lane of a player, for ever: six bits of SHA-256 over brand and external id, which hold no NUL themselves.
 * Rows without a player (a refused request, a notice) take the lane of whatever names them instead.
 */
export function laneOf(brand: string, name: string): number {
  const digest = createHash('sha256').update(brand).update('\0').update(name).digest();
  return digest.readUInt8(0) % LANE_COUNT;
}
