import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../observability/logger.js';
import type { Bus, Hint } from './bus.js';
import { beginningOf, readHints, writeHints } from './hint-messages.js';
import { type Breakable, openLastingConnection } from './lasting-connection.js';

/** A connection to what carries messages to every process of the gateway, ourselves included or not. */
export interface HintLine extends Breakable {
  /** @throws when the message cannot be said to have left */
  send(message: string): Promise<unknown>;
}

export interface BusOptions {
  readonly logger?: Pick<Logger, 'info' | 'warn'> | undefined;
  /** Hints wait this long for each other, so that a busy gateway sends few messages. */
  readonly coalesceMs?: number | undefined;
}

/**
 * What all buses have in common: hints are merged to the highest number of each lane, sent one message at a time, and wait
 * while there is no connection. Resolves after the first attempt to connect.
 * @param open makes a line that is ready to send, and gives every message it hears to `hear`
 */
export async function createHintBus(
  open: (hear: (message: string) => void) => Promise<HintLine>,
  { logger, coalesceMs = 10 }: BusOptions,
): Promise<Bus> {
  /** Tells our own hints from those of others. */
  const from = randomUUID();
  const ours = beginningOf(from);
  const handlers = new Set<(hints: readonly Hint[]) => void>();
  /** The highest number of each lane that is not sent yet. */
  const unsent = new Map<number, bigint>();
  let sending: Promise<void> | undefined;
  let closed = false;

  const lasting = await openLastingConnection({ open: () => open(hear), connected: sendSoon, logger });

  function hear(message: string): void {
    if (closed || message.startsWith(ours)) return;
    const hints = readHints(message);
    if (hints === undefined) return;
    for (const handler of handlers) handler(hints);
  }

  function sendSoon(): void {
    if (unsent.size > 0) sending ??= send();
  }

  async function send(): Promise<void> {
    await delay(coalesceMs, undefined, { ref: false });
    while (unsent.size > 0 && lasting.current !== undefined) {
      const line = lasting.current;
      const message = writeHints(from, unsent);
      unsent.clear();
      try {
        await line.send(message);
        await delay(coalesceMs, undefined, { ref: false });
      } catch {
        // These hints are lost. A connection that cannot send is not trusted to hear either.
        await line.end().catch(() => undefined);
        // What comes meanwhile waits for the next connection.
        if (lasting.current === line) break;
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
      if (lasting.current !== undefined) sendSoon();
    },
    listen(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    async close() {
      closed = true;
      await sending;
      await lasting.close();
      handlers.clear();
    },
  };
}
