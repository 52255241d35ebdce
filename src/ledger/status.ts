import type { Declined, PlayerStatus, StatusChange } from './commands.js';

/** What a player's status is at a moment, and what may follow it. Pure, but for its second writing in SQL. */

export interface StoredStatus {
  readonly status: PlayerStatus;
  /** When a self-exclusion ends by itself. */
  readonly statusUntil?: Date | null | undefined;
  readonly statusChangedAt?: Date | null | undefined;
}

/** An exclusion without an end can be lifted by staff only when the player has slept on it. */
const OPEN_EXCLUSION_MS = 24 * 60 * 60_000;

/** A self-exclusion that has ended is over, although nobody has written so. A test holds it equal to `statusSql`. */
export function statusAt({ status, statusUntil }: StoredStatus, at: Date): PlayerStatus {
  return statusUntil != null && statusUntil <= at ? 'ACTIVE' : status;
}

/** When the status that holds at a moment ends by itself; null when it does not. */
export function statusUntilAt(stored: StoredStatus, at: Date): Date | null {
  return statusAt(stored, at) === 'SELF_EXCLUDED' ? (stored.statusUntil ?? null) : null;
}

/** `statusAt` now, as an SQL expression over a row of `player` under an alias. */
export function statusSql(player: string): string {
  return `case when ${player}.status_until <= now() then 'ACTIVE' else ${player}.status end`;
}

/**
 * What a change makes of a status. A self-exclusion that runs can only become longer, or end with the account; a closed
 * account stays closed, so that closing and opening it again cannot lift an exclusion.
 * @returns the status to store, nothing when it is so already, or why it stays
 */
export function changedStatus(
  stored: StoredStatus,
  change: StatusChange,
  at: Date,
): StoredStatus | Declined | undefined {
  const { status, protective = false } = change;
  const until = status === 'SELF_EXCLUDED' ? (change.until ?? null) : null;
  const current = statusAt(stored, at);
  const currentUntil = statusUntilAt(stored, at);
  if (status === current && until?.getTime() === currentUntil?.getTime()) return undefined;
  if (current === 'CLOSED') return 'PLAYER_CLOSED';
  // At its end the player would be active, and so would have lifted the suspension.
  if (current === 'SUSPENDED' && protective && until !== null) return 'PLAYER_SUSPENDED';
  if (current === 'SELF_EXCLUDED' && !mayFollowExclusion(stored, currentUntil, { status, until, protective }, at)) {
    return 'EXCLUSION_RUNS';
  }
  return { status, statusUntil: until, statusChangedAt: at };
}

function mayFollowExclusion(
  { statusChangedAt }: StoredStatus,
  currentUntil: Date | null,
  { status, until, protective }: { status: PlayerStatus; until: Date | null; protective: boolean },
  at: Date,
): boolean {
  if (status === 'CLOSED') return true;
  if (currentUntil !== null) return status === 'SELF_EXCLUDED' && (until === null || until > currentUntil);
  const ageMs = statusChangedAt == null ? Infinity : at.getTime() - statusChangedAt.getTime();
  return !protective && ageMs >= OPEN_EXCLUSION_MS;
}
