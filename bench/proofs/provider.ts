import { setTimeout as delay } from 'node:timers/promises';
import type { WireRequest } from '../../src/adapters/contract.js';
import type { ProviderMovement, ProviderVoice, WireAnswer } from '../../src/adapters/provider-side.js';
import { openWire } from '../../src/simulator/wire.js';

/**
 * The provider of the proofs. The simulators' sender plays a provider; this one keeps books on it: it tells every attempt
 * apart, never gives a movement up by itself, and makes up nothing.
 */

/** What a proof wants to tell the operator. Amounts are decimal text in major units. */
interface Movement {
  readonly player: string;
  readonly currency: string;
  readonly amount: string;
  /** The provider's own id; a new one unless told. */
  readonly transactionId?: string | undefined;
}

interface RollbackMovement extends Movement {
  /** The provider's id of the bet or result to undo. */
  readonly target: string;
}

/** The operator's answer: why it said no, or null and its transaction id. */
interface Answer {
  readonly error: string | null;
  readonly transactionId: string | undefined;
}

export interface Delivery {
  readonly transactionId: string;
  /** How often it was sent. */
  readonly attempts: number;
  /** Undefined when no attempt was answered. */
  readonly answer: Answer | undefined;
}

/** One attempt and what came back. */
export interface Exchange {
  readonly attempt: number;
  /** The answer, or why there was none. */
  readonly outcome: WireAnswer | { readonly fault: string };
}

export interface ProviderOptions {
  /** The operator's callback URL, to which the paths are appended. */
  readonly callbackUrl: string;
  readonly voice: ProviderVoice;
  /** How often a win or rollback is sent in all (6 unless told); a bet is only ever sent once. */
  readonly attemptsMax?: number | undefined;
  /** Wait before the second attempt (500 ms unless told); it doubles with each further one. */
  readonly retryDelayMs?: number | undefined;
  /** After this an attempt counts as not answered (5 s unless told). */
  readonly timeoutMs?: number | undefined;
  /** Connections at once (64 unless told). */
  readonly socketsMax?: number | undefined;
}

interface SendOptions {
  /** Called after every attempt. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}

export interface Provider {
  bet(movement: Movement, options?: SendOptions): Promise<Delivery>;
  win(movement: Movement, options?: SendOptions): Promise<Delivery>;
  rollback(movement: RollbackMovement, options?: SendOptions): Promise<Delivery>;
  /** Ends waiting for retries and closes the connections. */
  close(): void;
}

let seeds = 0;

export function createProvider(options: ProviderOptions): Provider {
  const { callbackUrl, voice, attemptsMax = 6, retryDelayMs = 500, timeoutMs = 5_000, socketsMax = 64 } = options;
  const wire = openWire({ callbackUrl, timeoutMs, socketsMax });
  const closing = new AbortController();

  async function attempt(request: WireRequest): Promise<Exchange['outcome']> {
    return wire.send(request).catch((error: unknown) => ({
      fault: error instanceof Error ? error.message : String(error),
    }));
  }

  async function deliver(movement: ProviderMovement, attempts: number, send: SendOptions): Promise<Delivery> {
    const request = voice.signer.sign(voice.say(movement));
    for (let count = 1; ; count += 1) {
      const outcome = await attempt(request);
      send.onExchange?.({ attempt: count, outcome });
      const answer = 'fault' in outcome ? undefined : answerOf(voice, movement, outcome);
      const delivery = { transactionId: movement.id, attempts: count, answer };
      if (answer !== undefined || count >= attempts || closing.signal.aborted) return delivery;
      const waitMs = retryDelayMs * 2 ** (count - 1);
      const waited = await delay(waitMs, true, { signal: closing.signal }).catch(() => false);
      if (!waited) return delivery;
    }
  }

  /** Keys must not meet those of another process that plays on the same books. */
  function movementOf(kind: ProviderMovement['kind'], { transactionId, ...facts }: Movement): ProviderMovement {
    seeds += 1;
    const id = transactionId ?? `${voice.newId(seeds)}-${crypto.randomUUID()}`;
    return { kind, id, ...facts, round: id, game: 'proof', session: 'proof' };
  }

  return {
    bet: (movement, send = {}) => deliver(movementOf('bet', movement), 1, send),
    win: (movement, send = {}) => deliver(movementOf('win', movement), attemptsMax, send),
    rollback: ({ target, ...movement }, send = {}) => {
      const undone = movementOf('bet', { ...movement, transactionId: target });
      return deliver({ ...movementOf('rollback', movement), target: undone }, attemptsMax, send);
    },
    close() {
      closing.abort();
      wire.close();
    },
  };
}

/** @returns undefined for what the provider does not take for an answer, and so sends again */
function answerOf(voice: ProviderVoice, movement: ProviderMovement, answer: WireAnswer): Answer | undefined {
  const verdict = voice.hear(movement, answer);
  switch (verdict.type) {
    case 'accepted':
      return { error: null, transactionId: verdict.transactionId };
    case 'refused':
      return { error: verdict.why, transactionId: undefined };
    case 'failed':
    case 'unreadable':
      return undefined;
  }
}
