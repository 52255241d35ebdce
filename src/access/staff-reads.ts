import type { Principal, Role } from '../auth.js';
import { formatId } from '../ledger/ids.js';
import type { Logger } from '../observability/logger.js';

interface PlayerKey {
  readonly lane: number;
  readonly id: bigint;
}

/** Whose reading is written down: people's. Machines read what they write. */
const people: readonly Role[] = ['support', 'analyst', 'operator'];
const IDS_MAX = 50;

/** The players of whom one operation read something. */
export class PlayersRead {
  readonly #ids = new Set<string>();

  note({ lane, id }: PlayerKey): void {
    this.#ids.add(formatId('player', { lane, id }));
  }

  /** @returns their public ids, and forgets them */
  take(): string[] {
    const ids = [...this.#ids];
    this.#ids.clear();
    return ids;
  }
}

export interface StaffRead {
  readonly principal: Principal;
  /** Undefined for an operation without a name. */
  readonly operation: string | undefined;
  readonly requestId?: string | undefined;
}

/** Who of the staff read of whom, in one line an operation; nothing when they read of nobody. */
export function logPlayersRead(
  logger: Pick<Logger, 'info'>,
  read: PlayersRead,
  { principal, ...rest }: StaffRead,
): void {
  const players = read.take();
  const { subject, brand, roles } = principal;
  if (players.length === 0 || !people.some((role) => roles.has(role))) return;
  const who = { subject, brand, roles: [...roles] };
  logger.info({ ...who, ...rest, players: players.slice(0, IDS_MAX), playerCount: players.length }, 'staff read');
}
