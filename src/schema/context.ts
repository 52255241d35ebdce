import type { MikroORM } from '@mikro-orm/postgresql';
import type { Principal } from '../auth.js';
import type { Cashier } from '../cashier/cashier.js';
import type { Feed } from '../events/feed.js';
import type { Launch } from '../launch/launch.js';
import type { PlayerDirectory } from '../players/directory.js';
import type { Players } from '../players/players.js';
import { createLoaders, type Loaders } from './loaders.js';

/** What resolvers may ask. */
export interface Services {
  readonly orm: MikroORM;
  readonly directory: PlayerDirectory;
  readonly players: Players;
  readonly cashier: Cashier;
  readonly launch: Launch;
  readonly feed: Feed;
  /** Decimals of each configured currency's ledger unit. */
  readonly currencies: ReadonlyMap<string, { readonly scale: number }>;
}

/** What one operation knows: who asks, whom to ask, and what was read so far. */
export interface GraphqlContext {
  readonly principal: Principal;
  readonly services: Services;
  readonly loaders: Loaders;
  /** Forgets what was read, after a change or for the next event of a subscription. */
  refresh(): void;
}

export function createContext(principal: Principal, services: Services): GraphqlContext {
  let loaders: Loaders | undefined;
  return {
    principal,
    services,
    get loaders() {
      return (loaders ??= createLoaders(services.orm, services.currencies));
    },
    refresh() {
      loaders = undefined;
    },
  };
}
