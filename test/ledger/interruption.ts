import { connect, createServer, type Socket } from 'node:net';
import type pg from 'pg';
import type { TestDatabase } from '../support/database.js';

/**
 * A wire between a ledger and its database that can be cut at the moments that matter: just before COMMIT gets through,
 * or just after the database has committed and before the ledger hears of it.
 */
export interface Wire {
  readonly url: string;
  /** Cuts once, the next time that a COMMIT comes by. */
  cutAt(moment: 'before-commit' | 'after-commit'): void;
  /** Cuts every connection and refuses new ones, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  readonly cuts: number;
  close(): Promise<void>;
}

const COMMIT_COMPLETED = Buffer.from('COMMIT\0');

export async function createWire(databaseUrl: string): Promise<Wire> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let moment: 'before-commit' | 'after-commit' | undefined;
  let cuts = 0;

  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    near.on('data', (bytes) => {
      // A Query or Parse message with the text "commit"; nothing else a ledger sends holds it with its NUL.
      if (moment === 'before-commit' && bytes.includes('commit\0')) {
        moment = undefined;
        cuts += 1;
        cut();
      } else far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (moment === 'after-commit' && bytes.includes(COMMIT_COMPLETED)) {
        moment = undefined;
        cuts += 1;
        cut();
      } else near.write(bytes);
    });
  });

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  const stop = async (): Promise<void> => {
    const stopped = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    await stopped;
  };

  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The wire has no port');
  const { port } = address;
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.href,
    cutAt: (wanted) => {
      moment = wanted;
    },
    down: stop,
    up: () => listen(port),
    get cuts() {
      return cuts;
    },
    close: async () => {
      if (server.listening) await stop();
    },
  };
}

/** Holds a lane's lock, as another gateway in the middle of a unit of work would. */
export async function holdLane(db: TestDatabase, lane: number): Promise<{ release: () => Promise<void> }> {
  const client = await db.owner.connect();
  await client.query('begin');
  await client.query('select from lane where lane = $1 for update', [lane]);
  return {
    release: async () => {
      await client.query('rollback');
      client.release();
    },
  };
}

/** Waits until as many ledger connections as that wait for a lock. */
export async function untilWaiting(owner: pg.Pool, count: number): Promise<void> {
  await until(async () => {
    const { rows } = await owner.query<{ waiting: string }>(
      `select count(*) as waiting from pg_stat_activity
       where datname = current_database() and application_name = 'croupier-ledger' and wait_event_type = 'Lock'`,
    );
    return Number(rows[0]?.waiting) >= count;
  });
}

/** Ends the ledgers' connections, as an administrator or a fail-over does. */
export async function terminateLedgers(owner: pg.Pool): Promise<void> {
  await owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'croupier-ledger'`,
  );
}

/** Asks again and again until it is so; gives up loudly. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`Not so within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
