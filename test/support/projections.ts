import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { TestDatabase } from './database.js';

/** Plays the part of a second reading: what rounds and buckets must hold is worked out from the whole ledger, another way. */

/** Every bet, win and rollback with the names it goes by. */
const PLAY = `
  play as (
    select t.*, p.brand_id, w.currency, u.kind as undone,
      coalesce(t.game, u.game, (select b.game from ledger_transaction b where b.lane = t.lane and b.wallet_id = t.wallet_id
        and b.sequence = coalesce(t.resolves, u.resolves)), '') as of_game,
      coalesce(t.round, (select b.round from ledger_transaction b where b.lane = t.lane and b.wallet_id = t.wallet_id
        and b.sequence = t.resolves)) as named_round
    from ledger_transaction t
    join wallet w on (w.lane, w.id) = (t.lane, t.wallet_id)
    join player p on (p.lane, p.id) = (t.lane, t.player_id)
    left join ledger_transaction u on (u.lane, u.wallet_id, u.sequence) = (t.lane, t.wallet_id, t.undoes)
    where t.kind not in ('deposit', 'withdrawal', 'adjustment', 'tombstone')),
  rounded as (
    select t.*, case when t.undone is null then t.named_round else coalesce(u.named_round, t.named_round) end as of_round,
      exists (select from ledger_transaction r
        where (r.lane, r.wallet_id, r.undoes) = (t.lane, t.wallet_id, t.sequence)) as taken_back
    from play t left join play u on (u.lane, u.wallet_id, u.sequence) = (t.lane, t.wallet_id, t.undoes)),
  placed as materialized (
    select r.*, row_number() over (partition by lane, wallet_id, integration, of_round order by sequence) as place
    from rounded r)`;

const ROUNDS = `
  select t.lane, t.wallet_id, t.player_id, t.integration, t.of_round as external_id,
    min(t.sequence) as first_sequence, max(t.sequence) as last_sequence,
    (array_remove(array_agg(t.of_game order by t.place), ''))[1] as game,
    count(*) filter (where t.kind = 'bet' and not taken_back)::int as bets,
    count(*) filter (where t.kind = 'win' and not taken_back)::int as wins,
    count(*) filter (where t.kind = 'rollback')::int as rollbacks,
    coalesce(-sum(t.effect) filter (where t.kind = 'bet' and not taken_back), 0)::bigint as stakes,
    coalesce(sum(t.effect) filter (where t.kind = 'win' and not taken_back), 0)::bigint as payouts,
    (select f.created_at from ledger_transaction f where f.lane = t.lane and f.wallet_id = t.wallet_id
      and f.sequence = min(t.sequence)) as started_at,
    (select f.created_at from ledger_transaction f where f.lane = t.lane and f.wallet_id = t.wallet_id
      and f.sequence = max(t.sequence)) as last_at,
    (select c.closed_at from round_closure c where (c.lane, c.player_id, c.integration, c.external_id)
      = (t.lane, t.player_id, t.integration, t.of_round)) as closed_at
  from placed t where t.of_round is not null group by t.lane, t.wallet_id, t.player_id, t.integration, t.of_round`;

const roundColumns =
  'lane, wallet_id, player_id, integration, external_id, first_sequence, last_sequence, game, bets, wins, rollbacks, ' +
  'stakes, payouts, started_at, last_at, closed_at';
const sums = 'stakes, payouts, bets, wins, rollbacks, rounds';
const bucket = 'brand_id, grain, starts_at, integration, game, currency';

const SHARES = `
  select t.lane, t.player_id, t.brand_id, grain, date_trunc(grain, t.created_at at time zone 'UTC') at time zone 'UTC' as starts_at,
    t.integration, t.of_game as game, t.currency,
    -sum(case when t.kind = 'bet' or undone = 'bet' then t.effect else 0 end) as stakes,
    sum(case when t.kind = 'win' or undone = 'win' then t.effect else 0 end) as payouts,
    count(*) filter (where t.kind = 'bet') - count(*) filter (where undone = 'bet') as bets,
    count(*) filter (where t.kind = 'win') - count(*) filter (where undone = 'win') as wins,
    count(*) filter (where t.kind = 'rollback') as rollbacks,
    count(*) filter (where t.of_round is not null and t.place = 1) as rounds
  from placed t cross join (values ('hour'), ('day')) g(grain) group by 1, 2, 3, 4, 5, 6, 7, 8`;

const DIFFERENCES = `with ${PLAY},
  rounds as (${ROUNDS}), shares as materialized (${SHARES}),
  buckets as (select ${bucket}, sum(stakes) as stakes, sum(payouts) as payouts, sum(bets) as bets, sum(wins) as wins,
    sum(rollbacks) as rollbacks, sum(rounds) as rounds, count(*) as players from shares group by ${bucket}),
  differing as (
    select 'round' as projection, case when real then 'has' else 'lacks' end as what, to_jsonb(d) - 'real' as row from (
      select true as real, * from (select ${roundColumns} from round except all select ${roundColumns} from rounds) a
      union all
      select false, * from (select ${roundColumns} from rounds except all select ${roundColumns} from round) b) d
    union all
    select 'player_bucket', case when real then 'has' else 'lacks' end, to_jsonb(d) - 'real' from (
      select true as real, * from (select lane, player_id, ${bucket}, ${sums} from player_bucket
        except all select lane, player_id, ${bucket}, ${sums} from shares) a
      union all
      select false, * from (select lane, player_id, ${bucket}, ${sums} from shares
        except all select lane, player_id, ${bucket}, ${sums} from player_bucket) b) d
    union all
    select 'report_bucket', case when real then 'has' else 'lacks' end, to_jsonb(d) - 'real' from (
      select true as real, * from (select ${bucket}, ${sums}, players from report_bucket
        except all select ${bucket}, ${sums}, players from buckets) a
      union all
      select false, * from (select ${bucket}, ${sums}, players from buckets
        except all select ${bucket}, ${sums}, players from report_bucket) b) d)
  select projection || ' ' || what || ' ' || row::text as difference from differing order by projection, row::text limit 20`;

/** What the projections hold that the ledger does not say, and the other way round; the first twenty. Empty when they agree. */
export async function checkProjections({ owner }: Pick<TestDatabase, 'owner'>): Promise<string[]> {
  const { rows } = await owner.query<{ difference: string }>(DIFFERENCES);
  return rows.map(({ difference }) => difference);
}

/** Waits until everything posted so far, and every closure so far, is in the projections. */
export async function untilProjected({ owner }: Pick<TestDatabase, 'owner'>, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const { rows } = await owner.query<{ missing: string }>(
      `select (select coalesce(sum(l.number - coalesce(c.number, 0)), 0) from lane l
         left join projection_cursor c on c.projection = 'reports' and c.lane = l.lane)
       + (select count(*) from round_closure c join round r on (r.lane, r.player_id, r.integration, r.external_id)
         = (c.lane, c.player_id, c.integration, c.external_id) where r.closed_at is null) as missing`,
    );
    if (rows[0]?.missing === '0') return;
    if (Date.now() > deadline) throw new Error(`${rows[0]?.missing} units or closures are still not projected`);
    await delay(10);
  }
}

/** The projections hold what the ledger says, once they have caught up with it. */
export async function expectTrueProjections(database: Pick<TestDatabase, 'owner'>): Promise<void> {
  await untilProjected(database);
  expect(await checkProjections(database)).toEqual([]);
}
