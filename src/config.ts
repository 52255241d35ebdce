import { dirname, resolve } from 'node:path';
import type { Adapter } from './adapters/contract.js';
import { readBus } from './config/bus.js';
import { defaultScale } from './config/currencies.js';
import { readAuth, readDatabase } from './config/environment.js';
import { readConfigFile } from './config/file.js';
import { readGraphql } from './config/graphql.js';
import { checkIntegrations, checkOrigins } from './config/integrations.js';
import { readMetrics, readTracing } from './config/observability.js';
import { Problems } from './config/problems.js';
import { readProofs } from './config/proofs.js';
import { checkRepeatedSecrets } from './config/secrets.js';
import {
  BrandEntry,
  CatalogueHours,
  CurrencyCode,
  CurrencyEntry,
  Environment,
  FileParts,
  FileShape,
  JournalEntry,
  Projections,
  SimulatorEntry,
  idsOf,
} from './config/shape.js';
import type { Secret } from './observability/secret.js';
import type { AuthConfig, BrandConfig, Config, CurrencyConfig, SimulatorConfig } from './config/types.js';
import { readSandbox } from './sandbox/config.js';

export { ConfigError, describeProblems } from './config/problems.js';
export type * from './config/types.js';

export interface LoadConfigOptions {
  /** The adapters integrations may name. */
  readonly adapters?: readonly Adapter[];
  /** Where the sandbox keeps its secrets and, unless configured, the embedded server its data. Default: `.croupier`. */
  readonly stateDirectory?: string;
}

/**
 * Reads the environment and the file `CROUPIER_CONFIG` names; without it, the sandbox's configuration.
 * @throws ConfigError with every problem found.
 */
export function loadConfig(env: NodeJS.ProcessEnv, options: LoadConfigOptions = {}): Config {
  const problems = new Problems();
  const stateDirectory = resolve(options.stateDirectory ?? '.croupier');
  const environment = problems.check(Environment, env, '') ?? Environment.parse({});
  const production = env['NODE_ENV'] === 'production';
  const sandbox = env['CROUPIER_CONFIG'] === undefined && !production;
  if (env['CROUPIER_CONFIG'] === undefined && production) {
    problems.add('CROUPIER_CONFIG', 'is not set, and the sandbox does not run in production; name your YAML file.');
  }

  const start = sandbox
    ? readSandbox(env, stateDirectory, problems)
    : { file: readConfigFile(env['CROUPIER_CONFIG'], env, problems), authSecret: undefined };
  const auth = readAuth(env, start.authSecret, production, problems);
  if (start.file !== undefined) problems.check(FileShape, start.file, '');
  const file: FileParts = FileParts.safeParse(start.file).data ?? {};
  const database = readDatabase(env, file.database, { production, stateDirectory }, problems);
  const currencies = readCurrencies(file.currencies, problems);
  const brands = readBrands(file, production, problems);
  const { integrations, secrets } = checkIntegrations(
    file.integrations ?? [],
    {
      adapters: options.adapters ?? [],
      brands,
      brandIds: idsOf(file.brands ?? []),
      currencies,
      production,
      directory: configDirectory(env),
    },
    problems,
  );
  const { journal, ...parts } = readParts(file, production, problems);
  checkRepeatedSecrets([...secretsOf(auth, parts), ...secrets], problems);
  const graphql = readGraphql(file.graphql, { production, directory: configDirectory(env) }, problems);
  problems.throwIfAny();
  if (!auth || !database || !journal || !graphql) throw new Error('A part of the configuration is missing unreported.');

  return deepFreeze({
    mode: production ? 'production' : sandbox ? 'sandbox' : 'development',
    http: { host: environment.HOST ?? (sandbox ? '127.0.0.1' : '0.0.0.0'), port: environment.PORT },
    auth,
    database,
    currencies,
    brands,
    integrations,
    ...parts,
    journal,
    graphql,
    // The sandbox's terminal is read by a person.
    logLevel: environment.LOG_LEVEL ?? (sandbox ? 'warn' : 'info'),
  });
}

