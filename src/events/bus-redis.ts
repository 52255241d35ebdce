import { Redis, type RedisOptions } from 'ioredis';
import type { Secret } from '../observability/secret.js';
import type { Bus } from './bus.js';
import { type BusOptions, createHintBus, type HintLine } from './hint-bus.js';
import { CHANNEL } from './hint-messages.js';

export interface RedisBusOptions extends BusOptions {
  /** `redis://` or `rediss://`, with user and password where the server wants them. */
  readonly url: Secret;
}

/** A server that went silent is noticed within the two of these. */
const PING_MS = 10_000;
const ANSWER_MS = 5_000;

/** One attempt, and no queue that a lost connection could fill: connecting again is the bus's own work. */
const once = {
  lazyConnect: true,
  retryStrategy: null,
  enableOfflineQueue: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  commandTimeout: ANSWER_MS,
  keepAlive: 10_000,
  connectionName: 'croupier-bus',
  // Understood by every server there is.
  protocol: 2,
} as const satisfies RedisOptions;

/** Hints over PUBLISH and SUBSCRIBE. Whoever listens can do nothing else on that connection, so there are two. */
export function createRedisBus({ url, ...options }: RedisBusOptions): Promise<Bus> {
  return createHintBus((hear) => openLine(url, hear), options);
}

async function openLine(url: Secret, hear: (message: string) => void): Promise<HintLine> {
  const [ear, voice] = [new Redis(url.reveal(), once), new Redis(url.reveal(), once)];
  const both = [ear, voice];
  let cause: Error | undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    for (const each of both) {
      // What was wrong is told first, that the connection is gone after it.
      each.on('error', (error) => (cause = said(error)));
      each.on('end', () => reject(cause ?? new Error('Redis closed the connection.')));
    }
  });
  ended.catch(() => undefined);
  const end = (): Promise<void> => {
    clearInterval(pinging);
    for (const each of both) each.disconnect();
    return Promise.resolve();
  };
  const pinging = setInterval(() => {
    Promise.all(both.map((each) => each.ping())).catch(end);
  }, PING_MS).unref();
  ear.on('message', (_channel, message) => hear(message));
  try {
    await Promise.all(both.map((each) => each.connect()));
    await ear.subscribe(CHANNEL);
  } catch (error) {
    await end();
    throw cause ?? said(error);
  }
  return { ended, end, send: (message) => voice.publish(CHANNEL, message) };
}

/** The client's errors hold the command that failed, and that may be the one with the password. */
function said(error: unknown): Error {
  return new Error(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
