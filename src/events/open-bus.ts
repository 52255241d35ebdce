import type { BusConfig } from '../config/types.js';
import type { Bus } from './bus.js';
import { createPostgresBus } from './bus-postgres.js';
import type { BusOptions } from './hint-bus.js';

/** The bus of the configuration; PostgreSQL's unless told. Only the client that is used is loaded. */
export async function openBus(
  config: BusConfig | undefined,
  { databaseUrl, ...options }: BusOptions & { readonly databaseUrl: string },
): Promise<Bus> {
  switch (config?.kind) {
    case undefined:
    case 'postgres':
      return createPostgresBus({ connection: { connectionString: databaseUrl }, ...options });
    case 'redis':
      return (await import('./bus-redis.js')).createRedisBus({ url: config.url, ...options });
    case 'nats':
      return (await import('./bus-nats.js')).createNatsBus({ url: config.url, ...options });
  }
}
