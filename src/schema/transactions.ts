import { Arg, Ctx, Field, FieldResolver, ID, InputType, Int, Query, Resolver, Root } from 'type-graphql';
import type { Flag, TransactionKind } from '../ledger/commands.js';
import { formatId } from '../ledger/ids.js';
import type { Decimal } from '../ledger/money.js';
import { isStaff, noteRead, ownPlayer, playerById, visibleTransaction } from './access.js';
import { connectionOf } from './connection.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { isOfOnePlayer, readAmounts, readScope } from './history-filter.js';
import { pageArgumentTexts, readPage, toPage } from './paging.js';
import { type LedgerColumns, transactionOf } from './row-columns.js';
import type { RowKey, TransactionRow } from './rows.js';
import { DateTimeScalar, DecimalScalar, readKnownName } from './scalars.js';
import { TransactionFlagEnum, TransactionKindEnum, TransactionObject } from './transaction.js';
import { newestByKey, readTransactions, sequenceCursors, type TransactionSearch } from './transaction-pages.js';
import { WalletObject } from './wallet.js';

export const TransactionConnection = connectionOf({
  name: 'Transaction',
  node: () => TransactionObject,
  one: 'a transaction',
  order: "In the list's own order.",
});
export type TransactionConnection = InstanceType<typeof TransactionConnection>;

@InputType('TransactionFilter', { description: 'All that is given must hold.' })
export class TransactionFilterInput {
  @Field(() => ID, { nullable: true, description: 'Only of this player.' })
  readonly playerId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only of this wallet.' })
  readonly walletId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "Only of this session: of the session's player and integration, from its launch to the next one.",
  })
  readonly sessionId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Only of this integration; "cashier" for deposits and withdrawals, "adjustment" for adjustments.',
  })
  readonly integration?: string | null;

  @Field(() => String, { nullable: true, description: "Only of the game with this id of the provider's." })
  readonly game?: string | null;

  @Field(() => TransactionKindEnum, { nullable: true, description: 'Only of this kind.' })
  readonly kind?: TransactionKind | null;

  @Field(() => [TransactionKindEnum], { nullable: true, description: 'Only of one of these kinds; at least one.' })
  readonly kinds?: readonly TransactionKind[] | null;

  @Field(() => String, {
    nullable: true,
    description:
      "Only of the round with this id of the provider's: what names it, what pays its bets, and what undoes any of these.",
  })
  readonly round?: string | null;

  @Field(() => String, { nullable: true, description: 'Only in this currency, by its code.' })
  readonly currency?: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Only of this amount or more, whether gained or lost. Needs "currency".',
  })
  readonly minAmount?: Decimal | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Only of this amount or less, whether gained or lost. Needs "currency".',
  })
  readonly maxAmount?: Decimal | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only with flags when true, only without when false. For players nothing has flags.',
  })
  readonly flagged?: boolean | null;

  @Field(() => [TransactionFlagEnum], {
    nullable: true,
    description: 'Only with one of these flags; at least one. For players nothing has flags.',
  })
  readonly flags?: readonly Flag[] | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only received at this moment or later.' })
  readonly from?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only received before this moment.' })
  readonly to?: Date | null;
}

