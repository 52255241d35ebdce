import { Arg, Ctx, Field, ID, InputType, Mutation, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql';
import type { Player } from '../entities/index.js';
import type { PlayerStatus } from '../ledger/commands.js';
import { formatId } from '../ledger/ids.js';
import { isName } from '../ledger/names.js';
import { managedPlayer, ownPlayer, playerById, requireManager, visiblePlayer } from './access.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import { DateTimeScalar } from './scalars.js';

export const PlayerStatusEnum = {
  ACTIVE: 'ACTIVE',
  SUSPENDED: 'SUSPENDED',
  SELF_EXCLUDED: 'SELF_EXCLUDED',
  CLOSED: 'CLOSED',
} as const satisfies Record<PlayerStatus, PlayerStatus>;

registerEnumType(PlayerStatusEnum, {
  name: 'PlayerStatus',
  description: 'What a player may do. Only bets and launches depend on it: money owed to a player is always credited.',
  valuesConfig: {
    ACTIVE: { description: 'May launch games and bet.' },
    SUSPENDED: { description: 'May not launch or bet, by decision of the operator.' },
    SELF_EXCLUDED: { description: 'May not launch or bet, by their own wish.' },
    CLOSED: { description: 'The account is closed: no launches, no bets.' },
  },
});

@ObjectType('Player', { description: 'Somebody who plays at a brand.' })
export class PlayerObject {
  readonly row: Player;

  constructor(row: Player) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable.' })
  get id(): string {
    return formatId('player', this.row);
  }

  @Field(() => String, { description: "The operator's own name for the player, unique in the brand; case-sensitive." })
  get externalId(): string {
    return this.row.externalId;
  }

  @Field(() => String, { description: 'Slug of the brand.' })
  get brand(): string {
    return this.row.brandId;
  }

  @Field(() => PlayerStatusEnum, { description: 'What the player may do now.' })
  get status(): PlayerStatus {
    return this.row.status;
  }

  @Field(() => DateTimeScalar, { description: 'When the player was created.' })
  get createdAt(): Date {
    return this.row.createdAt;
  }
}

@InputType('CreatePlayerInput', { description: 'A new player.' })
export class CreatePlayerInput {
  @Field(() => String, {
    description:
      "The operator's own name for the player, unique in the brand, for ever: 1 to 255 bytes, no control characters, no " +
      'white space at the ends.',
  })
  readonly externalId!: string;

  @Field(() => String, {
    nullable: true,
    description: "Slug of the brand; must be the token's, which is also the default.",
  })
  readonly brand?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: "Codes of the currencies to open wallets in; all of the brand's when absent.",
  })
  readonly currencies?: string[] | null;
}

@InputType('SetPlayerStatusInput', { description: 'A change of what a player may do.' })
export class SetPlayerStatusInput {
  @Field(() => ID, { description: 'Id of the player.' })
  readonly playerId!: string;

  @Field(() => PlayerStatusEnum, { description: 'What the player may do from now on.' })
  readonly status!: PlayerStatus;
}

@Resolver()
export class PlayerResolver {
  @Query(() => PlayerObject, {
    nullable: true,
    description:
      'The player whose token this is; null for tokens of staff and services, and before the player was created.',
  })
  async me(@Ctx() context: GraphqlContext): Promise<PlayerObject | undefined> {
    const player = await ownPlayer(context);
    return player && new PlayerObject(player);
  }

  @Query(() => PlayerObject, {
    nullable: true,
    description:
      'A player by id, or by the external id. Null for what does not exist and for what the token may not see: players see ' +
      'themselves, staff sees its brand. Error BAD_USER_INPUT unless exactly one of "id" and "externalId" is given.',
  })
  async player(
    @Arg('id', () => ID, { nullable: true, description: 'Id of the player.' }) id: string | null,
    @Arg('brand', () => String, {
      nullable: true,
      description: 'Slug of the brand, with "externalId"; the token\'s when absent.',
    })
    brand: string | null,
    @Arg('externalId', () => String, { nullable: true, description: "The operator's own name for the player." })
    externalId: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<PlayerObject | undefined> {
    if ((id == null) === (externalId == null) || (id != null && brand != null)) {
      throw badInput('Give "id", or "externalId" with or without "brand".');
    }
    const player = id != null ? await playerById(context, id) : await byExternalId(context, brand, externalId ?? '');
    return player && new PlayerObject(player);
  }

  @Mutation(() => PlayerObject, {
    description:
      'Creates a player with empty wallets. Needs the role operator or service. Errors: FORBIDDEN, PLAYER_EXISTS when the brand ' +
      'has the external id already, CURRENCY_NOT_ALLOWED when the brand does not list a currency, BAD_USER_INPUT.',
  })
  async createPlayer(
    @Arg('input', () => CreatePlayerInput, { description: 'The new player.' }) input: CreatePlayerInput,
    @Ctx() context: GraphqlContext,
  ): Promise<PlayerObject> {
    requireManager(context);
    const { principal, services } = context;
    if (input.brand != null && input.brand !== principal.brand) {
      throw apiError('FORBIDDEN', 'The token belongs to another brand.');
    }
    const { externalId, currencies } = input;
    const key = await services.players.create({
      brand: principal.brand,
      externalId,
      currencies: currencies ?? undefined,
    });
    return reread(context, key);
  }

  @Mutation(() => PlayerObject, {
    description:
      "Changes a player's status, in the order of the player's bets: whatever is bet after the answer is decided by the new one. " +
      'Needs the role operator or service. Errors: FORBIDDEN, NOT_FOUND, UNAVAILABLE (repeating is safe).',
  })
  async setPlayerStatus(
    @Arg('input', () => SetPlayerStatusInput, { description: 'The change.' }) input: SetPlayerStatusInput,
    @Ctx() context: GraphqlContext,
  ): Promise<PlayerObject> {
    const player = await managedPlayer(context, input.playerId);
    await context.services.players.setStatus(player, input.status);
    return reread(context, player);
  }
}

async function byExternalId(
  context: GraphqlContext,
  brand: string | null,
  externalId: string,
): Promise<Player | undefined> {
  const { principal, services } = context;
  if ((brand != null && brand !== principal.brand) || !isName(externalId)) return undefined;
  return visiblePlayer(context, await services.directory.find(principal.brand, externalId));
}

async function reread(context: GraphqlContext, key: { lane: number; id: bigint }): Promise<PlayerObject> {
  context.refresh();
  const player = await context.loaders.player.load(key);
  if (player === undefined) throw new Error('A player is gone, although players are never removed');
  return new PlayerObject(player);
}
