import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { issueToken } from '../src/auth.js';
import { startEmbeddedPostgres } from '../src/database.js';
import { Secret } from '../src/observability/secret.js';
import { type Running, startGateway } from './gateway.js';

/**
 * `npm run bench:exports -- [--rows 1000000] [--formats csv,ndjson,parquet] [--subject transactions] [--url …]`: a month of play
 * (bench/history-world.ts) leaves a real gateway as a file in each format. The client reads and forgets; the gateway's
 * resident memory is watched all the time, and while nothing is exported, as the measure of it.
 */

const PORT = 4_813;
const SAMPLE_MS = 100;
const MIB = 1_048_576;

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    formats: { type: 'string', default: 'csv,ndjson,parquet' },
    subject: { type: 'string', default: 'transactions' },
    /** Owner's URL of a world that bench:history made; one of `rows` is made where none is given. */
    url: { type: 'string' },
  },
});

const directory = await mkdtemp(join(tmpdir(), 'croupier-exports-'));
const server =
  flags.url === undefined ? await startEmbeddedPostgres({ directory: join(directory, 'postgres') }) : undefined;
let gateway: Running | undefined;
try {
  if (server !== undefined) await makeWorld(server.url, flags.rows);
  gateway = await startGateway(directory, server?.url ?? flags.url ?? '', PORT);
  const token = await issueToken(
    new Secret('bench-auth-secret-of-at-least-32-bytes'),
    { subject: 'bench', brand: 'demo', roles: ['analyst'] },
    86_400,
  );
  const results: Record<string, unknown>[] = [];
  // The first pass warms the code and the database's cache, and is not counted.
  await measure(gateway, token, 'csv', 'rows=200000');
  for (const format of flags.formats.split(',')) {
    results.push(await measure(gateway, token, format, format === 'parquet' ? 'rows=1000000000' : ''));
  }
  console.table(results);
  process.stdout.write(`${JSON.stringify({ bench: 'exports', subject: flags.subject, results })}\n`);
} finally {
  await gateway?.stop();
  await server?.close();
  await rm(directory, { recursive: true, force: true });
}

async function makeWorld(url: string, rows: string): Promise<void> {
  const world = ['--import', 'tsx', 'bench/history-world.ts', '--rows', rows, '--url', url, '--projections', 'rebuild'];
  const child = spawn(process.execPath, world, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('The world was not made');
}

async function measure(
  running: Running,
  token: string,
  format: string,
  query: string,
): Promise<Record<string, unknown>> {
  const before = residentMib(running);
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, residentMib(running));
  }, SAMPLE_MS);
  const day = 86_400_000;
  const span = `from=${new Date(Date.now() - 40 * day).toISOString()}&to=${new Date(Date.now() + day).toISOString()}`;
  const startedAt = performance.now();
  const { bytes, rows } = await read(`${running.url}/exports/${flags.subject}.${format}?${span}&${query}`, token);
  const seconds = (performance.now() - startedAt) / 1_000;
  clearInterval(watch);
  return {
    format,
    rows,
    'rows/s': Math.round(rows / seconds),
    'MB/s': Number((bytes / 1e6 / seconds).toFixed(1)),
    'bytes/row': Math.round(bytes / rows),
    'MiB resident before': before,
    'MiB resident at most': most,
  };
}

async function read(url: string, token: string): Promise<{ bytes: number; rows: number }> {
  const sent = request(url, { headers: { authorization: `Bearer ${token}` }, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  let bytes = 0;
  for await (const part of response) bytes += part.length;
  if (response.statusCode !== 200 || !response.complete)
    throw new Error(`The export ended with ${response.statusCode}`);
  return { bytes, rows: Number(response.trailers['x-croupier-rows']) };
}

function residentMib({ process: child }: Running): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Math.round((Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024) / MIB);
}
