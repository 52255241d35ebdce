import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../src/database.js';
import { fundWallets, openBenchDatabase } from '../bench-database.js';
import { proveCrash } from './crash.js';
import { proveDatabase } from './database.js';
import { proveDisconnects } from './disconnects.js';
import { proveOnce } from './once.js';
import type { Reckoning } from './reckoning.js';

/**
 * `npm run prove:once`, `prove:crash`, `prove:database` and `prove:disconnects`: what docs/reliability.md promises, tried on real processes and a
 * real, durable server in a directory that is removed afterwards. Ends with 0 only when nothing contradicts.
 */

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kills: { type: 'string', default: '50' },
    restarts: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '2000' },
    'short-rounds': { type: 'string', default: '500' },
    disconnects: { type: 'string', default: '10000' },
  },
});

/** Few enough for two movements to meet on a wallet often. */
const PLAYERS = 200;
/** Each has a client of its own. */
const WATCHED_PLAYERS = 60;
/** A thousand million, as `fundWallets` deposits, at the bench's scale of 6. */
const FUNDS = 1_000_000_000_000_000n;
const VIOLATIONS_SHOWN = 20;

const say = (text: string): boolean => process.stderr.write(`${text}\n`);

function numberOf(flag: 'seed' | 'kills' | 'restarts' | 'rounds' | 'short-rounds' | 'disconnects'): number {
  const number = Number(flags[flag]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${flag} must be a whole number.`);
  return number;
}

async function prove(name: string | undefined, directory: string): Promise<Reckoning> {
  const serverDirectory = join(directory, 'postgres');
  const directories = [join(directory, 'first'), join(directory, 'second')] as const;
  for (const each of [serverDirectory, ...directories]) await mkdir(each);
  const server = await startEmbeddedPostgres({ directory: serverDirectory });
  try {
    const open = async (funded: number, empty = 0) => {
      const databaseUrl = await openBenchDatabase(server.url, 'proof', funded + empty);
      await fundWallets(databaseUrl, funded);
      const funds = Array.from({ length: funded + empty }, (_, player) => (player < funded ? FUNDS : 0n));
      return { databaseUrl, funds, directory: directories[0], seed: numberOf('seed'), say };
    };
    if (name === 'crash')
      return await proveCrash({
        ...(await open(PLAYERS)),
        kills: numberOf('kills'),
        betweenKills: { least: 200, most: 2_000 },
      });
    if (name === 'database') {
      return await proveDatabase({ ...(await open(PLAYERS)), server, serverDirectory, restarts: numberOf('restarts') });
    }
    if (name === 'disconnects') {
      const disconnects = numberOf('disconnects');
      const kills = Math.floor(disconnects / 500);
      const clients = { disconnects, kills, streams: 8, pauseMsMax: 40 };
      return await proveDisconnects({ ...(await open(WATCHED_PLAYERS)), directories, ...clients });
    }
    const rounds = numberOf('rounds');
    const shortRounds = numberOf('short-rounds');
    return await proveOnce({ ...(await open(rounds, shortRounds)), directories, rounds, shortRounds });
  } finally {
    await server.close();
  }
}

const [name] = positionals;
if (name !== 'once' && name !== 'crash' && name !== 'database' && name !== 'disconnects')
  throw new Error('Which proof: once, crash, database or disconnects?');
const directory = await mkdtemp(join(tmpdir(), 'croupier-proof-'));
say(`seed ${flags.seed}`);
try {
  const { violations, ...report } = await prove(name, directory);
  for (const each of violations.slice(0, VIOLATIONS_SHOWN)) say(`BROKEN  ${each}`);
  const conditions = { cores: availableParallelism(), node: process.version };
  process.stdout.write(
    `${JSON.stringify({ proof: name, ok: violations.length === 0, ...report, violations: violations.length, ...conditions })}\n`,
  );
  if (violations.length > 0) throw new Error(`The proof failed: ${violations.length} contradictions.`);
  await rm(directory, { recursive: true, force: true });
} catch (error) {
  say(`The data and the logs are kept in ${directory}`);
  throw error;
}
