import { Arg, Ctx, Field, FieldResolver, ID, InputType, Int, Query, Resolver, Root } from 'type-graphql';
import type { Round } from '../entities/index.js';
import { formatRoundId, parseRoundId } from '../ledger/ids.js';
import type { Decimal } from '../ledger/money.js';
import { isStaff, noteRead, ownPlayer, playerById, visiblePlayer } from './access.js';
import { connectionOf } from './connection.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { GameObject } from './game.js';
import { isOfOnePlayer, readAmounts, readScope } from './history-filter.js';
import { historyLoaders } from './history-loaders.js';
import { pageArgumentTexts, readPage, toPage } from './paging.js';
import { RoundObject, RoundStateEnum } from './round.js';
import { roundLoaders } from './round-loaders.js';
import { newestRound, readRounds, roundById, type RoundColumns, roundOf } from './round-pages.js';
import { DateTimeScalar, DecimalScalar, readKnownName } from './scalars.js';
import { TransactionObject } from './transaction.js';
import { sequenceCursors } from './transaction-pages.js';
import { TransactionConnection } from './transactions.js';

const RoundConnection = connectionOf({
  name: 'Round',
  node: () => RoundObject,
  one: 'a round',
  order: 'The newest start first.',
});
type RoundConnection = InstanceType<typeof RoundConnection>;

@InputType('RoundFilter', { description: 'All that is given must hold.' })
export class RoundFilterInput {
  @Field(() => ID, { nullable: true, description: 'Only of this player.' })
  readonly playerId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only of this wallet.' })
  readonly walletId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "Only begun in this session: by the session's player at its integration, from its launch to the next one.",
  })
  readonly sessionId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only of this integration.' })
  readonly integration?: string | null;

  @Field(() => String, { nullable: true, description: "Only of the game with this id of the provider's." })
  readonly game?: string | null;

  @Field(() => RoundStateEnum, { nullable: true, description: 'Only in this state now.' })
  readonly state?: Round['state'] | null;

  @Field(() => String, { nullable: true, description: 'Only in this currency, by its code.' })
  readonly currency?: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Only with stakes of this amount or more, after rollbacks. Needs "currency".',
  })
  readonly minStake?: Decimal | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only begun at this moment or later.' })
  readonly from?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only begun before this moment.' })
  readonly to?: Date | null;
}

@Resolver(() => TransactionObject)
export class TransactionRoundResolver {
  @FieldResolver(() => RoundObject, {
    nullable: true,
    description:
      'The round it belongs to: the one it names, or that of the bet it pays or the movement it undoes. Null for money that ' +
      'came or left outside the games, where no round was named, and for a second at most after it was posted.',
  })
  async round(@Root() { row }: TransactionObject, @Ctx() context: GraphqlContext): Promise<RoundObject | undefined> {
    const round = await roundLoaders(context).ofTransaction(row);
    return round && new RoundObject(round);
  }

  @FieldResolver(() => GameObject, {
    nullable: true,
    description: 'The game; null where the provider named none, and where the catalogue does not have it.',
  })
  async game(@Root() { row }: TransactionObject, @Ctx() context: GraphqlContext): Promise<GameObject | undefined> {
    const { integration, game } = row;
    const found = game == null ? undefined : await historyLoaders(context).game({ integration, id: game });
    return found && new GameObject(found);
  }
}

