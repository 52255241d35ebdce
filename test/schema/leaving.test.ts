import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import { openClient } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

/** Statements of GraphQL that wait in the database. */
async function waiting(): Promise<number> {
  const { rows } = await app.database.owner.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where datname = current_database()
     and application_name in ('croupier-reads', 'croupier-history') and state = 'active' and wait_event_type = 'Lock'`,
  );
  return rows[0]?.count ?? -1;
}

/** Nothing can read the ledger meanwhile, so whatever asks for it hangs. */
async function whileTheLedgerIsLocked(work: () => Promise<void>): Promise<void> {
  const holder = await app.database.owner.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table ledger_transaction in access exclusive mode');
    await work();
  } finally {
    await holder.query('rollback');
    holder.release();
  }
}

const query = '{ transactions(first: 5) { edges { node { id } } } }';

test('a statement is cancelled in the database when the client of its request leaves', async () => {
  const authorization = `Bearer ${await app.token('operator')}`;
  await whileTheLedgerIsLocked(async () => {
    const leaving = new AbortController();
    const asked = fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query }),
      signal: leaving.signal,
    }).catch((error: unknown) => error);
    await expect.poll(waiting).toBe(1);
    leaving.abort();
    await asked;
    await expect.poll(waiting).toBe(0);
  });
  expect(app.log.filter((line) => line.includes('graphql fault'))).toEqual([]);
});

test('a statement is cancelled in the database when the socket of its operation is closed', async () => {
  const client = openClient(app, await app.token('operator'));
  await whileTheLedgerIsLocked(async () => {
    client.subscribe({ query }, { next: () => undefined, error: () => undefined, complete: () => undefined });
    await expect.poll(waiting).toBe(1);
    client.terminate();
    await expect.poll(waiting).toBe(0);
  });
  await client.dispose();
  expect(app.log.filter((line) => line.includes('graphql fault'))).toEqual([]);
});
