import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { z } from 'zod';
import { LANE_COUNT } from '../ledger/lanes.js';
import type { Logger } from '../observability/logger.js';
import type { Bus, Hint } from './bus.js';
import { openLastingConnection } from './lasting-connection.js';

export interface PostgresBusOptions {
  readonly connection: pg.ClientConfig;
  readonly logger?: Pick<Logger, 'info' | 'warn'>;
  /** NOTIFY takes a lock of the whole server at its commit, so hints wait this long for each other. */
  readonly coalesceMs?: number;
}

const CHANNEL = 'croupier_units';

/** Names every lane at most once: about 2 kB, where NOTIFY carries 7,999 bytes. Fields may be added; these stay. */
const Message = z.object({
  from: z.string(),
  lanes: z.array(
    z.tuple([
      z
        .int()
        .min(0)
        .max(LANE_COUNT - 1),
      z.string().regex(/^\d{1,19}$/),
    ]),
  ),
});

/** Hints over LISTEN and NOTIFY, on a connection of its own. Resolves after the first attempt to connect. */
export async function createPostgresBus({ connection, logger, coalesceMs = 10 }: PostgresBusOptions): Promise<Bus> {
  /** Tells our own hints from those of others: the server sends them to everybody. */
  const from = randomUUID();
  const ours = `{"from":"${from}"`;
  const handlers = new Set<(hints: readonly Hint[]) => void>();
  /** The highest number of each lane that is not sent yet. */
  const unsent = new Map<number, bigint>();
  let sending: Promise<void> | undefined;
  let closed = false;

  const lasting = await openLastingConnection({
    connection: {
      ...connection,
      application_name: 'croupier-bus',
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: 2_000,
      query_timeout: 5_000,
    },
    async prepare(client) {
      client.on('notification', ({ payload }) => hear(payload));
      // A hint needs no durability: without this every NOTIFY would cost the disk a flush.
      await client.query(`set synchronous_commit = off; listen ${CHANNEL}`);
    },
    connected: sendSoon,
    logger,
  });

  function hear(payload: string | undefined): void {
    // A busy gateway hears mostly itself, so its own messages are known without reading them.
    if (payload?.startsWith(ours) === true) return;
    const message = parseMessage(payload);
    if (message === undefined) return;
    const hints = message.lanes.map(([lane, number]) => ({ lane, number: BigInt(number) }));
    for (const handler of handlers) handler(hints);
  }

  function sendSoon(): void {
    if (unsent.size > 0) sending ??= send();
  }

  async function send(): Promise<void> {
    await delay(coalesceMs, undefined, { ref: false });
    while (unsent.size > 0 && lasting.client !== undefined) {
      const { client } = lasting;
      const lanes = [...unsent].map(([lane, number]) => [lane, String(number)]);
      unsent.clear();
      try {
        const values = [CHANNEL, JSON.stringify({ from, lanes })];
        await client.query({ name: 'notify', text: 'select pg_notify($1, $2)', values });
        await delay(coalesceMs, undefined, { ref: false });
      } catch {
        // These hints are lost. A connection that cannot send is not trusted to hear either.
        await client.end().catch(() => undefined);
      }
    }
    sending = undefined;
  }

  return {
    publish(hints) {
      if (closed) return;
      for (const { lane, number } of hints) {
        const known = unsent.get(lane);
        if (known === undefined || known < number) unsent.set(lane, number);
      }
      if (lasting.client !== undefined) sendSoon();
    },
    listen(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    async close() {
      closed = true;
      await sending;
      await lasting.close();
    },
  };
}

function parseMessage(payload: string | undefined): z.infer<typeof Message> | undefined {
  try {
    return Message.safeParse(JSON.parse(payload ?? '')).data;
  } catch {
    return undefined;
  }
}
