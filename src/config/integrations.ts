import type { Adapter } from '../adapters/contract.js';
import type { Problems } from './problems.js';
import { checkPublicUrl, checkSecret, textsOf } from './secrets.js';
import { IntegrationEntry } from './shape.js';
import type { BrandConfig, CurrencyConfig, IntegrationConfig } from './types.js';

const integrationSecretBytesMin = 16;

export interface Integrations {
  readonly integrations: readonly IntegrationConfig[];
  /** Every secret found in the settings, with its place. */
  readonly secrets: readonly { path: string; text: string }[];
}

/** What integrations are checked against. */
interface Surroundings {
  readonly adapters: readonly Adapter[];
  readonly brands: readonly BrandConfig[];
  /** Also of the brands that are at fault and therefore not among `brands`. */
  readonly brandIds: ReadonlySet<string>;
  readonly currencies: ReadonlyMap<string, CurrencyConfig>;
  readonly production: boolean;
}

export function checkIntegrations(
  entries: readonly unknown[],
  surroundings: Surroundings,
  problems: Problems,
): Integrations {
  const integrations: IntegrationConfig[] = [];
  const secrets: { path: string; text: string }[] = [];
  for (const [index, entry] of entries.entries()) {
    const path = `integrations[${index}]`;
    const integration = problems.check(IntegrationEntry, entry, path);
    if (!integration) continue;
    if (integrations.some(({ id }) => id === integration.id)) {
      problems.add(`${path}.id`, `repeats the integration "${integration.id}"; the id is its callback URL.`);
    }
    checkReferences(integration, path, surroundings, problems);
    secrets.push(...checkSettings(integration, `${path}.settings`, surroundings, problems));
    integrations.push(integration);
  }
  return { integrations, secrets };
}

function checkReferences(
  { brand: brandId, currencies: codes }: IntegrationConfig,
  path: string,
  { brands, brandIds, currencies }: Surroundings,
  problems: Problems,
): void {
  const brand = brands.find(({ id }) => id === brandId);
  if (!brandIds.has(brandId)) problems.add(`${path}.brand`, `names "${brandId}", which is not under brands.`);
  for (const [index, code] of codes.entries()) {
    const place = `${path}.currencies[${index}]`;
    if (!currencies.has(code)) problems.add(place, `names "${code}", which is not under currencies.`);
    else if (brand && !brand.currencies.includes(code)) {
      problems.add(place, `names "${code}", which the brand "${brandId}" does not have.`);
    }
  }
}

function checkSettings(
  { adapter: adapterId, settings }: IntegrationConfig,
  path: string,
  { adapters, production }: Surroundings,
  problems: Problems,
): { path: string; text: string }[] {
  const adapter = adapters.find(({ id }) => id === adapterId);
  if (!adapter) {
    const known = adapters.map(({ id }) => id).join(', ');
    problems.add(path.replace(/settings$/, 'adapter'), `"${adapterId}" is not known; there are: ${known || 'none'}.`);
    return [];
  }
  const texts = textsOf(adapter.settings, settings, path);
  const secrets = texts.filter(({ secret }) => secret);
  for (const { path: place, text } of secrets) {
    checkSecret(text, place, { production, lengthMin: integrationSecretBytesMin }, problems);
  }
  if (production) for (const { path: place, text } of texts) checkPublicUrl(text, place, problems);
  problems.check(adapter.settings, settings, path);
  return secrets;
}
