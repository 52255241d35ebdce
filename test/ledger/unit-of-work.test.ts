import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WalletCommand } from '../../src/ledger/commands.js';
import type { ExecuteOptions, Ledger, LedgerOptions } from '../../src/ledger/ledger.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, policy, rollback, said, strictPolicy, times, win } from './commands.js';
import { createWire, type Wire } from '../support/wire.js';
import { holdLane, openLedgerOver, terminateLedgers, until, untilWaiting } from './interruption.js';
import { seeded } from '../support/random.js';

let db: TestDatabase;
let wire: Wire;
let ledger: Ledger;
let alice: TestPlayer;
let bob: TestPlayer;
let failures: string[];

beforeAll(async () => {
  db = await createTestDatabase();
  wire = await createWire(db.url);
});
afterAll(async () => {
  await wire.close();
  await db.close();
});

beforeEach(async () => {
  failures = [];
  alice = await createTestPlayer(db);
  bob = await createTestPlayer(db);
  ledger = await openLedger();
});
afterEach(async () => {
  await ledger.close();
});

function openLedger(overrides: Partial<LedgerOptions> = {}): Promise<Ledger> {
  return openLedgerOver(wire, db, [alice, bob], { failed: (message) => failures.push(message), ...overrides });
}

async function execute(command: WalletCommand, options: Partial<ExecuteOptions> = {}): Promise<string> {
  const { outcome } = await ledger.execute(command, { policy, deadlineMs: 20_000, ...options });
  return said(outcome);
}

async function rowsUnder(key: string): Promise<number> {
  const { rows } = await db.owner.query<{ count: string }>(
    'select count(*) from ledger_transaction where lane = $1 and player_id = $2 and external_key = $3',
    [alice.lane, alice.id, key],
  );
  return Number(rows[0]?.count);
}

const inquiry = (): WalletCommand => ({ kind: 'balance', brand: 'demo', player: alice.externalId, currency: 'EUR' });

describe('11: the connection is lost', () => {
  test('before COMMIT: nothing was done, and trying again applies it once', async () => {
    wire.cutAt('before-commit');
    const cuts = wire.cuts;
    expect(await execute(bet(alice, 'b', '5'))).toBe('applied 95000000');
    expect(wire.cuts).toBe(cuts + 1);
    expect(await rowsUnder('b')).toBe(1);
  });

  test('between COMMIT and its answer: the effect stays, and is found', async () => {
    wire.cutAt('after-commit');
    const cuts = wire.cuts;
    expect(await execute(bet(alice, 'b', '5'))).toBe('replayed 95000000');
    expect(wire.cuts).toBe(cuts + 1);
    expect(await rowsUnder('b')).toBe(1);
    expect(await execute(inquiry())).toBe('done 95000000');
  });

  test('between COMMIT and its answer, where a repeat is refused: the first attempt is still told that it was applied', async () => {
    wire.cutAt('after-commit');
    expect(await execute(bet(alice, 'b', '5'), { policy: { ...policy, duplicate: 'refuse' } })).toBe(
      'replayed 95000000',
    );
    expect(await execute(bet(alice, 'b', '5'), { policy: { ...policy, duplicate: 'refuse' } })).toBe(
      'refused DUPLICATE',
    );
  });

  test('between COMMIT and its answer, for a win that pays what it has now paid: it is its own, and no second one', async () => {
    await execute(bet(alice, 'b1', '5', { round: 'r' }));
    const rules = { policy: strictPolicy };
    const links = {
      oldest: { pays: 'oldest-of-round' },
      named: { pays: { bet: 'b2' } },
      whole: { pays: 'round' },
    } as const;
    for (const [key, link] of Object.entries(links)) {
      const round = key === 'oldest' ? 'r' : key;
      await execute(bet(alice, key === 'named' ? 'b2' : `${key}-b`, '5', { round }));
      const command = win(alice, key, '0', { ...link, round, ...times('2') });
      wire.cutAt('after-commit');
      expect(await execute(command, rules)).toMatch(/^replayed/);
      expect(await execute(command, rules)).toBe('refused DUPLICATE');
      expect(await rowsUnder(key)).toBe(1);
    }
  });

  test('with a whole group under way: each of them once', async () => {
    for (const moment of ['before-commit', 'after-commit'] as const) {
      wire.cutAt(moment);
      const keys = Array.from({ length: 40 }, (_, count) => `${moment}-${count}`);
      const outcomes = await Promise.all(keys.map((key) => execute(bet(alice, key, '1'))));
      expect(outcomes.filter((each) => !/^(applied|replayed) /.test(each))).toEqual([]);
      expect(new Set(outcomes.map((each) => each.split(' ')[1])).size).toBe(40);
    }
    expect(await execute(inquiry())).toBe('done 20000000');
  });

  test('because the backend was terminated in the middle of a unit', async () => {
    const lane = await holdLane(db, alice.lane);
    const betting = execute(bet(alice, 'b', '5'));
    await untilWaiting(db.owner, 1);
    await terminateLedgers(db.owner);
    await lane.release();
    expect(await betting).toBe('applied 95000000');
    expect(await rowsUnder('b')).toBe(1);
  });

  test('again and again, while bets and wins go on: every command is applied exactly once (seed 4)', async () => {
    const random = seeded(4);
    const outcomes: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      if (random.chance(0.4)) wire.cutAt(random.pick(['before-commit', 'after-commit']));
      const group = Array.from({ length: 1 + random.below(12) }, (_, count) =>
        execute(count % 2 === 0 ? bet(alice, `b${round}-${count}`, '1') : win(alice, `w${round}-${count}`, '1')),
      );
      if (random.chance(0.4)) await terminateLedgers(db.owner);
      outcomes.push(...(await Promise.all(group)));
    }
    expect(outcomes.filter((each) => !/^(applied|replayed) /.test(each))).toEqual([]);
    const { rows } = await db.owner.query<{ count: string }>(
      'select count(*) from ledger_transaction where player_id = $1',
      [alice.id],
    );
    expect(Number(rows[0]?.count)).toBe(outcomes.length + 1);
  });
});

