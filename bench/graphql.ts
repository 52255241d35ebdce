import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { issueToken } from '../src/auth.js';
import { startEmbeddedPostgres } from '../src/database.js';
import { formatId } from '../src/ledger/ids.js';
import { Secret } from '../src/observability/secret.js';
import { openBenchDatabase } from './bench-database.js';
import { bench } from './bets.js';
import { authSecret, type Running, startGateway, startGraphqlTarget } from './gateway.js';
import { LoadResult } from './load.js';

/**
 * `npm run bench:graphql`: "a wallet and its last ten transactions" over HTTP from a database of a million ledger rows, by the
 * real gateway, by Mercurius with JIT over pg, and by stock Apollo on express over pg, in one run. The gateway checks tokens,
 * rights and limits; the baselines check nothing. Medians over interleaved rounds. Needs wrk.
 */

const WALLETS = 10_000;
const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
  },
});
const rows = Number(flags.rows);
const rounds = Number(flags.rounds);

const query = `query WalletPage($id: ID!) {
  wallet(id: $id) {
    id currency sequence balance { amount currency }
    transactions(first: 10) {
      edges { node { id sequence kind externalKey createdAt amount { amount currency } balanceAfter { amount currency } } }
      pageInfo { hasNextPage }
    }
  }
}`.replace(/\s+/g, ' ');

const run = promisify(execFile);
const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const directory = await mkdtemp(join(tmpdir(), 'croupier-bench-'));
await mkdir(join(directory, 'postgres'));
const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true }), () => server.close()];
try {
  await compare();
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function compare(): Promise<void> {
  const database = await openBenchDatabase(server.url, 'bench_graphql', WALLETS);
  const ids = await fill(database);
  const token = await issueToken(
    new Secret(authSecret),
    { subject: 'bench', brand: bench.brand, roles: ['service'] },
    36_000,
  );
  const operations = join(directory, 'operations');
  await writeFile(operations, ids.map((id) => JSON.stringify({ query, variables: { id } })).join('\n'));
  const targets: Record<string, Running> = {
    croupier: keep(await startGateway(directory, database, 4_820, { graphql: { costPerMinute: { staff: 1e12 } } })),
    mercurius: keep(await startGraphqlTarget(directory, 'mercurius', 4_821, database)),
    apollo: keep(await startGraphqlTarget(directory, 'apollo', 4_822, database)),
  };
  await assertSameAnswers(targets, token, ids.slice(0, 20));
  const measured = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    // The first round only warms up.
    if (round > 0) say(`round ${round} of ${rounds}`);
    for (const [name, { url }] of Object.entries(targets)) {
      const result = await load(url, token, operations);
      if (result.errors > 0) throw new Error(`${name} had ${result.errors} errors`);
      if (round === 0) continue;
      const perSecond = result.requests / result.seconds;
      measured.set(name, [...(measured.get(name) ?? []), perSecond]);
      say(`  ${name}: ${perSecond.toFixed(0)}/s, p50 ${result.p50} ms, p99 ${result.p99} ms`);
    }
  }
  report(measured);
}

function keep(running: Running): Running {
  stops.push(() => running.stop());
  return running;
}

/** Every wallet gets its share of the rows; hashes are constant, because nothing here reads them. @returns the wallets' ids */
async function fill(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    say(`filling ${rows} ledger rows`);
    await client.query(
      `insert into ledger_transaction (lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated,
         balance_after, round, flags, created_at, hash)
       select w.lane, w.id, n, w.player_id, $1, 'key-' || n, case n % 2 when 1 then 'win' else 'bet' end,
         case n % 2 when 1 then 2000000 else -1000000 end, case n % 2 when 1 then 2000000 else 1000000 end,
         case n % 2 when 1 then (n / 2) * 1000000 + 2000000 else (n / 2) * 1000000 end, 'round-' || n / 2, '{}',
         now() - (($2 - n) || ' minutes')::interval, sha256('bench')
       from wallet w cross join generate_series(1, $2::int) n`,
      [bench.integration, Math.ceil(rows / WALLETS)],
    );
    await client.query(
      `update wallet w set balance = t.balance_after, sequence = t.sequence, head = t.hash
       from ledger_transaction t where t.lane = w.lane and t.wallet_id = w.id and t.sequence = $1`,
      [Math.ceil(rows / WALLETS)],
    );
    await client.query('vacuum analyze');
    const found = await client.query<{ lane: number; id: string }>('select lane, id from wallet order by random()');
    return found.rows.map(({ lane, id }) => formatId('wallet', { lane, id: BigInt(id) }));
  } finally {
    await client.end();
  }
}

async function assertSameAnswers(
  targets: Readonly<Record<string, Running>>,
  token: string,
  ids: readonly string[],
): Promise<void> {
  for (const id of ids) {
    const answers = await Promise.all(
      Object.values(targets).map(async ({ url }) => {
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify({ query, variables: { id } }),
        });
        return JSON.stringify(JSON.parse(await response.text()));
      }),
    );
    if (new Set(answers).size > 1) throw new Error(`The answers differ:\n${answers.join('\n')}`);
    if (answers[0]?.includes('"externalKey":"key-') !== true) throw new Error(`No transactions: ${answers[0]}`);
  }
}

async function load(url: string, token: string, operations: string): Promise<LoadResult> {
  const script = fileURLToPath(new URL('graphql.lua', import.meta.url));
  const { stdout } = await run(
    'wrk',
    ['-t1', `-c${flags.connections}`, `-d${flags.seconds}s`, '--timeout', '10s', '-s', script, url],
    { env: { ...process.env, TOKEN: token, OPERATIONS: operations } },
  );
  return LoadResult.parse(JSON.parse(stdout.split('\n').find((each) => each.startsWith('{')) ?? 'null'));
}

function report(measured: ReadonlyMap<string, readonly number[]>): void {
  const median = (name: string): number => {
    const sorted = [...(measured.get(name) ?? [])].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const [croupier, mercurius, apollo] = [median('croupier'), median('mercurius'), median('apollo')];
  const ratios = { mercurius: croupier / mercurius, apollo: croupier / apollo };
  console.log(`wallet + last 10 transactions, ${rows} rows, ${flags.connections} connections, medians of ${rounds}`);
  for (const name of measured.keys()) console.log(`  ${name.padEnd(10)} ${median(name).toFixed(0).padStart(7)}/s`);
  console.log(
    `  croupier ÷ mercurius ${ratios.mercurius.toFixed(2)} (aim 0.8), ÷ stock apollo ${ratios.apollo.toFixed(2)} (aim 1.5)`,
  );
  console.log(JSON.stringify({ bench: 'graphql', rows, croupier, mercurius, apollo, ratios }));
}
