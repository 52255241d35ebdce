import { type Gathered, gather } from '../database/gather.js';
import { type BalanceMoment, readBalancesAt } from '../history/balance-at.js';
import {
  type LedgerMoment,
  readPlays,
  readSessionPages,
  readSessions,
  readSessionsOfRows,
  type Session,
  type SessionKey,
  type SessionPageKey,
  type SessionPageShape,
  type SessionPlay,
} from '../launch/sessions.js';
import type { Game } from '../entities/index.js';
import type { PreparedRead } from '../database/reads.js';
import { isStaff } from './access.js';
import type { GraphqlContext } from './context.js';
import type { Loaders } from './loaders.js';

type GameKey = Pick<Game, 'integration' | 'id'>;
type SessionPages = Gathered<SessionPageKey, readonly Session[]>;

/**
 * What one operation asks of the past. What its fields ask in the same turn is one statement, which ends when the client
 * leaves; operations share none, because some of these take their time.
 */
export interface HistoryLoaders {
  /** Ledger units. */
  readonly balanceAt: Gathered<BalanceMoment, bigint>;
  readonly session: Gathered<SessionKey, Session | undefined>;
  readonly sessionOfRow: Gathered<LedgerMoment, Session | undefined>;
  readonly play: Gathered<SessionKey, SessionPlay>;
  readonly game: Gathered<GameKey, Game | undefined>;
  sessionPage(shape: Omit<SessionPageShape, 'withFailed'>): SessionPages;
}

// By the loaders, which every copy of the context shares, and which are new after a change.
const byOperation = new WeakMap<Loaders, HistoryLoaders>();

export function historyLoaders(context: GraphqlContext): HistoryLoaders {
  const known = byOperation.get(context.loaders);
  if (known !== undefined) return known;
  const made = createHistoryLoaders(context);
  byOperation.set(context.loaders, made);
  return made;
}

const games: PreparedRead = {
  name: 'games_by_key',
  text: `select g.integration, g.id, g.name, g.sort_name as "sortName", g.category, g.thumbnail_url as "thumbnailUrl",
      g.features, g.balance_update_delay_ms as "balanceUpdateDelayMs", g.currencies, g.status,
      g.first_seen_at as "firstSeenAt", g.changed_at as "changedAt", g.withdrawn_at as "withdrawnAt"
    from unnest($1::text[], $2::text[]) k (integration, id)
    join game g on g.integration = k.integration and g.id = k.id`,
};

function createHistoryLoaders(context: GraphqlContext): HistoryLoaders {
  const { reads } = context.services;
  const options = { signal: context.signal };
  const withFailed = isStaff(context);
  const pages = new Map<string, SessionPages>();
  return {
    balanceAt: gather((moments) => readBalancesAt(reads, moments, options)),
    session: gather((keys) => readSessions(reads, keys, options)),
    sessionOfRow: gather((rows) => readSessionsOfRows(reads, rows, options)),
    play: gather((keys) => readPlays(reads, keys, options)),
    game: gather(async (keys) => {
      const values = [keys.map(({ integration }) => integration), keys.map(({ id }) => id)];
      const found = new Map((await reads.query<Game>(games, values, options)).map((row) => [nameOf(row), row]));
      return keys.map((key) => found.get(nameOf(key)));
    }),
    sessionPage(shape) {
      const name = `${shape.direction}|${shape.count}`;
      const known = pages.get(name);
      if (known !== undefined) return known;
      const made: SessionPages = gather((keys) => readSessionPages(reads, keys, { ...shape, withFailed }, options));
      pages.set(name, made);
      return made;
    },
  };
}

/** The slug of an integration holds no "/". */
function nameOf({ integration, id }: GameKey): string {
  return `${integration}/${id}`;
}
