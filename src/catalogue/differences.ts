import type { CatalogueGame } from '../adapters/contract.js';
import type { Game } from '../entities/index.js';

/** What a catalogue changes about the games that are known. */
export interface Differences {
  readonly added: readonly Game[];
  /** Those that returned included. */
  readonly changed: readonly Game[];
  /** Ids of active games that the catalogue no longer has. */
  readonly withdrawn: readonly string[];
  readonly unchanged: number;
  /** Known games that were active before. */
  readonly active: number;
}

export function compareCatalogues(
  integration: string,
  known: readonly Game[],
  offered: readonly CatalogueGame[],
  now: Date,
): Differences {
  const before = new Map(known.map((each) => [each.id, each]));
  const offeredIds = new Set(offered.map(({ id }) => id));
  const added: Game[] = [];
  const changed: Game[] = [];
  for (const game of offered) {
    const stored = before.get(game.id);
    const row = rowOf(integration, game, stored?.firstSeenAt ?? now, now);
    if (stored === undefined) added.push(row);
    else if (factsOf(stored) !== factsOf(row)) changed.push(row);
  }
  const active = known.filter(({ status }) => status === 'ACTIVE');
  return {
    added,
    changed,
    withdrawn: active.filter(({ id }) => !offeredIds.has(id)).map(({ id }) => id),
    unchanged: offered.length - added.length - changed.length,
    active: active.length,
  };
}

/** A name as it is searched and sorted by. */
export function sortNameOf(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

function rowOf(integration: string, game: CatalogueGame, firstSeenAt: Date, changedAt: Date): Game {
  return {
    integration,
    id: game.id,
    name: game.name,
    sortName: sortNameOf(game.name),
    category: game.category ?? null,
    thumbnailUrl: game.thumbnailUrl ?? null,
    features: [...new Set(game.features)],
    balanceUpdateDelayMs: game.balanceUpdateDelayMs ?? null,
    currencies: [...new Set(game.currencies)],
    status: 'ACTIVE',
    firstSeenAt,
    changedAt,
    withdrawnAt: null,
  };
}

/** All but the times: what has to differ for a game to have changed. The order of features and currencies means nothing. */
function factsOf({ name, sortName, category, thumbnailUrl, features, balanceUpdateDelayMs, currencies, status }: Game) {
  return JSON.stringify([
    name,
    sortName,
    category ?? null,
    thumbnailUrl ?? null,
    features.toSorted(),
    balanceUpdateDelayMs ?? null,
    currencies.toSorted(),
    status,
  ]);
}
