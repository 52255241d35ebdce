import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReads, type Reads } from '../../src/database/reads.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let replica: TestDatabase;
let reads: Reads;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await createTestDatabase();
  reads = createReads({
    primary: { connectionString: database.url, max: 2 },
    replica: { connectionString: replica.url, max: 2 },
    logger: pino({ level: 'silent' }),
  });
});
afterAll(async () => {
  await reads.close();
  await replica.close();
  await database.close();
});

const name = { name: 'name', text: 'select current_database()::text as name, $1::int as given' };
const sleep = { name: 'sleep', text: 'select pg_sleep($1)::text as slept' };

async function sleeping(): Promise<number> {
  const { rows } = await database.owner.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and state = 'active' and query like 'select pg_sleep%'`,
  );
  return rows[0]?.count ?? -1;
}

test('the history may come from a replica, everything else comes from the primary', async () => {
  const [[current], [past]] = await Promise.all([
    reads.query<{ name: string; given: number }>(name, [1]),
    reads.query<{ name: string; given: number }>(name, [2], { from: 'history' }),
  ]);
  expect([current?.name, current?.given]).toEqual([new URL(database.url).pathname.slice(1), 1]);
  expect([past?.name, past?.given]).toEqual([new URL(replica.url).pathname.slice(1), 2]);
});

test('a read whose client leaves is cancelled in the database, and its connection goes on', async () => {
  const leaving = new AbortController();
  const read = reads.query(sleep, [60], { signal: leaving.signal });
  await expect.poll(sleeping).toBe(1);
  leaving.abort(new Error('the client left'));
  await expect(read).rejects.toThrow('the client left');
  await expect.poll(sleeping).toBe(0);
  for (let time = 1; time <= 4; time += 1) expect(await reads.query(name, [time])).toMatchObject([{ given: time }]);
  expect(reads.stats.used).toBe(0);
});

test('a read that has not begun when its client leaves asks nothing', async () => {
  const leaving = new AbortController();
  const blocking = [reads.query(sleep, [0.3]), reads.query(sleep, [0.3])];
  const read = reads.query(sleep, [60], { signal: leaving.signal });
  leaving.abort(new Error('the client left'));
  await expect(read).rejects.toThrow('the client left');
  await Promise.all(blocking);
  expect(await sleeping()).toBe(0);
});

test('a cancellation never hits whoever has the connection next', async () => {
  for (let time = 1; time <= 20; time += 1) {
    const leaving = new AbortController();
    const read = reads.query(sleep, [0.002], { signal: leaving.signal }).catch(() => undefined);
    setTimeout(() => leaving.abort(), 2);
    await read;
    expect(await reads.query(sleep, [0.001])).toHaveLength(1);
  }
});
