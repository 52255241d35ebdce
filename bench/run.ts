import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { fundWallets, openBenchDatabase } from './bench-database.js';
import { startEmbeddedPostgres } from '../src/database.js';
import { providers } from '../src/adapters/registry.js';
import { type BetsOptions, writeBets } from './bets.js';
import { type Running, startGateway, startTarget } from './gateway.js';
import { findLoadGenerator, load, type LoadGenerator, type LoadResult } from './load.js';

/**
 * `npm run bench`: signed igpx bets per second over HTTP through the real gateway, beside the same stack without a database,
 * one MikroORM transaction per request, and pgbench, all in one run on one PostgreSQL. Medians over interleaved rounds.
 */

const WALLETS = 10_000;
const CONNECTIONS = [1, 16, 64, 256] as const;
const WARM_UP_S = 20;
/** Between measurements: what one left behind for the disk or the collector is not charged to the next. */
const SETTLE_MS = 2_000;
const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    /** Compares the providers with each other, and nothing else. */
    providers: { type: 'boolean', default: false },
    /** Rounds and reports follow at the same time, on the same cores; the baselines have none. */
    projections: { type: 'boolean', default: false },
  },
});
const rounds = Number(flags.rounds);
const seconds = Number(flags.seconds);

/** The bar for pgbench is set at these, so it is measured right before each: the machine's pace changes by the minute. */
const BESIDE_PGBENCH: ReadonlySet<number> = new Set([64, 256]);
/** Providers are compared with each other at this many connections. */
const PROVIDERS_AT = 64;
const COMPARED_WITH = 'igpx';
/** Ids of two files never meet. */
const IDS_PER_FILE = 10_000_000;

/** More bets than any target can take in one measurement, so that none is sent twice. */
const BETS_PER_SECOND_MAX = 60_000;
const BETS_PER_SECOND_LEDGER = 30_000;

interface Measured {
  readonly target: string;
  readonly connections: number;
  readonly result: LoadResult;
  /** Transactions per second of pgbench right before. */
  readonly tps: number | undefined;
  /** Bets of the compared provider right before. */
  readonly beside: LoadResult | undefined;
}

let files = 0;
const execute = promisify(execFile);
const say = (text: string): boolean => process.stderr.write(`${text}\n`);

const directory = await mkdtemp(join(tmpdir(), 'croupier-bench-'));
await mkdir(join(directory, 'postgres'));
const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
const stops: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true }), () => server.close()];
try {
  await bench();
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function bench(): Promise<void> {
  const generator = await findLoadGenerator();
  const gatewayDb = await openBenchDatabase(server.url, 'bench_gateway', WALLETS);
  const baselineDb = await openBenchDatabase(server.url, 'bench_baseline', WALLETS);
  await fundWallets(gatewayDb, WALLETS);
  await fundWallets(baselineDb, WALLETS);
  const pgbench = await preparePgbench();
  const targets = {
    gateway: keep(await startGateway(directory, gatewayDb, 4_810, { projections: flags.projections })),
    'no database': keep(await startTarget(directory, 'none', 4_811)),
    'one transaction': keep(await startTarget(directory, 'one-transaction', 4_812, baselineDb)),
  };
  const measured: Measured[] = [];
  const measure = async (
    target: keyof typeof targets,
    connections: number,
    { name = target, wallets = WALLETS, provider, tps, beside }: MeasureOptions = {},
  ): Promise<void> => {
    const ledger = target !== 'no database';
    const result = await loadFresh(generator, targets[target], { connections, wallets, provider, ledger });
    measured.push({ target: name, connections, result, tps, beside });
    say(`  ${name} at ${connections}: ${perSecond(result).toFixed(0)}/s, p50 ${result.p50} ms`);
    if (result.errors > 0) throw new Error(`${name} at ${connections} had ${result.errors} errors`);
  };
  // The compiler takes some twenty seconds of load before a process is as fast as it will be.
  for (const target of ['one transaction', 'no database', 'gateway'] as const) {
    if (flags.providers && target !== 'gateway') continue;
    for (let second = 0; second < WARM_UP_S; second += seconds) await measure(target, 64);
  }
  const others = [...providers.keys()].filter((each) => each !== COMPARED_WITH);
  for (const provider of others) {
    for (let second = 0; second < WARM_UP_S / 2; second += seconds) await measure('gateway', 64, { provider });
  }
  measured.length = 0;
  const measureBeside = async (): Promise<LoadResult> => {
    await measure('gateway', PROVIDERS_AT, { name: `bets of ${COMPARED_WITH}` });
    return measured.at(-1)?.result ?? never();
  };
  const measureBets = async (): Promise<void> => {
    for (const connections of CONNECTIONS) {
      const tps = pgbench && BESIDE_PGBENCH.has(connections) ? await runPgbench() : undefined;
      await measure('gateway', connections, { tps });
      await measure('no database', connections);
      await measure('one transaction', connections);
    }
    await measure('gateway', 64, { name: 'one hot wallet', wallets: 1 });
  };
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    if (!flags.providers) await measureBets();
    for (const provider of others) {
      await measure('gateway', PROVIDERS_AT, { name: `bets of ${provider}`, provider, beside: await measureBeside() });
    }
  }
  await expectEveryBet(gatewayDb, measured);
  report(generator, measured);
}

interface MeasureOptions {
  readonly name?: string;
  readonly wallets?: number;
  readonly provider?: string | undefined;
  readonly tps?: number | undefined;
  readonly beside?: LoadResult;
}

function never(): never {
  throw new Error('Nothing was measured');
}

function keep(running: Running): Running {
  stops.push(() => running.stop());
  return running;
}

