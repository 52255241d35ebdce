import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import type { Logger } from '../observability/logger.js';

/** A connection that comes back by itself after it broke. */
export interface LastingConnection {
  /** Undefined while there is none. */
  readonly client: Client | undefined;
  close(): Promise<void>;
}

export interface LastingConnectionOptions {
  readonly connection: ClientConfig;
  /** Prepares each new connection before it is used. */
  readonly prepare: (client: Client) => Promise<void>;
  /** Called when one is ready. */
  readonly connected: () => void;
  readonly logger: Pick<Logger, 'info' | 'warn'> | undefined;
}

const RECONNECT_MS = { first: 100, most: 5_000 } as const;

/** Resolves after the first attempt to connect, whatever came of it. */
export async function openLastingConnection(options: LastingConnectionOptions): Promise<LastingConnection> {
  const { connected, logger } = options;
  const closing = new AbortController();
  let client: Client | undefined;

  /** One connection, from its beginning to its end. @throws when it could not be made, or broke. */
  async function hold(opened: () => void): Promise<void> {
    const attempt = new Client(options.connection);
    const ended = new Promise<void>((resolve, reject) => {
      attempt.on('error', reject);
      attempt.on('end', resolve);
    });
    // It may break before anybody waits for its end.
    ended.catch(() => undefined);
    try {
      await attempt.connect();
      await options.prepare(attempt);
      if (closing.signal.aborted) return;
      client = attempt;
      opened();
      await ended;
    } finally {
      client = undefined;
      await attempt.end().catch(() => undefined);
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
    get client() {
      return client;
    },
    async close() {
      closing.abort();
      await client?.end().catch(() => undefined);
      await kept;
    },
  };
}
