import {
  Arg,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import { ProviderError } from '../adapters/contract.js';
import { isWorthRepeating } from '../adapters/kit/http.js';
import type { CatalogueCounts } from '../catalogue/catalogue.js';
import { CatalogueError } from '../catalogue/errors.js';
import { sortNameOf } from '../catalogue/differences.js';
import { Game, Integration } from '../entities/index.js';
import { isStaff, requireManager } from './access.js';
import { edgeOf } from './connection.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import { GameObject, GameStatusEnum } from './game.js';
import { countGames, type FacetCount, gameCursors, type GameFacets, type GameSearch, readGames } from './game-pages.js';
import { IntegrationObject } from './integration.js';
import { PageInfoObject, type PageOfRows, pageArgumentTexts, readPage, toPage } from './paging.js';
import { ProviderUnavailable, RefusalInterface } from './refusals.js';
import { readKnownName } from './scalars.js';

const GameEdge = edgeOf({ name: 'Game', node: () => GameObject, one: 'a game' });

@ObjectType('GameFacet', { description: 'How many games of a list have something in common.' })
class GameFacetObject {
  @Field(() => String, { description: 'What they have in common: to be used in a filter as it is.' })
  readonly value: string;

  @Field(() => Int, { description: 'How many games of the whole list.' })
  readonly count: number;

  constructor({ value, count }: FacetCount) {
    this.value = value;
    this.count = count;
  }
}

@ObjectType('GameFacets', {
  description: 'What the games of a whole list are, the commonest first; at most 100 values each.',
})
class GameFacetsObject {
  @Field(() => [GameFacetObject], { description: 'By category; games without one are in none.' })
  readonly categories: readonly GameFacetObject[];

  @Field(() => [GameFacetObject], { description: 'By feature; a game counts once for each it has.' })
  readonly features: readonly GameFacetObject[];

  @Field(() => [GameFacetObject], { description: 'By the id of the integration.' })
  readonly integrations: readonly GameFacetObject[];

  constructor({ categories, features, integrations }: GameFacets) {
    this.categories = categories.map((each) => new GameFacetObject(each));
    this.features = features.map((each) => new GameFacetObject(each));
    this.integrations = integrations.map((each) => new GameFacetObject(each));
  }
}

@ObjectType('GameConnection', { description: 'A page of games, by name.' })
class GameConnectionObject {
  @Field(() => [GameEdge], { description: 'By name, whatever its capitals.' })
  readonly edges: readonly InstanceType<typeof GameEdge>[];

  @Field(() => PageInfoObject, { description: 'Where the page stands in the list.' })
  readonly pageInfo: PageInfoObject;

  readonly search: GameSearch;
  private counted: Promise<GameFacets> | undefined;

  constructor({ edges, pageInfo }: PageOfRows<Game>, search: GameSearch) {
    this.edges = edges.map((edge) => new GameEdge(edge));
    this.pageInfo = pageInfo;
    this.search = search;
  }

  @Field(() => Int, { description: 'How many games the whole list has.' })
  async totalCount(@Ctx() context: GraphqlContext): Promise<number> {
    return (await this.count(context)).total;
  }

  @Field(() => GameFacetsObject, { description: 'What the games of the whole list are, under the same filter.' })
  async facets(@Ctx() context: GraphqlContext): Promise<GameFacetsObject> {
    return new GameFacetsObject(await this.count(context));
  }

  private count({ services }: GraphqlContext): Promise<GameFacets> {
    return (this.counted ??= countGames(services.orm.em.fork(), this.search));
  }
}

@InputType('GameFilter', { description: 'All that is given must hold.' })
class GameFilterInput {
  @Field(() => ID, { nullable: true, description: 'Only of this integration.' })
  readonly integration?: string | null;

  @Field(() => String, { nullable: true, description: 'Only of this category, written as the provider does.' })
  readonly category?: string | null;

  @Field(() => String, { nullable: true, description: 'Only with this feature, written as the provider does.' })
  readonly feature?: string | null;

  @Field(() => String, { nullable: true, description: 'Only those that can be played in this currency.' })
  readonly currency?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Only with this text anywhere in the name, whatever the capitals: 1 to 100 characters, each standing for itself.',
  })
  readonly search?: string | null;

  @Field(() => GameStatusEnum, { nullable: true, description: 'Only of this status. Players see active games only.' })
  readonly status?: Game['status'] | null;
}

@InputType('SyncCatalogueInput', { description: 'Whose games to read again.' })
class SyncCatalogueInput {
  @Field(() => ID, { description: 'Id of the integration.' })
  readonly integration!: string;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Also when more than half of the known games would be withdrawn; false when absent.',
  })
  readonly force?: boolean | null;
}

@ObjectType('CatalogueSynced', { description: 'The known games are now those that the provider offers.' })
class CatalogueSynced {
  @Field(() => IntegrationObject, { description: 'Whose games they are.' })
  readonly integration: IntegrationObject;

  @Field(() => Int, { description: 'Games that no catalogue had before.' })
  readonly added: number;

  @Field(() => Int, { description: 'Games of which anything differs, those that returned included.' })
  readonly changed: number;

  @Field(() => Int, { description: 'Games that are no longer offered.' })
  readonly withdrawn: number;

  @Field(() => Int, { description: 'Games that are as they were.' })
  readonly unchanged: number;

  constructor(integration: Integration, { added, changed, withdrawn, unchanged }: CatalogueCounts) {
    this.integration = new IntegrationObject(integration);
    this.added = added;
    this.changed = changed;
    this.withdrawn = withdrawn;
    this.unchanged = unchanged;
  }
}

