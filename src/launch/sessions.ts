import type { PreparedRead, ReadOptions, Reads } from '../database/reads.js';
import { CLOCK_STEP, sequenceAtSql } from '../history/sequence-at.js';

/**
 * Sessions, and what was played in them. One rule binds the two: a ledger row belongs to its player's latest launch at its
 * integration at or before the moment it was received. Launches that the provider refused do not count, nor those for play
 * money, which moves nothing here. It is written once, as the launches that count (`counts`) and the order they have.
 */
const counts = (session: string): string => `not ${session}.demo and not ${session}.failed`;

/** Without a play for so long, nobody plays any more. */
const IDLE_MS = 30 * 60_000;

export interface SessionKey {
  readonly lane: number;
  readonly id: bigint;
}

export interface Session extends SessionKey {
  readonly playerId: bigint;
  readonly integration: string;
  readonly currency: string;
  /** The provider's id of the game; null where it is one game, such as a sportsbook. */
  readonly game: string | null;
  readonly platform: 'desktop' | 'mobile';
  readonly device: string | null;
  readonly demo: boolean;
  readonly failed: boolean;
  readonly createdAt: Date;
}

/** What a session's ledger rows come to. Money is in ledger units of the session's currency; other currencies are left out. */
export interface SessionPlay {
  /** The player's next launch at the integration that counts. */
  readonly nextAt: Date | null;
  /** Of any movement in the session. */
  readonly lastPlayedAt: Date | null;
  readonly bets: number;
  readonly rounds: number;
  /** Less the stakes that were given back meanwhile. */
  readonly stakes: bigint;
  /** Less the payouts that were taken back meanwhile. */
  readonly payouts: bigint;
}

/** A session stands in a player's list by its start; the id decides between those of one millisecond. */
export interface SessionPosition {
  readonly createdAt: Date;
  readonly id: bigint;
}

export interface SessionPageKey {
  readonly lane: number;
  readonly playerId: bigint;
  /** Exclusive. */
  readonly from: SessionPosition | undefined;
}

export interface SessionPageShape {
  /** Newest first when it reads forward, oldest first backward. */
  readonly direction: 'forward' | 'backward';
  /** Rows to read of each player. */
  readonly count: number;
  /** Those that the provider did not start, too. */
  readonly withFailed: boolean;
}

export interface LedgerMoment {
  readonly lane: number;
  readonly playerId: bigint;
  readonly integration: string;
  readonly createdAt: Date;
}

/** @returns undefined while it goes on */
export function endOf(
  { createdAt, failed }: Pick<Session, 'createdAt' | 'failed'>,
  { nextAt, lastPlayedAt }: Pick<SessionPlay, 'nextAt' | 'lastPlayedAt'>,
  now: Date,
): Date | undefined {
  // It never began.
  if (failed) return createdAt;
  const idleAt = (lastPlayedAt ?? createdAt).getTime() + IDLE_MS;
  const endedAt = Math.min(idleAt, nextAt?.getTime() ?? idleAt);
  return endedAt <= now.getTime() ? new Date(endedAt) : undefined;
}

interface SessionColumns {
  readonly lane: number;
  readonly id: string;
  readonly player_id: string;
  readonly integration: string;
  readonly currency: string;
  readonly game: string | null;
  readonly platform: Session['platform'];
  readonly device: string | null;
  readonly demo: boolean;
  readonly failed: boolean;
  readonly created_at: Date;
}

const columns = ['lane', 'id', 'player_id', 'integration', 'currency', 'game', 'platform', 'device', 'demo', 'failed']
  .concat('created_at')
  .map((column) => `s.${column}`)
  .join(', ');

const sessionsById: PreparedRead = {
  name: 'sessions_by_id',
  text: `select ${columns} from unnest($1::smallint[], $2::bigint[]) k (lane, id)
    join game_session s on s.lane = k.lane and s.id = k.id`,
};

const pageOf = (direction: SessionPageShape['direction']): PreparedRead => {
  const [compare, order] = direction === 'forward' ? ['<', 'desc'] : ['>', 'asc'];
  return {
    name: `sessions_of_players_${direction}`,
    text: `select k.place, page.*
      from unnest($1::smallint[], $2::bigint[], $3::timestamptz[], $4::bigint[])
        with ordinality k (lane, player_id, from_at, from_id, place)
      cross join lateral (
        select ${columns} from game_session s
        where s.lane = k.lane and s.player_id = k.player_id and ($5::boolean or not s.failed)
          and (k.from_at is null or (s.created_at, s.id) ${compare} (k.from_at, k.from_id))
        order by s.created_at ${order}, s.id ${order} limit $6::bigint) page
      order by k.place, page.created_at ${order}, page.id ${order}`,
  };
};
const pages = { forward: pageOf('forward'), backward: pageOf('backward') };

const sessionsOfRows: PreparedRead = {
  name: 'sessions_of_rows',
  text: `select k.place, latest.*
    from unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[])
      with ordinality k (lane, player_id, integration, moment, place)
    cross join lateral (
      select ${columns} from game_session s
      where s.lane = k.lane and s.player_id = k.player_id and s.integration = k.integration
        and s.created_at <= k.moment and ${counts('s')}
      order by s.created_at desc, s.id desc limit 1) latest`,
};