/** Parts of the file that depend on no other part. */
function readParts(file: FileParts, production: boolean, problems: Problems) {
  return {
    simulators: readSimulators(file, production, problems),
    catalogueHours: problems.check(CatalogueHours, file.catalogueHours, 'catalogueHours'),
    journal: problems.check(JournalEntry, file.journal ?? {}, 'journal'),
    projections: problems.check(Projections, file.projections, 'projections'),
    proofs: readProofs(file.proofs, problems),
    bus: readBus(file.bus, problems),
    metrics: readMetrics(file.metrics, production, problems),
    tracing: readTracing(file.tracing, problems),
  };
}

/** The gateway's own secrets, to be held against each other and against those of the integrations. */
function secretsOf(
  auth: AuthConfig | undefined,
  { metrics, proofs }: Pick<Config, 'metrics' | 'proofs'>,
): { path: string; text: string }[] {
  const keys = auth?.kind === 'secret' ? auth : undefined;
  const all: [path: string, secret: Secret | undefined][] = [
    ['CROUPIER_AUTH_SECRET', keys?.secret],
    ['CROUPIER_AUTH_SECRET_PREVIOUS', keys?.previousSecret],
    ['metrics.token', metrics?.token],
    ['proofs.privateKey', proofs?.privateKey],
  ];
  return all.flatMap(([path, secret]) => (secret === undefined ? [] : [{ path, text: secret.reveal() }]));
}

function readCurrencies(entries: Record<string, unknown> | undefined, problems: Problems): Map<string, CurrencyConfig> {
  const currencies = new Map<string, CurrencyConfig>();
  for (const [code, entry] of Object.entries(entries ?? {})) {
    problems.check(CurrencyCode, code, `currencies.${code}`);
    // A currency whose scale is wrong is still known: brands that name it are not at fault.
    const read = problems.check(CurrencyEntry, entry, `currencies.${code}`);
    currencies.set(code, { code, scale: read?.scale ?? defaultScale(code) });
  }
  if (entries !== undefined && currencies.size === 0) problems.add('currencies', 'must hold at least one currency.');
  return currencies;
}

function readBrands(
  { brands: entries = [], currencies }: FileParts,
  production: boolean,
  problems: Problems,
): BrandConfig[] {
  const brands: BrandConfig[] = [];
  for (const [index, entry] of entries.entries()) {
    const path = `brands[${index}]`;
    const brand = problems.check(BrandEntry, entry, path);
    if (!brand) continue;
    if (brands.some(({ id }) => id === brand.id)) problems.add(`${path}.id`, `repeats the brand "${brand.id}".`);
    for (const [position, code] of brand.currencies.entries()) {
      if (currencies !== undefined && !Object.hasOwn(currencies, code)) {
        problems.add(`${path}.currencies[${position}]`, `names "${code}", which is not under currencies.`);
      }
    }
    if (production) checkOrigins(brand.returnOrigins, `${path}.returnOrigins`, problems);
    brands.push(brand);
  }
  return brands;
}

function readSimulators(
  { simulators: entries = [], integrations = [] }: FileParts,
  production: boolean,
  problems: Problems,
): SimulatorConfig[] {
  const integrationIds = idsOf(integrations);
  if (production && entries.length > 0) {
    problems.add('simulators', 'play a provider with money that is not there; remove them in production.');
  }
  const simulators: SimulatorConfig[] = [];
  for (const [index, entry] of entries.entries()) {
    const path = `simulators[${index}]`;
    const simulator = problems.check(SimulatorEntry, entry, path);
    if (!simulator) continue;
    if (!integrationIds.has(simulator.integration)) {
      problems.add(`${path}.integration`, `names "${simulator.integration}", which is not under integrations.`);
    }
    if (simulators.some(({ port }) => port === simulator.port)) {
      problems.add(`${path}.port`, `repeats port ${simulator.port}.`);
    }
    simulators.push(simulator);
  }
  return simulators;
}

/** Relative paths in the file are relative to it. */
function configDirectory(env: NodeJS.ProcessEnv): string {
  return dirname(resolve(env['CROUPIER_CONFIG'] ?? 'croupier.yaml'));
}

/** Plain objects and lists only; the map of currencies is read-only by type, secrets keep their own. */
function deepFreeze<Value>(value: Value): Value {
  const plain = Array.isArray(value) || (value !== null && typeof value === 'object' && value.constructor === Object);
  if (plain && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
