import { Ctx, Field, ID, Int, ObjectType } from 'type-graphql';
import { endOf, type Session, type SessionPlay } from '../launch/sessions.js';
import { formatId } from '../ledger/ids.js';
import type { GraphqlContext } from './context.js';
import { GameObject } from './game.js';
import { historyLoaders } from './history-loaders.js';
import { IntegrationObject } from './integration.js';
import { LaunchPlatformEnum } from './launch.js';
import { MoneyObject, toMoney } from './money.js';
import { PlayerObject } from './player.js';
import { DateTimeScalar } from './scalars.js';

@ObjectType('Session', {
  description:
    "One launched game, and what was played in it: the player's transactions at its integration from the launch to the next " +
    'one there. Games launched for play money move nothing here.',
})
export class SessionObject {
  readonly row: Session;
  private played: Promise<SessionPlay> | undefined;

  constructor(row: Session) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable; the same as that of the launch.' })
  get id(): string {
    return formatId('session', this.row);
  }

  @Field(() => PlayerObject, { description: 'Who plays.' })
  async player(@Ctx() { loaders }: GraphqlContext): Promise<PlayerObject> {
    const player = await loaders.player.load({ lane: this.row.lane, id: this.row.playerId });
    if (player === undefined) throw new Error('A session has no player');
    return new PlayerObject(player);
  }

  @Field(() => IntegrationObject, { description: 'Through which integration.' })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject> {
    const integration = await loaders.integration.load(this.row.integration);
    if (integration === undefined) throw new Error('A session has no integration');
    return new IntegrationObject(integration);
  }

  @Field(() => String, { nullable: true, description: "The provider's id of the game; null where none was asked for." })
  get externalGame(): string | null {
    return this.row.game;
  }

  @Field(() => GameObject, {
    nullable: true,
    description: 'The game; null where none was asked for, and where the integration has no catalogue.',
  })
  async game(@Ctx() context: GraphqlContext): Promise<GameObject | undefined> {
    const { integration, game } = this.row;
    const row = game === null ? undefined : await historyLoaders(context).game({ integration, id: game });
    return row && new GameObject(row);
  }

  @Field(() => String, { description: 'Code of the currency that is played in.' })
  get currency(): string {
    return this.row.currency;
  }

  @Field(() => String, { nullable: true, description: 'What the launch said of the device; null for nothing.' })
  get device(): string | null {
    return this.row.device;
  }

  @Field(() => LaunchPlatformEnum, { description: 'What the game is shown on.' })
  get platform(): Session['platform'] {
    return this.row.platform;
  }

  @Field(() => Boolean, { description: "Whether it is played with the provider's own play money." })
  get demo(): boolean {
    return this.row.demo;
  }

  @Field(() => Boolean, {
    description: 'Whether the provider did not start the game; players see only sessions that were started.',
  })
  get failed(): boolean {
    return this.row.failed;
  }

  @Field(() => DateTimeScalar, { description: 'When it was launched.' })
  get createdAt(): Date {
    return this.row.createdAt;
  }

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When its last transaction was received; null while it has none.',
  })
  async lastPlayedAt(@Ctx() context: GraphqlContext): Promise<Date | null> {
    return (await this.play(context)).lastPlayedAt;
  }

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When it ended: at the next launch at the integration, or 30 minutes after the last play, or after the launch when ' +
      'nothing was played. Null while it goes on; a transaction that still comes before the next launch takes it up again.',
  })
  async endedAt(@Ctx() context: GraphqlContext): Promise<Date | undefined> {
    return endOf(this.row, await this.play(context), new Date());
  }

  @Field(() => Int, { description: 'How many bets were taken, in its currency; those rolled back since included.' })
  async bets(@Ctx() context: GraphqlContext): Promise<number> {
    return (await this.play(context)).bets;
  }

  @Field(() => Int, { description: 'How many rounds its transactions name, in its currency.' })
  async rounds(@Ctx() context: GraphqlContext): Promise<number> {
    return (await this.play(context)).rounds;
  }

  @Field(() => MoneyObject, {
    description: 'The stakes that were taken, less those that were given back during the session.',
  })
  async stakes(@Ctx() context: GraphqlContext): Promise<MoneyObject> {
    return toMoney(context, (await this.play(context)).stakes, this.row.currency);
  }

  @Field(() => MoneyObject, {
    description: 'The payouts that were given, less those that were taken back during the session.',
  })
  async payouts(@Ctx() context: GraphqlContext): Promise<MoneyObject> {
    return toMoney(context, (await this.play(context)).payouts, this.row.currency);
  }

  private play(context: GraphqlContext): Promise<SessionPlay> {
    return (this.played ??= historyLoaders(context).play(this.row));
  }
}