describe('12: the database', () => {
  test('is away: bets fail at their deadline, and five seconds after its return at the latest all is well without a restart', async () => {
    expect(await execute(bet(alice, 'b1', '1'))).toBe('applied 99000000');
    await wire.down();
    const startedAt = performance.now();
    expect(await execute(bet(alice, 'b2', '1'), { deadlineMs: 300 })).toBe('refused UNAVAILABLE');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    const patient = execute(win(alice, 'w', '1'));
    await wire.up();
    const upAt = performance.now();
    expect(await patient).toBe('applied 100000000');
    expect(performance.now() - upAt).toBeLessThan(5_000);
    expect(await execute(bet(alice, 'b2', '1'))).toBe('applied 99000000');
  });

  test('has no connection left: the ledger waits its turn', async () => {
    await ledger.close();
    const name = new URL(db.url).pathname.slice(1);
    await db.owner.query(`alter database ${name} connection limit 0`);
    // Superusers are not limited, and the tests' login is one: the wire stands in for the refusal.
    await wire.down();
    ledger = await openLedger();
    const betting = execute(bet(alice, 'b', '1'));
    await until(() => failures.length > 2);
    await db.owner.query(`alter database ${name} connection limit -1`);
    await wire.up();
    expect(await betting).toBe('applied 99000000');
  });

  test('has become read-only: nothing is applied, and when it takes writes again the ledger does too', async () => {
    const name = new URL(db.url).pathname.slice(1);
    await ledger.close();
    const owner = await db.owner.connect();
    await owner.query(`alter database ${name} set default_transaction_read_only = on`);
    try {
      ledger = await openLedger();
      const startedAt = performance.now();
      expect(await execute(bet(alice, 'b1', '1'), { deadlineMs: 300 })).toMatch(/^refused (INTERNAL|UNAVAILABLE)$/);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    } finally {
      await owner.query(`alter database ${name} reset default_transaction_read_only`);
      owner.release();
    }
    // A session keeps what it began with, as one to a former primary does: the ledger must have let go of it.
    expect(await execute(bet(alice, 'b1', '1'))).toBe('applied 99000000');
  });

  test('gives up a lock that is not given in time: the command is tried again and applied', async () => {
    const lane = await holdLane(db, alice.lane);
    const betting = execute(bet(alice, 'b', '1'));
    await until(() => failures.some((each) => each.includes('did not commit')));
    await lane.release();
    expect(await betting).toBe('applied 99000000');
  });

  test.for([
    ['a serialization failure', '40001'],
    ['a deadlock', '40P01'],
    ['a statement time-out', '57014'],
    ['a full disk', '53100'],
  ])('reports %s once: the commands are tried again one by one, and each is applied once', async ([, code]) => {
    await db.owner.query(`create sequence faults`);
    await db.owner.query(`create function fault() returns trigger language plpgsql security definer as $$ begin
      if nextval('faults') = 1 then raise exception 'made for the test' using errcode = '${code}'; end if; return new; end $$`);
    await db.owner.query(
      'create trigger fault before insert on ledger_transaction for each row execute function fault()',
    );
    try {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, count) => execute(bet(alice, `b${count}`, '1'))),
      );
      expect(outcomes).toEqual(Array.from({ length: 20 }, (_, count) => `applied ${99 - count}000000`));
      expect(failures).toEqual(['A unit of 20 did not commit; its commands run again one by one']);
    } finally {
      await db.owner.query('drop trigger fault on ledger_transaction; drop function fault; drop sequence faults');
    }
  });
});

