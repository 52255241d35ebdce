import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPlaces } from '../../src/exports/places.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer } from '../support/database.js';
import { seeded } from '../support/random.js';
import { download, SPAN, writeHistory } from './world.js';

/** More than the sockets between two processes hold. */
const ROWS = 40_000;

let app: Awaited<ReturnType<typeof startTestApp>>;
let analyst: string;

beforeAll(async () => {
  app = await startTestApp();
  analyst = await app.token('analyst');
  await writeHistory(app.database, await createTestPlayer(app.database), { count: ROWS, random: seeded(1) });
});
afterAll(() => app.close());

const url = (path: string): string => `${app.url}/exports/${path}`;

const exporting = `select pid, state, query from pg_stat_activity where application_name = 'croupier-exports' and datname = current_database()`;

/** Statements of exports that the database works on. */
const active = async (): Promise<unknown[]> =>
  (await app.database.owner.query(`${exporting} and state = 'active'`)).rows;

describe('an export that breaks', () => {
  test('in the middle ends the connection without an end of the file', async () => {
    let killed: Promise<unknown> | undefined;
    const answer = await download(url(`transactions.csv?${SPAN}`), analyst, {
      onData(bytes, response) {
        if (killed !== undefined || bytes < 1_000) return;
        response.pause();
        killed = app.database.owner
          .query(`select pg_terminate_backend(pid) from (${exporting}) s`)
          .finally(() => response.resume());
      },
    });
    await killed;
    expect([answer.status, answer.whole]).toEqual([200, false]);
    expect(answer.trailers).toEqual({});
    await expect.poll(() => app.log.join('')).toContain('export broke off');
    // The next one finds a connection again.
    const next = await download(url(`transactions.csv?${SPAN}&rows=10`), analyst);
    expect(next.whole).toBe(true);
  });

  test('because its client leaves is cancelled in the database, and gives its place to another', async () => {
    // A lock on a table that is read makes statements last for as long as the test likes.
    const blocker = await app.database.owner.connect();
    await blocker.query('begin; lock table wallet in access exclusive mode');
    try {
      const leaving = new AbortController();
      const left = fetch(url(`transactions.csv?${SPAN}`), {
        headers: { authorization: `Bearer ${analyst}` },
        signal: leaving.signal,
      }).catch(() => undefined);
      // Two chunks at once.
      await expect.poll(active).toHaveLength(2);
      leaving.abort();
      await left;
      await expect.poll(active).toHaveLength(0);
      await expect.poll(() => app.log.join('')).toContain('the client left');
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
    const next = await download(url(`transactions.csv?${SPAN}&rows=10`), analyst);
    expect(next.whole).toBe(true);
  });

  test('before its first row is answered in words', async () => {
    const blocker = await app.database.owner.connect();
    await blocker.query('begin; lock table wallet in access exclusive mode');
    try {
      const answered = download(url(`transactions.csv?${SPAN}&rows=9`), analyst);
      await expect.poll(active).toHaveLength(1);
      await app.database.owner.query(`select pg_terminate_backend(pid) from (${exporting}) s`);
      const answer = await answered;
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
      expect(answer.body.toString()).toContain('"UNAVAILABLE"');
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
  });
});

describe('a place for an export', () => {
  test('is refused to the third of one person and when all are taken, with a time to come again', async () => {
    const blocker = await app.database.owner.connect();
    await blocker.query('begin; lock table wallet in access exclusive mode');
    try {
      const own = [0, 1].map(() => download(url(`transactions.csv?${SPAN}&rows=1`), analyst));
      await expect.poll(active).toHaveLength(2);
      const third = await download(url(`transactions.csv?${SPAN}`), analyst);
      expect([third.status, third.headers['retry-after']]).toEqual([429, '5']);
      expect(third.body.toString()).toContain('"TOO_MANY_EXPORTS"');
      const others = ['one', 'two'].map(async (name) =>
        download(url(`transactions.csv?${SPAN}&rows=1`), await app.token('operator', name)),
      );
      await expect.poll(active).toHaveLength(4);
      expect((await download(url(`transactions.csv?${SPAN}`), await app.token('operator', 'three'))).status).toBe(429);
      await blocker.query('rollback');
      const answers = await Promise.all([...own, ...others]);
      expect(answers.map(({ status, whole }) => [status, whole])).toEqual(answers.map(() => [200, true]));
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
    expect((await download(url(`transactions.csv?${SPAN}&rows=1`), analyst)).status).toBe(200);
  });

  test('is given back when the gateway closes, and the file is not whole', async () => {
    const second = await startTestApp({ database: app.database });
    const token = await second.token('analyst');
    const answer = await download(`${second.url}/exports/transactions.csv?${SPAN}`, token, {
      onData(_, response) {
        response.pause();
        void second.close().finally(() => response.resume());
      },
    });
    expect(answer.whole).toBe(false);
  });

  test('is for one export of a player, and for players half of all at most', () => {
    const places = createPlaces(4);
    const player = (subject: string) => ({ brand: 'demo', subject, isPlayer: true });
    const leave = places.take(player('alice'));
    expect(() => places.take(player('alice'))).toThrow('Too many exports');
    // The same name at another brand is somebody else.
    places.take({ ...player('alice'), brand: 'other' });
    expect(() => places.take(player('bob'))).toThrow('Too many exports');
    places.take({ brand: 'demo', subject: 'alice', isPlayer: false });
    leave();
    leave();
    places.take(player('bob'));
    expect(() => places.take(player('alice'))).toThrow('Too many exports');
  });
});