async function loadFresh(
  generator: LoadGenerator,
  target: Running,
  options: { connections: number; wallets: number; provider: string | undefined; ledger: boolean },
): Promise<LoadResult> {
  files += 1;
  const perSecondMax = options.ledger ? BETS_PER_SECOND_LEDGER : BETS_PER_SECOND_MAX;
  const plan: BetsOptions = {
    firstId: files * IDS_PER_FILE,
    count: perSecondMax * seconds,
    wallets: options.wallets,
    ...(options.provider !== undefined && { provider: options.provider }),
  };
  const bets = await writeBets(join(directory, `bets-${files}`), plan);
  await settle();
  const result = await load(generator, { url: target.url, bets, connections: options.connections, seconds });
  await rm(bets.file);
  if (result.requests > plan.count)
    throw new Error('The bets ran out, so some were sent twice; raise BETS_PER_SECOND_MAX');
  return result;
}

/**
 * What one measurement left behind for the disk is written before the next, not while it runs: a checkpoint falls due every
 * ten measurements or so, and would always hit the same one.
 */
async function settle(): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('checkpoint');
  await client.end();
  await delay(SETTLE_MS);
}

async function preparePgbench(): Promise<boolean> {
  const url = new URL(server.url);
  url.pathname = '/bench_pgbench';
  try {
    await execute('psql', [server.url, '-qc', 'create database bench_pgbench']);
    await execute('pgbench', ['-i', '-q', '-s', '50', url.href]);
    return true;
  } catch {
    say('pgbench is not installed (Debian: postgresql-contrib); its rows are left out');
    return false;
  }
}

async function runPgbench(): Promise<number> {
  await delay(SETTLE_MS);
  const url = new URL(server.url);
  url.pathname = '/bench_pgbench';
  const { stdout } = await execute('pgbench', [
    '-M',
    'prepared',
    '-c',
    '32',
    '-j',
    '2',
    '-T',
    String(seconds),
    url.href,
  ]);
  const tps = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  say(`  pgbench: ${tps.toFixed(0)}/s`);
  return tps;
}

/** What was answered must be in the ledger: a number is worth nothing if the bets are not there. */
async function expectEveryBet(url: string, measured: readonly Measured[]): Promise<void> {
  const { stdout } = await execute('psql', [url, '-Atc', "select count(*) from ledger_transaction where kind = 'bet'"]);
  const answered = measured
    .filter((each) => each.target !== 'no database' && each.target !== 'one transaction')
    .reduce((sum, each) => sum + each.result.requests, 0);
  say(`${stdout.trim()} bets are in the ledger; ${answered} were answered in the measured rounds`);
  if (Number(stdout) < answered) throw new Error('Some answered bets are not in the ledger');
}

function report(generator: LoadGenerator, measured: readonly Measured[]): void {
  const rate = (target: string, connections: number): number => median(of(target, connections).map(perSecond));
  const of = (target: string, connections: number): LoadResult[] =>
    measured.filter((each) => each.target === target && each.connections === connections).map((each) => each.result);
  const rows = [...Map.groupBy(measured, (each) => `${each.target}|${each.connections}`).values()].map((group) => {
    const results = group.map((each) => each.result);
    const ms = (pick: (each: LoadResult) => number): string => median(results.map(pick)).toFixed(2);
    return {
      target: group[0]?.target,
      connections: group[0]?.connections,
      'per second': Math.round(median(results.map(perSecond))),
      'p50 ms': ms((each) => each.p50),
      'p90 ms': ms((each) => each.p90),
      'p99 ms': ms((each) => each.p99),
    };
  });
  console.table(rows);
  const best = Math.max(...CONNECTIONS.map((each) => rate('gateway', each)));
  const at = CONNECTIONS.find((each) => rate('gateway', each) === best) ?? 64;
  const besidePgbench = (connections: number): number =>
    median(
      measured.flatMap((each) =>
        each.connections === connections && each.tps !== undefined ? [perSecond(each.result) / each.tps] : [],
      ),
    );
  const others = [...Map.groupBy(measured, (each) => (each.beside === undefined ? '' : each.target))]
    .filter(([name]) => name !== '')
    .map(([name, all]) => ({
      name,
      ratio: median(all.flatMap(({ result, beside }) => (beside ? [perSecond(result) / perSecond(beside)] : []))),
    }));
  const bars = {
    'best ÷ pgbench right before (bar 2.5)': Math.max(...[...BESIDE_PGBENCH].map(besidePgbench)),
    '64 connections ÷ pgbench right before (bar 1.8)': besidePgbench(64),
    'best ÷ one transaction, same connections (bar 8)': best / rate('one transaction', at),
    'best ÷ no database, same connections (bar 0.35)': best / rate('no database', at),
    'lone bet p50 ms (bar 2)': median(of('gateway', 1).map((each) => each.p50)),
    'one hot wallet per second (bar 1000)': rate('one hot wallet', 64),
    ...Object.fromEntries(
      others.map(({ name, ratio }) => [`${name} ÷ ${COMPARED_WITH} right before (bar 0.8)`, ratio]),
    ),
    'pgbench per second': median(measured.flatMap((each) => each.tps ?? [])),
  };
  // What this run did not measure is left out.
  const shown = Object.entries(bars).filter(([, value]) => Number.isFinite(value));
  console.table(Object.fromEntries(shown.map(([name, value]) => [name, Number(value.toFixed(2))])));
  const conditions = {
    generator,
    cores: availableParallelism(),
    rounds,
    seconds,
    wallets: WALLETS,
    node: process.version,
  };
  process.stdout.write(`${JSON.stringify({ bench: 'bets', ...conditions, bars: Object.fromEntries(shown), rows })}\n`);
}

function perSecond({ requests, seconds: took }: LoadResult): number {
  return requests / took;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, each) => sum + each, 0) / middle.length;
}
