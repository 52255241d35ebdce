import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../observability/logger.js';

/** A connection that was made, and will break one day. */
export interface Breakable {
  /** Resolves when it has ended, rejects when it broke. */
  readonly ended: Promise<unknown>;
  /** Ends it at once. */
  end(): Promise<unknown>;
}

/** A connection that comes back by itself after it broke. */
export interface LastingConnection<Connection> {
  /** Undefined while there is none. */
  readonly current: Connection | undefined;
  close(): Promise<void>;
}

export interface LastingConnectionOptions<Connection extends Breakable> {
  /** Makes a connection that is ready for use. @throws when that fails */
  readonly open: () => Promise<Connection>;
  /** Called when one is ready. */
  readonly connected: () => void;
  readonly logger: Pick<Logger, 'info' | 'warn'> | undefined;
}

const RECONNECT_MS = { first: 100, most: 5_000 } as const;

/** Resolves after the first attempt to connect, whatever came of it. */
export async function openLastingConnection<Connection extends Breakable>({
  open,
  connected,
  logger,
}: LastingConnectionOptions<Connection>): Promise<LastingConnection<Connection>> {
  const closing = new AbortController();
  let current: Connection | undefined;

  /** One connection, from its beginning to its end. @throws when it could not be made, or broke. */
  async function hold(opened: () => void): Promise<void> {
    const connection = await open();
    // It may break before anybody waits for its end.
    connection.ended.catch(() => undefined);
    try {
      if (closing.signal.aborted) return;
      current = connection;
      opened();
      await connection.ended;
    } finally {
      current = undefined;
      await connection.end().catch(() => undefined);
    }
  }

  async function keep(attempted: () => void): Promise<void> {
    let pauseMs: number = RECONNECT_MS.first;
    let down = false;
    while (!closing.signal.aborted) {
      try {
        await hold(() => {
          if (down) logger?.info('The bus is connected again');
          down = false;
          pauseMs = RECONNECT_MS.first;
          connected();
          attempted();
        });
      } catch (error) {
        if (!down && !closing.signal.aborted)
          logger?.warn({ err: error }, 'The bus has no connection; changes are polled');
        down = true;
      }
      attempted();
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { ref: false, signal: closing.signal }).catch(
        () => undefined,
      );
      pauseMs = Math.min(pauseMs * 2, RECONNECT_MS.most);
    }
  }

  let kept: Promise<void> | undefined;
  await new Promise<void>((attempted) => {
    kept = keep(attempted);
  });
  return {
    get current() {
      return current;
    },
    async close() {
      closing.abort();
      await current?.end().catch(() => undefined);
      await kept;
    },
  };
}
