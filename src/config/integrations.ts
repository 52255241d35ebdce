import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ZodError } from 'zod';
import type { Adapter } from '../adapters/contract.js';
import type { PolicyOverrides } from '../ledger/policy.js';
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
  /** Paths of the file are relative to this one: where the file itself is. */
  readonly directory: string;
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
    secrets.push(...checkSettings(integration, path, surroundings, problems));
    if (surroundings.production) checkOrigins(integration.returnOrigins, `${path}.returnOrigins`, problems);
    const catalogue = findCatalogue(integration.catalogue, `${path}.catalogue`, surroundings.directory, problems);
    integrations.push({ ...integration, catalogue });
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
  integration: IntegrationConfig,
  place: string,
  { adapters, production }: Surroundings,
  problems: Problems,
): { path: string; text: string }[] {
  const { adapter: adapterId, settings } = integration;
  const adapter = adapters.find(({ id }) => id === adapterId);
  if (!adapter) {
    const known = adapters.map(({ id }) => id).join(', ');
    problems.add(`${place}.adapter`, `"${adapterId}" is not known; there are: ${known || 'none'}.`);
    return [];
  }
  const path = `${place}.settings`;
  const texts = textsOf(adapter.settings, settings, path);
  const secrets = texts.filter(({ secret }) => secret);
  for (const { path: at, text } of secrets) {
    checkSecret(text, at, { production, lengthMin: integrationSecretBytesMin, isShared: true }, problems);
  }
  if (production) for (const { path: at, text } of texts) checkPublicUrl(text, at, problems);
  if (problems.check(adapter.settings, settings, path) === undefined) return secrets;
  const missing = production ? adapter.missingInProduction?.(settings) : undefined;
  if (missing !== undefined) problems.add(path, missing);
  checkPolicy(adapter, integration, `${place}.policy`, problems);
  return secrets;
}

/** An adapter's own rows are its tests' matter; what an operator makes of them is looked at here. */
function checkPolicy(
  adapter: Adapter,
  { id, brand, settings, policy }: IntegrationConfig,
  path: string,
  problems: Problems,
): void {
  if (Object.keys(policy).length === 0) return;
  try {
    adapter.bind({ id, brand, settings, policy });
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    for (const issue of error.issues) reportContradiction(issue, policy, path, problems);
  }
}

/** Where the rule that cannot hold is the adapter's own, the place is that of all overrides together. */
function reportContradiction(
  { path: [question], message }: ZodError['issues'][number],
  overrides: PolicyOverrides,
  path: string,
  problems: Problems,
): void {
  const name = String(question);
  if (Object.hasOwn(overrides, name)) problems.add(`${path}.${name}`, `${message}.`);
  else problems.add(path, `does not go with the adapter's "${name}", which ${message}; override that as well.`);
}

/** In production players come from, and go back to, pages under TLS. */
export function checkOrigins(origins: readonly string[] | undefined, path: string, problems: Problems): void {
  for (const [index, origin] of (origins ?? []).entries()) {
    if (!origin.startsWith('https://')) {
      problems.add(`${path}[${index}]`, 'is plain http; production needs https.');
    }
  }
}

/** Only whether it is there: what it holds is read with each synchronisation. */
function findCatalogue(
  name: string | undefined,
  path: string,
  directory: string,
  problems: Problems,
): string | undefined {
  if (name === undefined) return undefined;
  const file = resolve(directory, name);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) problems.add(path, `"${file}" is not a file.`);
  return file;
}
