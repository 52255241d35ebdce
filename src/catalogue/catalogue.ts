import type { MikroORM } from '@mikro-orm/postgresql';
import { type ClientConfig, Client } from 'pg';
import { type CatalogueGame, ProviderError, type ProviderClient } from '../adapters/contract.js';
import { Game } from '../entities/index.js';
import { compareCatalogues, type Differences } from './differences.js';
import { CatalogueError } from './errors.js';
import { checkGames, readCatalogueFile, tidy } from './games.js';

/** Where the games of one integration come from: the provider where it tells them, else the file. */
export interface CatalogueSource {
  readonly client: Pick<ProviderClient, 'catalogue'>;
  /** Absolute path. */
  readonly file: string | undefined;
}

/** Games by what became of them. A game that returned counts as changed. */
export interface CatalogueCounts {
  readonly added: number;
  readonly changed: number;
  readonly withdrawn: number;
  readonly unchanged: number;
}

export interface SyncOptions {
  /** Also when more than half of the known games would be withdrawn. */
  readonly force?: boolean | undefined;
}

export interface Catalogue {
  /**
   * Makes the stored games of an integration those that it offers now. Nothing is deleted: what is no longer offered is
   * withdrawn. One at a time per integration, in all processes together. @throws CatalogueError
   */
  syncCatalogue(integration: string, options?: SyncOptions): Promise<CatalogueCounts>;
}

export interface CatalogueOptions {
  readonly orm: MikroORM;
  /** For the lock, which is held while the provider is asked. */
  readonly connection: ClientConfig;
  /** By the integration's id. */
  readonly sources: ReadonlyMap<string, CatalogueSource>;
}

export function createCatalogue({ orm, connection, sources }: CatalogueOptions): Catalogue {
  return {
    async syncCatalogue(integration, { force = false } = {}) {
      const source = sources.get(integration);
      if (source === undefined || !hasCatalogue(source)) throw new CatalogueError('NO_CATALOGUE');
      return alone(connection, integration, async (assertAlone) => {
        const offered = await readSource(source);
        assertAlone();
        return store(orm, integration, offered, force);
      });
    },
  };
}

export function hasCatalogue({ client, file }: CatalogueSource): boolean {
  return client.catalogue !== undefined || file !== undefined;
}

async function readSource({ client, file }: CatalogueSource): Promise<readonly CatalogueGame[]> {
  if (client.catalogue === undefined) return file === undefined ? [] : readCatalogueFile(file);
  try {
    return checkGames((await client.catalogue()).map(tidy));
  } catch (cause) {
    throw cause instanceof ProviderError ? new CatalogueError('PROVIDER_FAILED', {}, { cause }) : cause;
  }
}

const CONNECT_MS = 2_000;

/**
 * Holds the integration's lock meanwhile, on a connection of its own: a transaction kept open while a provider is asked
 * would run into the time-outs that protect the ledger. A process that dies lets go of the lock with its connection.
 * @param work gets what throws once the lock is lost
 */
async function alone<Result>(
  connection: ClientConfig,
  integration: string,
  work: (assertAlone: () => void) => Promise<Result>,
): Promise<Result> {
  const lock = new Client({ connectionTimeoutMillis: CONNECT_MS, keepAlive: true, ...connection });
  let lost: Error | undefined;
  lock.on('error', (error) => {
    lost = error;
  });
  await lock.connect();
  try {
    const { rows } = await lock.query<{ taken: boolean }>(
      "select pg_try_advisory_lock(hashtext('croupier.catalogue'), hashtext($1)) as taken",
      [integration],
    );
    if (rows[0]?.taken !== true) throw new CatalogueError('BUSY');
    return await work(() => {
      if (lost !== undefined) throw lost;
    });
  } finally {
    await lock.end().catch(() => undefined);
  }
}

/** @throws CatalogueError SHRUNK */
async function store(
  orm: MikroORM,
  integration: string,
  offered: readonly CatalogueGame[],
  force: boolean,
): Promise<CatalogueCounts> {
  const now = new Date();
  return orm.em.fork().transactional(async (em) => {
    const known = await em.find(Game, { integration }, { disableIdentityMap: true });
    const differences = compareCatalogues(integration, known, offered, now);
    if (!force) assertNotShrunk(differences);
    const { added, changed, withdrawn, unchanged } = differences;
    const rows = [...added, ...changed];
    if (rows.length > 0) await em.execute(WRITE_GAMES, [JSON.stringify(rows.map(columnsOf))]);
    if (withdrawn.length > 0) {
      const gone = { status: 'WITHDRAWN', withdrawnAt: now, changedAt: now } as const;
      await em.nativeUpdate(Game, { integration, id: { $in: [...withdrawn] } }, gone);
    }
    return { added: added.length, changed: changed.length, withdrawn: withdrawn.length, unchanged };
  });
}

/** In one set: built row by row, thousands of games would hold up the bets of other players. */
const WRITE_GAMES = `
  insert into game select * from jsonb_populate_recordset(null::game, ?::jsonb)
  on conflict (integration, id) do update set
    name = excluded.name, sort_name = excluded.sort_name, category = excluded.category,
    thumbnail_url = excluded.thumbnail_url, features = excluded.features,
    balance_update_delay_ms = excluded.balance_update_delay_ms, currencies = excluded.currencies,
    status = excluded.status, changed_at = excluded.changed_at, withdrawn_at = excluded.withdrawn_at`;

function columnsOf(game: Game) {
  return {
    integration: game.integration,
    id: game.id,
    name: game.name,
    sort_name: game.sortName,
    category: game.category,
    thumbnail_url: game.thumbnailUrl,
    features: game.features,
    balance_update_delay_ms: game.balanceUpdateDelayMs,
    currencies: game.currencies,
    status: game.status,
    first_seen_at: game.firstSeenAt,
    changed_at: game.changedAt,
    withdrawn_at: game.withdrawnAt,
  };
}

/** A provider in trouble answers with nothing, or with a part: taken at its word it would empty the casino. */
function assertNotShrunk({ active, withdrawn }: Differences): void {
  if (withdrawn.length * 2 <= active) return;
  throw new CatalogueError('SHRUNK', { known: active, missing: withdrawn.length });
}