@Resolver(() => RoundObject)
export class RoundTransactionsResolver {
  @FieldResolver(() => TransactionConnection, {
    description:
      'What happened in it, from the first transaction to the last: what names the round, what pays its bets, and what undoes ' +
      'any of these. Error BAD_USER_INPUT for cursors of another list and sizes out of range.',
  })
  async transactions(
    @Root() { row }: RoundObject,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<TransactionConnection> {
    const cursors = sequenceCursors(`round ${formatRoundId(row)}`);
    const page = readPage({ first, after, last, before }, cursors);
    const rows = await roundLoaders(context).transactions({ round: row, page });
    return new TransactionConnection(toPage(rows, page, ({ sequence }) => sequence, cursors));
  }
}

@Resolver()
export class RoundResolver {
  @Query(() => RoundObject, {
    nullable: true,
    description:
      "A round by id, or by the provider's id at an integration. Players may share a provider's round: then, without " +
      '"playerId", the newest that the token may see. Null for what does not exist and for what the token may not see. Error ' +
      'BAD_USER_INPUT unless either "id", or "integration" and "externalId" are given.',
  })
  async round(
    @Arg('id', () => ID, { nullable: true, description: 'Id of the round.' }) id: string | null,
    @Arg('integration', () => ID, { nullable: true, description: 'Id of the integration, with "externalId".' })
    integration: string | null,
    @Arg('externalId', () => String, { nullable: true, description: "The provider's id of the round." })
    externalId: string | null,
    @Arg('playerId', () => ID, { nullable: true, description: 'Id of the player whose part of the round is meant.' })
    playerId: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<RoundObject | undefined> {
    if (id != null && integration == null && externalId == null && playerId == null) return byId(context, id);
    if (id != null || integration == null || externalId == null) {
      throw badInput('Give "id", or "integration" and "externalId" with or without "playerId".');
    }
    const names = [readKnownName('externalId', externalId), readKnownName('integration', integration)];
    const player = playerId == null ? await ownPlayer(context) : await playerById(context, playerId);
    if (player === undefined && (playerId != null || !isStaff(context))) return undefined;
    const ofPlayer = playerId == null && isStaff(context) ? undefined : player;
    const { services, principal, signal } = context;
    const values = [...names, principal.brand, ofPlayer?.lane ?? null, ofPlayer?.id ?? null];
    const [columns] = await services.reads.query<RoundColumns>(newestRound, values, { signal });
    if (columns === undefined) return undefined;
    const row = roundOf(columns);
    noteRead(context, [{ lane: row.lane, id: row.playerId }]);
    return new RoundObject(row);
  }

  @Query(() => RoundConnection, {
    description:
      'Rounds by their start, the newest first; players see their own, staff those of their brand. A second behind the ledger ' +
      'at most. Error BAD_USER_INPUT for cursors of another list or filter, sizes out of range, reversed ranges, and amounts ' +
      'without a currency.',
  })
  async rounds(
    @Arg('filter', () => RoundFilterInput, { nullable: true, description: 'Everything that may be seen when absent.' })
    filter: RoundFilterInput | null,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<RoundConnection> {
    const wanted = filter ?? {};
    const search = {
      game: wanted.game == null ? undefined : readKnownName('game', wanted.game),
      state: wanted.state ?? undefined,
      stakes: await readAmounts(context, wanted.currency, ['minStake', wanted.minStake]),
    };
    const scope = await readScope(context, wanted);
    const request = { args: { first, after, last, before }, scope: scopeName(context, wanted) };
    return new RoundConnection(await readRounds(context, request, scope, search, isOfOnePlayer(context, wanted)));
  }
}

async function byId(context: GraphqlContext, id: string): Promise<RoundObject | undefined> {
  const key = parseRoundId(id);
  if (key === undefined) return undefined;
  const { services, signal } = context;
  const values = [key.lane, key.walletId, key.firstSequence];
  const [columns] = await services.reads.query<RoundColumns>(roundById, values, { signal });
  const row = columns && roundOf(columns);
  if (row === undefined) return undefined;
  return (await visiblePlayer(context, { lane: row.lane, id: row.playerId })) && new RoundObject(row);
}

/** Names the list for its cursors: who looks, and through which filter. */
function scopeName(context: GraphqlContext, filter: RoundFilterInput): string {
  const { brand, subject } = context.principal;
  const { playerId, walletId, sessionId, integration, game, state, currency, minStake, from, to } = filter;
  const viewer = isStaff(context) ? null : subject;
  const stake = minStake && `${minStake.digits}e-${minStake.decimals}`;
  const rest = [playerId, walletId, sessionId, integration, game, state, currency, stake, from, to];
  return JSON.stringify(['rounds', brand, viewer, ...rest]);
}
