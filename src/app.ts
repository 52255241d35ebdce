import { createServer, type Server } from 'node:http';
import express from 'express';
import { createProviderHttp } from './adapters/kit/http.js';
import { adapters } from './adapters/registry.js';
import { createAuthenticator } from './auth.js';
import { createJournal } from './callbacks/journal.js';
import type { LiveIntegration, ObservedCallback } from './callbacks/pipeline.js';
import { keepPartitions } from './callbacks/partitions.js';
import { createCallbackHandler, routeCallbacks } from './callbacks/router.js';
import type { Config } from './config.js';
import { type Database, openDatabase } from './database.js';
import { createPostgresBus } from './events/bus-postgres.js';
import { createFeed } from './events/feed.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import { createStatements } from './ledger/statements.js';
import { createHealthRoutes } from './observability/health.js';
import type { Logger } from './observability/logger.js';
import { createPlayerDirectory } from './players/directory.js';
import { assertPortFree } from './port.js';
import { keepReferenceData } from './reference-data.js';
import { mountExplorer } from './sandbox/explorer.js';
import { mountGraphql } from './schema/http.js';

export interface App {
  readonly http: Server;
  readonly ledger: Ledger;
  readonly database: Database;
  /** Takes no more callbacks, finishes what is under way, tells sockets to reconnect, and lets go of the database. */
  close(): Promise<void>;
}

/** The longest a request under way may hold up the end of the process. */
const CLOSE_MS = 6_000;
const IDLE_CHECK_MS = 50;
/** Node looks for requests past their time only every so often: every 30 seconds unless told otherwise. */
const REQUEST_LIMITS = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
} as const;

/** A player waits for the launch; the provider's own calls are repeated only where that is safe. */
const PROVIDER_CALLS = { timeoutMs: 5_000, retries: 2 } as const;

/** Connects everything. Nothing listens yet. */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  await assertPortFree(config.http);
  const production = config.mode === 'production';
  const database = await openDatabase(config.database, { logger, production });
  const { orm } = database;
  const failed = (message: string, error?: unknown): void => logger.error({ err: error }, message);
  await keepReferenceData(orm, config);
  const partitions = await keepPartitions(orm, config.journal.retentionDays, failed);

  const bus = await createPostgresBus({ connection: { connectionString: database.url }, logger });
  const feed = createFeed({ orm, bus, logger });
  const directory = createPlayerDirectory(orm);
  const statements = createStatements(orm);
  const ledger = createLedger({
    connection: { connectionString: database.url, application_name: 'croupier-ledger' },
    statements,
    currencies: config.currencies,
    brandCurrencies: new Map(config.brands.map((each) => [each.id, new Set(each.currencies)])),
    integrationCurrencies: new Map(config.integrations.map((each) => [each.id, new Set(each.currencies)])),
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    committed: (units) => feed.accept(units),
    failed,
  });
  const journal = createJournal(orm, statements, failed);

  const integrations = bindIntegrations(config);
  const providers = new Map(
    config.integrations.flatMap(({ id, brand, adapter, currencies }) => {
      const client = integrations.get(id)?.adapter.client(createProviderHttp({ ...PROVIDER_CALLS, logger }));
      return client === undefined ? [] : [[id, { client, brand, adapter, currencies: new Set(currencies) }] as const];
    }),
  );

  let closing = false;
  const app = express().disable('x-powered-by').disable('etag');
  const observed = logCallback(logger);
  const callbacks = createCallbackHandler(integrations, { ledger, journal, failed, observed });
  const route = routeCallbacks(callbacks, app);
  const http = createServer(REQUEST_LIMITS, (request, response) => {
    // A connection kept alive would go on sending to a gateway that is leaving.
    if (closing) response.setHeader('connection', 'close');
    route(request, response);
  });
  app.use(createHealthRoutes(orm, () => closing));
  const graphql = await mountGraphql(app, http, {
    config,
    orm,
    ledger,
    feed,
    directory,
    authenticator: createAuthenticator(config.auth),
    providers,
    logger,
  });

  if (config.graphql.explorer) mountExplorer(app, { config, orm });

  const close = async (): Promise<void> => {
    closing = true;
    const stopped = stopListening(http);
    await graphql.close();
    await stopped;
    await ledger.close();
    await journal.close();
    partitions.stop();
    await feed.close();
    await bus.close();
    await database.close();
  };
  let closed: Promise<void> | undefined;
  return { http, ledger, database, close: () => (closed ??= close()) };
}

function bindIntegrations(config: Config): Map<string, LiveIntegration> {
  const byId = new Map(adapters.map((each) => [each.id, each]));
  return new Map(
    config.integrations.flatMap(({ id, brand, adapter, settings, policy }) => {
      const bound = byId.get(adapter)?.bind({ id, brand, settings, policy });
      return bound === undefined ? [] : [[id, { id, brand, adapter: bound }] as const];
    }),
  );
}

/** One line per callback (style of the house): which, what was said, how long. */
function logCallback(logger: Logger): (callback: ObservedCallback) => void {
  return (callback) => logger.info(callback, 'callback');
}

/** Resolves when the last request under way is answered; what hangs for longer is cut off. */
async function stopListening(http: Server): Promise<void> {
  if (!http.listening) return;
  const stopped = new Promise<void>((resolve) => {
    http.close(() => resolve());
  });
  http.closeIdleConnections();
  // A connection whose request was under way is kept alive by its answer, and idle from then on.
  const idle = setInterval(() => http.closeIdleConnections(), IDLE_CHECK_MS);
  const cutOff = setTimeout(() => http.closeAllConnections(), CLOSE_MS);
  await stopped;
  clearInterval(idle);
  clearTimeout(cutOff);
}
