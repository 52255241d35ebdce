import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Movement, Win } from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { createProjector, type Projector } from '../../src/reports/projector.js';
import { rebuildReports } from '../../src/reports/rebuild.js';
import { bet, decimal, policy, rollback, win } from '../ledger/commands.js';
import { createTestDatabase, createTestLedger, createTestPlayer, type TestDatabase } from '../support/database.js';
import { checkProjections, expectTrueProjections, untilProjected } from '../support/projections.js';
import { type Random, seeded } from '../support/random.js';

let db: TestDatabase;
let ledger: Ledger;
const projectors: Projector[] = [];
const silent = { info: () => undefined, warn: () => undefined };

beforeAll(async () => {
  db = await createTestDatabase();
  ledger = createTestLedger(db);
});
afterEach(async () => {
  await Promise.all(projectors.splice(0).map((each) => each.close()));
});
afterAll(async () => {
  await ledger.close();
  await db.close();
});

/** A gateway that projects, as far as the database can tell. */
function startProjector(name = 'croupier-projector', { url } = db): Projector {
  const projector = createProjector({
    connection: { connectionString: url, application_name: name },
    logger: silent,
    lateClosuresMs: 300,
  });
  projectors.push(projector);
  return projector;
}

async function play(...movements: Movement[]): Promise<void> {
  await playThrough(ledger, ...movements);
}

async function playThrough(through: Ledger, ...movements: Movement[]): Promise<void> {
  for (const movement of movements) {
    const { outcome } = await through.execute(movement, { policy, deadlineMs: 10_000 });
    if (outcome.type === 'refused') throw new Error(outcome.code);
  }
}

async function roundsOf(player: { id: bigint }): Promise<object[]> {
  const { rows } = await db.owner.query(
    `select external_id, game, bets, wins, rollbacks, stakes, payouts, first_sequence as first, last_sequence as last, state
     from round where player_id = $1 order by first_sequence`,
    [player.id],
  );
  return rows;
}

/** Games and rounds are few, so that much meets; some rows name neither. */
function randomMovement(random: Random, player: { brand: string; externalId: string }): Movement {
  const integration = random.pick(['igpx-demo', 'igpx-demo', 'igpx-second']);
  const game = random.pick(['book', 'crash', undefined]);
  const round = random.pick(['r1', 'r2', 'r3', 'r4', undefined]);
  const currency = random.pick(['EUR', 'EUR', 'USD']);
  const common = { integration, currency, round, game };
  const key = `k${random.below(60)}`;
  const roll = random.below(100);
  if (roll < 45) return bet(player, key, random.pick(['1', '2.5', '0', '7']), { ...common, free: random.chance(0.1) });
  if (roll < 75) {
    const pays = random.pick<Win['pays']>([{ bet: `k${random.below(60)}` }, 'oldest-of-round', 'round', undefined]);
    return win(player, key, random.pick(['0', '3', '12.345678']), { ...common, ...(pays !== undefined && { pays }) });
  }
  if (roll < 95) return rollback(player, `x${random.below(60)}`, `k${random.below(60)}`, common);
  const amount = decimal('5');
  const moved = { brand: player.brand, player: player.externalId, integration: 'cashier', currency: 'EUR', round };
  return { kind: random.pick(['deposit', 'withdrawal'] as const), ...moved, key: randomUUID(), amount };
}

