import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { fundWallets, openBenchDatabase } from '../../bench/bench-database.js';
import { proveCrash } from '../../bench/proofs/crash.js';

/** The short form of `npm run prove:crash`; docs/reliability.md says what it proves. */

const PLAYERS = 40;
const FUNDS = 1_000_000_000_000_000n;
const name = `crash_${randomUUID().replaceAll('-', '')}`;
const seed = Number(process.env['PROOF_SEED'] ?? Date.now() % 1_000_000);

let directory: string;
let databaseUrl: string;
beforeAll(async () => {
  // The proof kills a process of the gateway as it is shipped, so it has to be built; nothing is done where it is.
  await promisify(execFile)('npm', ['run', '-s', 'build']);
  directory = await mkdtemp(join(tmpdir(), 'croupier-crash-'));
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

test('a gateway that is killed three times under load loses and doubles nothing', { timeout: 120_000 }, async () => {
  const funds = Array.from({ length: PLAYERS }, () => FUNDS);
  const said: string[] = [];
  const report = await proveCrash({
    databaseUrl,
    directory,
    funds,
    kills: 3,
    betweenKills: { least: 100, most: 400 },
    seed,
    say: (text) => said.push(text),
  });
  expect(report.violations, `seed ${seed}: ${said.join('; ')}`).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(300);
});
