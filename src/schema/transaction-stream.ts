import type { ChainedRow } from '../ledger/chain.js';
import type { Flag } from '../ledger/commands.js';
import { isStaff, ownPlayer, playerById, visibleWallet } from './access.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import { readAmounts } from './history-filter.js';
import type { RowKey, WalletRow } from './rows.js';
import { readKnownName } from './scalars.js';
import type { TransactionFilterInput } from './transactions.js';

/** A filter as a stream applies it: to each row as it comes by. */
export interface StreamFilter {
  /** The one player and wallet that are asked for; undefined for any of the brand. */
  readonly player: RowKey | undefined;
  readonly walletId: bigint | undefined;
  readonly currency: string | undefined;
  readonly matches: (row: ChainedRow) => boolean;
}

/** What a stream can be narrowed to. The rest of the filter speaks of the past, or of what no row says of itself. */
const streamed: ReadonlySet<string> = new Set<keyof TransactionFilterInput>([
  'playerId',
  'walletId',
  'integration',
  'game',
  'kind',
  'kinds',
  'round',
  'currency',
  'minAmount',
  'maxAmount',
  'flagged',
  'flags',
]);

/** @throws BAD_USER_INPUT; NOT_FOUND for a player or wallet that the token may not see */
export async function readStreamFilter(context: GraphqlContext, filter: TransactionFilterInput): Promise<StreamFilter> {
  for (const [name, value] of Object.entries(filter)) {
    if (value != null && !streamed.has(name)) throw badInput(`"${name}" has no meaning for a stream.`);
  }
  const { currency } = filter;
  const wallet = await namedWallet(context, filter);
  const player = await namedPlayer(context, filter, wallet);
  const tests = await readTests(context, filter);
  return {
    player,
    walletId: wallet?.id,
    currency: currency == null ? undefined : readKnownName('currency', currency),
    matches: (row) => tests.every((test) => test(row)),
  };
}

type RowTest = (row: ChainedRow) => boolean;

/** One test for each part that is given: most streams have none. */
async function readTests(context: GraphqlContext, filter: TransactionFilterInput): Promise<readonly RowTest[]> {
  const { kind, kinds, currency, minAmount, maxAmount, flagged, flags } = filter;
  if (kinds?.length === 0) throw badInput('"kinds" must name at least one.');
  if (flags?.length === 0) throw badInput('"flags" must name at least one.');
  if (flagged === false && flags != null) throw badInput('"flags" and "flagged: false" exclude each other.');
  const tests: RowTest[] = [];
  for (const name of ['integration', 'game', 'round'] as const) {
    const text = filter[name];
    if (text == null) continue;
    const wanted = readKnownName(name, text);
    tests.push((row) => row[name] === wanted);
  }
  if (kind != null) tests.push((row) => row.kind === kind);
  if (kinds != null) tests.push((row) => kinds.includes(row.kind));
  const { min, max } = await readAmounts(context, currency, ['minAmount', minAmount], ['maxAmount', maxAmount]);
  if (min !== undefined) tests.push((row) => size(row.effect) >= min);
  if (max !== undefined) tests.push((row) => size(row.effect) <= max);
  // For players nothing has flags.
  const seen = (row: ChainedRow): readonly Flag[] => (isStaff(context) ? row.flags : []);
  if (flagged != null) tests.push((row) => seen(row).length > 0 === flagged);
  if (flags != null) tests.push((row) => seen(row).some((flag) => flags.includes(flag)));
  return tests;
}

function size(effect: bigint): bigint {
  return effect < 0n ? -effect : effect;
}

async function namedWallet(
  context: GraphqlContext,
  { walletId }: TransactionFilterInput,
): Promise<WalletRow | undefined> {
  if (walletId == null) return undefined;
  const wallet = await visibleWallet(context, walletId);
  if (wallet === undefined) throw apiError('NOT_FOUND', 'There is no such wallet.');
  return wallet;
}

async function namedPlayer(
  context: GraphqlContext,
  { playerId }: TransactionFilterInput,
  wallet: WalletRow | undefined,
): Promise<RowKey | undefined> {
  const ofWallet = wallet && { lane: wallet.lane, id: wallet.playerId };
  if (playerId == null && isStaff(context)) return ofWallet;
  const player = playerId == null ? await ownPlayer(context) : await playerById(context, playerId);
  if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
  if (ofWallet !== undefined && (ofWallet.lane !== player.lane || ofWallet.id !== player.id)) {
    throw badInput('"walletId" is not a wallet of "playerId".');
  }
  return { lane: player.lane, id: player.id };
}
