/**
 * The SQL of the projections: ledger rows go in, rounds and buckets come out, in sets. It says once what a row means; from
 * where rows come (the feed, or whole lanes for a rebuild) is all that differs.
 */

/** Names the cursors of what this file builds. */
export const REPORTS = 'reports';
/** Names the mark up to which closures were applied: milliseconds since 1970, on lane 0. */
export const CLOSURES = 'closures';
/** Closures applied at once. */
const CLOSURES_MAX = 5_000;
/** Whoever changes a projection holds this advisory lock. */
export const PROJECTION_LOCK = "hashtext('croupier.projections')";

/** The sum of a round is one bigint; what is beyond its range stays at the edge, so that no play can stop the projection. */
function clamped(sum: string): string {
  return `least(greatest(${sum}, -9223372036854775807), 9223372036854775807)::bigint`;
}

/**
 * What a ledger row means, given itself (t), the row it undoes (u) and the bet that this one, or the win it undoes, pays (b).
 * Only bets, wins and rollbacks are play: the "round" of a deposit is a payment reference, and a tombstone never was a bet.
 * What is undone is taken back where it stood, so the round of the undone row goes before the rollback's own.
 */
const meaning = `
  t.lane, t.wallet_id, t.sequence, t.player_id, p.brand_id, t.integration, w.currency, t.created_at,
  coalesce(t.game, u.game, b.game, '') as game,
  case when t.kind = 'rollback' then coalesce(u.round, b.round, t.round) else coalesce(t.round, b.round) end as round,
  t.kind <> 'rollback' or u.round is not null or b.round is not null as in_round,
  case when t.kind = 'bet' or u.kind = 'bet' then -t.effect else 0 end as stakes,
  case when t.kind = 'win' or u.kind = 'win' then t.effect else 0 end as payouts,
  case when t.kind = 'bet' then 1 when u.kind = 'bet' then -1 else 0 end as bets,
  case when t.kind = 'win' then 1 when u.kind = 'win' then -1 else 0 end as wins,
  case when t.kind = 'rollback' then 1 else 0 end as rollbacks`;
const isPlay = `t.kind in ('bet', 'win', 'rollback')`;
/** The bet that a row pays, or whose win it undoes; asked for only where the row itself names no round or no game. */
const bet = `case when t.game is null and u.game is null
  or case when t.kind = 'rollback' then u.round else t.round end is null then coalesce(t.resolves, u.resolves) end`;

/** About $1 rows of new units, shared among the lanes that have some, each lane's in order. Numbers are dense, so none is ever skipped. */
const newRows = `
  behind as materialized (
    select l.lane, coalesce(c.number, 0) as number, greatest(16, $1 / count(*) over ()) as most
    from lane l left join projection_cursor c on c.projection = '${REPORTS}' and c.lane = l.lane
    where l.number > coalesce(c.number, 0)),
  seen as materialized (
    select u.lane, u.number, u.wallet_ids, u.first_sequences, u.sequences, u.number - b.number as place,
      (select sum(last - first + 1) from unnest(u.first_sequences, u.sequences) s(first, last)) as size
    from behind b cross join lateral (
      select * from unit_of_work u where u.lane = b.lane and u.number > b.number and u.number <= b.number + b.most offset 0) u),
  units as materialized (
    select * from (select s.*, sum(size) over (order by place, lane) - size as before from seen s) s where before < $1),
  moved as materialized (
    select u.lane, m.wallet_id, min(m.first) as first, max(m.last) as last
    from units u, unnest(u.wallet_ids, u.first_sequences, u.sequences) m(wallet_id, first, last) group by u.lane, m.wallet_id),
  taken as (select lane, max(number) as number from units group by lane),
  rows as materialized (
    select ${meaning}
    from moved m
    cross join lateral (select * from wallet w where w.lane = m.lane and w.id = m.wallet_id offset 0) w
    cross join lateral (select * from player p where p.lane = w.lane and p.id = w.player_id offset 0) p
    cross join lateral (
      select * from ledger_transaction t where t.lane = m.lane and t.wallet_id = m.wallet_id
      and t.sequence between m.first and m.last and ${isPlay} offset 0) t
    left join lateral (
      select kind, round, game, resolves from ledger_transaction u
      where u.lane = t.lane and u.wallet_id = t.wallet_id and u.sequence = t.undoes offset 0) u on true
    left join lateral (
      select round, game from ledger_transaction b
      where b.lane = t.lane and b.wallet_id = t.wallet_id and b.sequence = ${bet} offset 0) b on true)`;

