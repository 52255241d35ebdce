import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { igpxHash, startTestApp, type TestApp } from '../support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';
import { startBehindWire } from './behind-wire.js';
import { type Answer, balanceOf, bodyOf, type Facts, journalOf, movementsOf, refused, send, sign } from './provider.js';

let database: TestDatabase;
let gateway: TestApp;
let player: TestPlayer;
beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  gateway = await startTestApp({ database });
  player = await createTestPlayer(database);
  // The gateway knows the player from here on, as it nearly always does.
  await post({ transaction_id: 'first', action: 'result', amount: '0' });
  afterThisTest(() => gateway.close());
});
afterAll(() => database.close());

/** What is owed to a player, or undoes a bet: an error would be final, so only silence brings it again. */
const credits: [string, Partial<Facts>][] = [
  ['result', { action: 'result' }],
  ['rollback', { rollback_transaction_id: 'unseen' }],
];

function post(facts: Omit<Facts, 'user_id'>, to = gateway): Promise<Answer> {
  const body = bodyOf({ user_id: player.externalId, ...facts });
  const path = facts.rollback_transaction_id === undefined ? '/transaction' : '/transaction-rollback';
  return send(to.url, `/callbacks/igpx-demo${path}`, { body, headers: sign(body, igpxHash) });
}

async function moved(): Promise<string[]> {
  return (await movementsOf(database, player.id)).map((each) => each.external_key).filter((key) => key !== 'first');
}

describe('a ledger that takes no more', () => {
  test.each(credits)('leaves a %s unanswered and moves nothing', async (_kind, facts) => {
    await gateway.app.ledger.close();
    expect(await post({ transaction_id: 'k', ...facts })).toBe('closed');
    expect(await moved()).toEqual([]);
    const body = bodyOf({ transaction_id: 'k', user_id: player.externalId, ...facts });
    await expect
      .poll(() => journalOf(database, body))
      .toMatchObject([{ verdict: 'OVERLOADED', status: null, answer: null }]);
  });

  test('declines a bet, which is sent once only', async () => {
    await gateway.app.ledger.close();
    expect(await post({ transaction_id: 'k' })).toEqual(refused);
    expect(await moved()).toEqual([]);
  });
});

/** Holds the player's lane as another gateway would. */
async function holdLane(): Promise<{ release: () => Promise<void> }> {
  const client = await database.owner.connect();
  await client.query('begin');
  await client.query('select from lane where lane = $1 for update', [player.lane]);
  let released = false;
  const release = async (): Promise<void> => {
    if (released) return;
    released = true;
    await client.query('commit');
    client.release();
  };
  afterThisTest(release);
  return { release };
}