@ObjectType('CatalogueMissing', {
  implements: RefusalInterface,
  description: 'The provider tells no catalogue, and the configuration names no file with one.',
})
class CatalogueMissing extends RefusalInterface {}

@ObjectType('CatalogueBusy', {
  implements: RefusalInterface,
  description: 'The same catalogue is being synchronised at this moment, by this gateway or another one.',
})
class CatalogueBusy extends RefusalInterface {}

@ObjectType('CatalogueInvalid', {
  implements: RefusalInterface,
  description: 'What the provider or the file says is no catalogue; the games stay as they were.',
})
class CatalogueInvalid extends RefusalInterface {
  @Field(() => [String], { description: 'What is wrong, each with its place; the first hundred.' })
  readonly problems: readonly string[];

  constructor({ message, problems }: CatalogueError) {
    super(message.split('\n')[0] ?? '');
    this.problems = problems.slice(0, 100);
  }
}

@ObjectType('CatalogueShrunk', {
  implements: RefusalInterface,
  description:
    'More than half of the known games are missing, which is how a provider in trouble answers; the games stay as they were. ' +
    'With `force` they are withdrawn.',
})
class CatalogueShrunk extends RefusalInterface {
  @Field(() => Int, { description: 'Active games that are known.' })
  readonly known: number;

  @Field(() => Int, { description: 'How many of them are missing.' })
  readonly missing: number;

  constructor({ message, known, missing }: CatalogueError) {
    super(message);
    this.known = known;
    this.missing = missing;
  }
}

const SyncCatalogueResult = createUnionType({
  name: 'SyncCatalogueResult',
  description: 'What became of the games, or why they stay as they were.',
  types: () =>
    [CatalogueSynced, CatalogueMissing, CatalogueBusy, CatalogueInvalid, CatalogueShrunk, ProviderUnavailable] as const,
});
type SyncCatalogueResult = typeof SyncCatalogueResult;

@Resolver()
export class GamesResolver {
  @Query(() => GameConnectionObject, {
    description:
      "The games of the brand's integrations, by name. Players see those that can be launched, staff also the withdrawn ones " +
      'and those of integrations that have left the configuration. Error BAD_USER_INPUT for cursors of another list or filter, ' +
      'and sizes out of range.',
  })
  async games(
    @Arg('filter', () => GameFilterInput, { nullable: true, description: 'Everything that may be seen when absent.' })
    filter: GameFilterInput | null,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<GameConnectionObject> {
    const search = readSearch(context, filter ?? {});
    const cursors = gameCursors(JSON.stringify(['games', search]));
    const page = readPage({ first, after }, cursors);
    const rows = await readGames(context.services.orm.em.fork(), search, page);
    return new GameConnectionObject(
      toPage(rows, page, (row) => row, cursors),
      search,
    );
  }

  @Mutation(() => SyncCatalogueResult, {
    description:
      'Reads the games of an integration from its provider, or from its file, and makes the known ones the same: nothing is ' +
      'deleted, what is no longer offered is withdrawn. Needs the role operator or service. Errors: FORBIDDEN, NOT_FOUND for ' +
      'integrations that are not in the configuration of the brand.',
  })
  async syncCatalogue(
    @Arg('input', () => SyncCatalogueInput, { description: 'Whose games to read again.' }) input: SyncCatalogueInput,
    @Ctx() context: GraphqlContext,
  ): Promise<SyncCatalogueResult> {
    requireManager(context);
    const { principal, services, loaders } = context;
    const live = services.integrations.get(input.integration);
    const row = live?.brand === principal.brand ? await loaders.integration.load(input.integration) : undefined;
    if (live === undefined || row === undefined) throw apiError('NOT_FOUND', 'There is no such integration.');
    try {
      return new CatalogueSynced(row, await live.syncCatalogue({ force: input.force ?? false }));
    } catch (error) {
      if (error instanceof CatalogueError) return refusalOf(error);
      throw error;
    }
  }
}

function refusalOf(error: CatalogueError): Exclude<SyncCatalogueResult, CatalogueSynced> {
  switch (error.code) {
    case 'NO_CATALOGUE':
      return new CatalogueMissing(error.message);
    case 'BUSY':
      return new CatalogueBusy(error.message);
    case 'INVALID':
      return new CatalogueInvalid(error);
    case 'SHRUNK':
      return new CatalogueShrunk(error);
    case 'PROVIDER_FAILED':
      return new ProviderUnavailable(error.cause instanceof ProviderError && isWorthRepeating(error.cause));
  }
}

const SEARCH_CHARACTERS_MAX = 100;

/** @throws BAD_USER_INPUT */
function readSearch(context: GraphqlContext, filter: GameFilterInput): GameSearch {
  const { integration, category, feature, currency, search, status } = filter;
  const named = (argument: string, text: string | null | undefined): string | undefined =>
    text == null ? undefined : readKnownName(argument, text);
  if (search != null && sortNameOf(search).length > SEARCH_CHARACTERS_MAX) {
    throw badInput(`"search" must be 1 to ${SEARCH_CHARACTERS_MAX} characters.`);
  }
  return {
    brand: context.principal.brand,
    playable: !isStaff(context),
    integration: named('integration', integration),
    category: named('category', category),
    feature: named('feature', feature),
    currency: named('currency', currency),
    name: named('search', search),
    status: status ?? undefined,
  };
}