test('commands on the same key share a unit without a conflict: each sees what the one before it did', async () => {
  const outcomes = await Promise.all([
    execute(bet(alice, 'b', '5')),
    execute(bet(alice, 'b', '5')),
    execute(bet(alice, 'b', '6')),
    execute(rollback(alice, 'x1', 'b')),
    execute(rollback(alice, 'x2', 'b')),
    execute(rollback(alice, 'x1', 'b')),
    execute(rollback(alice, 'x3', 'later')),
    execute(bet(alice, 'later', '1')),
    execute(win(alice, 'usd1', '1', { currency: 'USD' })),
    execute(win(alice, 'usd2', '1', { currency: 'USD' })),
  ]);
  expect(outcomes).toEqual([
    'applied 95000000',
    'replayed 95000000',
    'refused KEY_CONFLICT',
    'applied 100000000',
    'applied 100000000',
    'replayed 100000000',
    'applied 100000000',
    'refused BET_ROLLED_BACK',
    'applied 1000000',
    'applied 2000000',
  ]);
  expect(failures).toEqual([]);
  expect(ledger.stats.units).toBe(1);
});

describe('13: one poisonous command among a hundred', () => {
  const hundred = (poison: () => Promise<string>): Promise<string[]> =>
    Promise.all(
      Array.from({ length: 100 }, (_, count) => (count === 50 ? poison() : execute(bet(alice, `b${count}`, '0.5')))),
    );

  test.for([
    [
      'a journal that throws',
      {
        journal: () => {
          throw new Error('poison');
        },
      },
    ],
    [
      'an error that is not one',
      {
        journal: () => {
          throw Object.create(null);
        },
      },
    ],
  ] as const)('%s: only it fails', async ([, options]) => {
    const outcomes = await hundred(() => execute(bet(alice, 'poison', '0.5'), options));
    expect(outcomes[50]).toBe('refused INTERNAL');
    expect(outcomes.filter((each) => each.startsWith('applied'))).toHaveLength(99);
    expect(await execute(inquiry())).toBe('done 50500000');
  });

  test.for([
    ['a key with a NUL', 'a\0b'],
    ['a key beyond 255 bytes', 'ä'.repeat(128)],
    ['an empty key', ''],
    ['a key with half a character', 'a\ud800'],
  ] as const)('%s: only it is refused, and as often as it is repeated', async ([, key]) => {
    const outcomes = await hundred(() => execute(bet(alice, key, '0.5')));
    // Final, not INTERNAL: a provider that repeats what cannot be stored would repeat it for ever.
    expect(outcomes[50]).toBe('refused MALFORMED');
    expect(outcomes.filter((each) => each.startsWith('applied'))).toHaveLength(99);
    expect(await execute(bet(alice, key, '0.5'))).toBe('refused MALFORMED');
    expect(await execute(rollback(alice, 'x', key))).toBe('refused MALFORMED');
    expect(await execute(bet(alice, 'in-round', '0.5', { round: 'a\0b' }))).toBe('refused MALFORMED');
    expect(await execute(inquiry())).toBe('done 50500000');
  });
});

