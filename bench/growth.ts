import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startEmbeddedPostgres } from '../src/database.js';
import { fundWallets, growLedger, openBenchDatabase } from './bench-database.js';
import { writeBets } from './bets.js';
import { type Running, startGateway } from './gateway.js';
import { findLoadGenerator, load, type LoadResult } from './load.js';

/**
 * `npm run bench:growth`: one gateway takes a million bets over HTTP while its resident memory is watched; then the ledger is
 * filled to 5,000,000 rows, and the gateway is measured again beside its beginning. Then the books are audited.
 */

const WALLETS = 10_000;
const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    seconds: { type: 'string', default: '20' },
    connections: { type: 'string', default: '256' },
  },
});
const rowsWanted = Number(flags.rows);
const connections = Number(flags.connections);
const chunkSeconds = Number(flags.seconds);
const BETS_PER_SECOND_MAX = 30_000;
/** Resident memory while the first million bets runs; the bar is 400 MiB. */
const MEMORY_BETS = 1_000_000;

const execute = promisify(execFile);
const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const directory = await mkdtemp(join(tmpdir(), 'croupier-growth-'));
await mkdir(join(directory, 'postgres'));
const generator = await findLoadGenerator();
const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
let gateway: Running | undefined;
try {
  const url = await openBenchDatabase(server.url, 'bench_growth', WALLETS);
  await fundWallets(url, WALLETS);
  gateway = await startGateway(directory, url, 4_811);
  await grow(gateway, url);
} finally {
  await gateway?.stop();
  await server.close();
  await rm(directory, { recursive: true, force: true });
}

async function grow(running: Running, url: string): Promise<void> {
  const chunks: { rows: number; perSecond: number; mib: number }[] = [];
  let filled = 0;
  const rowsNow = (): number => chunks.at(-1)?.rows ?? WALLETS;
  const take = async (seconds: number): Promise<void> => {
    const result = await loadChunk(running, chunks.length, seconds);
    const rows = rowsNow() + filled + result.requests;
    filled = 0;
    const perSecond = Math.round(result.requests / result.seconds);
    chunks.push({ rows, perSecond, mib: await residentMib(running) });
    say(`  ${rows} rows, ${perSecond}/s, ${chunks.at(-1)?.mib} MiB resident`);
  };
  // The first chunks are short: they warm the code up and then measure the young ledger.
  for (const seconds of [4, 5, 5]) await take(seconds);
  const young = chunks.slice(1);
  while (rowsNow() < MEMORY_BETS + WALLETS) await take(chunkSeconds);
  const inMillion = chunks.map((each) => each.mib);
  const missing = rowsWanted - rowsNow();
  if (missing > 0) {
    say(`  ${missing} more bets through the ledger alone`);
    await growLedger(url, 'fill', missing, WALLETS);
    filled = missing;
  }
  for (const seconds of [5, 5, 5]) await take(seconds);
  const old = chunks.slice(-3);
  await auditBooks(url);
  const result = {
    bench: 'growth',
    generator,
    connections,
    rows: rowsNow(),
    'per second at the start': meanRate(young),
    'per second at the end': meanRate(old),
    'end ÷ start (bar 0.8)': Number((meanRate(old) / meanRate(young)).toFixed(2)),
    'MiB resident, most over the first million bets (bar 400)': Math.max(...inMillion),
    'MiB resident at the end': chunks.at(-1)?.mib,
  };
  console.table(chunks);
  console.table(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function meanRate(chunks: readonly { perSecond: number }[]): number {
  return Math.round(chunks.reduce((sum, each) => sum + each.perSecond, 0) / chunks.length);
}

/** @throws when an invariant is broken */
async function auditBooks(url: string): Promise<void> {
  say('  auditing the books');
  const { stdout } = await execute('node', ['dist/cli/audit.js'], {
    env: { ...process.env, ...auditEnvironment(url) },
  });
  say(stdout);
}

async function loadChunk(running: Running, chunk: number, seconds: number): Promise<LoadResult> {
  const bets = await writeBets(join(directory, 'bets'), {
    firstId: 1 + chunk * 10_000_000,
    count: BETS_PER_SECOND_MAX * seconds,
    wallets: WALLETS,
  });
  const result = await load(generator, { url: running.url, bets, connections, seconds });
  if (result.errors > 0) throw new Error(`${result.errors} requests failed`);
  return result;
}

async function residentMib({ process: child }: Running): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024);
}

function auditEnvironment(url: string): Record<string, string> {
  return {
    CROUPIER_CONFIG: join(directory, 'croupier.yaml'),
    CROUPIER_AUTH_SECRET: 'bench-auth-secret-of-at-least-32-bytes',
    DATABASE_URL: url,
  };
}
