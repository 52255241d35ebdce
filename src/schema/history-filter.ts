import type { PreparedRead } from '../database/reads.js';
import { type Decimal, UNITS_MAX, unitsFloor } from '../ledger/money.js';
import { parseId } from '../ledger/ids.js';
import { isStaff, ownPlayer, playerById, visiblePlayer, visibleWallet } from './access.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import type { Span, Wallets } from './merged-ranges.js';
import type { RowKey, WalletRow } from './rows.js';
import { readKnownName } from './scalars.js';

/** What lists of transactions and of rounds can both be narrowed to. */
export interface HistoryFilterInput {
  readonly playerId?: string | null;
  readonly walletId?: string | null;
  readonly sessionId?: string | null;
  readonly integration?: string | null;
  readonly currency?: string | null;
  readonly from?: Date | null;
  readonly to?: Date | null;
}

/** A filter that was read: who is looked at, and when. */
export interface HistoryScope {
  /** One player's wallets; undefined for the brand. */
  readonly wallets: Wallets | undefined;
  readonly integration: string | undefined;
  readonly currency: string | undefined;
  readonly span: Span;
}

/** @throws BAD_USER_INPUT unless the range is one */
export function readSpan({ from, to }: Pick<HistoryFilterInput, 'from' | 'to'>): Span {
  if (from != null && to != null && from >= to) throw badInput('"from" must be before "to".');
  return { from: from ?? undefined, to: to ?? undefined };
}

/** Whether the filter names one player's rows, however it does so; then they are listed by wallet, otherwise by time. */
export function isOfOnePlayer(context: GraphqlContext, { playerId, walletId, sessionId }: HistoryFilterInput): boolean {
  return !isStaff(context) || playerId != null || walletId != null || sessionId != null;
}

/**
 * @returns undefined when the token may see nothing of what is asked for
 * @throws BAD_USER_INPUT
 */
export async function readScope(
  context: GraphqlContext,
  filter: HistoryFilterInput,
): Promise<HistoryScope | undefined> {
  const span = readSpan(filter);
  const integration = filter.integration == null ? undefined : readKnownName('integration', filter.integration);
  const currency = filter.currency == null ? undefined : readKnownName('currency', filter.currency);
  const common = { integration, currency, span };
  if (!isOfOnePlayer(context, filter)) return { ...common, wallets: undefined };
  const [player, wallet, session] = await Promise.all([
    namedPlayer(context, filter),
    filter.walletId == null ? undefined : visibleWallet(context, filter.walletId),
    filter.sessionId == null ? undefined : findSession(context, filter.sessionId),
  ]);
  if (filter.walletId != null && wallet === undefined) return undefined;
  if (filter.sessionId != null && session === undefined) return undefined;
  const key = oneKey([player, wallet && playerOf(wallet), session?.player]);
  if (key === undefined || player === null) return undefined;
  const wallets = { player: key, wallet: wallet?.id, currency };
  if (session === undefined) return { ...common, wallets };
  if (integration !== undefined && integration !== session.integration) return undefined;
  return { wallets, currency, integration: session.integration, span: overlap(span, session.span) };
}

/** @returns null for a player that the token may not see, undefined when staff names none */
async function namedPlayer(
  context: GraphqlContext,
  { playerId }: HistoryFilterInput,
): Promise<RowKey | undefined | null> {
  if (playerId == null && isStaff(context)) return undefined;
  return (playerId == null ? await ownPlayer(context) : await playerById(context, playerId)) ?? null;
}

function playerOf({ lane, playerId }: WalletRow): RowKey {
  return { lane, id: playerId };
}

/** The player that all of them name; undefined when they name several. */
function oneKey(keys: readonly (RowKey | undefined | null)[]): RowKey | undefined {
  const named = keys.filter((key) => key != null);
  const [first] = named;
  return named.every(({ lane, id }) => lane === first?.lane && id === first.id) ? first : undefined;
}