/** All rows of the lanes $1, up to each lane's last unit at this moment. */
const allRows = `
  taken as materialized (select lane, number from lane where lane = any($1::smallint[]) and number > 0),
  rows as materialized (
    select ${meaning}
    from ledger_transaction t
    join wallet w on w.lane = t.lane and w.id = t.wallet_id
    join player p on p.lane = w.lane and p.id = w.player_id
    left join ledger_transaction u on u.lane = t.lane and u.wallet_id = t.wallet_id and u.sequence = t.undoes
    left join ledger_transaction b on b.lane = t.lane and b.wallet_id = t.wallet_id and b.sequence = ${bet}
    where t.lane = any($1::smallint[]) and ${isPlay})`;

/** Rows of a wallet are taken in by their sequence, so a round's first row comes first and its latest last. */
const played = `
  played as (
    select lane, wallet_id, player_id, integration, round, min(sequence) as first_sequence, max(sequence) as last_sequence,
      (array_agg(created_at order by sequence))[1] as started_at,
      (array_agg(created_at order by sequence desc))[1] as last_at,
      (array_agg(game order by sequence) filter (where game <> ''))[1] as game,
      coalesce(sum(stakes) filter (where in_round), 0) as stakes,
      coalesce(sum(payouts) filter (where in_round), 0) as payouts,
      coalesce(sum(bets) filter (where in_round), 0) as bets,
      coalesce(sum(wins) filter (where in_round), 0) as wins, sum(rollbacks) as rollbacks
    from rows where round is not null group by lane, wallet_id, player_id, integration, round)`;
const insertRounds = `
    insert into round (lane, wallet_id, first_sequence, last_sequence, player_id, integration, external_id, game,
      bets, wins, rollbacks, stakes, payouts, started_at, last_at, closed_at)
    select lane, wallet_id, first_sequence, last_sequence, player_id, integration, round, game,
      bets, wins, rollbacks, ${clamped('stakes')}, ${clamped('payouts')}, started_at, last_at, c.closed_at
    from played r left join lateral (
      select closed_at from round_closure c where c.lane = r.lane and c.player_id = r.player_id
      and c.integration = r.integration and c.external_id = r.round offset 0) c on true
    order by lane, wallet_id, first_sequence`;
const rounds = `${played},
  kept as (${insertRounds}
    on conflict (external_id, integration, wallet_id, lane) do update set
      last_sequence = excluded.last_sequence, last_at = excluded.last_at, game = coalesce(round.game, excluded.game),
      bets = round.bets + excluded.bets, wins = round.wins + excluded.wins, rollbacks = round.rollbacks + excluded.rollbacks,
      stakes = ${clamped('round.stakes::numeric + excluded.stakes')},
      payouts = ${clamped('round.payouts::numeric + excluded.payouts')},
      closed_at = coalesce(round.closed_at, excluded.closed_at)
    returning lane, wallet_id, first_sequence, xmax = 0 as began)`;
/** Of a lane nothing was kept before. */
const firstRounds = `${played},
  kept as (${insertRounds}
    returning lane, wallet_id, first_sequence, true as began)`;

const sums = ['stakes', 'payouts', 'bets', 'wins', 'rollbacks', 'rounds'] as const;

