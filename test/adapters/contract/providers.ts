import type { Adapter, BoundAdapter } from '../../../src/adapters/contract.js';
import type { ProviderSide, ProviderVoice } from '../../../src/adapters/provider-side.js';
import { providers } from '../../../src/adapters/registry.js';
import type { LiveIntegration } from '../../../src/callbacks/pipeline.js';
import { textsOf } from '../../../src/config/secrets.js';
import type { PolicyOverrides } from '../../../src/ledger/policy.js';

/** Every provider of the registry in every dialect it states; nothing here or in the suites knows one by its name. */

export interface Dialect {
  /** Unique among all; also the id of its integration in the tests' world. */
  readonly id: string;
  readonly provider: string;
  readonly adapter: Adapter;
  readonly side: ProviderSide;
  readonly settings: Settings;
}

export type Settings = Readonly<Record<string, unknown>>;

/** What the provider's side and the gateway need of each other, with the secrets that fixtures are signed with. */
export function settingsOf(side: ProviderSide, integration: string): Settings {
  return side.settings({
    apiUrl: 'http://127.0.0.1:9',
    callbackUrl: `https://casino.example/callbacks/${integration}`,
    secret: (name) => `test-${name}`,
  });
}

export const dialects: readonly Dialect[] = [...providers].flatMap(([provider, { adapter, side }]) =>
  Object.entries({ plain: {}, ...side.dialects }).map(([name, overlay]) => {
    const id = `${provider}-${name}`;
    return { id, provider, adapter, side, settings: { ...settingsOf(side, id), ...overlay } };
  }),
);

/** Both ends of one integration: the gateway's adapter and the provider's voice. */
export interface Channel extends LiveIntegration {
  readonly adapter: BoundAdapter;
  readonly voice: ProviderVoice;
  readonly side: ProviderSide;
  readonly settings: Settings;
}

export interface ChannelOptions {
  readonly brand?: string;
  readonly settings?: Settings;
  readonly policy?: PolicyOverrides;
}

export function openChannel(
  { id, adapter, side, settings: own }: Pick<Dialect, 'id' | 'adapter' | 'side' | 'settings'>,
  { brand = 'demo', settings = own, policy }: ChannelOptions = {},
): Channel {
  const bound = adapter.bind({ id, brand, settings, policy });
  return { id, brand, adapter: bound, voice: side.voice(settings), side, settings };
}

/** Every text that the adapter's schema, or its name, calls a secret. */
export function secretsOf(adapter: Adapter, settings: Settings): string[] {
  return textsOf(adapter.settings, settings, 'settings').flatMap(({ secret, text }) => (secret ? [text] : []));
}

/** The same settings with every secret, and whatever stands beside it in a list, replaced by another of the same kind. */
export function otherSecrets(adapter: Adapter, settings: Settings): Settings {
  const secrets = new Set(secretsOf(adapter, settings));
  const isSecret = (value: unknown): boolean => someText(value, (text) => secrets.has(text));
  const swap = (value: unknown, all: boolean): unknown => {
    if (typeof value === 'string') return all || secrets.has(value) ? `${value}-other` : value;
    // A key pair is replaced as a whole: its public half names the secret one.
    if (Array.isArray(value)) return value.map((each: unknown) => swap(each, isSecret(each)));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, swap(each, all)]));
  };
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, swap(value, false)]));
}

/** Settings in the middle of a rotation: in every list of secrets the new ones stand before the old ones. */
export function duringRotation(adapter: Adapter, settings: Settings): { settings: Settings; lists: number } {
  const fresh = otherSecrets(adapter, settings);
  const secrets = new Set(secretsOf(adapter, settings));
  let lists = 0;
  const merged = Object.entries(settings).map(([key, old]): [string, unknown] => {
    const renewed = fresh[key];
    if (!Array.isArray(old) || !Array.isArray(renewed) || !someText(old, (text) => secrets.has(text))) {
      return [key, renewed];
    }
    lists += 1;
    return [key, [...(renewed as unknown[]), ...(old as unknown[])]];
  });
  return { settings: Object.fromEntries(merged), lists };
}

function someText(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === 'string') return test(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((each) => someText(each, test));
}
