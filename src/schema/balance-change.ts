import { Arg, Ctx, Field, ID, ObjectType, Resolver, Root, Subscription } from 'type-graphql';
import type { BalanceMoved, WalletCursor } from '../events/feed.js';
import { UNITS_MAX } from '../ledger/money.js';
import { playerById, visibleWallet } from './access.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import type { EventRoot } from './event-results.js';
import type { TransactionRow, WalletRow } from './loaders.js';
import { MoneyObject, toMoney } from './money.js';
import type { Outlet } from './outlet.js';
import { DateTimeScalar } from './scalars.js';
import { TransactionObject } from './transaction.js';
import { WalletObject } from './wallet.js';

@ObjectType('BalanceChange', { description: "A wallet's balance at one moment." })
export class BalanceChangeObject implements EventRoot {
  readonly row: WalletRow;

  @Field(() => TransactionObject, { nullable: true, description: 'What changed the balance; null in a snapshot.' })
  readonly transaction: TransactionObject | undefined;

  @Field(() => DateTimeScalar, { description: 'From when a frontend may show it.' })
  readonly displayAt: Date;

  constructor(row: WalletRow, transaction: TransactionRow | undefined, displayAt: Date) {
    this.row = row;
    this.transaction = transaction && new TransactionObject(transaction);
    this.displayAt = displayAt;
  }

  prime({ loaders }: GraphqlContext): void {
    loaders.wallet.prime(this.row, this.row);
  }

  @Field(() => WalletObject, { description: 'The wallet as of this change.' })
  get wallet(): WalletObject {
    return new WalletObject(this.row);
  }

  @Field(() => String, {
    description:
      'Whole number, as text: that of the wallet\'s last transaction. Give the last one seen as "after" to resume.',
  })
  get sequence(): string {
    return this.row.sequence.toString();
  }

  @Field(() => MoneyObject, { description: 'The balance.' })
  balance(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.row.balance, this.row.currency);
  }
}

interface BalanceChangedArguments {
  readonly walletId?: string | null;
  readonly playerId?: string | null;
  readonly after?: string | null;
  readonly coalesce: boolean;
}

@Resolver()
export class BalanceChangeResolver {
  @Subscription(() => BalanceChangeObject, {
    subscribe: ({ args, context }: { args: BalanceChangedArguments; context: GraphqlContext }) =>
      subscribeToBalances(context, args),
    description:
      "A wallet's balance, or those of all wallets the player has now: first a snapshot of each, then every change, each wallet's " +
      'in the order of its sequence, none missing, none twice. With "after" no snapshot: every change after that sequence. A ' +
      'client that reads more slowly than its wallets move gets the last change of each once it reads again, and sees the sequence ' +
      'leap; without "coalesce" it gets every one, later. ' +
      'WebSocket only. Errors: NOT_FOUND for what does not exist and for what the token may not see, BAD_USER_INPUT unless ' +
      'exactly one of "walletId" and "playerId" is given, and for an "after" that the wallet has not reached.',
  })
  balanceChanged(
    @Arg('walletId', () => ID, { nullable: true, description: 'Id of the wallet.' }) _walletId: string | null,
    @Arg('playerId', () => ID, { nullable: true, description: 'Id of the player: all wallets of theirs.' })
    _playerId: string | null,
    @Arg('after', () => String, { nullable: true, description: 'The last sequence seen; only with "walletId".' })
    _after: string | null,
    @Arg('coalesce', () => Boolean, {
      defaultValue: true,
      description: 'Whether changes may be left out while the client does not read; the last of each wallet never is.',
    })
    _coalesce: boolean,
    @Root() change: BalanceChangeObject,
  ): BalanceChangeObject {
    return change;
  }
}

async function subscribeToBalances(
  context: GraphqlContext,
  { walletId, playerId, after, coalesce }: BalanceChangedArguments,
): Promise<AsyncIterableIterator<BalanceChangeObject>> {
  if ((walletId == null) === (playerId == null)) throw badInput('Give either "walletId" or "playerId".');
  if (walletId == null) {
    if (after != null) throw badInput('"after" goes with "walletId": each wallet has its own sequence.');
    const player = await playerById(context, playerId ?? '');
    if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
    const wallets = await context.loaders.walletsOfPlayer.load(player);
    return stoppable((signal) => balanceChanges(context, wallets, { coalesce, signal }));
  }
  const wallet = await visibleWallet(context, walletId);
  if (wallet === undefined) throw apiError('NOT_FOUND', 'There is no such wallet.');
  const seen = after == null ? undefined : readSequence(after);
  if (seen !== undefined && seen > wallet.sequence) throw badInput('"after" is a sequence the wallet has not reached.');
  return stoppable((signal) => balanceChanges(context, [wallet], { after: seen, coalesce, signal }));
}

interface ChangesOptions {
  readonly after?: bigint | undefined;
  readonly coalesce: boolean;
  readonly signal: AbortSignal;
}

async function* balanceChanges(
  { services, outlet }: GraphqlContext,
  wallets: readonly WalletRow[],
  { after, coalesce, signal }: ChangesOptions,
): AsyncGenerator<BalanceChangeObject> {
  if (after === undefined) {
    for (const wallet of wallets) yield new BalanceChangeObject(wallet, undefined, new Date());
  }
  // Whatever was committed since the snapshots were read lies after their sequences, and the feed repairs by sequence.
  const cursors: WalletCursor[] = wallets.map(({ lane, id, sequence }) => ({
    lane,
    walletId: id,
    after: after ?? sequence,
  }));
  const byId = new Map(wallets.map((wallet) => [`${wallet.lane}|${wallet.id}`, wallet]));
  const options = coalesce && outlet !== undefined ? { latestOnly: stalledSince(outlet) } : {};
  for await (const moved of services.feed.follow(cursors, signal, options)) {
    const wallet = byId.get(`${moved.lane}|${moved.walletId}`);
    if (wallet === undefined) continue;
    const state = { ...wallet, balance: moved.balanceUnits, sequence: moved.sequence };
    yield new BalanceChangeObject(state, toTransactionRow(moved, wallet), moved.displayAt);
  }
}

/** @returns what tells whether the socket fell behind since it was asked last */
function stalledSince(outlet: Outlet): () => boolean {
  let known = outlet.stalls;
  return () => {
    const stalled = outlet.stalls !== known;
    known = outlet.stalls;
    return stalled;
  };
}

function toTransactionRow({ row, lane, walletId }: BalanceMoved, { playerId }: WalletRow): TransactionRow {
  return { ...row, lane, walletId, playerId, flags: [...row.flags] };
}

/** A generator cannot be told to return while it waits; this one can, through the signal. */
function stoppable<Item>(start: (signal: AbortSignal) => AsyncGenerator<Item>): AsyncIterableIterator<Item> {
  const controller = new AbortController();
  const items = start(controller.signal);
  return {
    next: () => items.next(),
    return() {
      controller.abort();
      return items.return(undefined);
    },
    throw(error: unknown) {
      controller.abort();
      return items.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function readSequence(text: string): bigint {
  const sequence = /^(?:0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : undefined;
  if (sequence === undefined || sequence > UNITS_MAX)
    throw badInput('"after" must be a sequence: a whole number, as text.');
  return sequence;
}
