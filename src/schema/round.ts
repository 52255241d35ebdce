import { Ctx, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Round } from '../entities/index.js';
import { formatRoundId } from '../ledger/ids.js';
import type { GraphqlContext } from './context.js';
import { GameObject } from './game.js';
import { historyLoaders } from './history-loaders.js';
import { IntegrationObject } from './integration.js';
import { MoneyObject, toMoney } from './money.js';
import { PlayerObject } from './player.js';
import type { RoundRow } from './round-pages.js';
import type { WalletRow } from './rows.js';
import { DateTimeScalar } from './scalars.js';
import { WalletObject } from './wallet.js';

export const RoundStateEnum = {
  OPEN: 'open',
  SETTLED: 'settled',
  ROLLED_BACK: 'rolled-back',
  CLOSED: 'closed',
} as const satisfies Record<string, Round['state']>;

registerEnumType(RoundStateEnum, {
  name: 'RoundState',
  description: 'What became of a round.',
  valuesConfig: {
    OPEN: { description: 'Stakes were taken and nothing resolved them yet: money at risk.' },
    SETTLED: { description: 'A win came, be it of nothing; further ones may come.' },
    ROLLED_BACK: { description: 'All bets were undone.' },
    CLOSED: { description: 'The provider said that it is over, and no win came.' },
  },
});

@ObjectType('Round', {
  description:
    "What one wallet played in one round of a provider. Built from the ledger's transactions, a second behind them at most.",
})
export class RoundObject {
  readonly row: RoundRow;

  constructor(row: RoundRow) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable.' })
  get id(): string {
    return formatRoundId(this.row);
  }

  @Field(() => String, { description: "The provider's id of the round; several players may share one." })
  get externalId(): string {
    return this.row.externalId;
  }

  @Field(() => IntegrationObject, { description: 'Through which integration it was played.' })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject> {
    const integration = await loaders.integration.load(this.row.integration);
    if (integration === undefined) throw new Error('A round has no integration');
    return new IntegrationObject(integration);
  }

  @Field(() => GameObject, {
    nullable: true,
    description: 'The game; null where the provider named none, and where the catalogue does not have it.',
  })
  async game(@Ctx() context: GraphqlContext): Promise<GameObject | undefined> {
    const { integration, game } = this.row;
    const found = game === null ? undefined : await historyLoaders(context).game({ integration, id: game });
    return found && new GameObject(found);
  }

  @Field(() => PlayerObject, { description: 'Who played.' })
  async player(@Ctx() { loaders }: GraphqlContext): Promise<PlayerObject> {
    const player = await loaders.player.load({ lane: this.row.lane, id: this.row.playerId });
    if (player === undefined) throw new Error('A round has no player');
    return new PlayerObject(player);
  }

  @Field(() => WalletObject, { description: 'The wallet that was played with, as it is now.' })
  async wallet(@Ctx() context: GraphqlContext): Promise<WalletObject> {
    return new WalletObject(await this.walletOf(context));
  }

  @Field(() => MoneyObject, { description: 'What was staked, less what was given back by rollbacks.' })
  async stakes(@Ctx() context: GraphqlContext): Promise<MoneyObject> {
    return toMoney(context, this.row.stakes, (await this.walletOf(context)).currency);
  }

  @Field(() => MoneyObject, { description: 'What was won, less what was taken back by rollbacks.' })
  async payouts(@Ctx() context: GraphqlContext): Promise<MoneyObject> {
    return toMoney(context, this.row.payouts, (await this.walletOf(context)).currency);
  }

  @Field(() => MoneyObject, { description: 'Stakes less payouts: what the house gained; below zero for what it lost.' })
  async ggr(@Ctx() context: GraphqlContext): Promise<MoneyObject> {
    return toMoney(context, this.row.stakes - this.row.payouts, (await this.walletOf(context)).currency);
  }

  @Field(() => RoundStateEnum, { description: 'What became of it so far.' })
  get state(): Round['state'] {
    return this.row.state;
  }

  @Field(() => Int, { description: 'Bets that were not undone.' })
  get betCount(): number {
    return this.row.bets;
  }

  @Field(() => Int, { description: 'Wins that were not undone, those of nothing included.' })
  get winCount(): number {
    return this.row.wins;
  }

  @Field(() => Int, { description: 'Rollbacks, those that found nothing to undo included.' })
  get rollbackCount(): number {
    return this.row.rollbacks;
  }

  @Field(() => DateTimeScalar, { description: 'When the first of its transactions was received.' })
  get startedAt(): Date {
    return this.row.startedAt;
  }

  @Field(() => DateTimeScalar, { description: 'When the last of its transactions was received.' })
  get lastAt(): Date {
    return this.row.lastAt;
  }

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When the provider said that it is over; null while it has not, and where its protocol has no word for it.',
  })
  get closedAt(): Date | null {
    return this.row.closedAt;
  }

  private async walletOf({ loaders }: GraphqlContext): Promise<WalletRow> {
    const wallet = await loaders.wallet.load({ lane: this.row.lane, id: this.row.walletId });
    if (wallet === undefined) throw new Error('A round has no wallet');
    return wallet;
  }
}
