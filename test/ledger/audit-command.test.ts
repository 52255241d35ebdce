import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatTransactionId } from '../../src/ledger/ids.js';
import { createTestDatabase, createTestPlayer, type TestDatabase } from '../support/database.js';

describe('npm run audit', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase({ audited: false });
  });
  afterAll(() => db.close());

  async function runAudit(environment: NodeJS.ProcessEnv, ...args: string[]) {
    const run = promisify(execFile);
    const env = { ...process.env, ...environment };
    return run(process.execPath, ['--import', 'tsx', 'src/cli/audit.ts', ...args], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }

  test('ends with 0 on sound books, and with 1 and the transaction id on crooked ones', async () => {
    const alice = await createTestPlayer(db);
    const sound = await runAudit({ DATABASE_URL: db.url });
    expect(sound.stdout).toContain('The books are in order.');
    expect(sound.code).toBe(0);
    await db.owner.query("update ledger_transaction set round = 'another'");
    const crooked = await runAudit({ DATABASE_URL: db.url });
    const walletId = alice.wallets.get('EUR') ?? 0n;
    const id = formatTransactionId({ lane: alice.lane, walletId, sequence: 1n });
    expect(crooked.code).toBe(1);
    expect(crooked.stdout).toContain(`${id}, lane ${alice.lane}, wallet ${walletId}, sequence 1`);
    expect(crooked.stdout).toMatch(/BROKEN +hash-chain-is-unbroken/);
    expect(crooked.stdout).toContain('THE BOOKS ARE CROOKED: 1 of ');
  });

  test('refuses a lane that does not exist', async () => {
    const { code, stderr } = await runAudit({ DATABASE_URL: db.url }, '--from', '64');
    expect(code).toBe(2);
    expect(stderr).toContain('There is no lane "64".');
  });

  test('does not take a database that it cannot reach, or that holds no books, for sound books', async () => {
    const away = await runAudit({ DATABASE_URL: 'postgresql://postgres@127.0.0.1:1/croupier' });
    expect(away.code).toBe(2);
    const empty = new URL(db.url);
    empty.pathname = '/postgres';
    const other = await runAudit({ DATABASE_URL: empty.href.replace('role%3Dcroupier_app', 'jit%3Doff') });
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('lacks migrations');
  });
});
