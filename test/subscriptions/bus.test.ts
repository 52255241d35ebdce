import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Bus, Hint } from '../../src/events/bus.js';
import type { BusOptions } from '../../src/events/hint-bus.js';
import { openBus } from '../../src/events/open-bus.js';
import { createFeed } from '../../src/events/feed.js';
import { LANE_COUNT } from '../../src/ledger/lanes.js';
import { UNITS_MAX } from '../../src/ledger/money.js';
import { createLogger, Secret } from '../../src/observability/logger.js';
import { policyWith } from '../ledger/commands.js';
import { type BusKind, type BusServer, missing, openBusServer } from '../support/bus-servers.js';
import { createTestDatabase, createTestLedger, createTestPlayer } from '../support/database.js';

/** The same rules for everything that can carry hints, each with its real server. */

const kinds: readonly BusKind[] = ['postgres', 'redis', 'nats'];
const here = kinds.filter((kind) => missing(kind) === undefined);

for (const kind of kinds) {
  const reason = missing(kind);
  if (reason !== undefined) process.stderr.write(`The tests of the ${kind} bus are skipped: ${reason}.\n`);
}

function quietLogger() {
  return { info: vi.fn<() => void>(), warn: vi.fn<(...said: unknown[]) => void>() };
}

describe.each(here)('the %s bus', (kind) => {
  let server: BusServer;
  const buses: Bus[] = [];
  const ears: { close(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    server = await openBusServer(kind);
    await server.start();
  });
  afterEach(async () => {
    await Promise.all([...buses.splice(0).map((each) => each.close()), ...ears.splice(0).map((each) => each.close())]);
  });
  afterAll(() => server.close());

  /** A bus as a process of its own would have it, with every hint it hears. */
  async function join(options: BusOptions = {}): Promise<{ bus: Bus; heard: Hint[] }> {
    const bus = await openBus(server.config, { databaseUrl: server.url, ...options });
    buses.push(bus);
    const heard: Hint[] = [];
    bus.listen((hints) => heard.push(...hints));
    return { bus, heard };
  }

  async function overhear(): Promise<{ say: (text: string) => Promise<unknown>; heard: () => Promise<string[]> }> {
    const ear = await server.overhear();
    ears.push(ear);
    return {
      say: (text) => ear.say(text),
      async heard() {
        // What was said before it is here when this is.
        await ear.say('the end');
        await vi.waitFor(() => expect(ear.heard()).toContain('the end'));
        return ear.heard().slice(0, ear.heard().indexOf('the end'));
      },
    };
  }

  /** Publishes in both directions until both hear: hints are lost while one of them is still on its way back. */
  async function expectTalk(here: Awaited<ReturnType<typeof join>>, there: typeof here): Promise<void> {
    const [before, beforeThere] = [here.heard.length, there.heard.length];
    let number = 1_000n;
    await vi.waitFor(
      () => {
        number += 1n;
        here.bus.publish([{ lane: 1, number }]);
        there.bus.publish([{ lane: 2, number }]);
        expect(here.heard.length).toBeGreaterThan(before);
        expect(there.heard.length).toBeGreaterThan(beforeThere);
      },
      { timeout: 8_000 },
    );
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

  test('whoever stopped listening hears nothing more', async () => {
    const [here, there] = [await join(), await join()];
    const late: Hint[] = [];
    const deafen = there.bus.listen((hints) => late.push(...hints));
    deafen();
    here.bus.publish([{ lane: 1, number: 1n }]);
    await vi.waitFor(() => expect(there.heard).toHaveLength(1));
    expect(late).toEqual([]);
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
    const messages = await ear.heard();
    expect(messages).toHaveLength(1);
    expect(Buffer.byteLength(messages.join())).toBeLessThan(7_999);
  });

  test('what is not understood is ignored: a newer process may say more', async () => {
    const [{ heard }, ear] = [await join(), await overhear()];
    const strange = ['', 'x', '{}', '[]', 'null', '{"from":"x","lanes":[[64,"1"]]}', '{"from":"x","lanes":[[1,"-1"]]}'];
    for (const text of strange) await ear.say(text);
    await ear.say('{"from":"x","lanes":[[5,"9"]],"more":true}');
    await vi.waitFor(() => expect(heard).toEqual([{ lane: 5, number: 9n }]));
  });

  test('after its server was killed and started again it hears and speaks as before, and says so once', async () => {
    const logger = quietLogger();
    const [here, there] = [await join({ logger }), await join()];
    await expectTalk(here, there);
    await server.kill();
    await vi.waitFor(() => expect(logger.warn).toHaveBeenCalledOnce());
    const startedAt = performance.now();
    for (let number = 1n; number <= 10_000n; number += 1n) here.bus.publish([{ lane: 1, number }]);
    expect(performance.now() - startedAt).toBeLessThan(500);
    await server.start();
    await vi.waitFor(() => expect(logger.info).toHaveBeenCalledOnce(), { timeout: 8_000 });
    await expectTalk(here, there);
    expect(here.heard.every(({ lane }) => lane === 2)).toBe(true);
    expect(logger.warn).toHaveBeenCalledOnce();
  });

  test('what was hinted while there was no server is sent when there is one', async () => {
    await server.kill();
    const logger = quietLogger();
    const { bus } = await join({ logger });
    expect(logger.warn).toHaveBeenCalledOnce();
    bus.publish([{ lane: 6, number: 5n }]);
    bus.publish([{ lane: 6, number: 6n }]);
    await server.start();
    const ear = await overhear();
    await vi.waitFor(() => expect(logger.info).toHaveBeenCalledOnce(), { timeout: 8_000 });
    // Nobody but the ear need have been there in time: then the hint was lost, and hints may be.
    const { heard } = await join();
    await vi.waitFor(
      async () => {
        bus.publish([{ lane: 6, number: 6n }]);
        expect(heard.at(-1)).toEqual({ lane: 6, number: 6n });
        expect((await ear.heard()).join()).not.toContain('[6,"5"]');
      },
      { timeout: 5_000 },
    );
  });

  test('a hint that was missed is repaired by the feed', async () => {
    const database = await createTestDatabase();
    const [here, there] = [await join(), await join()];
    const player = await createTestPlayer(database);
    const feed = createFeed({ orm: database.orm, bus: here.bus, repairMs: 100 });
    // Another process: what it commits, this one knows from hints only.
    const ledger = createTestLedger(database, { committed: (units) => there.bus.publish(units) });
    const leaving = new AbortController();
    const wallet = { lane: player.lane, walletId: player.wallets.get('EUR') ?? 0n, after: 1n };
    const moves = feed.follow([wallet], leaving.signal)[Symbol.asyncIterator]();
    const bet = async (key: string): Promise<void> => {
      const { outcome } = await ledger.execute(
        {
          kind: 'bet',
          brand: 'demo',
          player: player.externalId,
          integration: 'igpx-demo',
          currency: 'EUR',
          key,
          amount: { digits: 1n, decimals: 0 },
        },
        { policy: policyWith({}), deadlineMs: 5_000 },
      );
      expect(outcome.type).toBe('applied');
    };
    const next = moves.next();
    await bet('with a bus');
    expect((await next).value).toMatchObject({ sequence: 2n });
    await server.kill();
    const missed = moves.next();
    await bet('without a bus');
    expect((await missed).value).toMatchObject({ sequence: 3n });
    leaving.abort();
    await feed.close();
    await ledger.close();
    await server.start();
    await database.close();
  });

  test('closing sends what is left and ends every connection, once and again', async () => {
    const [here, there] = [await join(), await join()];
    here.bus.publish([{ lane: 9, number: 9n }]);
    await here.bus.close();
    await vi.waitFor(() => expect(there.heard).toEqual([{ lane: 9, number: 9n }]));
    await there.bus.close();
    await there.bus.close();
    await vi.waitFor(async () => expect(await server.busCount()).toBe(0));
    here.bus.publish([{ lane: 9, number: 10n }]);
  });

  test('closing without a server ends soon', async () => {
    const { bus } = await join();
    await server.kill();
    bus.publish([{ lane: 1, number: 1n }]);
    const startedAt = performance.now();
    await bus.close();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    await server.start();
  });
});

describe.each(here.filter((kind) => kind !== 'postgres'))('the %s bus with a password', (kind) => {
  const password = 'p@ss:word/é#1';
  let server: BusServer;
  beforeAll(async () => {
    server = await openBusServer(kind, password);
    await server.start();
  });
  afterAll(() => server.close());

  test('takes its credentials out of the URL', async () => {
    const logger = quietLogger();
    const bus = await openBus(server.config, { databaseUrl: '', logger });
    expect(logger.warn).not.toHaveBeenCalled();
    expect(await server.busCount()).toBeGreaterThan(0);
    await bus.close();
  });

  test('says that a wrong password is wrong, and never which one it was', async () => {
    const logger = quietLogger();
    const url = new URL(server.url);
    url.password = 'canary-6f1d';
    const bus = await openBus({ kind, url: new Secret(url.href) }, { databaseUrl: '', logger });
    expect(logger.warn).toHaveBeenCalledOnce();
    const lines: string[] = [];
    const written = createLogger({ level: 'info', destination: { write: (line: string) => lines.push(line) } });
    written.warn(logger.warn.mock.calls[0]?.[0]);
    expect(lines.join()).toMatch(/auth|password|WRONGPASS/i);
    expect(inspect(logger.warn.mock.calls, { depth: 8 })).not.toContain('canary');
    await bus.close();
  });
});
