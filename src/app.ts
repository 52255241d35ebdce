import { createServer, type Server } from 'node:http';
import express from 'express';
import { createAccess } from './access/access.js';
import { createJournal } from './callbacks/journal.js';
import { keepPartitions } from './callbacks/partitions.js';
import { createRoundClosures } from './callbacks/round-closures.js';
import { createCallbackHandler, routeCallbacks } from './callbacks/router.js';
import { type Catalogue, createCatalogue } from './catalogue/catalogue.js';
import { createCatalogueSchedule } from './catalogue/schedule.js';
import type { Config } from './config.js';
import { type Database, openDatabase } from './database.js';
import { createFeed } from './events/feed.js';
import { mountExports } from './exports/routes.js';
import type { Bus } from './events/bus.js';
import { openBus } from './events/open-bus.js';
import { bindIntegrations, describeProviders, openSources } from './integrations.js';
import { redeemLaunchToken } from './launch/tokens.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import { createStatements } from './ledger/statements.js';
import { createHealthRoutes } from './observability/health.js';
import type { Logger } from './observability/logger.js';
import { type Observability, openObservability } from './observability/observability.js';
import { createPlayerDirectory } from './players/directory.js';
import { assertPortFree } from './port.js';
import { keepReferenceData } from './reference-data.js';
import { createProjector, type Projector } from './reports/projector.js';
import { mountExplorer } from './sandbox/explorer.js';
import { openGraphql, routeGraphql } from './schema/http.js';

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

/** Who may come in is asked on connections that no long read can hold. */
const ACCESS_CONNECTIONS = 2;

/** Connects everything. Nothing listens yet. */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  await assertPortFree(config.http);
  const production = config.mode === 'production';
  const database = await openDatabase(config.database, { logger, production });
  const { orm } = database;
  const failed = (message: string, error?: unknown): void => logger.error({ err: error }, message);
  await keepReferenceData(orm, config);
  const observability = await openObservability(config, logger);
  const surroundings: Surroundings = { database, observability, logger, failed };
  const books = await openBooks(config, surroundings);
  const { ledger, feed, directory, journal, roundEnds, projector } = books;
  const reads = database.openReads();
  const accessReads = database.openReads(ACCESS_CONNECTIONS);
  const access = createAccess({ auth: config.auth, orm, reads: accessReads, logger });

  const { integrations, providers, catalogue, schedule } = openProviders(config, surroundings);
  let closing = false;
  const http = createServer(REQUEST_LIMITS, (request, response) => {
    // A connection kept alive would go on sending to a gateway that is leaving.
    if (closing) response.setHeader('connection', 'close');
    route(request, response);
  });
  http.once('listening', () => schedule.start());
  const callbacks = createCallbackHandler(integrations, {
    ledger,
    journal,
    roundEnded: (end) => roundEnds.append(end),
    redeem: (integration, token) => redeemLaunchToken(orm, integration, token),
    failed,
    observed: observability.callback,
  });
  const known = { config, orm, reads, ledger, feed, directory, logger };
  const { authenticator, tokens, watch } = access;
  const { operations } = observability;
  const graphql = await openGraphql(http, { ...known, authenticator, tokens, watch, providers, operations });
  const others = express().disable('x-powered-by').disable('etag');
  others.use(createHealthRoutes(orm, () => closing));
  others.use(observability.route);
  const exports = mountExports(others, {
    connectionString: database.url,
    acquireTimeoutMs: config.database.acquireTimeoutMs,
    authenticator,
    directory,
    logger,
    exported: (...end) => observability.metrics.exported(...end),
  });
  if (config.graphql.explorer) mountExplorer(others, { config, orm });
  const route = routeCallbacks(callbacks, routeGraphql(graphql.handle, others));
  const sockets = () => graphql.size;
  await observability.watch({ ledger, feed, orm, reads, sockets, projectionLagMs: () => projector?.lagMs });

  const close = async (): Promise<void> => {
    closing = true;
    const stopped = stopListening(http);
    await graphql.close();
    await exports.close();
    await schedule.stop();
    await stopped;
    await books.close();
    await observability.close();
    access.close();
    await Promise.all([accessReads.close(), reads.close()]);
    await database.close();
  };
  let closed: Promise<void> | undefined;
  return { http, ledger, database, catalogue, close: () => (closed ??= close()) };
}

interface Surroundings {
  readonly database: Database;
  readonly observability: Observability;
  readonly logger: Logger;
  readonly failed: (message: string, error?: unknown) => void;
}

/** The ledger, the journal beside it, and what follows them. */
async function openBooks(config: Config, { database, observability, logger, failed }: Surroundings) {
  const { orm, url } = database;
  const partitions = await keepPartitions(orm, config.journal.retentionDays, failed);
  const bus = await openBus(config.bus, { databaseUrl: url, logger });
  const feed = observability.feed(createFeed({ orm, bus, logger }));
  const projector = config.projections === false ? undefined : startProjector(url, bus, logger);
  const directory = createPlayerDirectory(orm);
  const statements = createStatements(orm);
  const ledger = createLedger({
    connection: { connectionString: url, application_name: 'croupier-ledger' },
    statements,
    currencies: config.currencies,
    brandCurrencies: new Map(config.brands.map((each) => [each.id, new Set(each.currencies)])),
    integrationCurrencies: new Map(config.integrations.map((each) => [each.id, new Set(each.currencies)])),
    findPlayer: (brand, player, playerIs) =>
      playerIs === 'public-id' ? directory.findByPublicId(brand, player) : directory.find(brand, player),
    committed: (units) => {
      feed.accept(units);
      projector?.wake();
    },
    failed,
  });
  const journal = createJournal(orm, statements, failed);
  const roundEnds = createRoundClosures(orm, directory, failed);
  const close = async (): Promise<void> => {
    await ledger.close();
    await roundEnds.close();
    await projector?.close();
    await journal.close();
    partitions.stop();
    await feed.close();
    await bus.close();
  };
  return { ledger, feed, directory, journal, roundEnds, projector, close };
}

/** The providers: who calls in, who is called, and what they offer. */
function openProviders(config: Config, { database, observability, logger, failed }: Surroundings) {
  const integrations = bindIntegrations(config);
  const sources = openSources(config, integrations, { logger, observability });
  const connection = { connectionString: database.url, application_name: 'croupier-catalogue' };
  const catalogue = createCatalogue({ orm: database.orm, connection, sources });
  const schedule = createCatalogueSchedule({ catalogue, sources, hours: config.catalogueHours ?? 0, failed });
  return { integrations, catalogue, schedule, providers: describeProviders(config, integrations, sources, catalogue) };
}

/** What other gateways post it hears of by the bus, or finds by itself a moment later. */
function startProjector(url: string, bus: Bus, logger: Logger): Projector {
  const connection = { connectionString: url, application_name: 'croupier-projector' };
  const projector = createProjector({ connection, logger });
  bus.listen(() => projector.wake());
  return projector;
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
