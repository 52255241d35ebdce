import pg from 'pg';
import type { Bus } from './bus.js';
import { type BusOptions, createHintBus, type HintLine } from './hint-bus.js';
import { CHANNEL } from './hint-messages.js';

export interface PostgresBusOptions extends BusOptions {
  readonly connection: pg.ClientConfig;
}

/**
 * Hints over LISTEN and NOTIFY, on a connection of its own. NOTIFY takes a lock of the whole server at its commit, so few and
 * full messages matter more here than anywhere.
 */
export function createPostgresBus({ connection, ...options }: PostgresBusOptions): Promise<Bus> {
  return createHintBus((hear) => openLine(connection, hear), options);
}

async function openLine(connection: pg.ClientConfig, hear: (message: string) => void): Promise<HintLine> {
  const client = new pg.Client({
    ...connection,
    application_name: 'croupier-bus',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
  });
  const ended = new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('end', resolve);
  });
  ended.catch(() => undefined);
  client.on('notification', ({ payload = '' }) => hear(payload));
  try {
    await client.connect();
    // A hint needs no durability: without this every NOTIFY would cost the disk a flush.
    await client.query(`set synchronous_commit = off; listen ${CHANNEL}`);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return {
    ended,
    send: (message) => client.query({ name: 'notify', text: 'select pg_notify($1, $2)', values: [CHANNEL, message] }),
    end: () => client.end(),
  };
}
