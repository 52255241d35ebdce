import type { Role } from '../auth.js';
import { logPlayersRead } from '../access/staff-reads.js';
import type { Player } from '../entities/index.js';
import { parseId, parseTransactionId } from '../ledger/ids.js';
import type { Logger } from '../observability/logger.js';
import type { GraphqlContext } from './context.js';
import { apiError } from './errors.js';
import type { RowKey, TransactionRow, WalletRow } from './loaders.js';

const staff: readonly Role[] = ['support', 'analyst', 'operator', 'service'];
const everybody: readonly Role[] = ['player', 'support', 'analyst', 'operator', 'service'];
const managers: readonly Role[] = ['operator', 'service'];

/**
 * Which role may ask what; a token of several roles may do what any of them may. `guard.ts` holds every field to it, and
 * what is not in here is for operators alone.
 */
export const rolesOf: Readonly<
  Record<'Query' | 'Mutation' | 'Subscription', Readonly<Record<string, readonly Role[]>>>
> = {
  Query: {
    me: everybody,
    player: everybody,
    wallet: everybody,
    transaction: everybody,
    transactionByKey: everybody,
    transactions: everybody,
    round: everybody,
    rounds: everybody,
    games: everybody,
    session: everybody,
    integrations: staff,
    callback: staff,
    callbacks: staff,
    report: ['analyst', 'operator', 'service'],
    reportFreshness: ['analyst', 'operator', 'service'],
    moneyAtRisk: ['analyst', 'operator', 'service'],
    adjustments: staff,
    proofKeys: everybody,
  },
  Mutation: {
    launchGame: ['player', 'operator', 'service'],
    createPlayer: managers,
    // Support suspends and lowers limits, players exclude and limit themselves; the resolvers refuse them the rest.
    setPlayerStatus: ['player', 'support', 'operator', 'service'],
    setLimit: ['player', 'support', 'operator', 'service'],
    deposit: managers,
    withdraw: managers,
    proposeAdjustment: ['operator'],
    approveAdjustment: ['operator'],
    syncCatalogue: managers,
    callBackTokens: managers,
  },
  Subscription: {
    balanceChanged: everybody,
    transactionPosted: everybody,
    callbackReceived: staff,
  },
};

/** Fields that not everybody who sees their object may read: null or empty for the others, FORBIDDEN where it cannot be. */
export const rolesOfField: Readonly<Record<string, readonly Role[]>> = {
  'Transaction.flags': staff,
  'Integration.policy': staff,
  'Callback.body': ['support', 'operator'],
  'Callback.answer': ['support', 'operator'],
};

/** For what the table forgot. */
export const rolesOfTheUnknown: readonly Role[] = ['operator'];

/*
 * Which rows may be seen. A token belongs to one brand and never sees another's rows; within it, staff sees all, a player
 * only itself. What may not be seen is answered exactly as what does not exist.
 */

/** @throws FORBIDDEN unless the token has one of the roles */
export function requireRole(context: GraphqlContext, ...roles: readonly Role[]): void {
  if (!hasRole(context, ...roles)) throw apiError('FORBIDDEN');
}

export function hasRole({ principal }: GraphqlContext, ...roles: readonly Role[]): boolean {
  return roles.some((role) => principal.roles.has(role));
}

export function isStaff(context: GraphqlContext): boolean {
  return hasRole(context, ...staff);
}

/** @throws FORBIDDEN for tokens of players alone */
export function requireStaff(context: GraphqlContext): void {
  requireRole(context, ...staff);
}

/** @throws FORBIDDEN unless the token may change players and move money */
export function requireManager(context: GraphqlContext): void {
  requireRole(context, 'operator', 'service');
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
  if (player === undefined || !maySee(context, player)) return undefined;
  noteRead(context, [player]);
  return player;
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

/**
 * The player a mutation is about.
 * @param change one that only protects the player is open to support too
 * @throws FORBIDDEN without the role, NOT_FOUND for unknown and foreign players alike
 */
export async function managedPlayer(
  context: GraphqlContext,
  id: string,
  change: 'any' | 'protective' = 'any',
): Promise<Player> {
  if (change === 'any') requireManager(context);
  else requireRole(context, 'support', 'operator', 'service');
  const player = await playerById(context, id);
  if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
  return player;
}

/** Whoever answers staff with rows of players, other than by the functions above, says whose they are. */
export function noteRead(context: GraphqlContext, players: Iterable<RowKey>): void {
  if (!isStaff(context)) return;
  for (const player of players) context.playersRead.note(player);
}

/** Writes down whose data a person of the staff was given: one line at the end of an operation. */
export function logStaffReads(
  { principal, playersRead }: GraphqlContext,
  operation: string | undefined,
  logger: Pick<Logger, 'info'>,
  requestId?: string,
): void {
  logPlayersRead(logger, playersRead, { principal, operation, requestId });
}

function maySee(context: GraphqlContext, player: Player): boolean {
  const { principal } = context;
  if (player.brandId !== principal.brand) return false;
  return isStaff(context) || (principal.roles.has('player') && player.externalId === principal.subject);
}
