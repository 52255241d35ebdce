import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bet, policy } from '../ledger/commands.js';
import { createTestDatabase, createTestLedger, createTestPlayer, type TestDatabase } from '../support/database.js';
import { checkProjections } from '../support/projections.js';

describe('npm run rebuild', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterAll(() => db.close());

  async function runRebuild(...args: string[]) {
    const run = promisify(execFile);
    const env = { ...process.env, DATABASE_URL: db.url };
    return run(process.execPath, ['--import', 'tsx', 'src/cli/rebuild.ts', ...args], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }

  test('makes the reports of a ledger that was never followed, and says how far it is', async () => {
    const player = await createTestPlayer(db);
    const ledger = createTestLedger(db);
    await ledger.execute(bet(player, 'b1', '2', { round: 'r1', game: 'book' }), { policy, deadlineMs: 5_000 });
    await ledger.close();
    const { code, stdout, stderr } = await runRebuild('reports');
    expect(stdout).toMatch(/^Rounds and reports hold the ledger again: 1 rows of play in \d+\.\d s\.\n$/);
    expect(stderr).toMatch(/64 of 64 lanes, 1 rows, [\d,]+ rows\/s/);
    expect(code).toBe(0);
    expect(await checkProjections(db)).toEqual([]);
    const { rows } = await db.owner.query(
      'select grain, stakes, bets, rounds, players from report_bucket order by grain',
    );
    const bucket = { stakes: '2000000', bets: '1', rounds: '1', players: '1' };
    expect(rows).toEqual([
      { grain: 'day', ...bucket },
      { grain: 'hour', ...bucket },
    ]);
  });

  test('refuses what it does not know, and says how it is used', async () => {
    const refused = await Promise.all([runRebuild(), runRebuild('books'), runRebuild('reports', '--contine')]);
    for (const { code, stderr } of refused) {
      expect(code).toBe(2);
      expect(stderr).toContain('Usage: npm run rebuild -- reports [--continue]');
    }
  });
});
