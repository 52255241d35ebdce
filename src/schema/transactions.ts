import { Arg, Ctx, Field, FieldResolver, ID, InputType, Int, ObjectType, Query, Resolver, Root } from 'type-graphql';
import { LedgerTransaction } from '../entities/index.js';
import type { TransactionKind } from '../ledger/commands.js';
import { formatId } from '../ledger/ids.js';
import { isStaff, ownPlayer, playerById, visibleTransaction, visibleWallet } from './access.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { PageInfoObject, type PageOfRows, pageArgumentTexts, readPage, toPage } from './paging.js';
import { DateTimeScalar, readKnownName } from './scalars.js';
import type { RowKey, TransactionRow } from './loaders.js';
import { TransactionKindEnum, TransactionObject } from './transaction.js';
import { historyCursors, type HistoryFilter, OF_BRAND, readHistory, sequenceCursors } from './transaction-pages.js';
import { WalletObject } from './wallet.js';

@ObjectType('TransactionEdge', { description: 'A transaction in a list.' })
export class TransactionEdgeObject {
  @Field(() => String, { description: 'Opaque; valid for the same list with the same filter.' })
  readonly cursor: string;

  @Field(() => TransactionObject, { description: 'The transaction.' })
  readonly node: TransactionObject;

  constructor(cursor: string, row: TransactionRow) {
    this.cursor = cursor;
    this.node = new TransactionObject(row);
  }
}

@ObjectType('TransactionConnection', { description: 'A page of transactions, newest first.' })
export class TransactionConnectionObject {
  @Field(() => [TransactionEdgeObject], { description: 'Newest first.' })
  readonly edges: readonly TransactionEdgeObject[];

  @Field(() => PageInfoObject, { description: 'Where the page stands in the list.' })
  readonly pageInfo: PageInfoObject;

  constructor({ edges, pageInfo }: PageOfRows<TransactionRow>) {
    this.edges = edges.map(({ cursor, row }) => new TransactionEdgeObject(cursor, row));
    this.pageInfo = pageInfo;
  }
}

@InputType('TransactionFilter', { description: 'All that is given must hold.' })
export class TransactionFilterInput {
  @Field(() => ID, { nullable: true, description: 'Only of this player.' })
  readonly playerId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only of this wallet.' })
  readonly walletId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only of this integration; "cashier" for deposits and withdrawals.' })
  readonly integration?: string | null;

  @Field(() => TransactionKindEnum, { nullable: true, description: 'Only of this kind.' })
  readonly kind?: TransactionKind | null;

  @Field(() => String, { nullable: true, description: "Only of the round with this id of the provider's." })
  readonly round?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only received at this moment or later.' })
  readonly from?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only received before this moment.' })
  readonly to?: Date | null;
}

@Resolver(() => WalletObject)
export class WalletTransactionsResolver {
  @FieldResolver(() => TransactionConnectionObject, {
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
  ): Promise<TransactionConnectionObject> {
    const cursors = sequenceCursors(`wallet ${formatId('wallet', row)}`);
    const page = readPage({ first, after, last, before }, cursors);
    const rows = await loaders.walletPage.load({ lane: row.lane, id: row.id, page });
    return new TransactionConnectionObject(toPage(rows, page, ({ sequence }) => sequence, cursors));
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
    const scope = await scopeOf(context, playerId);
    if (scope === undefined) return undefined;
    const row = await findByKey(
      context,
      readKnownName('integration', integration),
      readKnownName('externalKey', externalKey),
      scope.player,
    );
    return row && new TransactionObject(row);
  }

  @Query(() => TransactionConnectionObject, {
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
  ): Promise<TransactionConnectionObject> {
    const history = await readFilter(context, filter ?? {});
    const cursors = historyCursors(scopeName(context, filter ?? {}));
    const page = readPage({ first, after, last, before }, cursors);
    const rows = history === undefined ? [] : await readHistory(context.services.orm.em.fork(), history, page);
    return new TransactionConnectionObject(toPage(rows, page, (row) => row, cursors));
  }
}

/** @returns undefined when the token may see nothing of what is asked for */
async function readFilter(context: GraphqlContext, filter: TransactionFilterInput): Promise<HistoryFilter | undefined> {
  const { integration, kind, round, from, to } = filter;
  if (from && to && from >= to) throw badInput('"from" must be before "to".');
  const common = {
    brand: context.principal.brand,
    integration: integration == null ? undefined : readKnownName('integration', integration),
    kind: kind ?? undefined,
    round: round == null ? undefined : readKnownName('round', round),
    from: from ?? undefined,
    to: to ?? undefined,
  };
  const scope = await scopeOf(context, filter.playerId);
  if (scope === undefined) return undefined;
  if (filter.walletId == null) return { ...common, ...scope, wallet: undefined };
  const wallet = await visibleWallet(context, filter.walletId);
  return wallet && { ...common, ...scope, wallet: { lane: wallet.lane, id: wallet.id } };
}

/** Whose transactions are meant: one player's, or (undefined, for staff) the brand's. */
async function scopeOf(
  context: GraphqlContext,
  playerId: string | null | undefined,
): Promise<{ player: RowKey | undefined } | undefined> {
  if (playerId == null && isStaff(context)) return { player: undefined };
  const player = playerId == null ? await ownPlayer(context) : await playerById(context, playerId);
  return player && { player: { lane: player.lane, id: player.id } };
}

/** Names the list for its cursors: who looks, and through which filter. */
function scopeName(context: GraphqlContext, filter: TransactionFilterInput): string {
  const { brand, subject } = context.principal;
  const { playerId, walletId, integration, kind, round, from, to } = filter;
  const viewer = isStaff(context) ? null : subject;
  return JSON.stringify(['transactions', brand, viewer, playerId, walletId, integration, kind, round, from, to]);
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
  const em = context.services.orm.em.fork();
  const [row] = await em
    .createQueryBuilder(LedgerTransaction, 't')
    .select('*')
    .where({ integration, externalKey })
    .andWhere(OF_BRAND, [context.principal.brand])
    .orderBy({ createdAt: 'desc', lane: 'desc', walletId: 'desc', sequence: 'desc' })
    .limit(1)
    .getResultList();
  return row;
}
