import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AccessChanges, createAccessChanges } from '../../src/access/changes.js';
import { type AccessEnd, type AccessWatch, createAccessWatch } from '../../src/access/watch.js';
import type { Principal, Role } from '../../src/auth.js';
import { createReads, type Reads } from '../../src/database/reads.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';

let database: TestDatabase;
let reads: Reads;
/** This gateway's, and another one's on the same database. */
let here: AccessChanges;
let elsewhere: AccessChanges;
let watch: AccessWatch;
let player: TestPlayer;
let keysGone: () => void;
const acceptedKeys = new Set(['k1', 'k2']);

beforeAll(async () => {
  database = await createTestDatabase();
  reads = createReads({ primary: { connectionString: database.url, max: 2 }, logger: pino({ level: 'silent' }) });
});
afterAll(async () => {
  await reads.close();
  await database.close();
});

beforeEach(async () => {
  here = createAccessChanges({ orm: database.orm, reads });
  elsewhere = createAccessChanges({ orm: database.orm, reads });
  const authenticator = {
    acceptsKeyOf: ({ key }: Principal) => key === undefined || acceptedKeys.has(key),
    onKeysGone: (listener: () => void) => void (keysGone = listener),
  };
  watch = createAccessWatch({ changes: here, authenticator });
  player = await createTestPlayer(database);
});
afterEach(() => watch.close());

const anHourAgo = new Date(Date.now() - 3_600_000);
const principalOf = (subject: string, roles: Role[] = ['player'], rest: Partial<Principal> = {}): Principal => ({
  subject,
  brand: 'demo',
  roles: new Set(roles),
  expiresAt: undefined,
  issuedAt: anHourAgo,
  ...rest,
});

/** As another gateway's ledger does it. */
async function setStatus({ lane, id }: TestPlayer, status: string, until?: string): Promise<void> {
  await database.owner.query(
    `update player set status = $3, status_until = now() + $4::interval, status_changed_at = now() where (lane, id) = ($1, $2)`,
    [lane, id, status, until ?? null],
  );
}

/** Every end that is told, and how long after `changed` it was. */
function watched(principal: Principal): {
  ends: AccessEnd[];
  stop: () => void;
  within: (ms: number) => Promise<AccessEnd>;
} {
  const ends: AccessEnd[] = [];
  const stop = watch.watch(principal, (end) => ends.push(end));
  return {
    ends,
    stop,
    async within(ms) {
      await expect.poll(() => ends.length, { timeout: ms, interval: 10 }).toBe(1);
      const [end] = ends;
      if (end === undefined) throw new Error('nothing ended');
      return end;
    },
  };
}

describe('whoever was let in has to leave within a second', () => {
  test.each(['SUSPENDED', 'SELF_EXCLUDED', 'CLOSED'])(
    'when the player becomes %s through another gateway',
    async (status) => {
      const socket = watched(principalOf(player.externalId));
      const other = watched(principalOf('somebody-else'));
      await setStatus(player, status);
      expect(await socket.within(1_000)).toEqual({ why: 'PLAYER_NOT_ACTIVE', status });
      expect(other.ends).toEqual([]);
    },
  );

  test('when the tokens of the subject are called back through another gateway', async () => {
    const subject = `staff-${player.externalId}`;
    const sockets = [watched(principalOf(subject, ['support'])), watched(principalOf(subject, ['support']))];
    const late = watched(principalOf(subject, ['support'], { issuedAt: new Date(Date.now() + 10_000) }));
    const foreign = watched(principalOf(subject, ['support'], { brand: 'other' }));
    const undated = watched(principalOf(subject, ['support'], { issuedAt: undefined }));
    await elsewhere.callBack({ brand: 'demo', subject }, 'left the company');
    for (const each of [...sockets, undated]) expect(await each.within(1_000)).toEqual({ why: 'ACCESS_CHANGED' });
    await here.look();
    expect([...late.ends, ...foreign.ends]).toEqual([]);
  });

  test('at once when this gateway makes the change', async () => {
    const [suspended, calledBack] = [watched(principalOf(player.externalId)), watched(principalOf('ada', ['analyst']))];
    here.tellPlayer({ brand: 'demo', subject: player.externalId, status: 'SUSPENDED' });
    expect(suspended.ends).toEqual([{ why: 'PLAYER_NOT_ACTIVE', status: 'SUSPENDED' }]);
    await here.callBack({ brand: 'demo', subject: 'ada' }, 'another role');
    expect(calledBack.ends).toEqual([{ why: 'ACCESS_CHANGED' }]);
  });

  test('when the token expires', async () => {
    const socket = watched(principalOf(player.externalId, ['player'], { expiresAt: new Date(Date.now() + 150) }));
    expect(await socket.within(1_000)).toEqual({ why: 'TOKEN_EXPIRED' });
    const past = watched(principalOf(player.externalId, ['player'], { expiresAt: new Date(0) }));
    expect(past.ends).toEqual([]);
    expect(await past.within(1_000)).toEqual({ why: 'TOKEN_EXPIRED' });
    const far = watched(principalOf(player.externalId, ['player'], { expiresAt: new Date('2999-01-01') }));
    await here.look();
    expect(far.ends).toEqual([]);
  });

  test('when the key of the token goes', () => {
    const [gone, stays] = [
      watched(principalOf('a', ['support'], { key: 'k1' })),
      watched(principalOf('a', ['support'], { key: 'k2' })),
    ];
    acceptedKeys.delete('k1');
    keysGone();
    acceptedKeys.add('k1');
    expect(gone.ends).toEqual([{ why: 'ACCESS_CHANGED' }]);
    expect(stays.ends).toEqual([]);
  });
});

