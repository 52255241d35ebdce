import type { Role } from '../auth.js';
import type { Player } from '../entities/index.js';
import { parseId, parseTransactionId } from '../ledger/ids.js';
import type { GraphqlContext } from './context.js';
import { apiError } from './errors.js';
import type { RowKey, TransactionRow, WalletRow } from './loaders.js';

/**
 * Who may see what. A token belongs to one brand and never sees another's rows; within it, staff sees all, a player only
 * itself. What may not be seen is answered exactly as what does not exist.
 */
const readers: readonly Role[] = ['support', 'analyst', 'operator', 'service'];
const managers: readonly Role[] = ['operator', 'service'];

export function isStaff({ principal }: GraphqlContext): boolean {
  return readers.some((role) => principal.roles.has(role));
}

/** @throws FORBIDDEN for tokens of players alone */
export function requireStaff(context: GraphqlContext): void {
  if (!isStaff(context)) throw apiError('FORBIDDEN');
}

/** @throws FORBIDDEN unless the token may change players and move money */
export function requireManager({ principal }: GraphqlContext): void {
  if (!managers.some((role) => principal.roles.has(role))) throw apiError('FORBIDDEN');
}

/** The player that a player's token speaks for. */
export async function ownPlayer(context: GraphqlContext): Promise<Player | undefined> {
  const { principal, services, loaders } = context;
  if (!principal.roles.has('player')) return undefined;
  const key = await services.directory.find(principal.brand, principal.subject);
  return key && loaders.player.load(key);
}

/** @returns undefined for what does not exist, and for what the token may not see */
export async function visiblePlayer(context: GraphqlContext, key: RowKey | undefined): Promise<Player | undefined> {
  const player = key && (await context.loaders.player.load(key));
  return player && maySee(context, player) ? player : undefined;
}

export function playerById(context: GraphqlContext, id: string): Promise<Player | undefined> {
  return visiblePlayer(context, parseId('player', id));
}

export async function visibleWallet(context: GraphqlContext, id: string): Promise<WalletRow | undefined> {
  const key = parseId('wallet', id);
  const wallet = key && (await context.loaders.wallet.load(key));
  if (wallet === undefined) return undefined;
  return (await visiblePlayer(context, { lane: wallet.lane, id: wallet.playerId })) && wallet;
}

export async function visibleTransaction(context: GraphqlContext, id: string): Promise<TransactionRow | undefined> {
  const key = parseTransactionId(id);
  const row = key && (await context.loaders.transaction.load(key));
  if (row === undefined) return undefined;
  return (await visiblePlayer(context, { lane: row.lane, id: row.playerId })) && row;
}

/** The player a mutation is about. @throws FORBIDDEN without the role, NOT_FOUND for unknown and foreign players alike */
export async function managedPlayer(context: GraphqlContext, id: string): Promise<Player> {
  requireManager(context);
  const player = await playerById(context, id);
  if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
  return player;
}

function maySee(context: GraphqlContext, player: Player): boolean {
  const { principal } = context;
  if (player.brandId !== principal.brand) return false;
  return isStaff(context) || (principal.roles.has('player') && player.externalId === principal.subject);
}
