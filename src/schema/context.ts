import type { MikroORM } from '@mikro-orm/postgresql';
import type { Principal } from '../auth.js';
import type { Cashier } from '../cashier/cashier.js';
import type { Reads } from '../database/reads.js';
import type { Feed } from '../events/feed.js';
import type { CatalogueCounts, SyncOptions } from '../catalogue/catalogue.js';
import type { Launch, LaunchProvider } from '../launch/launch.js';
import type { Policy, PolicyOverrides } from '../ledger/policy.js';
import type { PlayerDirectory } from '../players/directory.js';
import type { Players } from '../players/players.js';
import { createLoaders, type Loaders } from './loaders.js';

/** An integration of the configuration: what it is, and what can be asked of its provider. */
export interface LiveProvider extends LaunchProvider {
  /** The adapter's. */
  readonly title: string;
  /** The row that holds, and the parts of it that the configuration states. */
  readonly policy: Policy;
  readonly overrides: PolicyOverrides;
  /** @throws CatalogueError */
  syncCatalogue(options: SyncOptions): Promise<CatalogueCounts>;
}

/** What resolvers may ask. */
export interface Services {
  readonly orm: MikroORM;
  readonly reads: Reads;
  readonly directory: PlayerDirectory;
  readonly players: Players;
  readonly cashier: Cashier;
  readonly launch: Launch;
  /** By id; those that have left the configuration are not here. */
  readonly integrations: ReadonlyMap<string, LiveProvider>;
  readonly feed: Feed;
  /** Decimals of each configured currency's ledger unit. */
  readonly currencies: ReadonlyMap<string, { readonly scale: number }>;
}

/** What one operation knows: who asks, whom to ask, and what was read so far. */
export class GraphqlContext {
  readonly principal: Principal;
  readonly services: Services;
  /** Aborted when the client leaves: what is still read for it is cancelled. */
  readonly signal: AbortSignal | undefined;
  // A holder, because Apollo copies the context: the copies have to forget together. Not a #field: a copy has none.
  private readonly read: { loaders: Loaders | undefined };

  constructor(principal: Principal, services: Services, signal?: AbortSignal) {
    this.principal = principal;
    this.services = services;
    this.signal = signal;
    this.read = { loaders: undefined };
  }

  get loaders(): Loaders {
    return (this.read.loaders ??= createLoaders(this.services.orm, this.services.currencies));
  }

  /** Forgets what was read, after a change or for the next event of a subscription. */
  refresh(): void {
    this.read.loaders = undefined;
  }
}
