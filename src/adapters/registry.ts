import * as all from './all.js';
import type { Adapter } from './contract.js';
import type { ProviderSide } from './provider-side.js';

/** One provider: how the gateway takes its callbacks and calls it, and how the provider itself speaks. */
export interface Provider {
  readonly adapter: Adapter;
  readonly side: ProviderSide;
}

/** Every provider the gateway knows, by the adapter's id. A new one is one folder, and one line in all.ts. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  Object.values(all).map(({ adapter, side }) => [adapter.id, { adapter, side }]),
);

export const adapters: readonly Adapter[] = [...providers.values()].map((each) => each.adapter);
