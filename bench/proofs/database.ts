import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database.js';
import { readServerState, waitUntilStopped } from '../../src/database/server-state.js';
import { openGateway, openProvider } from './gateway.js';
import { startPlay } from './play.js';
import { seeded } from '../../test/support/random.js';
import { type Reckoning, reckon } from './reckoning.js';

export interface DatabaseOptions {
  /** On the server whose files are in `serverDirectory`, which nobody else uses. */
  readonly databaseUrl: string;
  readonly serverDirectory: string;
  readonly server: EmbeddedPostgres;
  readonly directory: string;
  /** Of each player's wallet, in ledger units. */
  readonly funds: readonly bigint[];
  readonly restarts: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface DatabaseReport extends Reckoning {
  readonly restarts: number;
  readonly terminations: number;
  readonly seed: number;
  readonly seconds: number;
  readonly acknowledged: number;
  readonly declined: number;
  readonly unknown: number;
  readonly repeated: number;
  /** From the moment the server takes connections to the next movement that is acknowledged. */
  readonly recoveryMs: { readonly median: number; readonly most: number };
  /** Answers to bets that were sent while the server was down. */
  readonly declineMs: { readonly count: number; readonly median: number; readonly most: number };
}

const TABLES = 48;
const BETWEEN_RESTARTS = { least: 200, most: 2_000 } as const;
const DOWN_MS = { least: 0, most: 4_000 } as const;
/** Some outages outlast every deadline, and the patience with an unknown COMMIT. */
const LONG = { every: 10, downMs: 16_000 } as const;
const RECOVERY_MS_MAX = 5_000;
/** A deadline of two seconds, half a second between two attempts to connect, and a busy machine. */
const DECLINE_MS_MAX = 4_000;

/**
 * Shuts the database server down at once, under load, and starts it again; in between, sessions of the ledger are ended by
 * hand. The gateway is never restarted. Bets are to be declined quickly, credits to be taken once the server is back.
 */
export async function proveDatabase(options: DatabaseOptions): Promise<DatabaseReport> {
  const { seed, funds, restarts } = options;
  const startedAt = performance.now();
  const gateway = await openGateway(options.directory, options.databaseUrl);
  // Longer than any time-out of the gateway: every answer it gives is heard, the late ones too.
  const provider = openProvider(gateway, { socketsMax: TABLES * 2, timeoutMs: 30_000, attemptsMax: 8 });
  const outages: Outage[] = [];
  const declines: number[] = [];
  const play = startPlay({
    provider,
    random: seeded(seed + 1),
    players: funds.length,
    tables: TABLES,
    onBet: ({ startedAt: sentAt, tookMs }) => {
      const last = outages.at(-1);
      if (last !== undefined && sentAt > last.downAt && sentAt < last.upAt) declines.push(tookMs);
    },
  });
  const random = seeded(seed);
  const servers: EmbeddedPostgres[] = [];
  let terminations = 0;
  try {
    for (let restart = 1; restart <= restarts; restart += 1) {
      await play.acknowledgedMore(random.between(BETWEEN_RESTARTS.least, BETWEEN_RESTARTS.most));
      terminations += await endSessions(options.databaseUrl);
      await play.acknowledgedMore(random.between(BETWEEN_RESTARTS.least, BETWEEN_RESTARTS.most));
      const downMs = restart % LONG.every === 0 ? LONG.downMs : random.between(DOWN_MS.least, DOWN_MS.most);
      const outage = await restartServer(options, downMs, outages, servers);
      await play.acknowledgedMore(1);
      outage.recoveredAt = performance.now();
      gateway.assertAlive();
      const recovery = Math.round(outage.recoveredAt - outage.upAt);
      options.say(`restart ${restart} of ${restarts}: down for ${downMs} ms, recovered in ${recovery} ms`);
    }
    await play.finish();
  } catch (error) {
    gateway.assertAlive();
    throw error;
  } finally {
    provider.close();
    await gateway.stop();
  }
  const reckoning = await reckon(options.databaseUrl, play.book.sent, funds);
  for (const server of servers) await server.close();
  const recoveries = outages.map(({ upAt, recoveredAt }) => recoveredAt - upAt);
  return {
    restarts,
    terminations,
    seed,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ...play.book.counts,
    ...reckoning,
    recoveryMs: { median: median(recoveries), most: most(recoveries) },
    declineMs: { count: declines.length, median: median(declines), most: most(declines) },
    violations: [...play.book.faults, ...tooSlow(recoveries, declines), ...reckoning.violations],
  };
}

interface Outage {
  readonly downAt: number;
  upAt: number;
  recoveredAt: number;
}

/** SIGQUIT is PostgreSQL's immediate shutdown: as in a crash, nothing is finished and the log is replayed at the start. */
async function restartServer(
  { serverDirectory, server }: DatabaseOptions,
  downMs: number,
  outages: Outage[],
  servers: EmbeddedPostgres[],
): Promise<Outage> {
  const directory = await realpath(serverDirectory);
  const dataDirectory = join(directory, 'data');
  const state = await readServerState(dataDirectory);
  if (state === undefined) throw new Error('The database server does not run.');
  process.kill(state.pid, 'SIGQUIT');
  await waitUntilStopped(dataDirectory, 30_000);
  const outage: Outage = { downAt: performance.now(), upAt: Infinity, recoveredAt: Infinity };
  outages.push(outage);
  await delay(downMs);
  const started = await startEmbeddedPostgres({ directory, port: server.port });
  outage.upAt = performance.now();
  servers.push(started);
  if (started.port !== server.port) throw new Error('The port of the database was taken by another process.');
  return outage;
}

/** @returns how many of the ledger's sessions there were. */
async function endSessions(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'croupier-ledger'`,
    );
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}

function tooSlow(recoveries: readonly number[], declines: readonly number[]): string[] {
  return [
    ...recoveries
      .filter((ms) => ms > RECOVERY_MS_MAX)
      .map((ms) => `The gateway recovered only after ${Math.round(ms)} ms`),
    ...declines.filter((ms) => ms > DECLINE_MS_MAX).map((ms) => `A bet was answered only after ${Math.round(ms)} ms`),
  ];
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

function most(values: readonly number[]): number {
  return Math.round(Math.max(0, ...values));
}