@Resolver(() => WalletObject)
export class WalletTransactionsResolver {
  @FieldResolver(() => TransactionConnection, {
    description:
      "The wallet's transactions by their sequence: the first edge is the newest. Error BAD_USER_INPUT for cursors " +
      'of another list and sizes out of range.',
  })
  async transactions(
    @Root() { row }: WalletObject,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<TransactionConnection> {
    const cursors = sequenceCursors(`wallet ${formatId('wallet', row)}`);
    const page = readPage({ first, after, last, before }, cursors);
    const rows = await loaders.walletPage.load({ lane: row.lane, id: row.id, page });
    return new TransactionConnection(toPage(rows, page, ({ sequence }) => sequence, cursors));
  }
}

@Resolver()
export class TransactionResolver {
  @Query(() => TransactionObject, {
    nullable: true,
    description: 'A transaction by id; null for what does not exist and for what the token may not see.',
  })
  async transaction(
    @Arg('id', () => ID, { description: 'Id of the transaction.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<TransactionObject | undefined> {
    const row = await visibleTransaction(context, id);
    return row && new TransactionObject(row);
  }

  @Query(() => TransactionObject, {
    nullable: true,
    description:
      'A transaction by the provider\'s id. Some providers use one id for several players: then, without "playerId", the newest ' +
      'that the token may see. Null for what does not exist and for what the token may not see.',
  })
  async transactionByKey(
    @Arg('integration', () => ID, { description: 'Id of the integration; "cashier" for deposits and withdrawals.' })
    integration: string,
    @Arg('externalKey', () => String, { description: "The provider's id of the movement, or the idempotency key." })
    externalKey: string,
    @Arg('playerId', () => ID, { nullable: true, description: 'Id of the player it belongs to.' }) playerId:
      | string
      | null,
    @Ctx() context: GraphqlContext,
  ): Promise<TransactionObject | undefined> {
    const scope = await playerMeant(context, playerId);
    if (scope === undefined) return undefined;
    const row = await findByKey(
      context,
      readKnownName('integration', integration),
      readKnownName('externalKey', externalKey),
      scope.player,
    );
    return row && new TransactionObject(row);
  }

  @Query(() => TransactionConnection, {
    description:
      'The history: the first edge is the newest. With "walletId" in the order of the wallet\'s sequence, otherwise by the time ' +
      'of receipt. Players get their own transactions, staff those of the brand; what the token may not see is left out. Errors: ' +
      'BAD_USER_INPUT for a reversed range, cursors of another list or filter, and sizes out of range; QUERY_TOO_SLOW.',
  })
  async transactions(
    @Arg('filter', () => TransactionFilterInput, {
      nullable: true,
      description: 'Everything that may be seen when absent.',
    })
    filter: TransactionFilterInput | null,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<TransactionConnection> {
    const wanted = filter ?? {};
    const search = await readSearch(context, wanted);
    const scope = search && (await readScope(context, wanted));
    const request = { args: { first, after, last, before }, scope: scopeName(context, wanted) };
    const ofOnePlayer = isOfOnePlayer(context, wanted);
    return new TransactionConnection(await readTransactions(context, request, scope, search ?? anything, ofOnePlayer));
  }
}

const anything: TransactionSearch = {
  kinds: undefined,
  game: undefined,
  amounts: { min: undefined, max: undefined },
  flagged: undefined,
  flags: undefined,
  round: undefined,
};

/**
 * @returns undefined when nothing can be found
 * @throws BAD_USER_INPUT
 */
async function readSearch(
  context: GraphqlContext,
  filter: TransactionFilterInput,
): Promise<TransactionSearch | undefined> {
  const { kind, kinds, game, round, currency, minAmount, maxAmount, flagged, flags } = filter;
  if (kinds?.length === 0) throw badInput('"kinds" must name at least one.');
  if (flags?.length === 0) throw badInput('"flags" must name at least one.');
  if (flagged === false && flags != null) throw badInput('"flags" and "flagged: false" exclude each other.');
  const amounts = await readAmounts(context, currency, ['minAmount', minAmount], ['maxAmount', maxAmount]);
  const either = kind == null ? kinds : [kind].filter((each) => kinds?.includes(each) ?? true);
  if (either?.length === 0) return undefined;
  // What a player cannot see is not there to be searched for either.
  if (!isStaff(context) && (flagged === true || flags != null)) return undefined;
  const seesFlags = isStaff(context);
  return {
    kinds: either ?? undefined,
    game: game == null ? undefined : readKnownName('game', game),
    amounts,
    flagged: seesFlags ? (flagged ?? undefined) : undefined,
    flags: seesFlags ? (flags ?? undefined) : undefined,
    round: round == null ? undefined : readKnownName('round', round),
  };
}

/** Names the list for its cursors: who looks, and through which filter. */
function scopeName(context: GraphqlContext, filter: TransactionFilterInput): string {
  const { brand, subject } = context.principal;
  const { playerId, walletId, sessionId, integration, game, kind, round, currency, flagged, from, to } = filter;
  const { minAmount, maxAmount, kinds, flags } = filter;
  const viewer = isStaff(context) ? null : subject;
  const amounts = [minAmount, maxAmount].map((amount) => amount && `${amount.digits}e-${amount.decimals}`);
  const sets = [kinds, flags].map((set) => set && [...new Set<string>(set)].sort());
  const rest = [playerId, walletId, sessionId, integration, game, kind, round, currency, flagged, from, to];
  return JSON.stringify(['transactions', brand, viewer, ...rest, amounts, sets]);
}

/** Whose transactions are meant: one player's, or (undefined, for staff) the brand's. */
async function playerMeant(
  context: GraphqlContext,
  playerId: string | null | undefined,
): Promise<{ player: RowKey | undefined } | undefined> {
  if (playerId == null && isStaff(context)) return { player: undefined };
  const player = playerId == null ? await ownPlayer(context) : await playerById(context, playerId);
  return player && { player: { lane: player.lane, id: player.id } };
}

async function findByKey(
  context: GraphqlContext,
  integration: string,
  externalKey: string,
  player: RowKey | undefined,
): Promise<TransactionRow | undefined> {
  if (player !== undefined) {
    return context.loaders.byExternalKey.load({ lane: player.lane, playerId: player.id, integration, externalKey });
  }
  const { services, signal, principal } = context;
  const values = [externalKey, integration, principal.brand];
  const [columns] = await services.reads.query<LedgerColumns>(newestByKey, values, { signal });
  if (columns === undefined) return undefined;
  const row = transactionOf(columns);
  noteRead(context, [{ lane: row.lane, id: row.playerId }]);
  return row;
}
