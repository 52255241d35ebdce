import type { MikroORM } from '@mikro-orm/postgresql';
import type { Tokens } from '../access/access.js';
import { PlayersRead } from '../access/staff-reads.js';
import type { Principal } from '../auth.js';
import type { Adjustments } from '../adjustments/adjustments.js';
import type { Cashier } from '../cashier/cashier.js';
import type { Reads } from '../database/reads.js';
import type { Feed } from '../events/feed.js';
import type { CatalogueCounts, SyncOptions } from '../catalogue/catalogue.js';
import type { Proofs } from '../history/proof.js';
import type { Launch, LaunchProvider } from '../launch/launch.js';
import type { Policy, PolicyOverrides } from '../ledger/policy.js';
import type { PlayerDirectory } from '../players/directory.js';
import type { Players } from '../players/players.js';
import type { WalletLimitReads } from '../players/wallet-limits.js';
import type { Reports } from '../reports/reports.js';
import { Loaders } from './loaders.js';
import type { Outlet } from './outlet.js';
import type { RowReads } from './row-reads.js';

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
  readonly rows: RowReads;
  readonly directory: PlayerDirectory;
  readonly tokens: Tokens;
  readonly players: Players;
  readonly walletLimits: WalletLimitReads;
  readonly cashier: Cashier;
  readonly adjustments: Adjustments;
  readonly proofs: Proofs;
  readonly reports: Reports;
  readonly launch: Launch;
  /** By id; those that have left the configuration are not here. */
  readonly integrations: ReadonlyMap<string, LiveProvider>;
  readonly feed: Feed;
  /** Decimals of each configured currency's ledger unit. */
  readonly currencies: ReadonlyMap<string, { readonly scale: number }>;
}

/** That the client may leave; its signal is made for those who ask, because most operations are over before. */
export interface Leaving {
  readonly signal: AbortSignal | undefined;
}

/** What one operation knows: who asks, whom to ask, and what was read so far. */
export class GraphqlContext {
  readonly principal: Principal;
  readonly services: Services;
  /** The socket that the operation came by. */
  readonly outlet: Outlet | undefined;
  /** Of whom the operation read something; for the log of what staff reads. */
  readonly playersRead = new PlayersRead();
  private readonly leaving: Leaving | undefined;
  // A holder, because Apollo copies the context: the copies have to forget together. Not a #field: a copy has none.
  private readonly read: { loaders: Loaders | undefined };

  constructor(principal: Principal, services: Services, leaving?: Leaving, outlet?: Outlet) {
    this.principal = principal;
    this.services = services;
    this.leaving = leaving;
    this.outlet = outlet;
    this.read = { loaders: undefined };
  }

  /** Aborted when the client leaves: what is still read for it is cancelled. */
  get signal(): AbortSignal | undefined {
    return this.leaving?.signal;
  }

  get loaders(): Loaders {
    return (this.read.loaders ??= new Loaders(this.services.rows, this.services.currencies));
  }

  /** Forgets what was read, after a change or for the next event of a subscription. */
  refresh(): void {
    this.read.loaders = undefined;
  }
}
