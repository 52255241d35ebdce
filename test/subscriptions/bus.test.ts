import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Bus, Hint } from '../../src/events/bus.js';
import { createPostgresBus, type PostgresBusOptions } from '../../src/events/bus-postgres.js';
import { LANE_COUNT } from '../../src/ledger/lanes.js';
import { UNITS_MAX } from '../../src/ledger/money.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

describe('the PostgreSQL bus', () => {
  let database: TestDatabase;
  const buses: Bus[] = [];
  const ears: Client[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all([...buses.splice(0).map((each) => each.close()), ...ears.splice(0).map((each) => each.end())]);
  });
  afterAll(() => database.close());

  /** A bus as a process of its own would have it, with every hint it hears. */
  async function join(options: Partial<PostgresBusOptions> = {}): Promise<{ bus: Bus; heard: Hint[] }> {
    const bus = await createPostgresBus({ connection: { connectionString: database.url }, ...options });
    buses.push(bus);
    const heard: Hint[] = [];
    bus.listen((hints) => heard.push(...hints));
    return { bus, heard };
  }

  /** A session that hears everything said over the channel, and can say anything. */
  async function overhear(): Promise<{ say: (payload: string) => Promise<unknown>; heard: () => Promise<string[]> }> {
    const client = new Client({ connectionString: database.ownerUrl });
    const payloads: string[] = [];
    client.on('notification', ({ payload }) => payloads.push(payload ?? ''));
    await client.connect();
    ears.push(client);
    await client.query('listen croupier_units');
    const say = (payload: string): Promise<unknown> =>
      client.query('select pg_notify($1, $2)', ['croupier_units', payload]);
    return {
      say,
      async heard() {
        // Messages arrive in the order of their commits: when this one is here, so are those before it.
        await say('the end');
        await vi.waitFor(() => expect(payloads).toContain('the end'));
        return payloads.slice(0, payloads.indexOf('the end'));
      },
    };
  }

  test('a hint reaches the other processes and not the one that gave it', async () => {
    const [here, there, elsewhere] = [await join(), await join(), await join()];
    here.bus.publish([{ lane: 3, number: 17n }]);
    for (const { heard } of [there, elsewhere]) {
      await vi.waitFor(() => expect(heard).toEqual([{ lane: 3, number: 17n }]));
    }
    // An answer from there comes after our own hint would have.
    there.bus.publish([{ lane: 4, number: 1n }]);
    await vi.waitFor(() => expect(here.heard).toEqual([{ lane: 4, number: 1n }]));
  });

  test('hints that follow each other closely travel as one, with the highest number of each lane', async () => {
    const [here, there, ear] = [await join(), await join(), await overhear()];
    for (const number of [1n, 3n, 2n])
      here.bus.publish([
        { lane: 1, number },
        { lane: 2, number: number + 10n },
      ]);
    await vi.waitFor(() =>
      expect(there.heard).toEqual([
        { lane: 1, number: 3n },
        { lane: 2, number: 13n },
      ]),
    );
    expect(await ear.heard()).toHaveLength(1);
  });

  test('at most one message leaves in a while, however many units commit', async () => {
    const [here, there, ear] = [await join({ coalesceMs: 50 }), await join(), await overhear()];
    const startedAt = performance.now();
    let number = 0n;
    while (performance.now() - startedAt < 300) {
      number += 1n;
      here.bus.publish([{ lane: 1, number }]);
      await new Promise(setImmediate);
    }
    await vi.waitFor(() => expect(there.heard.at(-1)).toEqual({ lane: 1, number }));
    const elapsedMs = performance.now() - startedAt;
    expect((await ear.heard()).length).toBeLessThanOrEqual(elapsedMs / 50);
  });

  test('hints of every lane at the highest numbers fit into one message', async () => {
    const [here, there, ear] = [await join(), await join(), await overhear()];
    const hints = Array.from({ length: LANE_COUNT }, (_, lane) => ({ lane, number: UNITS_MAX }));
    here.bus.publish(hints);
    await vi.waitFor(() => expect(there.heard).toEqual(hints));
    const payloads = await ear.heard();
    expect(payloads).toHaveLength(1);
    expect(Buffer.byteLength(payloads.join())).toBeLessThan(7_999);
  });

  test('what is not understood is ignored: a newer process may say more', async () => {
    const [{ heard }, ear] = [await join(), await overhear()];
    for (const payload of ['', 'x', '{}', '[]', '{"from":"x","lanes":[[64,"1"]]}', '{"from":"x","lanes":[[1,"-1"]]}'])
      await ear.say(payload);
    await ear.say('{"from":"x","lanes":[[5,"9"]],"more":true}');
    await vi.waitFor(() => expect(heard).toEqual([{ lane: 5, number: 9n }]));
  });

  test('after its connection was ended by the server it connects again and hears and speaks as before', async () => {
    const logger = { info: vi.fn<() => void>(), warn: vi.fn<() => void>() };
    const [here, there] = [await join({ logger }), await join()];
    await endBuses(database);
    await vi.waitFor(() => expect(logger.info).toHaveBeenCalledOnce(), { timeout: 5_000 });
    expect(logger.warn).toHaveBeenCalledOnce();

    // The other one may still be on its way back, and hints may be lost then.
    let number = 0n;
    await vi.waitFor(
      () => {
        number += 1n;
        here.bus.publish([{ lane: 1, number }]);
        there.bus.publish([{ lane: 2, number }]);
        expect(here.heard.length).toBeGreaterThan(0);
        expect(there.heard.length).toBeGreaterThan(0);
      },
      { timeout: 5_000 },
    );
    expect(here.heard.every(({ lane }) => lane === 2)).toBe(true);
  });

  test('what was hinted while it had no connection is sent when it has one', async () => {
    const logger = { info: vi.fn<() => void>(), warn: vi.fn<() => void>() };
    const [there, here] = [await join(), await join({ logger })];
    await endBuses(database, 1);
    await vi.waitFor(() => expect(logger.warn).toHaveBeenCalledOnce());
    here.bus.publish([{ lane: 6, number: 6n }]);
    await vi.waitFor(() => expect(there.heard).toEqual([{ lane: 6, number: 6n }]));
    expect(logger.info).toHaveBeenCalledOnce();
  });

  test('without a database it keeps quiet, and connects when there is one', async () => {
    const url = new URL(database.url);
    const name = `late_${randomUUID().replaceAll('-', '')}`;
    url.pathname = `/${name}`;
    const logger = { info: vi.fn<() => void>(), warn: vi.fn<() => void>() };
    const bus = await createPostgresBus({ connection: { connectionString: url.href }, logger });
    for (let number = 1n; number < 1_000n; number += 1n) bus.publish([{ lane: 1, number }]);
    await database.owner.query(`create database ${name}`);
    await vi.waitFor(() => expect(logger.info).toHaveBeenCalledOnce(), { timeout: 5_000 });
    expect(logger.warn).toHaveBeenCalledOnce();
    await bus.close();
    bus.publish([{ lane: 1, number: 1_000n }]);
    await database.owner.query(`drop database ${name} with (force)`);
  });

  test('closing sends what is left and ends the connection, once and again', async () => {
    const [here, there] = [await join(), await join()];
    here.bus.publish([{ lane: 9, number: 9n }]);
    await here.bus.close();
    await vi.waitFor(() => expect(there.heard).toEqual([{ lane: 9, number: 9n }]));
    await there.bus.close();
    await vi.waitFor(async () => expect(await busCount(database)).toBe(0));
  });
});

/** Ends the connections that were made last. */
async function endBuses(database: TestDatabase, count = 100): Promise<void> {
  await database.owner.query(
    `select pg_terminate_backend(pid) from (
       select pid from pg_stat_activity where datname = current_database() and application_name = 'croupier-bus'
       order by backend_start desc limit $1) latest`,
    [count],
  );
}

async function busCount(database: TestDatabase): Promise<number> {
  const { rows } = await database.owner.query<{ count: string }>(
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'croupier-bus'",
  );
  return Number(rows[0]?.count);
}