function overlap(one: Span, other: Span): Span {
  const [from] = [one.from, other.from].filter((each) => each !== undefined).sort((a, b) => b.getTime() - a.getTime());
  const [to] = [one.to, other.to].filter((each) => each !== undefined).sort((a, b) => a.getTime() - b.getTime());
  return { from, to };
}

interface SessionSpan {
  readonly player: RowKey;
  readonly integration: string;
  readonly span: Span;
}

/** A ledger row is of its player's latest launch there at or before it: a session lasts until the next one that counts. */
const sessionSpan: PreparedRead = {
  name: 'span_of_session',
  text: `select s.player_id, s.integration, s.created_at as start, n.created_at as stop
    from game_session s left join lateral (
      select f.created_at from game_session f
      where f.lane = s.lane and f.player_id = s.player_id and f.integration = s.integration
        and (f.created_at, f.id) > (s.created_at, s.id) and not f.demo and not f.failed
      order by f.created_at, f.id limit 1) n on true
    where s.lane = $1 and s.id = $2 and not s.demo and not s.failed`,
};

/** @returns undefined for sessions that the token may not see, and for those in which nothing can have been played */
async function findSession(context: GraphqlContext, id: string): Promise<SessionSpan | undefined> {
  const key = parseId('session', id);
  if (key === undefined) return undefined;
  const { reads } = context.services;
  const [row] = await reads.query<{ player_id: string; integration: string; start: Date; stop: Date | null }>(
    sessionSpan,
    [key.lane, key.id],
    { signal: context.signal },
  );
  if (row === undefined) return undefined;
  const player = { lane: key.lane, id: BigInt(row.player_id) };
  if ((await visiblePlayer(context, player)) === undefined) return undefined;
  return { player, integration: row.integration, span: { from: row.start, to: row.stop ?? undefined } };
}

/** Ledger units that an amount lies between, both inclusive. */
export interface UnitRange {
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
}

/**
 * Amounts as they are asked for. They mean nothing without the currency they are in.
 * @throws BAD_USER_INPUT
 */
export async function readAmounts(
  context: GraphqlContext,
  currency: string | null | undefined,
  [minName, least]: readonly [name: string, amount: Decimal | null | undefined],
  [maxName, most]: readonly [name: string, amount: Decimal | null | undefined] = ['', undefined],
): Promise<UnitRange> {
  const min = notNegative(minName, least);
  const max = notNegative(maxName, most);
  if (min === undefined && max === undefined) return { min: undefined, max: undefined };
  if (currency == null) throw badInput(`"${min === undefined ? maxName : minName}" needs "currency".`);
  const scale = await scaleOf(context, currency);
  const floor = min && unitsFloor(min, scale);
  const range = {
    min: floor && within(floor.rest === undefined ? floor.units : floor.units + 1n),
    max: max && within(unitsFloor(max, scale).units),
  };
  if (min !== undefined && max !== undefined && isMore(min, max)) {
    throw badInput(`"${minName}" must not be more than "${maxName}".`);
  }
  return range;
}

function notNegative(name: string, amount: Decimal | null | undefined): Decimal | undefined {
  if (amount != null && amount.digits < 0n) throw badInput(`"${name}" must not be negative.`);
  return amount ?? undefined;
}

function isMore(one: Decimal, other: Decimal): boolean {
  return one.digits * 10n ** BigInt(other.decimals) > other.digits * 10n ** BigInt(one.decimals);
}

/** No amount is larger than what the ledger can hold. */
function within(units: bigint): bigint {
  return units > UNITS_MAX ? UNITS_MAX : units;
}

async function scaleOf({ services, loaders }: GraphqlContext, currency: string): Promise<number> {
  const known =
    services.currencies.get(currency) ?? (await services.rows.currency(readKnownName('currency', currency)));
  if (known === undefined) throw badInput('There is no such "currency".');
  return loaders.scale(currency);
}
