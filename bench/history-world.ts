import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/database.js';
import type { PreparedRead } from '../src/database/reads.js';
import { migrate } from '../src/migrate.js';
import { createProjector } from '../src/reports/projector.js';
import type { ReportDimension } from '../src/reports/question.js';
import { rebuildReports } from '../src/reports/rebuild.js';
import { createReports } from '../src/reports/reports.js';

/**
 * `npm run bench:history -- [--rows 10000000] [--url <owner's URL of an empty database>] [--projections none|rebuild|follow]`: a month of
 * play that never took place. Balances, sequences, units of work and numbers are true, so projections, reports and lists can be
 * measured on it; hashes are constant bytes, so the audit of the chain is the one thing that has nothing to find here.
 * Without a URL the world stands on a server of its own, is measured, and goes again.
 */

const PLAYERS = 10_000;
/** Every twentieth player is one of the small brand. */
const SMALL_EVERY = 20;
const GAMES = 50;
const DAYS = 30;
const DAY_MS = 86_400_000;
/** Rounds of a session, every 30 seconds one: half an hour at most, so a session that starts in its hour ends in it. */
const ROUNDS = { least: 20, most: 64 } as const;
/** A deposit, two rows for each round, and the withdrawal of what is left. */
const ROWS_OF_SESSION = 2 + (ROUNDS.least + ROUNDS.most);

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    url: { type: 'string' },
    projections: { type: 'string', default: 'rebuild' },
  },
});
const rowsWanted = Number(flags.rows);
const say = (text: string): boolean => process.stderr.write(`  ${text}\n`);

if (flags.url === undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'croupier-history-'));
  const server = await startEmbeddedPostgres({ directory });
  try {
    await makeWorld(server.url);
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
} else {
  await makeWorld(flags.url);
}