/** Each row of a player's bucket that is new there is one more player of the brand's. */
const buckets = `
  shares as materialized (
    select e.brand_id, e.lane, e.player_id, g.grain, date_trunc(g.grain, e.created_at, 'UTC') as starts_at,
      e.integration, e.game, e.currency, sum(e.stakes) as stakes, sum(e.payouts) as payouts, sum(e.bets) as bets,
      sum(e.wins) as wins, sum(e.rollbacks) as rollbacks, count(k.lane) as rounds
    from rows e left join kept k
      on k.began and k.lane = e.lane and k.wallet_id = e.wallet_id and k.first_sequence = e.sequence
    cross join (values ('hour'), ('day')) g(grain)
    group by 1, 2, 3, 4, 5, 6, 7, 8),
  players as (
    insert into player_bucket as b (lane, player_id, brand_id, grain, starts_at, integration, game, currency, ${sums.join(', ')})
    select lane, player_id, brand_id, grain, starts_at, integration, game, currency, ${sums.join(', ')} from shares
    order by lane, player_id, grain, starts_at
    on conflict (lane, player_id, grain, starts_at, integration, game, currency) do update set
      ${sums.map((sum) => `${sum} = b.${sum} + excluded.${sum}`).join(', ')}
    returning brand_id, grain, starts_at, integration, game, currency, xmax = 0 as came),
  brands as (
    insert into report_bucket as b (brand_id, grain, starts_at, integration, game, currency, ${sums.join(', ')}, players)
    select brand_id, grain, starts_at, integration, game, currency, ${sums.map((sum) => `sum(${sum})`).join(', ')}, sum(players)
    from (select brand_id, grain, starts_at, integration, game, currency, ${sums.join(', ')}, 0 as players from shares
      union all select brand_id, grain, starts_at, integration, game, currency, ${sums.map(() => '0').join(', ')}, 1
      from players where came) each
    group by 1, 2, 3, 4, 5, 6
    on conflict (brand_id, grain, starts_at, integration, game, currency) do update set
      ${[...sums, 'players'].map((sum) => `${sum} = b.${sum} + excluded.${sum}`).join(', ')}),
  cursor_moved as (
    insert into projection_cursor (projection, lane, number) select '${REPORTS}', lane, number from taken
    on conflict (projection, lane) do update set number = excluded.number)`;

/** Takes in the next units, about $1 rows. Everything of it happens in one snapshot, the cursors included. */
export const TAKE_IN_UNITS = `with ${newRows}, ${rounds}, ${buckets}
  select coalesce((select sum(size) from units), 0)::int as rows,
    (select coalesce(sum(l.number - b.number), 0) from behind b join lane l on l.lane = b.lane)
      > (select count(*) from units) as more`;

/** Takes in whole lanes, $1, of which nothing was taken in before. */
export const TAKE_IN_LANES = `with ${allRows}, ${firstRounds}, ${buckets} select count(*)::text as rows from rows`;

/** When the oldest unit was posted that is not taken in; null when all are. And whether there are closures to apply. */
export const LOOK_FOR_WORK = `
  select (select min(u.created_at) from generate_series(0, 63) l(lane)
      left join projection_cursor c on c.projection = '${REPORTS}' and c.lane = l.lane
      cross join lateral (
        select created_at from unit_of_work u where u.lane = l.lane and u.number = coalesce(c.number, 0) + 1 offset 0) u
    ) as oldest,
    exists (select from round_closure where closed_at > to_timestamp(coalesce((
      select number from projection_cursor where projection = '${CLOSURES}' and lane = 0), 0) / 1000.0)) as closures`;

const applyClosures = `
  update round r set closed_at = c.closed_at from closures c
  where r.external_id = c.external_id and r.integration = c.integration and r.lane = c.lane and r.player_id = c.player_id
  and r.closed_at is null`;

/** Applies the next closures after the mark and moves it. One whose round is not there yet is applied with the round. */
export const APPLY_CLOSURES = `with
  closures as materialized (
    select * from round_closure where closed_at > to_timestamp(coalesce((
      select number from projection_cursor where projection = '${CLOSURES}' and lane = 0), 0) / 1000.0)
    order by closed_at fetch first ${CLOSURES_MAX} rows with ties),
  applied as (${applyClosures})
  insert into projection_cursor (projection, lane, number)
  select '${CLOSURES}', 0, (extract(epoch from max(closed_at)) * 1000)::bigint from closures having count(*) > 0
  on conflict (projection, lane) do update set number = excluded.number`;

/** Applies what committed, or arrived from a slower clock, up to $1 milliseconds behind the mark. */
export const APPLY_LATE_CLOSURES = `with
  closures as materialized (
    select * from round_closure where closed_at > (
      select to_timestamp((number - $1) / 1000.0) from projection_cursor where projection = '${CLOSURES}' and lane = 0))
  ${applyClosures}`;

/** Everything posted before this moment is in the reports. On a replica, everything that is known to have reached it. */
export const READ_FRESHNESS = `
  select least(date_trunc('milliseconds',
    case when pg_is_in_recovery() then coalesce(pg_last_xact_replay_timestamp(), now()) else now() end), (
    select min(u.created_at) from generate_series(0, 63) l(lane)
    left join projection_cursor c on c.projection = '${REPORTS}' and c.lane = l.lane
    cross join lateral (
      select created_at from unit_of_work u where u.lane = l.lane and u.number = coalesce(c.number, 0) + 1 offset 0) u)
  ) as fresh_at`;
