import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import { createTestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { download, FROM, parseLines, SPAN, TO, writeHistory } from './world.js';

const script = resolve(import.meta.dirname, '../../docs/examples/history-download.py');
const python = spawnSync('python3', ['--version']).status === 0;
if (!python) console.warn('There is no python3 on this machine, so docs/examples/history-download.py is not tried.');

const run = promisify(execFile);
let app: Awaited<ReturnType<typeof startTestApp>>;
let analyst: string;
let directory: string;

beforeAll(async () => {
  app = await startTestApp();
  analyst = await app.token('analyst');
  await writeHistory(app.database, await createTestPlayer(app.database), { count: 3_000, random: seeded(3) });
  directory = await mkdtemp(join(tmpdir(), 'croupier-download-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await app.close();
});

/** Stands between the script and the gateway, and cuts off each of the first answers a little later than the one before. */
async function startTrouble(cuts: readonly number[]): Promise<{ server: Server; url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const cut = cuts[requests.length] ?? Infinity;
    requests.push(request.url ?? '');
    if (cut === 0) {
      response.writeHead(503, { 'retry-after': '0' }).end('{"error":{"code":"UNAVAILABLE","message":"Not now"}}');
      return;
    }
    void download(`${app.url}${request.url}`, request.headers.authorization?.replace('Bearer ', '')).then(
      ({ body }) => {
        response.writeHead(200);
        if (cut === Infinity) response.end(body);
        else response.write(body.subarray(0, cut), () => response.destroy());
        return undefined;
      },
    );
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  return { server, requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const downloadWith = (url: string, file: string, ...more: string[]) =>
  run(
    'python3',
    [script, '--url', url, '--from', FROM.toISOString(), '--to', TO.toISOString(), '--pause', '0.01', ...more, file],
    {
      env: { ...process.env, CROUPIER_TOKEN: analyst },
    },
  );

describe.skipIf(!python)('docs/examples/history-download.py', () => {
  test('brings the file that the gateway gives, whatever breaks on the way', async () => {
    const expected = await download(`${app.url}/exports/transactions.ndjson?${SPAN}`, analyst);
    const trouble = await startTrouble([50_000, 0, 70, 200_123]);
    const file = join(directory, 'transactions.ndjson');
    // A line that was being written when an earlier run was killed.
    await writeFile(`${file}.part`, '{"half');
    await downloadWith(trouble.url, file);
    trouble.server.close();
    expect(trouble.requests).toHaveLength(5);
    expect(trouble.requests.slice(1).every((url) => url.includes('after='))).toBe(true);
    expect((await readFile(file)).equals(expected.body)).toBe(true);
    expect(parseLines(expected.body.toString())).toHaveLength(3_000);
    await expect(readFile(`${file}.part`)).rejects.toThrow('ENOENT');
  });

  test('takes filters, and tells what is refused', async () => {
    const file = join(directory, 'wins.ndjson');
    await downloadWith(app.url, file, '--only', 'kind=WIN');
    expect(parseLines(await readFile(file, 'utf8'))).toHaveLength(1_500);
    const refused = downloadWith(app.url, join(directory, 'refused'), '--only', 'kind=NONE');
    await expect(refused).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('"kind" must be one of') });
  });

  test('gives up after so many attempts, and keeps what has arrived', async () => {
    const trouble = await startTrouble([900, ...Array.from({ length: 20 }, () => 0)]);
    const file = join(directory, 'given-up.ndjson');
    const givenUp = downloadWith(trouble.url, file, '--attempts', '2');
    await expect(givenUp).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('Given up: Not now') });
    trouble.server.close();
    expect(trouble.requests).toHaveLength(4);
    expect(parseLines(await readFile(`${file}.part`, 'utf8')).length).toBeGreaterThan(0);
  });
});
