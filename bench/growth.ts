import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startEmbeddedPostgres } from '../src/database.js';
import { fundWallets, openBenchDatabase } from './bench-database.js';
import { writeBets } from './bets.js';
import { type Running, startGateway } from './gateway.js';
import { findLoadGenerator, load, type LoadResult } from './load.js';

/**
 * `npm run bench:growth`: one gateway takes bets until the ledger holds 5,000,000 rows. Prints its resident memory along the
 * way, and how fast it is at the end beside the beginning. Then the books are audited.
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
const EARLY_ROWS = 50_000;

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
  let bets = 0;
  let rows = WALLETS;
  for (let chunk = 0; rows < rowsWanted; chunk += 1) {
    // The first chunks are short: they warm the code up and then measure the young ledger.
    const seconds = chunk === 0 ? 4 : chunk === 1 ? 5 : chunkSeconds;
    const result = await loadChunk(running, chunk, seconds);
    bets += result.requests;
    rows = WALLETS + bets;
    const mib = await residentMib(running);
    chunks.push({ rows, perSecond: result.requests / result.seconds, mib });
    say(`  ${rows} rows, ${(result.requests / result.seconds).toFixed(0)}/s, ${mib} MiB resident`);
  }
  const early = chunks.find((each) => each.rows > EARLY_ROWS && each !== chunks[0]) ?? chunks[0];
  const late = chunks.slice(-3);
  const lateRate = late.reduce((sum, each) => sum + each.perSecond, 0) / late.length;
  const inMillion = chunks.filter((each) => each.rows <= MEMORY_BETS * 1.2).map((each) => each.mib);
  const books = await execute('node', ['dist/cli/audit.js'], { env: { ...process.env, ...auditEnvironment(url) } });
  say(books.stdout);
  const result = {
    bench: 'growth',
    generator,
    connections,
    rows,
    perSecondAtStart: Math.round(early?.perSecond ?? 0),
    perSecondAtEnd: Math.round(lateRate),
    'end ÷ start (bar 0.8)': Number((lateRate / (early?.perSecond ?? Number.NaN)).toFixed(2)),
    'MiB resident over the first million bets (bar 400)': Math.max(...inMillion),
    'MiB resident at the end': chunks.at(-1)?.mib,
  };
  console.table(chunks.map((each) => ({ ...each, perSecond: Math.round(each.perSecond) })));
  console.table(result);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function loadChunk(running: Running, chunk: number, seconds: number): Promise<LoadResult> {
  const bets = join(directory, 'bets');
  await writeBets(bets, { prefix: `grow-${chunk}`, count: BETS_PER_SECOND_MAX * seconds, wallets: WALLETS });
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
