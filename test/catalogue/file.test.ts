import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CatalogueError } from '../../src/catalogue/errors.js';
import { readCatalogueFile } from '../../src/catalogue/games.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'croupier-catalogue-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function fileWith(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

async function problemsOf(name: string, text: string): Promise<readonly string[]> {
  const error: unknown = await readCatalogueFile(await fileWith(name, text)).catch((reason: unknown) => reason);
  if (!(error instanceof CatalogueError)) throw new Error('It was not refused', { cause: error });
  expect(error.code).toBe('INVALID');
  return error.problems.map((each) => each.replace(`${directory}/`, ''));
}

const mines = {
  id: 'mines',
  name: 'Mines',
  category: 'Turbo',
  thumbnailUrl: 'https://games.example/mines.png',
  features: ['PROVABLY_FAIR'],
  balanceUpdateDelayMs: 500,
  currencies: ['EUR'],
};

test('a file says in YAML or JSON what a provider would', async () => {
  const yaml = `games:
  - id: mines
    name: Mines
    category: Turbo
    thumbnailUrl: https://games.example/mines.png
    features: [PROVABLY_FAIR]
    balanceUpdateDelayMs: 500
    currencies: [EUR]
  - { id: "0042", name: Rocket }
`;
  const rocket = {
    id: '0042',
    name: 'Rocket',
    category: undefined,
    thumbnailUrl: undefined,
    features: [],
    balanceUpdateDelayMs: undefined,
    currencies: [],
  };
  expect(await readCatalogueFile(await fileWith('games.yaml', yaml))).toEqual([mines, rocket]);
  const json = JSON.stringify({ games: [mines, { id: '0042', name: 'Rocket' }] });
  expect(await readCatalogueFile(await fileWith('games.json', json))).toEqual([mines, rocket]);
});

test('every fault of a file is told at once', async () => {
  const yaml = `games:
  - { id: 42, name: Rocket }
  - { id: mines, nmae: Mines }
  - { id: mines, name: " padded", balanceUpdateDelayMs: 0.5 }
`;
  expect(await problemsOf('games.yaml', yaml)).toEqual([
    'games[0].id: must be text: put a number into quotes.',
    'games[1].name: is missing.',
    'games[1]: "nmae" is not known here; correct the spelling or remove it.',
    'games[2].name: must be 1 to 255 bytes of text without control characters or white space at the ends.',
    expect.stringMatching(/^games\[2\]\.balanceUpdateDelayMs: /),
  ]);
});

test.each([
  ['games.yaml', 'games: [', /^games\.yaml: line 1: /],
  ['games.yaml', 'games: []\ngames: []', /^games\.yaml: line 2: Map keys must be unique/],
  ['games.yaml', '', /^games\.yaml: /],
  ['games.yaml', '[]', /^games\.yaml: /],
  ['games.yaml', 'games: {}', /^games: /],
  ['games.yaml', 'gamez: []', /"gamez" is not known here/],
  ['games.json', '{"games": [}', /^games\.json: is no JSON/],
])('%s holding %j is refused', async (name, text, expected) => {
  expect((await problemsOf(name, text)).join('\n')).toMatch(expected);
});

test('a file that is not there is refused', async () => {
  await expect(readCatalogueFile(join(directory, 'absent.yaml'))).rejects.toThrow(/absent\.yaml: cannot be read/);
});
