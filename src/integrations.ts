import type { ProviderClient } from './adapters/contract.js';
import { createProviderHttp } from './adapters/kit/http.js';
import { adapters } from './adapters/registry.js';
import type { LiveIntegration } from './callbacks/pipeline.js';
import type { Catalogue, CatalogueSource } from './catalogue/catalogue.js';
import type { Config } from './config.js';
import { hostsOf } from './config/hosts.js';
import type { Logger } from './observability/logger.js';
import type { Observability } from './observability/observability.js';
import type { LiveProvider } from './schema/context.js';

/** The integrations of the configuration: what calls in, what is called, and what is shown of them. */

/** A player waits for the launch; the provider's own calls are repeated only where that is safe. */
const PROVIDER_CALLS = { timeoutMs: 5_000, retries: 2 } as const;

/** Each integration, bound to its adapter. */
export function bindIntegrations(config: Config): Map<string, LiveIntegration> {
  const byId = new Map(adapters.map((each) => [each.id, each]));
  return new Map(
    config.integrations.flatMap(({ id, brand, adapter, settings, policy }) => {
      const bound = byId.get(adapter)?.bind({ id, brand, settings, policy });
      return bound === undefined ? [] : [[id, { id, brand, adapter: bound }] as const];
    }),
  );
}

/** The outgoing side of each integration. Its calls go to the hosts of its own settings, in production public ones only. */
export function openSources(
  config: Config,
  integrations: ReadonlyMap<string, LiveIntegration>,
  { logger, observability }: { logger: Logger; observability: Observability },
): Map<string, { client: ProviderClient } & CatalogueSource> {
  const byId = new Map(adapters.map((each) => [each.id, each]));
  const allowPrivate = config.mode !== 'production';
  return new Map(
    config.integrations.flatMap(({ id, adapter, settings, catalogue: file }) => {
      // As the adapter reads them: a URL that it adds by default counts too.
      const allowedHosts = hostsOf(byId.get(adapter)?.settings.parse(settings));
      const http = createProviderHttp({ ...PROVIDER_CALLS, allowedHosts, allowPrivate, logger });
      const client = integrations.get(id)?.adapter.client(observability.providerHttp(http, id));
      return client === undefined ? [] : [[id, { client, file }] as const];
    }),
  );
}

/** What GraphQL shows of the integrations, and asks of their providers. */
export function describeProviders(
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
