import { createServer, type Server } from 'node:http';
import express from 'express';
import type { ProviderClient } from './adapters/contract.js';
import { createProviderHttp } from './adapters/kit/http.js';
import { adapters } from './adapters/registry.js';
import { createAuthenticator } from './auth.js';
import { createJournal } from './callbacks/journal.js';
import type { LiveIntegration, ObservedCallback } from './callbacks/pipeline.js';
import { keepPartitions } from './callbacks/partitions.js';
import { createCallbackHandler, routeCallbacks } from './callbacks/router.js';
import { type Catalogue, type CatalogueSource, createCatalogue } from './catalogue/catalogue.js';
import { createCatalogueSchedule } from './catalogue/schedule.js';
import type { Config } from './config.js';
import { hostsOf } from './config/hosts.js';
import { type Database, openDatabase } from './database.js';
import { createReads } from './database/reads.js';
import { createPostgresBus } from './events/bus-postgres.js';
import { createFeed } from './events/feed.js';
import { redeemLaunchToken } from './launch/tokens.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import { createStatements } from './ledger/statements.js';
import { createHealthRoutes } from './observability/health.js';
import type { Logger } from './observability/logger.js';
import { createPlayerDirectory } from './players/directory.js';
import { assertPortFree } from './port.js';
import { keepReferenceData } from './reference-data.js';
import { mountExplorer } from './sandbox/explorer.js';
import type { LiveProvider } from './schema/context.js';
import { mountGraphql } from './schema/http.js';

export interface App {
  readonly http: Server;
  readonly ledger: Ledger;
  readonly database: Database;
  /** Kept up to date from the moment the server listens, as often as the configuration says. */
  readonly catalogue: Catalogue;
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
  const reads = createReads({
    primary: {
      connectionString: database.url,
      max: config.database.poolMax,
      connectionTimeoutMillis: config.database.acquireTimeoutMs,
      statement_timeout: config.database.statementTimeoutMs,
    },
    logger,
  });
  const directory = createPlayerDirectory(orm);
  const statements = createStatements(orm);
  const ledger = createLedger({
    connection: { connectionString: database.url, application_name: 'croupier-ledger' },
    statements,
    currencies: config.currencies,
    brandCurrencies: new Map(config.brands.map((each) => [each.id, new Set(each.currencies)])),
    integrationCurrencies: new Map(config.integrations.map((each) => [each.id, new Set(each.currencies)])),
    findPlayer: (brand, player, playerIs) =>
      playerIs === 'public-id' ? directory.findByPublicId(brand, player) : directory.find(brand, player),
    committed: (units) => feed.accept(units),
    failed,
  });
  const journal = createJournal(orm, statements, failed);

  const integrations = bindIntegrations(config);
  const sources = openSources(config, integrations, logger);
  const connection = { connectionString: database.url, application_name: 'croupier-catalogue' };
  const catalogue = createCatalogue({ orm, connection, sources });
  const hours = config.catalogueHours ?? 0;
  const schedule = createCatalogueSchedule({ catalogue, sources, hours, failed });

  let closing = false;
  const app = express().disable('x-powered-by').disable('etag');
  const observed = logCallback(logger);
  const redeem = (integration: string, token: string) => redeemLaunchToken(orm, integration, token);
  const callbacks = createCallbackHandler(integrations, { ledger, journal, redeem, failed, observed });
  const route = routeCallbacks(callbacks, app);
  const http = createServer(REQUEST_LIMITS, (request, response) => {
    // A connection kept alive would go on sending to a gateway that is leaving.
    if (closing) response.setHeader('connection', 'close');
    route(request, response);
  });
  http.once('listening', () => schedule.start());
  app.use(createHealthRoutes(orm, () => closing));
  const graphql = await mountGraphql(app, http, {
    config,
    orm,
    reads,
    ledger,
    feed,
    directory,
    authenticator: createAuthenticator(config.auth),
    providers: describeProviders(config, integrations, sources, catalogue),
    logger,
  });

  if (config.graphql.explorer) mountExplorer(app, { config, orm });

  const close = async (): Promise<void> => {
    closing = true;
    const stopped = stopListening(http);
    await graphql.close();
    await schedule.stop();
    await stopped;
    await ledger.close();
    await journal.close();
    partitions.stop();
    await feed.close();
    await bus.close();
    await reads.close();
    await database.close();
  };
  let closed: Promise<void> | undefined;
  return { http, ledger, database, catalogue, close: () => (closed ??= close()) };
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

/** The outgoing side of each integration. Its calls go to the hosts of its own settings, in production public ones only. */
function openSources(
  config: Config,
  integrations: ReadonlyMap<string, LiveIntegration>,
  logger: Logger,
): Map<string, { client: ProviderClient } & CatalogueSource> {
  const byId = new Map(adapters.map((each) => [each.id, each]));
  const allowPrivate = config.mode !== 'production';
  return new Map(
    config.integrations.flatMap(({ id, adapter, settings, catalogue: file }) => {
      // As the adapter reads them: a URL that it adds by default counts too.
      const allowedHosts = hostsOf(byId.get(adapter)?.settings.parse(settings));
      const http = createProviderHttp({ ...PROVIDER_CALLS, allowedHosts, allowPrivate, logger });
      const client = integrations.get(id)?.adapter.client(http);
      return client === undefined ? [] : [[id, { client, file }] as const];
    }),
  );
}

function describeProviders(
  config: Config,
  integrations: ReadonlyMap<string, LiveIntegration>,
  sources: ReturnType<typeof openSources>,
  catalogue: Catalogue,
): Map<string, LiveProvider> {
  const titles = new Map(adapters.map((each) => [each.id, each.title]));
  const brands = new Map(config.brands.map((each) => [each.id, each]));
  // Fiat amounts are shown in cents, whatever finer unit the ledger counts in.
  const displayDecimals = (currency: string): number => ((config.currencies.get(currency)?.scale ?? 0) >= 8 ? 8 : 2);
  const localPages = config.mode !== 'production';
  return new Map(
    config.integrations.flatMap(({ id, adapter, brand, currencies, policy: overrides, returnOrigins }) => {
      const client = sources.get(id)?.client;
      const policy = integrations.get(id)?.adapter.policy;
      if (client === undefined || policy === undefined) return [];
      const origins = returnOrigins ?? brands.get(brand)?.returnOrigins;
      const returns = { origins: origins && new Set(origins), localPages };
      const facts = { title: titles.get(adapter) ?? adapter, policy, overrides };
      const syncCatalogue: LiveProvider['syncCatalogue'] = (options) => catalogue.syncCatalogue(id, options);
      return [
        [id, { ...facts, brand, currencies: new Set(currencies), client, displayDecimals, returns, syncCatalogue }],
      ];
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
