import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CatalogueGame, ProviderError } from '../../src/adapters/contract.js';
import { type Catalogue, type CatalogueSource, createCatalogue } from '../../src/catalogue/catalogue.js';
import { CatalogueError } from '../../src/catalogue/errors.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let db: TestDatabase;
let catalogue: Catalogue;
/** What the provider tells when it is asked. */
let tell: () => Promise<readonly CatalogueGame[]>;

beforeAll(async () => {
  db = await createTestDatabase();
  catalogue = gateway();
});
beforeEach(async () => {
  await db.owner.query('delete from game');
});
afterAll(() => db.close());

/** The service as one process has it. */
function gateway(): Catalogue {
  const source = { client: { catalogue: () => tell() }, file: undefined };
  const sources = new Map<string, CatalogueSource>([
    ['igpx-demo', source],
    ['igpx-second', source],
    ['igpx-other', { client: {}, file: undefined }],
  ]);
  return createCatalogue({ orm: db.orm, connection: { connectionString: db.url }, sources });
}

function game(id: string, changes: Partial<CatalogueGame> = {}): CatalogueGame {
  return {
    id,
    name: `Game ${id}`,
    category: 'Slots',
    thumbnailUrl: `https://games.example/${id}.png`,
    features: ['FREE_SPINS'],
    balanceUpdateDelayMs: undefined,
    currencies: [],
    ...changes,
  };
}

function sync(games: readonly CatalogueGame[], force = false) {
  tell = () => Promise.resolve(games);
  return catalogue.syncCatalogue('igpx-demo', { force });
}

async function stored() {
  const { rows } = await db.owner.query(
    `select id, name, status, first_seen_at as "firstSeenAt", changed_at as "changedAt", withdrawn_at as "withdrawnAt"
     from game where integration = 'igpx-demo' order by id`,
  );
  return rows;
}

async function errorOf(work: Promise<unknown>): Promise<CatalogueError> {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (!(error instanceof CatalogueError)) throw new Error('It was not refused', { cause: error });
  return error;
}

const counts = { added: 0, changed: 0, withdrawn: 0, unchanged: 0 };

test('games are added, changed and withdrawn, and those that are as they were are not touched', async () => {
  expect(await sync([game('a'), game('b'), game('c')])).toEqual({ ...counts, added: 3 });
  const [before] = await stored();
  expect(await sync([game('a'), game('b', { name: 'New name' }), game('d')])).toEqual({
    added: 1,
    changed: 1,
    withdrawn: 1,
    unchanged: 1,
  });
  const rows = await stored();
  expect(rows.map(({ id, name, status }) => [id, name, status])).toEqual([
    ['a', 'Game a', 'ACTIVE'],
    ['b', 'New name', 'ACTIVE'],
    ['c', 'Game c', 'WITHDRAWN'],
    ['d', 'Game d', 'ACTIVE'],
  ]);
  expect(rows[0]).toEqual(before);
  expect(rows[1].firstSeenAt).toEqual(before?.firstSeenAt);
  expect(rows[1].changedAt.getTime()).toBeGreaterThan(before?.changedAt.getTime());
  expect(rows[2].withdrawnAt).toEqual(rows[2].changedAt);
});

test('the order of features and currencies is no change, and what is said twice is said once', async () => {
  const features = ['WILD', 'SCATTER'];
  await sync([game('a', { features, currencies: ['EUR', 'USD'] })]);
  const again = game('a', { features: ['SCATTER', 'WILD', 'WILD'], currencies: ['USD', 'EUR'] });
  expect(await sync([again])).toEqual({ ...counts, unchanged: 1 });
});

test("blanks around a provider's words, and empty ones, say nothing", async () => {
  await sync([game('a', { category: undefined })]);
  const padded = game('a', { name: ' Game a\n', category: ' ', features: ['', ' FREE_SPINS '] });
  expect(await sync([padded])).toEqual({ ...counts, unchanged: 1 });
});

test('a game that returns is the same one, active again', async () => {
  await sync([game('a'), game('b')]);
  const [, first] = await stored();
  await sync([game('a')]);
  expect(await sync([game('a'), game('b')])).toEqual({ ...counts, changed: 1, unchanged: 1 });
  const [, returned] = await stored();
  expect(returned).toMatchObject({ status: 'ACTIVE', withdrawnAt: null, firstSeenAt: first?.firstSeenAt });
});