describe('what a round holds', () => {
  test('its bets and wins that stand, and its first game', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    await play(
      bet(player, 'b1', '5', { round: 'one' }),
      bet(player, 'b2', '3', { round: 'one', game: 'book' }),
      win(player, 'w1', '12', { round: 'one', game: 'crash' }),
    );
    await expectTrueProjections(db);
    await play(rollback(player, 'undo', 'b2'));
    await expectTrueProjections(db);
    expect(await roundsOf(player)).toEqual([
      {
        external_id: 'one',
        game: 'book',
        bets: 1,
        wins: 1,
        rollbacks: 1,
        stakes: '5000000',
        payouts: '12000000',
        first: '2',
        last: '5',
        state: 'settled',
      },
    ]);
  });

  test('what is undone is taken back where it stood, whatever round the rollback names', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    await play(bet(player, 'b1', '5', { round: 'here' }), rollback(player, 'undo', 'b1', { round: 'there' }));
    await expectTrueProjections(db);
    expect(await roundsOf(player)).toMatchObject([{ external_id: 'here', bets: 0, stakes: '0', state: 'rolled-back' }]);
  });

  test('a win without a round is in that of the bet it pays, and so is its rollback', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    await play(
      bet(player, 'b1', '5', { round: 'here', game: 'book' }),
      win(player, 'w1', '9', { pays: { bet: 'b1' } }),
      rollback(player, 'undo', 'w1'),
    );
    await expectTrueProjections(db);
    expect(await roundsOf(player)).toMatchObject([{ external_id: 'here', bets: 1, wins: 0, payouts: '0', last: '4' }]);
    const { rows } = await db.owner.query('select distinct game from player_bucket where player_id = $1', [player.id]);
    expect(rows).toEqual([{ game: 'book' }]);
  });

  test('the rollback of a bet that never came is a round without stakes; its tombstone is none', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    await play(rollback(player, 'undo', 'never', { round: 'early' }));
    await expectTrueProjections(db);
    expect(await roundsOf(player)).toMatchObject([{ bets: 0, rollbacks: 1, last: '2', state: 'rolled-back' }]);
  });

  test('money that came and went outside the games is in no round and no report', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    const cashier = { brand: 'demo', player: player.externalId, integration: 'cashier', currency: 'EUR' };
    await play({ kind: 'withdrawal', ...cashier, key: randomUUID(), round: 'payment 7', amount: decimal('1') });
    await expectTrueProjections(db);
    expect(await roundsOf(player)).toEqual([]);
    const { rows } = await db.owner.query('select from player_bucket where player_id = $1', [player.id]);
    expect(rows).toEqual([]);
  });

  test('a sum beyond the range stays at its edge, and stops nothing', async () => {
    const own = await createTestDatabase();
    const through = createTestLedger(own);
    const projector = startProjector('croupier-projector', own);
    const player = await createTestPlayer(own, { balances: { EUR: '0' } });
    const much = '9000000000000';
    const round = 'rich';
    await playThrough(through, win(player, 'w1', much, { round }), bet(player, 'b1', much, { round }));
    await playThrough(through, win(player, 'w2', much, { round }));
    await untilProjected(own);
    const { rows } = await own.owner.query('select r.payouts, b.payouts as all from round r, report_bucket b limit 1');
    expect(rows).toEqual([{ payouts: '9223372036854775807', all: '18000000000000000000' }]);
    await through.close();
    await projector.close();
    await own.close();
  });
});

describe('what a provider says of the end of a round', () => {
  const close = (player: { lane: number; id: bigint }, round: string, ago = '0 s') =>
    db.owner.query(
      `insert into round_closure (lane, player_id, integration, external_id, closed_at)
       values ($1, $2, 'igpx-demo', $3, now() - $4::interval)`,
      [player.lane, player.id, round, ago],
    );

  test('closes it, whether it comes before, between or after its movements', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    await close(player, 'before');
    await play(bet(player, 'b1', '1', { round: 'before' }), bet(player, 'b2', '1', { round: 'between' }));
    await untilProjected(db);
    await close(player, 'between');
    await play(bet(player, 'b3', '1', { round: 'between' }), bet(player, 'b4', '1', { round: 'after' }));
    await untilProjected(db);
    await close(player, 'after');
    await expectTrueProjections(db);
    const { rows } = await db.owner.query('select state from round where player_id = $1', [player.id]);
    expect(rows).toEqual([{ state: 'closed' }, { state: 'closed' }, { state: 'closed' }]);
  });

  test('is found also when it was written late', async () => {
    const player = await createTestPlayer(db);
    await play(bet(player, 'b1', '1', { round: 'late' }));
    startProjector();
    await close(player, 'first');
    await untilProjected(db);
    await close(player, 'late', '10 s');
    await untilProjected(db);
    await expectTrueProjections(db);
  });
});

test.for([41, 42, 43])('random play is projected as the ledger tells it (seed %i)', async (seed) => {
  const random = seeded(seed);
  const players = await Promise.all(
    ['one', 'two', 'three'].map(() => createTestPlayer(db, { balances: { EUR: '500', USD: '500' } })),
  );
  startProjector();
  for (let group = 0; group < 25; group += 1) {
    const commands = Array.from({ length: 1 + random.below(20) }, () =>
      randomMovement(random, players[random.below(3)] ?? players[0] ?? { brand: '', externalId: '' }),
    );
    await Promise.all(commands.map((each) => ledger.execute(each, { policy, deadlineMs: 20_000 })));
  }
  await expectTrueProjections(db);
  const { rows } = await db.owner.query<{ kinds: number }>(
    `select count(distinct kind)::int as kinds from ledger_transaction where player_id = any($1::bigint[])`,
    [players.map(({ id }) => id)],
  );
  expect(rows).toEqual([{ kinds: 6 }]);
});

