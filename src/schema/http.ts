import type { Server } from 'node:http';
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { expressMiddleware } from '@as-integrations/express5';
import type { MikroORM } from '@mikro-orm/postgresql';
import express from 'express';
import { GraphQLError, type GraphQLFormattedError, OperationTypeNode } from 'graphql';
import type { Authenticator } from '../auth.js';
import { createCashier } from '../cashier/cashier.js';
import type { Config } from '../config.js';
import type { Reads } from '../database/reads.js';
import type { Feed } from '../events/feed.js';
import { createLaunch } from '../launch/launch.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Logger } from '../observability/logger.js';
import type { PlayerDirectory } from '../players/directory.js';
import { createPlayers } from '../players/players.js';
import { authenticateBearer } from './authentication.js';
import { buildGraphqlSchema } from './build-schema.js';
import { GraphqlContext, type LiveProvider, type Services } from './context.js';
import { badInput, createErrorPresenter, type ErrorPresenter } from './errors.js';
import { BODY_BYTES_MAX, limits } from './limits.js';
import { assertDocumentSize, assertWithinLimits } from './operation.js';
import { serveSockets } from './sockets.js';

export interface GraphqlDeps {
  readonly config: Pick<Config, 'brands' | 'currencies' | 'graphql'>;
  readonly orm: MikroORM;
  readonly reads: Reads;
  readonly ledger: Ledger;
  readonly feed: Feed;
  readonly directory: PlayerDirectory;
  readonly authenticator: Authenticator;
  /** Each integration of the configuration, by its id. */
  readonly providers: ReadonlyMap<string, LiveProvider>;
  readonly logger: Logger;
}

const PATH = '/graphql';

/** Serves GraphQL on `/graphql`: operations by POST, subscriptions (and anything else) by WebSocket. */
export async function mountGraphql(
  app: express.Express,
  http: Server,
  deps: GraphqlDeps,
): Promise<{ close(): Promise<void> }> {
  const { config, authenticator, logger } = deps;
  const { introspection } = config.graphql;
  const services = createServices(deps);
  const present = createErrorPresenter(logger);
  const schema = buildGraphqlSchema();
  const apollo = new ApolloServer<GraphqlContext>({
    schema,
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
    plugins: [
      limitPlugin,
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
  await apollo.start();
  routePosts(app, apollo, async (request) => {
    const principal = await authenticateBearer(authenticator, request.headers.authorization);
    return new GraphqlContext(principal, services);
  });
  app.all(PATH, (_request, response) => {
    response.setHeader('allow', 'POST');
    answer(response, 405, badInput('Use POST, or a WebSocket with graphql-transport-ws.'), present);
  });
  app.use(PATH, refuse(present));

  const sockets = serveSockets(http, { path: PATH, schema, introspection, authenticator, services, present, logger });
  return {
    async close() {
      await sockets.close();
      await apollo.stop();
    },
  };
}

/** @param open makes the context from the headers alone, so whoever has no token makes the gateway read nothing */
function routePosts(
  app: express.Express,
  apollo: ApolloServer<GraphqlContext>,
  open: (request: express.Request) => Promise<GraphqlContext>,
): void {
  const contexts = new WeakMap<express.Request, GraphqlContext>();
  const execute = expressMiddleware(apollo, {
    async context({ req }) {
      const context = contexts.get(req);
      if (context === undefined) throw new Error('A request came past its authentication');
      return context;
    },
  });
  app.post(
    PATH,
    async (request, _response, next) => {
      contexts.set(request, await open(request));
      next();
    },
    requireJson,
    express.json({ limit: BODY_BYTES_MAX, inflate: false, strict: true }),
    (request, _response, next) => {
      const body: unknown = request.body;
      if (typeof body === 'object' && body !== null && 'query' in body && typeof body.query === 'string') {
        assertDocumentSize(body.query);
      }
      next();
    },
    execute,
  );
}

function createServices({ config, orm, reads, ledger, feed, directory, providers, logger }: GraphqlDeps): Services {
  const brandCurrencies = new Map(config.brands.map(({ id, currencies }) => [id, new Set(currencies)]));
  return {
    orm,
    reads,
    directory,
    feed,
    currencies: config.currencies,
    integrations: providers,
    players: createPlayers({ orm, ledger, brandCurrencies }),
    cashier: createCashier({ ledger, currencies: config.currencies }),
    launch: createLaunch({
      orm,
      providers,
      failed: (integration, error) => logger.warn({ integration, err: error }, 'launch failed at the provider'),
    }),
  };
}

/** Apollo parses and validates; what is left to refuse is refused here, as `readOperation` does it for WebSockets. */
const limitPlugin: ApolloServerPlugin<GraphqlContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ document, operation, request }) {
        if (operation === undefined) return;
        if (operation.operation === OperationTypeNode.SUBSCRIPTION) throw badInput('Subscriptions need a WebSocket.');
        assertWithinLimits(document, operation, request.variables);
      },
    };
  },
};

function requireJson(request: express.Request, _response: express.Response, next: express.NextFunction): void {
  if (!request.is('application/json')) throw badInput('Send JSON: content-type application/json.');
  next();
}

/** Whatever stops a request before Apollo has it is answered in the shape of GraphQL too. */
function refuse(present: ErrorPresenter): express.ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const bodyStatus = bodyErrorStatus(error);
    if (bodyStatus !== undefined) {
      const text =
        bodyStatus === 413 ? `The body is larger than ${BODY_BYTES_MAX} bytes.` : 'The body is not plain JSON.';
      return answer(response, bodyStatus, badInput(text), present);
    }
    const code = error instanceof GraphQLError ? error.extensions['code'] : undefined;
    if (code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', 'Bearer');
    answer(response, typeof code === 'string' ? (statuses[code] ?? 400) : 500, error, present);
  };
}

const statuses: Readonly<Record<string, number>> = { UNAUTHENTICATED: 401, UNAVAILABLE: 503 };

/** The body parser's errors carry a type and the status they mean. */
function bodyErrorStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('type' in error) || !('status' in error)) return undefined;
  return typeof error.status === 'number' ? error.status : undefined;
}

function answer(response: express.Response, status: number, error: unknown, present: ErrorPresenter): void {
  const body: { errors: GraphQLFormattedError[] } = { errors: [present(error)] };
  response.status(status).json(body);
}
