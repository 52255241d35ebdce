import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { z } from 'zod';
import type { CatalogueGame } from '../adapters/contract.js';
import { parseYaml } from '../config/file.js';
import { Problems } from '../config/problems.js';
import { CurrencyCode } from '../config/shape.js';
import { isName } from '../ledger/names.js';
import { CatalogueError } from './errors.js';

/** What a catalogue may say, whether a provider tells it or a file holds it. A faulty one is refused as a whole. */

const FILE_BYTES_MAX = 8 * 1024 * 1024;
const GAMES_MAX = 20_000;
/** The end of a game is never hidden for longer. */
const DELAY_MS_MAX = 600_000;

const name = z
  .string()
  .refine(isName, 'must be 1 to 255 bytes of text without control characters or white space at the ends');
const list = <Item extends z.ZodType>(item: Item) => z.array(item).max(50, 'must hold at most 50').default([]);

const webAddress = z
  .string()
  .max(2_048, 'must have at most 2048 characters')
  .regex(/^https?:\/\/[^\s\p{C}\\]+$/iu, 'must be an http or https URL')
  .refine((text) => URL.canParse(text), 'must be an http or https URL');

const GameEntry = z.strictObject({
  id: z.string('must be text: put a number into quotes').pipe(name),
  name,
  category: name.optional(),
  thumbnailUrl: webAddress.optional(),
  features: list(name),
  balanceUpdateDelayMs: z.int().min(0).max(DELAY_MS_MAX).optional(),
  currencies: list(CurrencyCode),
});

const Games = z
  .array(GameEntry)
  .max(GAMES_MAX, `must hold at most ${GAMES_MAX} games`)
  .superRefine((games, context) => {
    const seen = new Set<string>();
    for (const [index, { id }] of games.entries()) {
      if (seen.has(id)) context.addIssue({ code: 'custom', path: [index, 'id'], message: `repeats the game "${id}"` });
      seen.add(id);
    }
  });

const CatalogueFile = z.strictObject({ games: z.unknown() });

/** @throws CatalogueError INVALID with every problem */
export function checkGames(games: unknown, path = 'games'): readonly CatalogueGame[] {
  const problems = new Problems();
  const read = problems.check(Games, games, path);
  if (read === undefined) throw invalid(problems);
  return read.map(({ category, thumbnailUrl, balanceUpdateDelayMs, ...rest }) => ({
    ...rest,
    category,
    thumbnailUrl,
    balanceUpdateDelayMs,
  }));
}

/** As a provider means it: blanks around its words, and words that are empty, say nothing. Ids stay as they are. */
export function tidy(game: CatalogueGame): CatalogueGame {
  return {
    ...game,
    name: game.name.trim(),
    category: game.category?.trim() || undefined,
    features: game.features.map((each) => each.trim()).filter((each) => each !== ''),
  };
}

/** Games of a file: `games:` with a list, in YAML or JSON. @throws CatalogueError INVALID with every problem */
export async function readCatalogueFile(path: string): Promise<readonly CatalogueGame[]> {
  const problems = new Problems();
  const text = await readText(path, problems);
  const value = text === undefined ? undefined : parse(text, path, problems);
  const file = problems.found.length > 0 ? undefined : problems.check(CatalogueFile, value, path);
  if (file === undefined) throw invalid(problems);
  return checkGames(file.games);
}

async function readText(path: string, problems: Problems): Promise<string | undefined> {
  try {
    if ((await stat(path)).size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    problems.add(path, `cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
    return undefined;
  }
}

/** A long list is read much faster as JSON, and the gateway stands still meanwhile. */
function parse(text: string, path: string, problems: Problems): unknown {
  if (extname(path) !== '.json') return parseYaml(text, path, problems);
  try {
    return JSON.parse(text);
  } catch (error) {
    problems.add(path, `is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
    return undefined;
  }
}

function invalid({ found }: Problems): CatalogueError {
  return new CatalogueError('INVALID', { problems: found.map(({ path, message }) => `${path}: ${message}`) });
}