test('two gateways that project at once, one of them cut off again and again, count each unit once', async () => {
  const random = seeded(51);
  const player = await createTestPlayer(db, { balances: { EUR: '500', USD: '500' } });
  startProjector('croupier-projector-one');
  startProjector('croupier-projector-two');
  for (let group = 0; group < 60; group += 1) {
    const commands = Array.from({ length: 8 }, () => randomMovement(random, player));
    await Promise.all(commands.map((each) => ledger.execute(each, { policy, deadlineMs: 20_000 })));
    for (const each of projectors) each.wake();
    if (group % 4 !== 0) continue;
    const victim = random.pick(['croupier-projector-one', 'croupier-projector-two']);
    await db.owner.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      victim,
    ]);
  }
  await expectTrueProjections(db);
});

test('while one gateway is at work the others stand by', async () => {
  const player = await createTestPlayer(db);
  startProjector('croupier-projector-one');
  startProjector('croupier-projector-two');
  await untilProjected(db);
  // Whoever works is stopped in the middle of it.
  const holder = await db.owner.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table player_bucket in share row exclusive mode');
    await play(bet(player, randomUUID(), '1', { round: 'one' }));
    const session = `select 1 from pg_stat_activity where application_name like 'croupier-projector-%'`;
    // Not on the holder's session: within a transaction the activity of the others stands still.
    const count = async (which: string): Promise<number> =>
      (await db.owner.query(`${session} and ${which}`)).rowCount ?? 0;
    await expect.poll(() => count("wait_event_type = 'Lock'"), { timeout: 20_000 }).toBeGreaterThan(0);
    for (const each of projectors) each.wake();
    const stoppedOrStoodBy = `(wait_event_type = 'Lock' or query = 'rollback' and state = 'idle')`;
    await expect.poll(() => count(stoppedOrStoodBy), { timeout: 20_000 }).toBe(2);
  } finally {
    // Whatever came of it, those who wait must go on.
    await holder.query('commit');
    holder.release();
  }
  await expectTrueProjections(db);
});

test('everything is projected within a second while play goes on', async () => {
  const players = await Promise.all(Array.from({ length: 4 }, () => createTestPlayer(db)));
  const projector = startProjector();
  await untilProjected(db);
  let worstMs = 0;
  for (let round = 0; round < 40; round += 1) {
    await Promise.all(players.map((each) => play(bet(each, randomUUID(), '0.1', { round: `r${round}` }))));
    const { rows } = await db.owner.query<{ age: number | null }>(
      `select (extract(epoch from now() - min(u.created_at)) * 1000)::float8 as age from unit_of_work u
       join projection_cursor c on c.projection = 'reports' and c.lane = u.lane where u.number > c.number`,
    );
    worstMs = Math.max(worstMs, rows[0]?.age ?? 0);
    await delay(40);
  }
  expect(worstMs).toBeLessThan(1_000);
  await untilProjected(db);
  // The projector sees at its next look that nothing is missing.
  await expect.poll(() => projector.lagMs, { timeout: 5_000 }).toBe(0);
});

describe('a rebuild', () => {
  async function withClient(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
    const client = new pg.Client({ connectionString: db.url });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }
  const spoil = () =>
    db.owner.query(
      'update round set stakes = stakes + 1; update report_bucket set bets = bets + 1; delete from player_bucket',
    );

  test('makes what following made, with a gateway at work meanwhile', async () => {
    startProjector();
    const player = await createTestPlayer(db);
    await play(bet(player, randomUUID(), '1', { round: 'before' }));
    await untilProjected(db);
    await spoil();
    expect(await checkProjections(db)).not.toEqual([]);
    await withClient(async (client) => {
      const rebuilding = rebuildReports(client);
      await play(bet(player, randomUUID(), '1', { round: 'meanwhile' }));
      const { lanesDone } = await rebuilding;
      expect(lanesDone).toBe(64);
    });
    await expectTrueProjections(db);
  });

  test.for(['a rebuild that goes on', 'a gateway'])('that was interrupted is finished by %s', async (next) => {
    await createTestPlayer(db);
    await spoil();
    await withClient(async (client) => {
      const stop = new AbortController();
      const onProgress = (): void => stop.abort();
      await expect(rebuildReports(client, { lanesAtOnce: 9, onProgress, signal: stop.signal })).rejects.toThrow(
        /abort/,
      );
      // Lanes in which nothing was ever posted have no cursor.
      const { rows } = await db.owner.query<{ most: number }>(
        "select max(lane)::int as most from projection_cursor where projection = 'reports'",
      );
      expect(rows[0]?.most ?? 0).toBeLessThan(9);
      if (next !== 'a gateway') expect((await rebuildReports(client, { goOn: true })).lanesDone).toBe(64);
    });
    if (next === 'a gateway') startProjector();
    await expectTrueProjections(db);
  });
});
