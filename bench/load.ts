import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import autocannon from 'autocannon';
import { z } from 'zod';
import type { BetsFile } from './bets.js';

const run = promisify(execFile);

/** Milliseconds, but for the counts. */
export const LoadResult = z.object({
  requests: z.number(),
  seconds: z.number(),
  errors: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  max: z.number(),
});
export type LoadResult = z.infer<typeof LoadResult>;

export interface LoadOptions {
  readonly url: string;
  readonly bets: BetsFile;
  readonly connections: number;
  readonly seconds: number;
}

export type LoadGenerator = 'wrk' | 'autocannon';

/** wrk where it is installed: it takes a tenth of a core where autocannon takes a whole one. */
export async function findLoadGenerator(): Promise<LoadGenerator> {
  return run('which', ['wrk']).then(
    () => 'wrk' as const,
    () => 'autocannon' as const,
  );
}

export async function load(generator: LoadGenerator, options: LoadOptions): Promise<LoadResult> {
  return generator === 'wrk' ? loadByWrk(options) : loadByAutocannon(options);
}

async function loadByWrk({ url, bets, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const script = fileURLToPath(new URL('bets.lua', import.meta.url));
  const { stdout } = await run(
    'wrk',
    ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url],
    { env: { ...process.env, BETS: bets.file, BETS_PATH: bets.path, BETS_HEADERS: bets.headerNames.join(' ') } },
  );
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  return LoadResult.parse(JSON.parse(line ?? 'null'));
}

async function loadByAutocannon({ url, bets, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const lines = (await readFile(bets.file, 'utf8')).split('\n').slice(0, -1);
  let at = 0;
  const result = await autocannon({
    url: url + bets.path,
    connections,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        setupRequest: (request) => {
          const parts = (lines[at++ % lines.length] ?? '').split(' ');
          const headers = Object.fromEntries(bets.headerNames.map((name, index) => [name, parts[index] ?? '']));
          return { ...request, headers, body: parts.slice(bets.headerNames.length).join(' ') };
        },
      },
    ],
  });
  return {
    requests: result.requests.total,
    seconds: result.duration,
    errors: result.errors + result.non2xx,
    p50: result.latency.p50,
    p90: result.latency.p90,
    p99: result.latency.p99,
    max: result.latency.max,
  };
}