async function makeWorld(url: string): Promise<void> {
  await migrate(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("set synchronous_commit = off; set work_mem = '256MB'; set maintenance_work_mem = '1GB'");
    const { rows } = await client.query<{ used: boolean }>('select exists (select from ledger_transaction) as used');
    if (rows[0]?.used === true) throw new Error('The database has a ledger already; this world needs an empty one.');
    await timed('reference data and players', () => writePeople(client));
    await timed('sessions', () => planSessions(client));
    const indexes = await dropIndexes(client);
    const count = await timed('ledger rows and units', () => writeHistory(client));
    await timed('indexes', () => runAll(client, indexes));
    await timed('wallets and lanes', () => settle(client));
    await client.query('vacuum analyze');
    if (flags.projections === 'none') return;
    const startedAt = performance.now();
    await rebuildReports(client, {
      onProgress: ({ lanesDone, rows: done }) => say(`${lanesDone} lanes, ${done.toLocaleString('en')} rows rebuilt`),
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    await client.query('vacuum analyze round, report_bucket, player_bucket');
    const reports = await measureReports(url);
    const result = {
      bench: 'history',
      rows: count,
      'rebuild, rows/s': Math.round(count / seconds),
      ...reports,
      ...(flags.projections === 'follow' && { 'projector behind, rows/s': await measureFollowing(client, url) }),
    };
    console.table(result);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    await client.end();
  }
}

async function timed<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const result = await work();
  say(`${what}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  return result;
}

async function runAll(client: pg.Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement);
}

/** Two brands; the lanes as ledger/lanes.ts computes them. */
async function writePeople(client: pg.Client): Promise<void> {
  await runAll(client, [
    `insert into currency values ('EUR', 6), ('USD', 6)`,
    `insert into brand values ('demo', '{EUR,USD}'), ('other', '{EUR}')`,
    `insert into integration (id, adapter, brand_id, currencies, active) values
       ('igpx-demo', 'igpx', 'demo', '{EUR,USD}', true), ('flexsoft-demo', 'flexsoft', 'demo', '{EUR,USD}', true),
       ('hypetech-demo', 'hypetech', 'demo', '{EUR,USD}', true), ('igpx-other', 'igpx', 'other', '{EUR}', true),
       ('cashier', null, null, '{EUR,USD}', true), ('adjustment', null, null, '{EUR,USD}', true)`,
    `insert into game (integration, id, name, sort_name, features, currencies, status, first_seen_at, changed_at)
       select i.id, 'game-' || n, 'Game ' || n, 'game ' || n, '{}', '{}', 'ACTIVE', now(), now()
       from integration i cross join generate_series(1, ${GAMES}) n where i.brand_id is not null`,
    `with people as (
       select n, case when n % ${SMALL_EVERY} = 0 then 'other' else 'demo' end as brand from generate_series(1, ${PLAYERS}) n),
     made as (
       insert into player (lane, brand_id, external_id, created_at)
       select get_byte(sha256(convert_to(brand, 'UTF8') || '\\x00' || convert_to('history-' || n, 'UTF8')), 0) % 64, brand,
         'history-' || n, now() - interval '${DAYS + 1} days' from people returning lane, id, brand_id)
     insert into wallet (lane, player_id, currency, created_at)
     select lane, id, case when brand_id = 'demo' and id % 5 = 0 then 'USD' else 'EUR' end, now() - interval '${DAYS + 1} days'
     from made`,
  ]);
}

/** Some players play much more than others, and some games are played much more; no two sessions of a player overlap. */
async function planSessions(client: pg.Client): Promise<void> {
  const sessions = Math.ceil(rowsWanted / ROWS_OF_SESSION);
  await runAll(client, [
    'select setseed(0.5)',
    `create unlogged table history_session as
     with people as (
       select row_number() over () - 1 as place, w.lane, w.id as wallet_id, w.player_id, w.currency, p.brand_id
       from wallet w join player p on p.lane = w.lane and p.id = w.player_id),
     hours as (
       select distinct on (person, hour) * from (
         select floor(${PLAYERS} * power(random(), 1.5))::int as person, floor(${DAYS * 24} * random())::int as hour,
           ${ROUNDS.least} + floor(random() * ${ROUNDS.most - ROUNDS.least + 1})::int as rounds,
           1 + floor(${GAMES} * power(random(), 3))::int as game, floor(random() * 3)::int as provider, random() as start
         from generate_series(1, ${sessions})) drawn)
     select row_number() over (order by hour, person) as id, lane, wallet_id, player_id, currency, rounds, hour,
       case when brand_id = 'other' then 'igpx-other' else (array['igpx-demo', 'flexsoft-demo', 'hypetech-demo'])[1 + provider]
       end as integration, 'game-' || game as game,
       date_trunc('hour', now() - interval '${DAYS} days') + hour * interval '1 hour' + start * interval '27 minutes' as starts_at,
       sum(2 + 2 * rounds) over (partition by lane, wallet_id order by hour) - (2 + 2 * rounds) as before
     from hours join people on place = person`,
    'create index on history_session (hour)',
    'analyze history_session',
    `insert into game_session (lane, player_id, integration, currency, game, created_at)
     select lane, player_id, integration, currency, game, starts_at from history_session order by starts_at`,
  ]);
}

/** Rows arrive faster without them. @returns what makes them again */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const tables = `('ledger_transaction', 'unit_of_work')`;
  const constraints = await client.query<{ name: string; owner: string; text: string }>(
    `select conname as name, conrelid::regclass::text as owner, pg_get_constraintdef(oid) as text from pg_constraint
     where conrelid::regclass::text in ${tables} and contype in ('p', 'u', 'f') order by contype = 'f', contype`,
  );
  const indexes = await client.query<{ name: string; text: string }>(
    `select indexname as name, indexdef as text from pg_indexes where tablename in ${tables}
     and indexname not in (select conname from pg_constraint)`,
  );
  const foreignFirst = constraints.rows.toReversed();
  await runAll(client, [
    ...foreignFirst.map(({ name, owner }) => `alter table ${owner} drop constraint ${name}`),
    ...indexes.rows.map(({ name }) => `drop index ${name}`),
  ]);
  return [
    ...constraints.rows.map(({ name, owner, text }) => `alter table ${owner} add constraint ${name} ${text}`),
    ...indexes.rows.map(({ text }) => text),
  ];
}

/**
 * One day after the other. A session pays in what it will stake and one unit of currency more, and pays out what is left, so
 * every balance in between is covered and each session begins at nothing. Every 50th round is rolled back; of the others
 * three in ten win.
 */
async function writeHistory(client: pg.Client): Promise<number> {
  let count = 0;
  await client.query('create unlogged table history_lane as select lane, 0::bigint as number from lane');
  for (let day = 0; day < DAYS; day += 1) {
    await runAll(client, [
      'drop table if exists history_row',
      `create unlogged table history_row as
       with rounds as materialized (
         select s.*, n, (100000 * (1 + floor(50 * power(random(), 3))))::bigint as stake,
           (case when random() < 0.02 then 'rollback' else 'win' end) as ended, random() as luck
         from history_session s cross join lateral generate_series(1, s.rounds) n
         where hour >= ${day * 24} and hour < ${(day + 1) * 24}),
       moves as (
         select r.*, place, case when place = 1 then 'bet' else ended end as kind,
           case when place = 1 then -stake when ended = 'rollback' then stake
             when luck < 0.3 then (stake * 3.1667)::bigint else 0 end as effect
         from rounds r cross join (values (1), (2)) p(place)),
       sums as (select id, -sum(effect) filter (where place = 1) as staked, sum(effect) as net from moves group by id),
       lines as (
         select m.id, 2 * n - 2 + place as place, kind, effect, n from moves m
         union all select id, 0, 'deposit', staked + 1000000, null from sums
         union all select s.id, 1 + 2 * s.rounds, 'withdrawal', -(staked + 1000000 + net), null
         from sums join history_session s using (id))
       select s.lane, s.wallet_id, s.player_id, s.integration, s.game, s.before + l.place + 1 as sequence, s.before, l.*,
         (sum(l.effect) over (partition by l.id order by l.place))::bigint as balance,
         s.starts_at + l.place * interval '15 seconds' as created_at
       from lines l join history_session s using (id)`,
      `insert into ledger_transaction (lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated,
         balance_after, target, undoes, resolves, round, game, flags, created_at, hash)
       select lane, wallet_id, sequence, player_id, case when n is null then 'cashier' else integration end,
         'h' || id || '-' || place, kind, effect, case when kind = 'rollback' then null else abs(effect) end, balance,
         case when kind = 'rollback' then 'h' || id || '-' || place - 1 end,
         case when kind = 'rollback' then sequence - 1 end, case when kind = 'win' then sequence - 1 end,
         'r' || id || '-' || n, case when n is not null then game end, '{}', created_at, decode(repeat('00', 32), 'hex')
       from history_row order by created_at`,
      `insert into unit_of_work (lane, number, wallet_ids, first_sequences, sequences, created_at)
       select r.lane, l.number + row_number() over (partition by r.lane order by created_at, wallet_id, sequence),
         array[wallet_id], array[sequence], array[sequence], created_at
       from history_row r join history_lane l on l.lane = r.lane order by created_at`,
      `update history_lane l set number = l.number + n from (select lane, count(*) as n from history_row group by lane) c
       where c.lane = l.lane`,
    ]);
    const { rows } = await client.query<{ n: number }>('select count(*)::int as n from history_row');
    count += rows[0]?.n ?? 0;
  }
  return count;
}

async function settle(client: pg.Client): Promise<void> {
  await runAll(client, [
    `update wallet w set sequence = t.sequence, head = decode(repeat('00', 32), 'hex') from (
       select lane, wallet_id, sum(2 + 2 * rounds) as sequence from history_session group by lane, wallet_id) t
     where t.lane = w.lane and t.wallet_id = w.id`,
    'update lane l set number = h.number from history_lane h where h.lane = l.lane',
    'drop table history_session, history_row, history_lane',
  ]);
}

/** Milliseconds of the questions an analyst asks most, each the best of five. */
async function measureReports(url: string): Promise<Record<string, number>> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  const reports = createReports({
    async query<Row extends object>({ name, text }: PreparedRead, values: readonly unknown[]) {
      return (await pool.query<Row>({ name, text, values: [...values] })).rows;
    },
  });
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const from = new Date(midnight - DAYS * DAY_MS);
  const ask = async (by: readonly ReportDimension[], withPlayers = false): Promise<unknown> => {
    const rows = await reports.read({ brand: 'demo', by, from, to: new Date(midnight), filter: {} });
    return withPlayers ? rows[0]?.players() : rows;
  };
  const questions = {
    'month by day and game, ms': () => ask(['day', 'game']),
    'month by day and game with players, ms': () => ask(['day', 'game'], true),
    'month by hour, ms': () => ask(['hour']),
    'month by integration with players, ms': () => ask(['integration'], true),
    'money at risk, ms': () => reports.openStakes('demo'),
  };
  const result: Record<string, number> = {};
  for (const [what, question] of Object.entries(questions)) {
    const times: number[] = [];
    for (let run = 0; run < 5; run += 1) {
      const startedAt = performance.now();
      await question();
      times.push(performance.now() - startedAt);
    }
    result[what] = Number(Math.min(...times).toFixed(1));
  }
  await pool.end();
  return result;
}

/** What a projector that has fallen behind takes in: all of it, from the first unit on. */
async function measureFollowing(client: pg.Client, url: string): Promise<number> {
  await client.query('truncate round, report_bucket, player_bucket; delete from projection_cursor');
  const startedAt = performance.now();
  const projector = createProjector({ connection: { connectionString: url }, logger: { info: say, warn: say } });
  for (;;) {
    await delay(100);
    const { rows } = await client.query<{ missing: string; all: string }>(
      `select sum(l.number - coalesce(c.number, 0))::text as missing, sum(l.number)::text as all from lane l
       left join projection_cursor c on c.projection = 'reports' and c.lane = l.lane`,
    );
    if (rows[0]?.missing !== '0') continue;
    const seconds = (performance.now() - startedAt) / 1_000;
    await projector.close();
    return Math.round(Number(rows[0].all) / seconds);
  }
}
