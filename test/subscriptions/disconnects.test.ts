import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { fundWallets, openBenchDatabase } from '../../bench/bench-database.js';
import { proveDisconnects } from '../../bench/proofs/disconnects.js';

/** The short form of `npm run prove:disconnects`; docs/reliability.md says what it proves. */

const PLAYERS = 20;
const FUNDS = 1_000_000_000_000_000n;
const name = `disconnects_${randomUUID().replaceAll('-', '')}`;
const seed = Number(process.env['PROOF_SEED'] ?? Date.now() % 1_000_000);

let directories: [string, string];
let directory: string;
let databaseUrl: string;
beforeAll(async () => {
  // The proof kills a process of the gateway as it is shipped, so it has to be built; nothing is done where it is.
  await promisify(execFile)('npm', ['run', '-s', 'build']);
  directory = await mkdtemp(join(tmpdir(), 'croupier-disconnects-'));
  directories = [join(directory, 'first'), join(directory, 'second')];
  for (const each of directories) await mkdir(each);
  databaseUrl = await openBenchDatabase(inject('serverUrl'), name, PLAYERS);
  await fundWallets(databaseUrl, PLAYERS);
});
afterAll(async () => {
  const client = new pg.Client({ connectionString: inject('serverUrl') });
  await client.connect();
  await client.query(`drop database if exists ${name} with (force)`);
  await client.end();
  await rm(directory, { recursive: true, force: true });
});

test('clients that are cut off 200 times miss nothing, and are told nothing twice', { timeout: 120_000 }, async () => {
  const said: string[] = [];
  const report = await proveDisconnects({
    databaseUrl,
    directories,
    funds: Array.from({ length: PLAYERS }, () => FUNDS),
    disconnects: 200,
    kills: 1,
    streams: 3,
    pauseMsMax: 30,
    seed,
    say: (text) => said.push(text),
  });
  expect(report.violations, `seed ${seed}: ${said.join('; ')}`).toEqual([]);
  expect(report.told).toBeGreaterThan(500);
});
