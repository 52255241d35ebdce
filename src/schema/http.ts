import type { Server } from 'node:http';
import { ApolloServer, type ApolloServerOptionsWithGateway, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { MikroORM } from '@mikro-orm/postgresql';
import { type GraphQLSchema, OperationTypeNode } from 'graphql';
import type { Tokens } from '../access/access.js';
import type { AccessWatch } from '../access/watch.js';
import type { Authenticator } from '../auth.js';
import { createAdjustments } from '../adjustments/adjustments.js';
import { createCashier } from '../cashier/cashier.js';
import type { Config } from '../config.js';
import type { Reads } from '../database/reads.js';
import type { Feed } from '../events/feed.js';
import { createProofs } from '../history/proof.js';
import { createLaunch } from '../launch/launch.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Logger } from '../observability/logger.js';
import type { OperationObserver } from '../observability/operations.js';
import type { PlayerDirectory } from '../players/directory.js';
import { createPlayers } from '../players/players.js';
import { createReports } from '../reports/reports.js';
import { createWalletLimitReads } from '../players/wallet-limits.js';
import { type Budget, createBudget } from './budget.js';
import { buildGraphqlSchema } from './build-schema.js';
import type { GraphqlContext, LiveProvider, Services } from './context.js';
import { badInput, createErrorPresenter } from './errors.js';
import { createExecutor, type Executor } from './executor.js';
import { limits } from './limits.js';
import { logReads, observeExecutor } from './observed-executor.js';
import { assertWithinLimits, unresolvedOperation } from './operation.js';
import { createPostHandler, type Handler } from './post.js';
import { createRowReads } from './row-reads.js';
import { serveSockets, type Sockets } from './sockets.js';

export interface GraphqlDeps {
  readonly config: Pick<Config, 'brands' | 'currencies' | 'graphql' | 'proofs'>;
  readonly orm: MikroORM;
  readonly reads: Reads;
  readonly ledger: Ledger;
  readonly feed: Feed;
  readonly directory: PlayerDirectory;
  readonly authenticator: Authenticator;
  readonly tokens: Tokens;
  readonly watch: AccessWatch;
  /** Each integration of the configuration, by its id. */
  readonly providers: ReadonlyMap<string, LiveProvider>;
  /** Told of every operation that is executed. */
  readonly operations?: OperationObserver;
  readonly logger: Logger;
}

const PATH = '/graphql';

/** What one subject may ask in a minute where the configuration does not say. */
const COST_PER_MINUTE = { player: 200_000, staff: 5_000_000 } as const;

export interface GraphqlEndpoint {
  /** Answers what comes by HTTP to `/graphql`. */
  readonly handle: Handler;
  close(): Promise<void>;
  /** Open WebSockets, and the operations on them. */
  readonly size: Sockets['size'];
}

/** Serves GraphQL: operations by POST through the handler, subscriptions (and anything else) by WebSocket. */
export async function openGraphql(http: Server, deps: GraphqlDeps): Promise<GraphqlEndpoint> {
  const { config, authenticator, logger } = deps;
  const { introspection, trustedDocuments: trusted, origins, costPerMinute = COST_PER_MINUTE } = config.graphql;
  const services = createServices(deps);
  const present = createErrorPresenter(logger);
  const schema = buildGraphqlSchema();
  const executor = logReads(observeExecutor(createExecutor(schema), deps.operations), logger);
  const budget = createBudget(costPerMinute);
  const apollo = new ApolloServer<GraphqlContext>({
    gateway: executedBy(executor, schema),
    introspection,
    nodeEnv: 'production',
    logger,
    formatError: (_formatted, error) => present(error),
    includeStacktraceInErrorResponses: false,
    parseOptions: { maxTokens: limits.tokensMax },
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    stopOnTerminationSignals: false,
    stringifyResult: JSON.stringify,
    plugins: [
      limitPlugin(budget),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
  await apollo.start();
  const sockets = serveSockets(http, {
    path: PATH,
    schema,
    introspection,
    trusted,
    origins,
    authenticator,
    watch: deps.watch,
    executor,
    budget,
    services,
    present,
    logger,
  });
  return {
    handle: createPostHandler({ apollo, authenticator, services, present, trusted, origins: new Set(origins) }),
    async close() {
      await sockets.close();
      await apollo.stop();
    },
    get size() {
      return sockets.size;
    },
  };
}

/** Operations go past express, as callbacks do. */
export function routeGraphql(operations: Handler, others: Handler): Handler {
  return (request, response) => {
    const path = request.url ?? '';
    if (path === PATH || path.startsWith(`${PATH}?`)) operations(request, response);
    else others(request, response);
  };
}

/** Apollo's door for an executor of one's own. */
function executedBy(
  executor: Executor,
  schema: GraphQLSchema,
): ApolloServerOptionsWithGateway<GraphqlContext>['gateway'] {
  return {
    load: () =>
      Promise.resolve({
        executor: ({ document, operationName, request, context }) =>
          Promise.resolve(
            executor({
              document,
              operationName,
              variables: request.variables,
              // Apollo's gateways know nothing of the type of a context.
              context: context as unknown as GraphqlContext,
            }),
          ),
      }),
    onSchemaLoadOrUpdate(told) {
      told({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    stop: () => Promise.resolve(),
  };
}

function createServices(deps: GraphqlDeps): Services {
  const { config, orm, reads, ledger, feed, directory, tokens, providers, logger } = deps;
  const brandCurrencies = new Map(config.brands.map(({ id, currencies }) => [id, new Set(currencies)]));
  return {
    orm,
    reads,
    rows: createRowReads(reads),
    directory,
    tokens,
    feed,
    currencies: config.currencies,
    integrations: providers,
    players: createPlayers({ orm, ledger, brandCurrencies }),
    walletLimits: createWalletLimitReads(reads),
    cashier: createCashier({ ledger, currencies: config.currencies }),
    adjustments: createAdjustments({ orm, ledger, currencies: config.currencies }),
    proofs: createProofs({
      reads,
      config: config.proofs,
      broken: (place) => logger.error(place, 'the hash chain of a wallet is broken'),
    }),
    reports: createReports(reads),
    launch: createLaunch({
      orm,
      providers,
      failed: (integration, error) => logger.warn({ integration, err: error }, 'launch failed at the provider'),
    }),
  };
}

/** Apollo parses and validates; what is left to refuse is refused here, as `readOperation` does it for WebSockets. */
function limitPlugin(budget: Budget): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, request, contextValue }) {
          if (!operation) throw unresolvedOperation(request.operationName);
          if (operation.operation === OperationTypeNode.SUBSCRIPTION) throw badInput('Subscriptions need a WebSocket.');
          budget.spend(contextValue.principal, assertWithinLimits(document, operation, request.variables));
        },
      };
    },
  };
}
