import { connect, type ConnectionOptions } from '@nats-io/transport-node';
import type { Secret } from '../observability/secret.js';
import type { Bus } from './bus.js';
import { type BusOptions, createHintBus, type HintLine } from './hint-bus.js';
import { CHANNEL } from './hint-messages.js';
import { within } from '../within.js';

export interface NatsBusOptions extends BusOptions {
  /** `nats://` or `tls://`, with `user:password@` or `token@` where the server wants them. */
  readonly url: Secret;
}

const ANSWER_MS = 5_000;

/** Hints over plain NATS subjects; nothing is kept by the server. */
export function createNatsBus({ url, ...options }: NatsBusOptions): Promise<Bus> {
  return createHintBus((hear) => openLine(url, hear), options);
}

async function openLine(url: Secret, hear: (message: string) => void): Promise<HintLine> {
  const connection = await connect({
    ...addressOf(url),
    name: 'croupier-bus',
    noEcho: true,
    // One attempt: connecting again is the bus's own work.
    reconnect: false,
    timeout: 2_000,
    // A server that went silent is noticed after the second unanswered question.
    pingInterval: ANSWER_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
  });
  connection.subscribe(CHANNEL, {
    callback: (error, message) => {
      if (error === null) hear(message.string());
    },
  });
  return {
    ended: connection.closed().then((error) => {
      throw error instanceof Error ? error : new Error('NATS closed the connection.');
    }),
    end: () => connection.close(),
    async send(message) {
      connection.publish(CHANNEL, message);
      // The client would keep what a silent server does not take; this way there is one message at a time.
      await within(ANSWER_MS, connection.flush(), 'NATS did not take a message');
    },
  };
}

/** The client takes no credentials out of a URL. */
function addressOf(secret: Secret): Pick<ConnectionOptions, 'servers' | 'user' | 'pass' | 'token' | 'tls'> {
  const url = new URL(secret.reveal());
  const user = decodeURIComponent(url.username);
  const pass = decodeURIComponent(url.password);
  return {
    servers: `${url.hostname}:${url.port === '' ? '4222' : url.port}`,
    ...(user !== '' && (pass === '' ? { token: user } : { user, pass })),
    ...(url.protocol === 'tls:' && { tls: {} }),
  };
}
