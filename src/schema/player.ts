import { Arg, Ctx, Field, ID, InputType, Mutation, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql';
import type { Player } from '../entities/index.js';
import type { PlayerStatus } from '../ledger/commands.js';
import { formatId } from '../ledger/ids.js';
import { isName } from '../ledger/names.js';
import { statusAt, statusUntilAt } from '../ledger/status.js';
import { hasRole, managedPlayer, ownPlayer, playerById, requireManager, requireRole, visiblePlayer } from './access.js';
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
    SELF_EXCLUDED: {
      description:
        'May not launch or bet, by their own wish. ACTIVE again by itself after `Player.statusUntil`; until then it can be made ' +
        'longer, and not lifted or shortened by anybody. One without an end lasts until staff lifts it, 24 hours later at the ' +
        'earliest.',
    },
    CLOSED: { description: 'The account is closed for ever: no launches, no bets, and no other status any more.' },
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
    return statusAt(this.row, new Date());
  }

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When a self-exclusion ends and the player is ACTIVE again; null in every other status, and where it has no end.',
  })
  get statusUntil(): Date | null {
    return statusUntilAt(this.row, new Date());
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

  @Field(() => DateTimeScalar, {
    nullable: true,
    description:
      'When a self-exclusion ends by itself, in the future; with SELF_EXCLUDED only. Without it there is no end.',
  })
  readonly until?: Date | null;
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
      "Needs the role operator or service; support may suspend and exclude, and a player's own token may exclude the player. " +
      'A self-exclusion that runs can be made longer, and not lifted or shortened before its end (EXCLUSION_RUNS); one without ' +
      'an end can be lifted by operator or service after 24 hours. A suspended player is excluded by support, or by their own ' +
      'wish, without an end only (PLAYER_SUSPENDED). A closed account stays closed (PLAYER_CLOSED). Other errors: FORBIDDEN, ' +
      'NOT_FOUND, BAD_USER_INPUT, UNAVAILABLE (repeating is safe).',
  })
  async setPlayerStatus(
    @Arg('input', () => SetPlayerStatusInput, { description: 'The change.' }) input: SetPlayerStatusInput,
    @Ctx() context: GraphqlContext,
  ): Promise<PlayerObject> {
    const { playerId, status, until } = input;
    if (until != null && status !== 'SELF_EXCLUDED') throw badInput('"until" is the end of a self-exclusion.');
    if (until != null && until <= new Date()) throw badInput('"until" must be in the future.');
    const player = await playerToBar(context, playerId, status);
    const protective = !hasRole(context, 'operator', 'service');
    await context.services.players.setStatus(player, { status, until: until ?? undefined, protective });
    return reread(context, player);
  }
}

/** @throws FORBIDDEN for a status that the token may not give to anybody, NOT_FOUND for players it may not change */
async function playerToBar(context: GraphqlContext, id: string, status: PlayerStatus): Promise<Player> {
  if (hasRole(context, 'support', 'operator', 'service')) {
    return managedPlayer(context, id, status === 'SUSPENDED' || status === 'SELF_EXCLUDED' ? 'protective' : 'any');
  }
  if (status !== 'SELF_EXCLUDED') throw apiError('FORBIDDEN');
  return namedOwnPlayer(context, id);
}

/** The player of the token, by id. @throws FORBIDDEN for tokens of nobody who plays, NOT_FOUND for everybody else's id */
export async function namedOwnPlayer(context: GraphqlContext, id: string): Promise<Player> {
  requireRole(context, 'player');
  const own = await ownPlayer(context);
  if (own === undefined || id !== formatId('player', own)) throw apiError('NOT_FOUND', 'There is no such player.');
  return own;
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

export async function reread(context: GraphqlContext, key: { lane: number; id: bigint }): Promise<PlayerObject> {
  context.refresh();
  const player = await context.loaders.player.load(key);
  if (player === undefined) throw new Error('A player is gone, although players are never removed');
  return new PlayerObject(player);
}
