import { Arg, Field, ObjectType, Resolver, Root, Subscription } from 'type-graphql';
import type { Posted } from '../events/brand-feed.js';
import { isStaff } from './access.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import type { EventRoot } from './event-results.js';
import { type CursorScope, readPostedCursor, writePostedCursor } from './posted-cursor.js';
import { DateTimeScalar } from './scalars.js';
import { TransactionObject } from './transaction.js';
import { readStreamFilter } from './transaction-stream.js';
import { TransactionFilterInput } from './transactions.js';

@ObjectType('TransactionEvent', { description: 'A transaction that was posted.' })
export class TransactionEventObject implements EventRoot {
  /** The same for all who are told of it. */
  readonly shared: Posted;
  readonly #scope: CursorScope;

  constructor(posted: Posted, scope: CursorScope) {
    this.shared = posted;
    this.#scope = scope;
  }

  prime({ loaders }: GraphqlContext): void {
    const { row, wallet } = this.shared;
    const { lane, walletId: id, sequence, balanceAfter: balance } = row;
    const state = { lane, id, playerId: wallet.playerId, currency: wallet.currency, balance, sequence };
    loaders.wallet.prime(state, state);
  }

  @Field(() => TransactionObject, { description: 'What was posted; its wallet as of then.' })
  get transaction(): TransactionObject {
    const { row } = this.shared;
    return new TransactionObject({ ...row, flags: [...row.flags] });
  }

  @Field(() => String, { description: 'Opaque. Give the last one seen as "after" to resume.' })
  get cursor(): string {
    return writePostedCursor(this.shared.position, this.#scope);
  }

  @Field(() => DateTimeScalar, { description: 'From when a frontend may show it.' })
  get displayAt(): Date {
    return this.shared.row.displayAt ?? this.shared.row.createdAt;
  }
}

interface TransactionPostedArguments {
  readonly filter?: TransactionFilterInput | null;
  readonly after?: string | null;
}

@Resolver()
export class TransactionPostedResolver {
  @Subscription(() => TransactionEventObject, {
    subscribe: ({ args, context }: { args: TransactionPostedArguments; context: GraphqlContext }) =>
      subscribeToTransactions(context, args),
    description:
      "Transactions as they are posted, by whichever gateway: staff gets the brand's, players their own. From now on, or with " +
      '"after" everything after that cursor: nothing missing, nothing twice, each wallet in the order of its sequence. Cursors ' +
      'are of one brand, those of players of that player, and stay valid under another filter. A client that reads more slowly than transactions ' +
      'are posted is closed with code 4490, and resumes with the last cursor it has. WebSocket only. Errors: NOT_FOUND for a ' +
      'player or wallet that does not exist or that the token may not see; BAD_USER_INPUT for a foreign or made-up cursor, and ' +
      'for parts of the filter that have no meaning for a stream: "from", "to" and "sessionId". "round" finds what names it.',
  })
  transactionPosted(
    @Arg('filter', () => TransactionFilterInput, {
      nullable: true,
      description: 'Everything that may be seen when absent.',
    })
    _filter: TransactionFilterInput | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor of the last event seen.' })
    _after: string | null,
    @Root() event: TransactionEventObject,
  ): TransactionEventObject {
    return event;
  }
}

async function subscribeToTransactions(
  context: GraphqlContext,
  { filter, after: cursor }: TransactionPostedArguments,
): Promise<AsyncIterableIterator<TransactionEventObject>> {
  const { principal, services, outlet } = context;
  const { player, walletId, currency, matches } = await readStreamFilter(context, filter ?? {});
  const { posted } = services.feed;
  const viewer = isStaff(context) ? null : principal.subject;
  const scope = {
    name: JSON.stringify([principal.brand, viewer]),
    lane: isStaff(context) ? undefined : player?.lane,
  };
  const after = cursor == null ? undefined : readPostedCursor(cursor, scope);
  if (after !== undefined && !(await posted.isReached(after))) {
    throw badInput('"after" is not a cursor of this stream for this token.');
  }
  const stopping = new AbortController();
  const source = posted.follow({
    brand: principal.brand,
    lane: player?.lane,
    ofWallet: (wallet) =>
      (player === undefined || (wallet.playerId === player.id && wallet.lane === player.lane)) &&
      (walletId === undefined || wallet.walletId === walletId) &&
      (currency === undefined || wallet.currency === currency),
    matches,
    after,
    signal: context.signal === undefined ? stopping.signal : AbortSignal.any([context.signal, stopping.signal]),
    isBehind: () => outlet?.isBehind === true,
    overrun: () => outlet?.closeSlow('transactions are posted faster than they are read: resume with the last cursor'),
  });
  const events: AsyncIterableIterator<TransactionEventObject> = {
    async next(): Promise<IteratorResult<TransactionEventObject>> {
      const { value, done } = await source.next();
      return done === true
        ? { done, value: undefined }
        : { done: false, value: new TransactionEventObject(value, scope) };
    },
    async return(): Promise<IteratorResult<TransactionEventObject>> {
      stopping.abort();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}