/** From the session's start to the next one's, in each of the player's wallets. */
const rowsOfSession = `select w.currency, t.kind, t.effect, t.round, t.created_at
  from wallet w
  cross join lateral (
    select ${sequenceAtSql('w.lane', 'w.id', 'w.sequence', `s.created_at - ${CLOCK_STEP} - interval '1 millisecond'`)} as low,
      case when n.created_at is null then w.sequence
        else ${sequenceAtSql('w.lane', 'w.id', 'w.sequence', `n.created_at + ${CLOCK_STEP}`)} end as high) bounds
  join ledger_transaction t on t.lane = w.lane and t.wallet_id = w.id
    and t.sequence > bounds.low and t.sequence <= bounds.high
  where w.lane = s.lane and w.player_id = s.player_id and ${counts('s')} and t.integration = s.integration
    and t.created_at >= s.created_at and (n.created_at is null or t.created_at < n.created_at)`;

const plays: PreparedRead = {
  name: 'plays_of_sessions',
  text: `select s.lane, s.id, n.created_at as next_at, p.*
    from unnest($1::smallint[], $2::bigint[]) k (lane, id)
    join game_session s on s.lane = k.lane and s.id = k.id
    left join lateral (
      select f.created_at from game_session f
      where f.lane = s.lane and f.player_id = s.player_id and f.integration = s.integration
        and (f.created_at, f.id) > (s.created_at, s.id) and ${counts('f')}
      order by f.created_at, f.id limit 1) n on true
    cross join lateral (
      select max(r.created_at) as last_played_at,
        count(*) filter (where r.kind = 'bet' and r.currency = s.currency)::int as bets,
        count(distinct r.round) filter (where r.currency = s.currency)::int as rounds,
        coalesce(sum(-r.effect) filter (where r.currency = s.currency
          and (r.kind = 'bet' or (r.kind = 'rollback' and r.effect > 0))), 0) as stakes,
        coalesce(sum(r.effect) filter (where r.currency = s.currency
          and (r.kind = 'win' or (r.kind = 'rollback' and r.effect < 0))), 0) as payouts
      from (${rowsOfSession}) r) p`,
};

interface PlayColumns {
  readonly lane: number;
  readonly id: string;
  readonly next_at: Date | null;
  readonly last_played_at: Date | null;
  readonly bets: number;
  readonly rounds: number;
  readonly stakes: string;
  readonly payouts: string;
}

type Source = Pick<Reads, 'query'>;

/** @returns each in its place; undefined for what does not exist */
export async function readSessions(
  reads: Source,
  keys: readonly SessionKey[],
  options: ReadOptions = {},
): Promise<readonly (Session | undefined)[]> {
  const rows = await reads.query<SessionColumns>(sessionsById, valuesOf(keys), options);
  const found = new Map(rows.map((row) => [nameOf(row), sessionOf(row)]));
  return keys.map((key) => found.get(nameOf(key)));
}

/** Pages of any number of players, each in its place. One statement. */
export async function readSessionPages(
  reads: Source,
  keys: readonly SessionPageKey[],
  { direction, count, withFailed }: SessionPageShape,
  options: ReadOptions = {},
): Promise<readonly (readonly Session[])[]> {
  const values = [
    keys.map(({ lane }) => lane),
    keys.map(({ playerId }) => playerId),
    keys.map(({ from }) => from?.createdAt.toISOString() ?? null),
    keys.map(({ from }) => from?.id ?? null),
    withFailed,
    count,
  ];
  const rows = await reads.query<SessionColumns & { place: string }>(pages[direction], values, options);
  const byPlace = Map.groupBy(rows, ({ place }) => Number(place));
  return keys.map((_, index) => (byPlace.get(index + 1) ?? []).map(sessionOf));
}

/** The sessions that ledger rows belong to, each in its place; undefined where there was no launch before. */
export async function readSessionsOfRows(
  reads: Source,
  rows: readonly LedgerMoment[],
  options: ReadOptions = {},
): Promise<readonly (Session | undefined)[]> {
  const values = [
    rows.map(({ lane }) => lane),
    rows.map(({ playerId }) => playerId),
    rows.map(({ integration }) => integration),
    rows.map(({ createdAt }) => createdAt.toISOString()),
  ];
  const found = await reads.query<SessionColumns & { place: string }>(sessionsOfRows, values, options);
  const byPlace = new Map(found.map((row) => [Number(row.place), sessionOf(row)]));
  return rows.map((_, index) => byPlace.get(index + 1));
}

/** What was played in sessions, each in its place. One statement. */
export async function readPlays(
  reads: Source,
  keys: readonly SessionKey[],
  options: ReadOptions = {},
): Promise<readonly SessionPlay[]> {
  const rows = await reads.query<PlayColumns>(plays, valuesOf(keys), options);
  const found = new Map(rows.map((row) => [nameOf(row), playOf(row)]));
  return keys.map((key) => {
    const play = found.get(nameOf(key));
    if (play === undefined) throw new Error('What was played was asked of a session that does not exist');
    return play;
  });
}

function playOf(row: PlayColumns): SessionPlay {
  return {
    nextAt: row.next_at,
    lastPlayedAt: row.last_played_at,
    bets: row.bets,
    rounds: row.rounds,
    stakes: BigInt(row.stakes),
    payouts: BigInt(row.payouts),
  };
}

function sessionOf(row: SessionColumns): Session {
  const { lane, integration, currency, game, platform, device, demo, failed } = row;
  const facts = { lane, integration, currency, game, platform, device, demo, failed };
  return { ...facts, id: BigInt(row.id), playerId: BigInt(row.player_id), createdAt: row.created_at };
}

function valuesOf(keys: readonly SessionKey[]): unknown[] {
  return [keys.map(({ lane }) => lane), keys.map(({ id }) => id)];
}

function nameOf({ lane, id }: { lane: number; id: bigint | string }): string {
  return `${lane}|${id}`;
}