describe('a watch', () => {
  test('tells once, whatever else happens, and nothing after it was stopped', async () => {
    const told = watched(principalOf(player.externalId));
    const stopped = watched(principalOf(player.externalId));
    stopped.stop();
    here.tellPlayer({ brand: 'demo', subject: player.externalId, status: 'CLOSED' });
    await here.callBack({ brand: 'demo', subject: player.externalId }, 'twice');
    await here.look();
    expect(told.ends).toHaveLength(1);
    expect(stopped.ends).toEqual([]);
  });

  test('asks the database for nothing while nobody is watched, and about everybody in one question', async () => {
    let asked = 0;
    const counted = createAccessChanges({
      orm: database.orm,
      reads: {
        query: (statement, values, options) => {
          asked += 1;
          return reads.query(statement, values, options);
        },
      },
    });
    const quiet = createAccessWatch({
      changes: counted,
      authenticator: { acceptsKeyOf: () => true, onKeysGone: () => undefined },
    });
    const stops = Array.from({ length: 500 }, (_, index) => quiet.watch(principalOf(`p${index}`), () => undefined));
    await expect.poll(() => asked, { timeout: 2_000 }).toBeGreaterThanOrEqual(1);
    expect(asked).toBeLessThanOrEqual(2);
    for (const stop of stops) stop();
    const before = asked;
    // A look every 400 ms would have shown by now.
    const until = performance.now() + 900;
    await expect.poll(() => performance.now() > until, { timeout: 2_000 }).toBe(true);
    expect(asked - before).toBeLessThanOrEqual(1);
    await Promise.all(Array.from({ length: 200 }, (_, index) => quiet.checkNow(principalOf(`p${index}`))));
    expect(asked - before).toBeLessThanOrEqual(4);
    quiet.close();
  });

  test('misses nothing that happened while the database did not answer', async () => {
    let away = false;
    const failures: string[] = [];
    const patchy = createAccessChanges({
      orm: database.orm,
      reads: {
        query: (statement, values, options) =>
          away ? Promise.reject(new Error('no answer')) : reads.query(statement, values, options),
      },
    });
    const through = createAccessWatch({
      changes: patchy,
      authenticator: { acceptsKeyOf: () => true, onKeysGone: () => undefined },
      failed: (message) => failures.push(message),
    });
    const ends: AccessEnd[] = [];
    through.watch(principalOf(player.externalId), (end) => ends.push(end));
    await patchy.look();
    away = true;
    await setStatus(player, 'SUSPENDED');
    await expect.poll(() => failures.length, { timeout: 2_000 }).toBe(1);
    away = false;
    await expect.poll(() => ends, { timeout: 1_000 }).toEqual([{ why: 'PLAYER_NOT_ACTIVE', status: 'SUSPENDED' }]);
    expect(failures).toHaveLength(1);
    through.close();
  });

  test('does not depend on the player of a token that is of the staff too', async () => {
    const both = watched(principalOf(player.externalId, ['player', 'support']));
    await setStatus(player, 'SUSPENDED');
    await here.look();
    expect(both.ends).toEqual([]);
    expect(await watch.checkNow(principalOf(player.externalId, ['player', 'support']))).toBeUndefined();
  });
});

describe('whoever asks to come in', () => {
  test('is let in when nothing is against it, as somebody whose player is not created yet', async () => {
    expect(await watch.checkNow(principalOf(player.externalId))).toBeUndefined();
    expect(await watch.checkNow(principalOf('not-yet'))).toBeUndefined();
    expect(await watch.checkNow(principalOf(player.externalId, ['player'], { brand: 'other' }))).toBeUndefined();
  });

  test('is refused for every reason that would end a stay', async () => {
    await setStatus(player, 'SUSPENDED');
    expect(await watch.checkNow(principalOf(player.externalId))).toEqual({
      why: 'PLAYER_NOT_ACTIVE',
      status: 'SUSPENDED',
    });
    await elsewhere.callBack({ brand: 'demo', subject: 'eve' }, 'x');
    expect(await watch.checkNow(principalOf('eve', ['analyst']))).toEqual({ why: 'ACCESS_CHANGED' });
    expect(await watch.checkNow(principalOf('x', ['analyst'], { key: 'k9' }))).toEqual({ why: 'ACCESS_CHANGED' });
    expect(await watch.checkNow(principalOf('x', ['analyst'], { expiresAt: new Date() }))).toEqual({
      why: 'TOKEN_EXPIRED',
    });
  });

  test('whose self-exclusion is over is active again, although nobody wrote that down', async () => {
    await setStatus(player, 'SELF_EXCLUDED', '1 hour');
    expect(await watch.checkNow(principalOf(player.externalId))).toMatchObject({ status: 'SELF_EXCLUDED' });
    await setStatus(player, 'SELF_EXCLUDED', '-1 second');
    expect(await watch.checkNow(principalOf(player.externalId))).toBeUndefined();
    const socket = watched(principalOf(player.externalId));
    await here.look();
    expect(socket.ends).toEqual([]);
  });
});

test('a call-back is never taken back by a later one, and keeps the last reason', async () => {
  const { before } = await here.callBack({ brand: 'demo', subject: 'twice' }, 'first');
  await database.owner.query(
    `update token_cutoff set issued_before = issued_before + interval '1 hour' where subject = 'twice'`,
  );
  const second = await here.callBack({ brand: 'demo', subject: 'twice' }, "second; drop table wallet; --'");
  expect(second.before.getTime()).toBe(before.getTime() + 3_600_000);
  const { rows } = await database.owner.query(`select reason from token_cutoff where subject = 'twice'`);
  expect(rows).toEqual([{ reason: "second; drop table wallet; --'" }]);
});
