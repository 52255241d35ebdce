import type { EntityManager } from '@mikro-orm/postgresql';
import { Game } from '../entities/index.js';
import { sortNameOf } from '../catalogue/differences.js';
import type { CursorFormat, Page } from './paging.js';

/** What a list of games is confined to; always to integrations of one brand. */
export interface GameSearch {
  readonly brand: string;
  /** Only active games of integrations that are still configured. */
  readonly playable: boolean;
  readonly integration: string | undefined;
  readonly category: string | undefined;
  readonly feature: string | undefined;
  readonly currency: string | undefined;
  /** Part of a name, in any case; no character has a meaning of its own. */
  readonly name: string | undefined;
  readonly status: Game['status'] | undefined;
}

/** Games are never deleted, so a game's key is a place in every list: that of its name now, and of the key among equal names. */
export type GameKey = Pick<Game, 'integration' | 'id'>;

export interface GameFacets {
  readonly total: number;
  readonly categories: readonly FacetCount[];
  readonly features: readonly FacetCount[];
  readonly integrations: readonly FacetCount[];
}

export interface FacetCount {
  readonly value: string;
  readonly count: number;
}

const FACET_VALUES_MAX = 100;

/** By name, then by the key. One query. */
export async function readGames(em: EntityManager, search: GameSearch, page: Page<GameKey>): Promise<readonly Game[]> {
  const { sql, parameters } = conditions(search);
  const [compare, order] = page.direction === 'forward' ? ['>', 'asc'] : ['<', 'desc'];
  const from =
    page.from === undefined
      ? { sql: '', parameters: [] }
      : {
          sql: `and (g.sort_name, g.integration collate "C", g.id) ${compare}
                (select f.sort_name, f.integration collate "C", f.id from game f where f.integration = ? and f.id = ?)`,
          parameters: [page.from.integration, page.from.id],
        };
  const rows: Record<string, unknown>[] = await em.execute(
    `select g.* from game g join integration i on i.id = g.integration where ${sql} ${from.sql}
     order by g.sort_name ${order}, g.integration collate "C" ${order}, g.id ${order} limit ?`,
    [...parameters, ...from.parameters, page.size + 1],
  );
  return rows.map((row) => em.map(Game, row));
}

/** How many games there are of each kind under the same search, the commonest first. One query. */
export async function countGames(em: EntityManager, search: GameSearch): Promise<GameFacets> {
  const { sql, parameters } = conditions(search);
  const counted: { facet: string; value: string; count: number }[] = await em.execute(
    `with found as materialized (
       select g.integration, g.category, g.features from game g join integration i on i.id = g.integration where ${sql})
     select * from (
     select 'total' as facet, '' as value, count(*)::int as count from found
     union all select 'category', category, count(*)::int from found where category is not null group by category
     union all select 'integration', integration, count(*)::int from found group by integration
     union all select 'feature', feature, count(*)::int from found, unnest(features) feature group by feature) counted
     order by count desc, value collate "C"`,
    parameters,
  );
  const of = (facet: string): FacetCount[] => counted.filter((each) => each.facet === facet).slice(0, FACET_VALUES_MAX);
  return {
    total: of('total')[0]?.count ?? 0,
    categories: of('category'),
    features: of('feature'),
    integrations: of('integration'),
  };
}

function conditions(search: GameSearch): { sql: string; parameters: unknown[] } {
  const { brand, playable, integration, category, feature, currency, name, status } = search;
  const all: [sql: string, ...parameters: unknown[]][] = [['i.brand_id = ?', brand]];
  if (playable) all.push(["g.status = 'ACTIVE' and i.active"]);
  if (integration !== undefined) all.push(['g.integration = ?', integration]);
  if (category !== undefined) all.push(['g.category = ?', category]);
  if (feature !== undefined) all.push(['? = any (g.features)', feature]);
  if (currency !== undefined) {
    all.push([
      '? = any (i.currencies) and (cardinality(g.currencies) = 0 or ? = any (g.currencies))',
      currency,
      currency,
    ]);
  }
  // Not LIKE: what somebody types is text, not a pattern.
  if (name !== undefined) all.push(['strpos(g.sort_name, ?) > 0', sortNameOf(name)]);
  if (status !== undefined) all.push(['g.status = ?', status]);
  return {
    sql: all.map(([sql]) => sql).join(' and '),
    parameters: all.flatMap(([, ...parameters]) => parameters),
  };
}

export function gameCursors(scope: string): CursorFormat<GameKey> {
  return {
    scope,
    write: ({ integration, id }) => `${integration}/${id}`,
    read(text) {
      // The slug of an integration holds no "/".
      const [, integration, id] = /^([^/]+)\/([^]+)$/.exec(text) ?? [];
      return integration === undefined || id === undefined || text.includes('\0') ? undefined : { integration, id };
    },
  };
}