describe('rule 15: the deadline', () => {
  test('passed while the lane is locked: refused in time, and never applied; who has more time is served', async () => {
    await execute(bet(alice, 'old', '1'));
    const lane = await holdLane(db, alice.lane);
    const startedAt = performance.now();
    // All of one unit, that of a player whose lane is free too.
    const late = ['b', 'old'].map((key) => execute(bet(alice, key, '1'), { deadlineMs: 200 }));
    const other = execute(bet(bob, 'free', '1'), { deadlineMs: 200 });
    const patient = execute(bet(alice, 'patient', '1'));
    await untilWaiting(db.owner, 1);
    expect(await Promise.all([...late, other])).toEqual(Array(3).fill('refused UNAVAILABLE'));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await lane.release();
    expect(await patient).toBe('applied 98000000');
    expect([await rowsUnder('b'), await rowsUnder('free')]).toEqual([0, 0]);
    expect(await execute(bet(alice, 'old', '1'))).toBe('replayed 99000000');
    expect(await execute(bet(bob, 'free', '1'))).toBe('applied 99000000');
  });

  test('passed on the way: what was not started is refused, by whoever sees it first', async () => {
    const outcome = await execute(bet(alice, 'b', '1'), { deadlineMs: 0 });
    expect(outcome).toMatch(/^refused (UNAVAILABLE|DEADLINE_EXCEEDED)$/);
    expect(await rowsUnder('b')).toBe(0);
  });

  test('passed while the player was looked up: refused in time', async () => {
    const never = new Promise<undefined>(() => undefined);
    const lost = createTestLedger(db, { findPlayer: () => never });
    const startedAt = performance.now();
    const { outcome } = await lost.execute(bet(alice, 'b', '1'), { policy, deadlineMs: 100 });
    expect(said(outcome)).toBe('refused UNAVAILABLE');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await lost.close();
  });

  test('passed in the queue: refused in time, although the unit before is still stuck', async () => {
    const lane = await holdLane(db, alice.lane);
    const stuck = execute(bet(alice, 'stuck', '1'));
    await untilWaiting(db.owner, 1);
    const startedAt = performance.now();
    expect(await execute(bet(bob, 'b', '1'), { deadlineMs: 100 })).toMatch(/^refused (UNAVAILABLE|DEADLINE_EXCEEDED)$/);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await lane.release();
    expect(await stuck).toBe('applied 99000000');
  });
});

test('a full queue refuses at once, and everybody who waits is served', async () => {
  const lane = await holdLane(db, alice.lane);
  const stuck = execute(bet(alice, 'stuck', '0'));
  await untilWaiting(db.owner, 1);
  const waiting = Array.from({ length: 4_200 }, (_, count) => execute(bet(alice, `b${count}`, '0.01')));
  const refusedAtOnce = await Promise.all(waiting.slice(4_096));
  expect(new Set(refusedAtOnce)).toEqual(new Set(['refused OVERLOADED']));
  await lane.release();
  const outcomes = await Promise.all([stuck, ...waiting.slice(0, 4_096)]);
  expect(outcomes.filter((each) => !each.startsWith('applied'))).toEqual([]);
  expect(await execute(inquiry())).toBe('done 59040000');
});

describe('closing', () => {
  test('finishes what is under way and refuses what comes after', async () => {
    const group = Array.from({ length: 20 }, (_, count) => execute(bet(alice, `b${count}`, '1')));
    await Promise.resolve();
    const closed = ledger.close();
    expect(await execute(bet(alice, 'late', '1'))).toBe('refused OVERLOADED');
    await closed;
    const outcomes = await Promise.all(group);
    expect(outcomes.filter((each) => !/^(applied \d+|refused OVERLOADED)$/.test(each))).toEqual([]);
  });

  test('a command whose player was still being looked up does not start when the ledger has closed', async () => {
    await ledger.close();
    const lookup = Promise.withResolvers<{ lane: number; id: bigint }>();
    ledger = await openLedger({ findPlayer: () => lookup.promise });
    const betting = execute(bet(alice, 'b', '1'));
    await ledger.close();
    lookup.resolve({ lane: alice.lane, id: alice.id });
    expect(await betting).toBe('refused OVERLOADED');
    expect(await rowsUnder('b')).toBe(0);
  });
});