/** The ledger's sessions that wait for a lane. */
async function waitingSessions(): Promise<number[]> {
  const { rows } = await database.owner.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and application_name = 'croupier-ledger'
     and wait_event_type = 'Lock'`,
  );
  return rows.map(({ pid }) => pid);
}

describe('a deadline that passes', () => {
  test.each(credits)('leaves a %s unanswered, in a unit of work and before it', async (_kind, facts) => {
    const lane = await holdLane();
    const inUnit = post({ transaction_id: 'k1', ...facts });
    await expect.poll(waitingSessions).toHaveLength(1);
    const behind = post({ transaction_id: 'k2', ...facts });
    const bet = post({ transaction_id: 'k3' });
    expect(await inUnit).toBe('closed');
    expect(await behind).toBe('closed');
    expect(await bet).toEqual(refused);
    await lane.release();
    expect(await moved()).toEqual([]);
    for (const key of ['k1', 'k2']) {
      const body = bodyOf({ transaction_id: key, user_id: player.externalId, ...facts });
      const unanswered = { verdict: 'UNAVAILABLE', status: null, answer: null };
      await expect.poll(() => journalOf(database, body)).toMatchObject([unanswered]);
    }
    // The provider sends it again, and then it counts.
    expect(await post({ transaction_id: 'k1', ...facts })).toMatchObject({ status: 200, body: /^{"error":null/ });
  });

  test('declines a bet even though it had begun to wait for its lane', async () => {
    const lane = await holdLane();
    const inUnit = post({ transaction_id: 'k1' });
    await expect.poll(waitingSessions).toHaveLength(1);
    expect(await post({ transaction_id: 'k2' })).toEqual(refused);
    await lane.release();
    expect(await inUnit).toEqual(refused);
    expect(await moved()).toEqual([]);
  });
});

async function asServer(work: (client: pg.Client, name: string) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: inject('serverUrl') });
  await client.connect();
  try {
    await work(client, new URL(database.ownerUrl).pathname.slice(1));
  } finally {
    await client.end();
  }
}

const endSessions = (client: pg.Client, name: string): Promise<unknown> =>
  client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name like 'croupier%'",
    [name],
  );

/** Ends the gateway's connections and lets no new one in, as when the server is down. */
async function cutOff(): Promise<{ restore: () => Promise<void> }> {
  await asServer(async (client, name) => {
    await client.query(`alter database ${name} allow_connections false`);
    await endSessions(client, name);
  });
  let restored: Promise<void> | undefined;
  const restore = () =>
    (restored ??= asServer((client, name) => client.query(`alter database ${name} allow_connections true`)));
  afterThisTest(restore);
  return { restore };
}

describe('a database that is gone', () => {
  test.each(credits)('leaves a %s unanswered; sent again after its return, it counts once', async (_kind, facts) => {
    const { restore } = await cutOff();
    expect(await post({ transaction_id: 'k', ...facts })).toBe('closed');
    await restore();
    const again = () => post({ transaction_id: 'k', ...facts });
    await expect.poll(again, { timeout: 5_000 }).toMatchObject({ status: 200, body: /^{"error":null/ });
    const answer = await again();
    expect(await again()).toEqual(answer);
    expect((await moved()).filter((key) => key === 'k')).toHaveLength(1);
  });

  test('declines a bet within its deadline', async () => {
    const { restore } = await cutOff();
    const startedAt = performance.now();
    expect(await post({ transaction_id: 'k' })).toEqual(refused);
    // Two seconds, and half a one for the last wait between two attempts to connect; the rest is for a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await restore();
    expect(await moved()).toEqual([]);
  });

  test('leaves a result of a player it was never asked about unanswered, too', async () => {
    const stranger = await createTestPlayer(database);
    const { restore } = await cutOff();
    const facts = { transaction_id: 'k', user_id: stranger.externalId };
    const body = bodyOf({ ...facts, action: 'result' });
    const headers = sign(body, igpxHash);
    expect(await send(gateway.url, '/callbacks/igpx-demo/transaction', { body, headers })).toBe('closed');
    await restore();
  });
});

test.each([['bet', {}], ...credits])(
  'a %s whose session is ended in the middle is applied once',
  async (_kind, facts) => {
    const lane = await holdLane();
    const answer = post({ transaction_id: 'k', ...facts });
    await expect.poll(waitingSessions).toHaveLength(1);
    await asServer(endSessions);
    await lane.release();
    expect(await answer).toMatchObject({ status: 200, body: /^{"error":null/ });
    expect((await moved()).filter((key) => key === 'k')).toHaveLength(1);
  },
);

test.each([
  ['bet', {}, '90.00'],
  ['result', { action: 'result' }, '110.00'],
])(
  'a %s whose COMMIT was confirmed into a lost connection is found by its key, and answered as if nothing had happened',
  async (_kind, facts, after) => {
    const { wire, gateway: relayed } = await startBehindWire(database);
    await post({ transaction_id: 'warm', action: 'result', amount: '0' }, relayed);
    wire.cutAt('after-commit', { carrying: 'confirmed-into-nothing' });
    const answer = await post({ transaction_id: 'confirmed-into-nothing', ...facts }, relayed);
    expect(wire.cuts).toBe(1);
    expect(answer).toMatchObject({ status: 200, body: /^{"error":null/ });
    expect(await post({ transaction_id: 'confirmed-into-nothing', ...facts }, relayed)).toEqual(answer);
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe(after);
  },
);
