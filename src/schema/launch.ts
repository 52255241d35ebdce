import {
  Arg,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Mutation,
  ObjectType,
  registerEnumType,
  Resolver,
} from 'type-graphql';
import type { Player } from '../entities/index.js';
import type { LaunchedSession, LaunchOutcome } from '../launch/launch.js';
import { formatId } from '../ledger/ids.js';
import { ownPlayer, playerById, requireManager } from './access.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import { IntegrationObject } from './integration.js';
import { LimitReached } from './player-limits.js';
import { CurrencyNotSupported, PlayerNotActive, ProviderUnavailable, RefusalInterface } from './refusals.js';
import { DateTimeScalar, readName } from './scalars.js';

export const LaunchPlatformEnum = { DESKTOP: 'desktop', MOBILE: 'mobile' } as const;
type LaunchPlatform = (typeof LaunchPlatformEnum)[keyof typeof LaunchPlatformEnum];

registerEnumType(LaunchPlatformEnum, {
  name: 'LaunchPlatform',
  description: 'What the game is shown on.',
  valuesConfig: {
    DESKTOP: { description: 'A large screen with a mouse.' },
    MOBILE: { description: 'A phone or a tablet.' },
  },
});

@InputType('LaunchGameInput', { description: 'Who wants to play what.' })
export class LaunchGameInput {
  @Field(() => ID, { nullable: true, description: "Id of the player; the token's own when absent." })
  readonly playerId?: string | null;

  @Field(() => ID, { description: 'Id of the integration.' })
  readonly integration!: string;

  @Field(() => String, { description: 'Code of the currency to play in, in capitals.' })
  readonly currency!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The provider's id of the game (`Game.externalId`), 1 to 255 bytes; absent where the provider is one game, such as a " +
      'sportsbook.',
  })
  readonly game?: string | null;

  @Field(() => String, { nullable: true, description: 'Two small letters, as in ISO 639-1: "en".' })
  readonly language?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Where the game sends the player at its end: an https address of an origin that the configuration lists, if it lists any. ' +
      'Outside production a page on localhost may do without TLS.',
  })
  readonly returnUrl?: string | null;

  @Field(() => LaunchPlatformEnum, { nullable: true, description: 'What the game is shown on; DESKTOP when absent.' })
  readonly platform?: LaunchPlatform | null;

  @Field(() => String, {
    nullable: true,
    description: "The operator's own word for the device, such as a user agent: 1 to 255 bytes, kept with the session.",
  })
  readonly device?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "To play with the provider's own play money, where the provider has that; false when absent.",
  })
  readonly demo?: boolean | null;
}

@ObjectType('LaunchSession', { description: 'A launched game.' })
class LaunchSessionObject {
  readonly row: LaunchedSession;

  @Field(() => String, {
    description:
      "To be opened in the player's browser, once and soon. It speaks for the player: never log or share it.",
  })
  readonly url: string;

  constructor(url: string, row: LaunchedSession) {
    this.url = url;
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable.' })
  get id(): string {
    return formatId('session', this.row);
  }

  @Field(() => IntegrationObject, { description: 'Through which integration.' })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject> {
    const integration = await loaders.integration.load(this.row.integration);
    if (integration === undefined) throw new Error('A session has no integration');
    return new IntegrationObject(integration);
  }

  @Field(() => String, { description: 'Code of the currency that is played in.' })
  get currency(): string {
    return this.row.currency;
  }

  @Field(() => String, { nullable: true, description: "The provider's id of the game; null where none was asked for." })
  get game(): string | null {
    return this.row.game;
  }

  @Field(() => DateTimeScalar, { description: 'When it was launched.' })
  get createdAt(): Date {
    return this.row.createdAt;
  }
}

@ObjectType('GameUnavailable', {
  implements: RefusalInterface,
  description:
    'The brand has no such integration, or it is no longer active, or the game is not in its catalogue (any more).',
})
class GameUnavailable extends RefusalInterface {
  constructor() {
    super('The brand has no such integration or game, or it is not active.');
  }
}

const LaunchResult = createUnionType({
  name: 'LaunchResult',
  description: 'The session, or why there is none.',
  types: () =>
    [
      LaunchSessionObject,
      PlayerNotActive,
      LimitReached,
      GameUnavailable,
      CurrencyNotSupported,
      ProviderUnavailable,
    ] as const,
});
type LaunchResult = typeof LaunchResult;

@Resolver()
export class LaunchResolver {
  @Mutation(() => LaunchResult, {
    description:
      "Launches a game for a player: the token's own, or any of the brand with the role operator or service. Every call makes " +
      "a new session. Errors: FORBIDDEN, NOT_FOUND for players who do not exist or are not the token's, BAD_USER_INPUT.",
  })
  async launchGame(
    @Arg('input', () => LaunchGameInput, { description: 'Who wants to play what.' }) input: LaunchGameInput,
    @Ctx() context: GraphqlContext,
  ): Promise<LaunchResult> {
    const { integration, currency, game, language, returnUrl, platform, device, demo } = input;
    if (language != null && !/^[a-z]{2}$/.test(language))
      throw badInput('"language" must be two small letters, such as "en".');
    const player = await playerToLaunch(context, input.playerId);
    const outcome = await context.services.launch.launchGame({
      player,
      integration,
      currency,
      game: game == null ? undefined : readName('game', game),
      language: language ?? undefined,
      returnUrl: returnUrl ?? undefined,
      platform: platform ?? undefined,
      device: device == null ? undefined : readName('device', device),
      demo: demo ?? undefined,
    });
    return resultOf(outcome, player, currency);
  }
}

async function playerToLaunch(context: GraphqlContext, id: string | null | undefined): Promise<Player> {
  const own = await ownPlayer(context);
  if (own !== undefined && (id == null || id === formatId('player', own))) return own;
  // A player who names somebody else learns nothing about whether they exist.
  if (!context.principal.roles.has('player')) requireManager(context);
  const player = id == null ? undefined : await playerById(context, id);
  if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
  requireManager(context);
  return player;
}

function resultOf(outcome: LaunchOutcome, player: Player, currency: string): LaunchResult {
  switch (outcome.type) {
    case 'launched':
      return new LaunchSessionObject(outcome.url, outcome.session);
    case 'player-not-active':
      return new PlayerNotActive(outcome.status);
    case 'limit-reached':
      return new LimitReached(player);
    case 'game-unavailable':
      return new GameUnavailable();
    case 'return-url-refused':
      throw badInput(`"returnUrl" ${outcome.why}.`);
    case 'currency-not-supported':
      return new CurrencyNotSupported(currency);
    case 'provider-unavailable':
      return new ProviderUnavailable(outcome.retryable);
  }
}
