import { Arg, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { GraphqlContext } from './context.js';
import { historyLoaders } from './history-loaders.js';
import { MoneyObject, toMoney } from './money.js';
import { DateTimeScalar } from './scalars.js';
import { WalletObject } from './wallet.js';

@Resolver(() => WalletObject)
export class WalletBalanceAtResolver {
  @FieldResolver(() => MoneyObject, {
    description:
      'What the player had at a moment: the balance after the last transaction that was received at or before it, 0 before ' +
      'the first. A moment that is still to come is as good as now.',
  })
  async balanceAt(
    @Root() { row }: WalletObject,
    @Arg('time', () => DateTimeScalar, { description: 'The moment, to the millisecond.' }) time: Date,
    @Ctx() context: GraphqlContext,
  ): Promise<MoneyObject> {
    const units = await historyLoaders(context).balanceAt({ lane: row.lane, walletId: row.id, time });
    return toMoney(context, units, row.currency);
  }
}
