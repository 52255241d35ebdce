import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import type { SessionPosition } from '../launch/sessions.js';
import { ADJUSTMENT, CASHIER } from '../ledger/commands.js';
import { formatId, parseId } from '../ledger/ids.js';
import { UNITS_MAX } from '../ledger/money.js';
import { isStaff, visiblePlayer } from './access.js';
import { connectionOf } from './connection.js';
import type { GraphqlContext } from './context.js';
import { historyLoaders } from './history-loaders.js';
import { type CursorFormat, pageArgumentTexts, readPage, toPage } from './paging.js';
import { PlayerObject } from './player.js';
import { SessionObject } from './session.js';
import { TransactionObject } from './transaction.js';

const SessionConnection = connectionOf({
  name: 'Session',
  node: () => SessionObject,
  one: 'a session',
  order: 'Newest first.',
});
type SessionConnection = InstanceType<typeof SessionConnection>;

@Resolver(() => PlayerObject)
export class PlayerSessionsResolver {
  @FieldResolver(() => SessionConnection, {
    description:
      'The games that were launched for the player: the first edge is the newest. Staff also sees launches that the provider ' +
      'refused. Error BAD_USER_INPUT for cursors of another list and sizes out of range.',
  })
  async sessions(
    @Root() { row: player }: PlayerObject,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<SessionConnection> {
    const cursors = sessionCursors(`sessions of ${formatId('player', player)}`);
    const page = readPage({ first, after, last, before }, cursors);
    const { direction, size, from } = page;
    const read = historyLoaders(context).sessionPage({ direction, count: size + 1 });
    const rows = await read({ lane: player.lane, playerId: player.id, from });
    return new SessionConnection(toPage(rows, page, (row) => row, cursors));
  }
}

@Resolver()
export class SessionResolver {
  @Query(() => SessionObject, {
    nullable: true,
    description: 'A session by id; null for what does not exist and for what the token may not see.',
  })
  async session(
    @Arg('id', () => ID, { description: 'Id of the session.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<SessionObject | undefined> {
    const key = parseId('session', id);
    const row = key && (await historyLoaders(context).session(key));
    if (row === undefined || (row.failed && !isStaff(context))) return undefined;
    return (await visiblePlayer(context, { lane: row.lane, id: row.playerId })) && new SessionObject(row);
  }
}

@Resolver(() => TransactionObject)
export class TransactionSessionResolver {
  @FieldResolver(() => SessionObject, {
    nullable: true,
    description:
      "The session it belongs to: the player's latest launch at its integration before it. Null for what came before any " +
      'launch, and for money that no provider moved.',
  })
  async session(
    @Root() { row }: TransactionObject,
    @Ctx() context: GraphqlContext,
  ): Promise<SessionObject | undefined> {
    if (row.integration === CASHIER || row.integration === ADJUSTMENT) return undefined;
    const session = await historyLoaders(context).sessionOfRow(row);
    return session && new SessionObject(session);
  }
}

function sessionCursors(scope: string): CursorFormat<SessionPosition> {
  return {
    scope,
    write: ({ createdAt, id }) => `${createdAt.getTime()}.${id}`,
    read(text) {
      const [, time, id] = /^(\d{1,14})\.(\d{1,19})$/.exec(text) ?? [];
      if (time === undefined || id === undefined) return undefined;
      const position = { createdAt: new Date(Number(time)), id: BigInt(id) };
      return position.id <= UNITS_MAX ? position : undefined;
    },
  };
}
