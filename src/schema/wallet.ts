import { Arg, Ctx, Field, FieldResolver, ID, ObjectType, Query, Resolver, Root } from 'type-graphql';
import { formatId } from '../ledger/ids.js';
import { visibleWallet } from './access.js';
import type { GraphqlContext } from './context.js';
import type { WalletRow } from './loaders.js';
import { MoneyObject, toMoney } from './money.js';
import { PlayerObject } from './player.js';

@ObjectType('Wallet', { description: "A player's money in one currency." })
export class WalletObject {
  readonly row: WalletRow;

  constructor(row: WalletRow) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable.' })
  get id(): string {
    return formatId('wallet', this.row);
  }

  @Field(() => PlayerObject, { description: 'Whose money it is.' })
  async player(@Ctx() { loaders }: GraphqlContext): Promise<PlayerObject> {
    const player = await loaders.player.load({ lane: this.row.lane, id: this.row.playerId });
    if (player === undefined) throw new Error('A wallet has no player');
    return new PlayerObject(player);
  }

  @Field(() => String, { description: 'Code of the currency, in capitals.' })
  get currency(): string {
    return this.row.currency;
  }

  @Field(() => MoneyObject, {
    description: 'What the player has. Below zero only in debt: after a win was undone that had been spent already.',
  })
  balance(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.row.balance, this.row.currency);
  }

  @Field(() => String, {
    description:
      'Whole number, as text: that of the wallet\'s last transaction (1, 2, 3 … without gaps), "0" before the first.',
  })
  get sequence(): string {
    return this.row.sequence.toString();
  }
}

@Resolver(() => PlayerObject)
export class PlayerWalletsResolver {
  @FieldResolver(() => [WalletObject], { description: "The player's wallets, by currency." })
  async wallets(@Root() { row }: PlayerObject, @Ctx() { loaders }: GraphqlContext): Promise<WalletObject[]> {
    return (await loaders.walletsOfPlayer.load(row)).map((each) => new WalletObject(each));
  }
}

@Resolver()
export class WalletResolver {
  @Query(() => WalletObject, {
    nullable: true,
    description: 'A wallet by id; null for what does not exist and for what the token may not see.',
  })
  async wallet(
    @Arg('id', () => ID, { description: 'Id of the wallet.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<WalletObject | undefined> {
    const row = await visibleWallet(context, id);
    return row && new WalletObject(row);
  }
}
