import type { CountedPeriod, LimitPeriod, PlayerLimits } from './commands.js';
import type { Statement } from './connection.js';
import { PAUSE_MS, SESSION_MINUTES_MAX } from './limits.js';
import { array } from './statements.js';

/** What a first limit asks of the ledger, and the writes of what changes without a movement. */

interface Place {
  readonly lane: number;
  readonly id: bigint;
}

/**
 * The sequence in a wallet from which rows need to be looked at for a moment, found by halving: rows come nearly in the order
 * of their times, and an hour is more than any two clocks differ.
 */
function nearSql(lane: string, wallet: string, sequence: string, moment: string): string {
  return (
    'lateral (with recursive half(low, high) as (' +
    `select 1::bigint, ${sequence} + 1 union all ` +
    'select case when m.early then m.middle + 1 else h.low end, case when m.early then h.high else m.middle end ' +
    // A subselect, because a join may be planned as a walk over all of the wallet's rows.
    'from half h cross join lateral (select (h.low + h.high) / 2 as middle, ' +
    `(select t.created_at < ${moment} - interval '1 hour' from ledger_transaction t where t.lane = ${lane} ` +
    `and t.wallet_id = ${wallet} and t.sequence = (h.low + h.high) / 2) as early offset 0) m where h.low < h.high) ` +
    'select low from half where low = high offset 0)'
  );
}

/**
 * Counts the periods of wallets that run at a moment from the ledger, as `withRow` would have counted them row by row: should
 * a row be later than the moment, its period is the one that runs.
 */
export function countPeriods(wallets: readonly (Place & { at: Date })[]): Statement {
  return {
    name: 'count_periods',
    text:
      'select k.lane, k.id, p.period, p.day::text, f.since, c.stake, c.loss, c.deposit ' +
      'from unnest($1::smallint[], $2::bigint[], $3::timestamptz[]) k(lane, id, at) ' +
      'join wallet w on w.lane = k.lane and w.id = k.id ' +
      `cross join ${nearSql('k.lane', 'k.id', 'w.sequence', 'k.at')} now ` +
      'cross join lateral (select greatest(k.at, max(t.created_at)) as at from ledger_transaction t ' +
      'where t.lane = k.lane and t.wallet_id = k.id and t.sequence >= now.low) latest ' +
      "cross join lateral (select period, date_trunc(period, latest.at at time zone 'UTC')::date as day " +
      "from unnest(array['day', 'week', 'month']) u(period)) p " +
      "cross join lateral (select p.day::timestamp at time zone 'UTC' as starts_at) s " +
      `cross join ${nearSql('k.lane', 'k.id', 'w.sequence', 's.starts_at')} near ` +
      'cross join lateral (select coalesce((select t.sequence from ledger_transaction t ' +
      'where t.lane = k.lane and t.wallet_id = k.id and t.sequence >= near.low and t.created_at >= s.starts_at ' +
      'order by t.sequence limit 1), w.sequence + 1) as since offset 0) f ' +
      'cross join lateral (select ' +
      "coalesce(sum(-effect) filter (where kind = 'bet' or undone = 'bet'), 0) as stake, " +
      "coalesce(sum(-effect) filter (where kind in ('bet', 'win') or undone is not null), 0) as loss, " +
      "coalesce(sum(effect) filter (where kind = 'deposit'), 0) as deposit " +
      // Few rows undo another, and only those look for it.
      'from (select t.kind, t.effect, case when t.undoes >= f.since then (select u.kind from ledger_transaction u ' +
      'where u.lane = t.lane and u.wallet_id = t.wallet_id and u.sequence = t.undoes) end as undone ' +
      'from ledger_transaction t where t.lane = k.lane and t.wallet_id = k.id and t.sequence >= f.since) counted) c',
    values: [
      array(wallets.map((each) => each.lane)),
      array(wallets.map((each) => each.id)),
      array(wallets.map((each) => each.at)),
    ],
  };
}

export function periodRow(row: readonly unknown[]): Place & { period: LimitPeriod; counted: CountedPeriod } {
  const [lane, id, period, from, since, stake, loss, deposit] = row as [
    number,
    bigint,
    LimitPeriod,
    string,
    bigint,
    string,
    string,
    string,
  ];
  return { lane, id, period, counted: { from, since: since.toString(), stake, loss, deposit } };
}

/** The play under way of players at a moment, from the bets of a day: longer play is over any limit. */
export function readPlay(players: readonly (Place & { at: Date })[]): Statement {
  return {
    name: 'read_play',
    text:
      "select lane, id, max(created_at) filter (where pause is null or pause >= $4::int * interval '1 millisecond'), max(created_at) " +
      'from (select k.lane, k.id, t.created_at, ' +
      't.created_at - lag(t.created_at) over (partition by k.lane, k.id order by t.created_at) as pause ' +
      'from unnest($1::smallint[], $2::bigint[], $3::timestamptz[]) k(lane, id, starts_at) ' +
      'join wallet w on w.lane = k.lane and w.player_id = k.id ' +
      `cross join ${nearSql('w.lane', 'w.id', 'w.sequence', 'k.starts_at')} near ` +
      'join ledger_transaction t on t.lane = w.lane and t.wallet_id = w.id and t.sequence >= near.low ' +
      "where t.kind = 'bet' and not 'free-bet' = any(t.flags) and t.created_at >= k.starts_at) bets group by lane, id",
    values: [
      array(players.map((each) => each.lane)),
      array(players.map((each) => each.id)),
      array(players.map((each) => new Date(each.at.getTime() - SESSION_MINUTES_MAX * 60_000 - PAUSE_MS))),
      PAUSE_MS,
    ],
  };
}

export function playRow(row: readonly unknown[]): Place & { play: PlayerLimits['play'] } {
  const [lane, id, since, lastAt] = row as [number, bigint, Date, Date];
  return { lane, id, play: { since: since.toISOString(), lastAt: lastAt.toISOString() } };
}

/** Limits as they are stored: JSON, or null where nothing is limited. */
export function setWalletLimits(wallets: readonly (Place & { limits: string | null })[]): Statement {
  return setLimits('wallet', wallets);
}

export function setPlayerLimits(players: readonly (Place & { limits: string | null })[]): Statement {
  return setLimits('player', players);
}

function setLimits(table: 'wallet' | 'player', rows: readonly (Place & { limits: string | null })[]): Statement {
  return {
    name: `set_${table}_limits`,
    text:
      `update ${table} t set limits = u.limits::jsonb from unnest($1::smallint[], $2::bigint[], $3::text[]) u(lane, id, limits) ` +
      'where t.lane = u.lane and t.id = u.id',
    values: [
      array(rows.map((each) => each.lane)),
      array(rows.map((each) => each.id)),
      array(rows.map((each) => each.limits)),
    ],
  };
}
