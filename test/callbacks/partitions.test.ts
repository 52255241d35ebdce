import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepPartitions } from '../../src/callbacks/partitions.js';
import { startTestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  vi.useRealTimers();
  await database.close();
});

const HOURS_MS = 60 * 60 * 1_000;

/** The days that have a partition, counted from today. */
async function days(): Promise<number[]> {
  const { rows } = await database.owner.query<{ day: number }>(
    `select to_date(right(relname, 8), 'YYYYMMDD') - current_date as day from pg_class
     where relispartition and relkind = 'r' and relname ~ '^callback_[0-9]{8}$' order by 1`,
  );
  return rows.map(({ day }) => day);
}

/** Makes the partition of a day by hand, as a gateway did on that day. */
async function make(day: number): Promise<void> {
  await database.owner.query(
    `do $$ declare day date := current_date + ${day}; begin
     execute format('create table %I partition of callback for values from (%L) to (%L)',
                    'callback_' || to_char(day, 'YYYYMMDD'), day, day + 1); end $$`,
  );
}

/** Drops the partition of a day: what is to be made ahead once more of the days have passed. */
async function drop(day: number): Promise<void> {
  await database.owner.query(
    `do $$ begin execute format('drop table %I', 'callback_' || to_char(current_date + ${day}, 'YYYYMMDD')); end $$`,
  );
}

test('a gateway that starts makes the days ahead, and drops those past the retention of its configuration', async () => {
  for (const day of [-9, -8, -7]) await make(day);
  const gateway = await startTestApp({ database, config: { journal: { retentionDays: 7 } } });
  afterThisTest(() => gateway.close());
  expect(await days()).toEqual([-7, 0, 1, 2, 3]);
});

test('the partitions are kept every six hours for as long as the gateway runs', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const complaints: string[] = [];
  const partitions = await keepPartitions(database.orm, 7, (message) => complaints.push(message));
  expect(await days()).toEqual([0, 1, 2, 3]);
  for (let time = 0; time < 2; time += 1) {
    await drop(3);
    await make(-8);
    expect(await days()).toEqual([-8, 0, 1, 2]);
    vi.advanceTimersByTime(6 * HOURS_MS);
    await expect.poll(days, { timeout: 5_000 }).toEqual([0, 1, 2, 3]);
  }
  partitions.stop();
  expect(vi.getTimerCount()).toBe(0);
  expect(complaints).toEqual([]);
});

test('partitions that cannot be kept are told of, and kept the next time', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const complaints: string[] = [];
  const partitions = await keepPartitions(database.orm, 7, (message) => complaints.push(message));
  afterThisTest(() => partitions.stop());
  await drop(3);
  await database.owner.query('revoke execute on function keep_callback_partitions(int, int) from croupier_app');
  vi.advanceTimersByTime(6 * HOURS_MS);
  await expect
    .poll(() => complaints, { timeout: 5_000 })
    .toEqual(['The partitions of the journal could not be kept; rows go to the default one']);
  expect(await days()).toEqual([0, 1, 2]);
  await database.owner.query('grant execute on function keep_callback_partitions(int, int) to croupier_app');
  vi.advanceTimersByTime(6 * HOURS_MS);
  await expect.poll(days, { timeout: 5_000 }).toEqual([0, 1, 2, 3]);
});