test('the games of one integration are not those of another', async () => {
  await sync([game('a'), game('b')]);
  tell = () => Promise.resolve([game('a')]);
  expect(await catalogue.syncCatalogue('igpx-second')).toEqual({ ...counts, added: 1 });
  expect(await sync([game('a'), game('b')])).toEqual({ ...counts, unchanged: 2 });
});

test('a provider that tells nothing, or less than half of what is known, withdraws nothing unless forced', async () => {
  await sync(['a', 'b', 'c', 'd', 'e'].map((id) => game(id)));
  for (const games of [[], [game('a'), game('b')], ['v', 'w', 'x', 'y', 'z'].map((id) => game(id))]) {
    const error = await errorOf(sync(games));
    expect(error).toMatchObject({ code: 'SHRUNK', known: 5 });
    expect(error.message).toContain(`${error.missing} of 5 are missing`);
    expect((await stored()).map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'ACTIVE'));
  }
  expect(await sync([game('a'), game('b'), game('c')])).toEqual({ ...counts, withdrawn: 2, unchanged: 3 });
  expect(await sync([], true)).toEqual({ ...counts, withdrawn: 3 });
  expect(await sync([])).toEqual(counts);
});

test('a catalogue with a fault is refused as a whole, with every fault', async () => {
  await sync([game('a')]);
  const faulty = [
    game('a', { name: '' }),
    game('b', { thumbnailUrl: 'javascript:alert(1)' }),
    game('c', { currencies: ['eur'], balanceUpdateDelayMs: -1 }),
    game('c'),
    game('x'.repeat(256), { name: 'Long' }),
  ];
  const error = await errorOf(sync(faulty));
  expect(error.code).toBe('INVALID');
  expect(error.problems.map((each) => each.split(':')[0])).toEqual([
    'games[0].name',
    'games[1].thumbnailUrl',
    'games[2].balanceUpdateDelayMs',
    'games[2].currencies[0]',
    'games[4].id',
    'games[3].id',
  ]);
  expect((await errorOf(sync([game('c'), game('c')]))).problems).toEqual(['games[1].id: repeats the game "c".']);
  expect((await stored()).map(({ id }) => id)).toEqual(['a']);
});

test('a provider that fails changes nothing', async () => {
  await sync([game('a')]);
  tell = () => Promise.reject(new ProviderError('TIMEOUT', 'It did not answer.'));
  const error = await errorOf(catalogue.syncCatalogue('igpx-demo'));
  expect(error).toMatchObject({ code: 'PROVIDER_FAILED', cause: { code: 'TIMEOUT' } });
  expect(await stored()).toHaveLength(1);
});

test('without a provider that tells, and without a file, there is no catalogue', async () => {
  expect((await errorOf(catalogue.syncCatalogue('igpx-other'))).code).toBe('NO_CATALOGUE');
  expect((await errorOf(catalogue.syncCatalogue('no-such'))).code).toBe('NO_CATALOGUE');
});

test('of two synchronisations of an integration at once, in any process, one is refused', async () => {
  let asked: () => void = () => undefined;
  const underWay = new Promise<void>((resolve) => (asked = resolve));
  let answer: (games: readonly CatalogueGame[]) => void = () => undefined;
  tell = () =>
    new Promise((resolve) => {
      answer = resolve;
      asked();
    });
  const first = catalogue.syncCatalogue('igpx-demo');
  await underWay;
  expect((await errorOf(gateway().syncCatalogue('igpx-demo'))).code).toBe('BUSY');
  expect((await errorOf(catalogue.syncCatalogue('igpx-demo'))).code).toBe('BUSY');
  answer([game('a')]);
  expect(await first).toEqual({ ...counts, added: 1 });
  expect(await sync([game('a')])).toEqual({ ...counts, unchanged: 1 });
});

test('a catalogue of thousands is stored', async () => {
  const many = Array.from({ length: 3_000 }, (_, index) => game(`g${index}`));
  expect(await sync(many)).toEqual({ ...counts, added: 3_000 });
  expect(await sync(many.slice(0, 1_500))).toEqual({ ...counts, withdrawn: 1_500, unchanged: 1_500 });
});
