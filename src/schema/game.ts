import { Ctx, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Game } from '../entities/index.js';
import type { GraphqlContext } from './context.js';
import { IntegrationObject } from './integration.js';
import { DateTimeScalar } from './scalars.js';

export const GameStatusEnum = { ACTIVE: 'ACTIVE', WITHDRAWN: 'WITHDRAWN' } as const satisfies Record<
  Game['status'],
  Game['status']
>;

registerEnumType(GameStatusEnum, {
  name: 'GameStatus',
  description: 'Whether a game can be launched.',
  valuesConfig: {
    ACTIVE: { description: 'The provider offers it.' },
    WITHDRAWN: { description: 'The provider no longer offers it; it may return.' },
  },
});

@ObjectType('Game', { description: "A game of an integration's catalogue." })
export class GameObject {
  readonly row: Game;

  constructor(row: Game) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable; unique among the games of all integrations.' })
  get id(): string {
    return `${this.row.integration}/${this.row.id}`;
  }

  @Field(() => String, { description: "The provider's id of the game: what `launchGame` takes." })
  get externalId(): string {
    return this.row.id;
  }

  @Field(() => IntegrationObject, { description: 'Through which integration it is played.' })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject> {
    const integration = await loaders.integration.load(this.row.integration);
    if (integration === undefined) throw new Error('A game has no integration');
    return new IntegrationObject(integration);
  }

  @Field(() => String, { description: 'As the provider calls it.' })
  get name(): string {
    return this.row.name;
  }

  @Field(() => String, { nullable: true, description: "The provider's word; null where it has none." })
  get category(): string | null {
    return this.row.category ?? null;
  }

  @Field(() => String, { nullable: true, description: 'Address of a picture; null where the provider has none.' })
  get thumbnailUrl(): string | null {
    return this.row.thumbnailUrl ?? null;
  }

  @Field(() => [String], { description: "The provider's words for what the game has, such as free spins." })
  get features(): readonly string[] {
    return this.row.features;
  }

  @Field(() => Int, {
    nullable: true,
    description:
      "Milliseconds that the game's end is shown later than the ledger knows of it; null for none. Events carry the moment.",
  })
  get balanceUpdateDelayMs(): number | null {
    return this.row.balanceUpdateDelayMs ?? null;
  }

  @Field(() => [String], { description: 'Codes of the currencies it can be played in.' })
  async currencies(@Ctx() { loaders }: GraphqlContext): Promise<readonly string[]> {
    const all = (await loaders.integration.load(this.row.integration))?.currencies ?? [];
    const { currencies } = this.row;
    return currencies.length === 0 ? all : all.filter((each) => currencies.includes(each));
  }

  @Field(() => GameStatusEnum, { description: 'Whether it can be launched.' })
  get status(): Game['status'] {
    return this.row.status;
  }

  @Field(() => DateTimeScalar, { description: 'When a catalogue first had it.' })
  get firstSeenAt(): Date {
    return this.row.firstSeenAt;
  }

  @Field(() => DateTimeScalar, { description: 'When anything of it changed last.' })
  get changedAt(): Date {
    return this.row.changedAt;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it was withdrawn; null while it is active.' })
  get withdrawnAt(): Date | null {
    return this.row.withdrawnAt ?? null;
  }
}
