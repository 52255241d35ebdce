import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectNats } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database.js';
import type { BusConfig } from '../../src/config.js';
import { CHANNEL } from '../../src/events/hint-messages.js';
import { Secret } from '../../src/observability/secret.js';

export type BusKind = BusConfig['kind'];

/** A server that carries hints, which can be killed and started again at the same address. */
export interface BusServer {
  readonly kind: BusKind;
  readonly url: string;
  readonly config: BusConfig;
  start(): Promise<void>;
  /** Ends it without a farewell. */
  kill(): Promise<void>;
  /** Sessions of buses that the server knows of. */
  busCount(): Promise<number>;
  /** A session that hears every message and can say anything. */
  overhear(): Promise<{ say(text: string): Promise<unknown>; heard(): readonly string[]; close(): Promise<unknown> }>;
  close(): Promise<void>;
}

const programs = { redis: 'redis-server', nats: 'nats-server' } as const;

/** Why the tests of a bus cannot run here; undefined when they can. */
export function missing(kind: BusKind): string | undefined {
  if (kind === 'postgres') return undefined;
  try {
    execFileSync(programs[kind], ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${programs[kind]} is not installed`;
  }
}

/** @param password asked of everybody who connects; the user is `croupier` where there are users */
export async function openBusServer(kind: BusKind, password?: string): Promise<BusServer> {
  const directory = await mkdtemp(join(tmpdir(), 'croupier-bus-'));
  const port = await freePort();
  switch (kind) {
    case 'postgres':
      return postgres(directory, port);
    case 'redis':
      return redis(directory, port, password);
    case 'nats':
      return nats(directory, port, password);
  }
}

function postgres(directory: string, port: number): BusServer {
  let server: EmbeddedPostgres | undefined;
  const url = (): string => server?.url ?? `postgresql://127.0.0.1:${port}/postgres`;
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url() });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const kill = async (): Promise<void> => {
    await server?.close();
  };
  return {
    kind: 'postgres',
    get url() {
      return url();
    },
    config: { kind: 'postgres' },
    async start() {
      server = await startEmbeddedPostgres({ directory, port, durable: false });
    },
    kill,
    async busCount() {
      const client = await connect();
      const { rows } = await client.query<{ count: number }>(
        "select count(*)::int as count from pg_stat_activity where application_name = 'croupier-bus'",
      );
      await client.end();
      return rows[0]?.count ?? 0;
    },
    async overhear() {
      const client = await connect();
      const heard: string[] = [];
      client.on('notification', ({ payload = '' }) => heard.push(payload));
      await client.query(`listen ${CHANNEL}`);
      return {
        say: (text) => client.query('select pg_notify($1, $2)', [CHANNEL, text]),
        heard: () => heard,
        close: () => client.end(),
      };
    },
    async close() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function redis(directory: string, port: number, password?: string): BusServer {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory];
  const secured = password === undefined ? args : [...args, '--requirepass', password];
  const child = supervise(programs.redis, port, () => Promise.resolve(secured));
  const url = `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
  const connect = (): Redis => {
    const client = new Redis(url, { retryStrategy: null, protocol: 2 });
    client.on('error', () => undefined);
    return client;
  };
  return {
    kind: 'redis',
    url,
    config: { kind: 'redis', url: new Secret(url) },
    ...child,
    async busCount() {
      const client = connect();
      const list = String(await client.client('LIST'));
      client.disconnect();
      return list.split('\n').filter((line) => line.includes('name=croupier-bus')).length;
    },
    async overhear() {
      const [ear, voice] = [connect(), connect()];
      const heard: string[] = [];
      ear.on('message', (_channel, text) => heard.push(text));
      await ear.subscribe(CHANNEL);
      return {
        say: (text) => voice.publish(CHANNEL, text),
        heard: () => heard,
        async close() {
          for (const each of [ear, voice]) each.disconnect();
        },
      };
    },
    async close() {
      await child.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function nats(directory: string, port: number, password?: string): BusServer {
  const user = 'croupier';
  let monitorPort = 0;
  const child = supervise(programs.nats, port, async () => {
    monitorPort = await freePort();
    const args = ['--addr', '127.0.0.1', '--port', String(port), '--http_port', String(monitorPort)];
    return password === undefined ? args : [...args, '--user', user, '--pass', password];
  });
  const credentials = password === undefined ? undefined : { user, pass: password };
  const prefix = password === undefined ? '' : `${user}:${encodeURIComponent(password)}@`;
  const url = `nats://${prefix}127.0.0.1:${port}`;
  return {
    kind: 'nats',
    url,
    config: { kind: 'nats', url: new Secret(url) },
    ...child,
    async busCount() {
      const response = await fetch(`http://127.0.0.1:${monitorPort}/connz`);
      return (await response.text()).split('"name": "croupier-bus"').length - 1;
    },
    async overhear() {
      const connection = await connectNats({ servers: `127.0.0.1:${port}`, reconnect: false, ...credentials });
      const heard: string[] = [];
      connection.subscribe(CHANNEL, {
        callback: (_error, message) => {
          heard.push(message.string());
        },
      });
      await connection.flush();
      return {
        async say(text) {
          connection.publish(CHANNEL, text);
          await connection.flush();
        },
        heard: () => heard,
        close: () => connection.close(),
      };
    },
    async close() {
      await child.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function supervise(
  program: string,
  port: number,
  args: () => Promise<readonly string[]>,
): Pick<BusServer, 'start' | 'kill'> {
  let child: ChildProcess | undefined;
  return {
    async start() {
      child = spawn(program, await args(), { stdio: 'ignore' });
      await answers(port);
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(port: number): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    const socket = connectSocket(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      if (performance.now() > deadline) throw new Error(`Nothing answers on port ${port}`);
      await delay(20);
    } finally {
      socket.destroy();
    }
  }
}
