import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';

let database: TestDatabase;
let alice: TestPlayer;
let other: TestPlayer;
beforeAll(async () => {
  database = await createTestDatabase();
  alice = await createTestPlayer(database, { externalId: 'alice' });
  other = await createTestPlayer(database, { brand: 'other', externalId: 'alice' });
});
afterAll(() => database.close());

async function queriesDuring(work: () => Promise<unknown>): Promise<number> {
  const spy = vi.spyOn(database.orm.config.getLogger(), 'logQuery');
  try {
    await work();
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

const key = ({ lane, id }: TestPlayer) => ({ lane, id });

test('a player is found by brand and external id, and then known without a query', async () => {
  const directory = createPlayerDirectory(database.orm);
  expect(await directory.find('demo', 'alice')).toEqual(key(alice));
  expect(await directory.find('other', 'alice')).toEqual(key(other));
  expect(await queriesDuring(async () => expect(await directory.find('demo', 'alice')).toEqual(key(alice)))).toBe(0);
});

test('look-ups of one turn share a query', async () => {
  const directory = createPlayerDirectory(database.orm);
  const players = await Promise.all(Array.from({ length: 20 }, () => createTestPlayer(database, { balances: {} })));
  const count = await queriesDuring(async () => {
    const found = await Promise.all([
      ...players.map(({ externalId }) => directory.find('demo', externalId)),
      directory.find('other', 'alice'),
      directory.find('demo', 'alice'),
      directory.find('demo', 'alice'),
      directory.find('demo', 'nobody'),
    ]);
    expect(found).toEqual([...players.map(key), key(other), key(alice), key(alice), undefined]);
  });
  expect(count).toBe(1);
});

test('somebody unknown is asked for again, and found once created', async () => {
  const directory = createPlayerDirectory(database.orm);
  expect(await directory.find('demo', 'late')).toBeUndefined();
  const late = await createTestPlayer(database, { externalId: 'late' });
  expect(await directory.find('demo', 'late')).toEqual(key(late));
});

test('text that can name nobody spoils no look-up beside it', async () => {
  const directory = createPlayerDirectory(database.orm);
  const strange = ['', ' alice', 'alice ', 'a\u0000b', '\ud800', 'x'.repeat(256)];
  const found = await Promise.all([
    ...strange.map((each) => directory.find('demo', each)),
    directory.find('demo', 'alice'),
  ]);
  expect(found).toEqual([...strange.map(() => undefined), key(alice)]);
});

test('a failed look-up fails, and the next one asks again', async () => {
  const directory = createPlayerDirectory(database.orm);
  const broken = vi.spyOn(database.orm.em, 'fork').mockImplementation(() => {
    throw new Error('no connection');
  });
  await expect(Promise.all([directory.find('demo', 'alice'), directory.find('demo', 'alice')])).rejects.toThrow(
    'no connection',
  );
  broken.mockRestore();
  expect(await directory.find('demo', 'alice')).toEqual(key(alice));
});
