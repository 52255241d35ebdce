import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestApp } from '../support/app.js';
import { createTestDatabase, testWorld, type TestDatabase } from '../support/database.js';
import { LobbyDocument, SyncCatalogueDocument } from '../support/graphql/graphql.js';
import { codes, request } from './client.js';

let directory: string;
let database: TestDatabase;
let app: Awaited<ReturnType<typeof startTestApp>>;
let player: string;
let operator: string;
let support: string;

const settings = {
  apiUrl: 'http://127.0.0.1:1',
  apiVersion: '1.0.0',
  username: 'test',
  password: 'test-igpx-password-of-32-character',
  securityHash: ['test-igpx-hash-of-32-characters-0'],
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'croupier-games-'));
  database = await createTestDatabase();
  const integrations = testWorld.integrations.map((each) => ({
    ...each,
    settings,
    catalogue: each.id === 'igpx-second' ? undefined : join(directory, `${each.id}.json`),
  }));
  app = await startTestApp({ database, config: { integrations } });
  player = await app.token('player', 'alice');
  operator = await app.token('operator');
  support = await app.token('support');
});
afterAll(async () => {
  await app.close();
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

interface GameLine {
  id: string;
  name?: string;
  category?: string;
  features?: string[];
  currencies?: string[];
}

const games: GameLine[] = [
  { id: 'b', name: 'bonanza', category: 'Slots', features: ['WILD', 'FREE_SPINS'] },
  { id: 'a', name: 'Aztec 100%_\\ Gold', category: 'Slots', features: ['WILD'], currencies: ['EUR'] },
  { id: 'd', name: 'Ärger', category: 'Classic' },
  { id: 'c/1', name: 'Crash', features: ['FREE_SPINS'], currencies: ['USD', 'BTC'] },
];

async function offer(integration: string, offered: readonly GameLine[]): Promise<void> {
  await writeFile(join(directory, `${integration}.json`), JSON.stringify({ games: offered }));
}

async function sync(token: string, input: object) {
  const answer = await request(app, token, SyncCatalogueDocument.toString(), { input });
  return answer.errors.length > 0 ? codes(answer) : answer.data?.['syncCatalogue'];
}

/** Names of the games that a filter finds, in their order. */
async function names(token: string, filter: object): Promise<unknown> {
  const answer = await request(
    app,
    token,
    'query ($filter: GameFilter) { games(filter: $filter) { edges { node { name } } } }',
    { filter },
  );
  if (answer.errors.length > 0) return codes(answer);
  const games = answer.data?.['games'] as { edges: { node: { name: string } }[] } | undefined;
  return games?.edges.map(({ node }) => node.name);
}

beforeEach(async () => {
  await database.owner.query('delete from game');
  await offer('igpx-demo', games);
  await offer('igpx-other', [{ id: 'b', name: 'Of another brand' }]);
});

describe('the list of games', () => {
  beforeEach(async () => {
    await sync(operator, { integration: 'igpx-demo' });
    const other = await app.token('operator', 'boss', { brand: 'other' });
    expect(await sync(other, { integration: 'igpx-other' })).toMatchObject({ added: 1 });
  });

  test('is in the order of names, whatever their capitals, and tells all of a game', async () => {
    const { data, errors } = await request(app, player, LobbyDocument.toString(), {});
    expect(errors).toEqual([]);
    expect(data?.['games']).toMatchObject({
      totalCount: 4,
      edges: games
        .toSorted((one, other) => ('abcd'.indexOf(one.id[0] ?? '') < 'abcd'.indexOf(other.id[0] ?? '') ? -1 : 1))
        .map(({ id, name, category = null, features = [] }) => ({
          node: { id: `igpx-demo/${id}`, externalId: id, name, category, features, integration: { id: 'igpx-demo' } },
        })),
      facets: {
        categories: [
          { value: 'Slots', count: 2 },
          { value: 'Classic', count: 1 },
        ],
        features: [
          { value: 'FREE_SPINS', count: 2 },
          { value: 'WILD', count: 2 },
        ],
      },
    });
  });

  test('is filtered by each of its facts, and by all together', async () => {
    expect(await names(player, { category: 'Slots' })).toEqual(['Aztec 100%_\\ Gold', 'bonanza']);
    expect(await names(player, { feature: 'FREE_SPINS' })).toEqual(['bonanza', 'Crash']);
    expect(await names(player, { currency: 'EUR' })).toEqual(['Aztec 100%_\\ Gold', 'bonanza', 'Ärger']);
    // The integration itself has no BTC.
    expect(await names(player, { currency: 'BTC' })).toEqual([]);
    expect(await names(player, { integration: 'igpx-demo' })).toHaveLength(4);
    expect(await names(player, { integration: 'igpx-second' })).toEqual([]);
    expect(await names(player, { category: 'Slots', feature: 'FREE_SPINS', search: 'BON' })).toEqual(['bonanza']);
    expect(await names(player, { category: 'slots' })).toEqual([]);
  });

  test('is searched by any part of the name in any case, and no character is a wildcard', async () => {
    expect(await names(player, { search: 'NAN' })).toEqual(['bonanza']);
    expect(await names(player, { search: 'äRG' })).toEqual(['Ärger']);
    expect(await names(player, { search: '0%_\\ g' })).toEqual(['Aztec 100%_\\ Gold']);
    for (const search of ['%', '_', '\\']) expect(await names(player, { search })).toEqual(['Aztec 100%_\\ Gold']);
    for (const search of ['.*', "' or 1=1 --", '?', '$1']) expect(await names(player, { search })).toEqual([]);
    for (const search of ['', 'x'.repeat(101), 'a\u0000']) {
      expect(await names(player, { search })).toEqual(['BAD_USER_INPUT']);
    }
  });

  test('counts its facets under the same filter', async () => {
    const { data } = await request(
      app,
      support,
      `{ games(filter: { feature: "WILD" }, first: 1) { totalCount
          facets { categories { value count } features { value count } integrations { value count } } } }`,
    );
    expect(data?.['games']).toEqual({
      totalCount: 2,
      facets: {
        categories: [{ value: 'Slots', count: 2 }],
        features: [
          { value: 'WILD', count: 2 },
          { value: 'FREE_SPINS', count: 1 },
        ],
        integrations: [{ value: 'igpx-demo', count: 2 }],
      },
    });
  });

  test('is read page by page without a gap, equal names included', async () => {
    const same = Array.from({ length: 7 }, (_, index) => ({ id: `same-${index}`, name: 'Same' }));
    await offer('igpx-demo', [...games, ...same]);
    await sync(operator, { integration: 'igpx-demo' });
    const found: string[] = [];
    let after: unknown;
    for (let pages = 0; pages < 10; pages++) {
      const { data, errors } = await request(app, player, LobbyDocument.toString(), { first: 3, after });
      expect(errors).toEqual([]);
      const list = data?.['games'] as {
        totalCount: number;
        edges: { node: { externalId: string } }[];
        pageInfo: { hasNextPage: boolean; endCursor: string };
      };
      expect(list.totalCount).toBe(11);
      found.push(...list.edges.map(({ node }) => node.externalId));
      after = list.pageInfo.endCursor;
      if (!list.pageInfo.hasNextPage) break;
    }
    expect(found).toEqual(['a', 'b', 'c/1', ...same.map(({ id }) => id), 'd']);
  });

  test('refuses pages over the maximum, and cursors of another filter', async () => {
    const query =
      'query ($n: Int, $a: String, $f: GameFilter) { games(first: $n, after: $a, filter: $f) { pageInfo { endCursor } } }';
    for (const n of [0, -1, 101]) expect(codes(await request(app, player, query, { n }))).toEqual(['BAD_USER_INPUT']);
    const { data } = await request(app, player, query, { n: 1 });
    const a = (data?.['games'] as { pageInfo: { endCursor: string } } | undefined)?.pageInfo.endCursor;
    expect(codes(await request(app, player, query, { a }))).toEqual([]);
    expect(codes(await request(app, player, query, { a, f: { search: 'a' } }))).toEqual(['BAD_USER_INPUT']);
    expect(codes(await request(app, operator, query, { a }))).toEqual(['BAD_USER_INPUT']);
  });

  test('holds games of the own brand only, whoever asks', async () => {
    for (const token of [player, support, operator]) {
      expect(await names(token, { integration: 'igpx-other' })).toEqual([]);
      expect(await names(token, {})).not.toContain('Of another brand');
    }
    const other = await app.token('player', 'olga', { brand: 'other' });
    expect(await names(other, {})).toEqual(['Of another brand']);
  });

  test('shows players what can be launched, and staff also what was withdrawn', async () => {
    await offer(
      'igpx-demo',
      games.filter(({ id }) => id !== 'd'),
    );
    await sync(operator, { integration: 'igpx-demo' });
    expect(await names(player, {})).not.toContain('Ärger');
    expect(await names(player, { status: 'WITHDRAWN' })).toEqual([]);
    expect(await names(support, {})).toContain('Ärger');
    expect(await names(support, { status: 'WITHDRAWN' })).toEqual(['Ärger']);
    await database.owner.query("update integration set active = false where id = 'igpx-demo'");
    try {
      expect(await names(player, {})).toEqual([]);
      expect(await names(support, { status: 'ACTIVE' })).toHaveLength(3);
    } finally {
      await database.owner.query("update integration set active = true where id = 'igpx-demo'");
    }
  });
});

describe('a synchronisation', () => {
  test('counts what became of the games', async () => {
    const counts = { __typename: 'CatalogueSynced', added: 0, changed: 0, withdrawn: 0, unchanged: 0 };
    expect(await sync(await app.token('service'), { integration: 'igpx-demo' })).toEqual({ ...counts, added: 4 });
    expect(await sync(operator, { integration: 'igpx-demo' })).toEqual({ ...counts, unchanged: 4 });
  });

  test('is for operators and services of the brand', async () => {
    for (const token of [player, support, await app.token('analyst')]) {
      expect(await sync(token, { integration: 'igpx-demo' })).toEqual(['FORBIDDEN']);
    }
    for (const integration of ['igpx-other', 'no-such', 'cashier', '', '__proto__']) {
      expect(await sync(operator, { integration })).toEqual(['NOT_FOUND']);
    }
  });

  test('that would withdraw most games is refused unless forced', async () => {
    await sync(operator, { integration: 'igpx-demo' });
    await offer('igpx-demo', games.slice(0, 1));
    const query =
      'mutation ($input: SyncCatalogueInput!) { syncCatalogue(input: $input) { __typename ... on CatalogueShrunk { known missing } } }';
    const { data } = await request(app, operator, query, { input: { integration: 'igpx-demo' } });
    expect(data).toEqual({ syncCatalogue: { __typename: 'CatalogueShrunk', known: 4, missing: 3 } });
    expect(await sync(operator, { integration: 'igpx-demo', force: true })).toMatchObject({ withdrawn: 3 });
  });

  test('of a faulty file says every fault, and one without a source says so', async () => {
    await offer('igpx-demo', [{ id: '' }, { id: 'a', name: 'A', category: '' }]);
    const query =
      'mutation { syncCatalogue(input: { integration: "igpx-demo" }) { ... on CatalogueInvalid { message problems } } }';
    const { data } = await request(app, operator, query);
    expect(data?.['syncCatalogue']).toEqual({
      message: 'The catalogue is not usable as it is.',
      problems: [
        expect.stringMatching(/^games\[0\]\.id: /),
        'games[0].name: is missing.',
        expect.stringMatching(/^games\[1\]\.category: /),
      ],
    });
    expect(await sync(operator, { integration: 'igpx-second' })).toMatchObject({ __typename: 'CatalogueMissing' });
  });

  test('beside another one is refused', async () => {
    const other = new pg.Client({ connectionString: database.ownerUrl });
    await other.connect();
    try {
      await other.query("select pg_advisory_lock(hashtext('croupier.catalogue'), hashtext('igpx-demo'))");
      expect(await sync(operator, { integration: 'igpx-demo' })).toMatchObject({ __typename: 'CatalogueBusy' });
    } finally {
      await other.end();
    }
  });
});
