import type { Delivery } from './provider.js';

/** What the provider knows of a movement it sent. */
export interface Sent {
  readonly key: string;
  readonly kind: 'bet' | 'win' | 'rollback';
  readonly player: number;
  /** Cents. */
  readonly amount: bigint;
  /** Key of the movement that a rollback undoes. */
  readonly target: string | undefined;
  /** `open` until an answer comes; for a bet that stays so, nobody can tell whether it counts. */
  state: 'open' | 'acknowledged' | 'declined';
  /** The operator's id, once acknowledged. */
  transactionId: string | undefined;
}

/** The provider's memory: every movement, and every answer. */
export interface Book {
  /** By key. */
  readonly sent: ReadonlyMap<string, Sent>;
  /** Answers that contradict the protocol or each other. */
  readonly faults: readonly string[];
  readonly counts: { acknowledged: number; declined: number; unknown: number; repeated: number };
  write(kind: Sent['kind'], player: number, amount: bigint, target?: string): Sent;
  /** The first answer to a movement. */
  take(one: Sent, delivery: Delivery): void;
  /** The answer to a movement that was acknowledged before. */
  compare(one: Sent, delivery: Delivery): void;
  /** Resolves when so many more movements were acknowledged. */
  acknowledgedMore(count: number): Promise<void>;
}

export function openBook(): Book {
  const sent = new Map<string, Sent>();
  const faults: string[] = [];
  const counts = { acknowledged: 0, declined: 0, unknown: 0, repeated: 0 };
  let waiting: { at: number; resolve: () => void }[] = [];

  return {
    sent,
    faults,
    counts,
    write(kind, player, amount, target) {
      const key = `${kind}-${sent.size}`;
      const one: Sent = { key, kind, player, amount, target, state: 'open', transactionId: undefined };
      sent.set(key, one);
      return one;
    },
    take(one, { answer }) {
      if (answer === undefined) return;
      if (answer.error !== null || answer.transactionId === undefined) {
        one.state = 'declined';
        counts.declined += 1;
        // "all result requests must be processed successfully"; and the wallets of these games never run dry.
        if (one.kind !== 'bet') faults.push(`${one.key} was refused for good: ${answer.error}`);
        return;
      }
      one.state = 'acknowledged';
      one.transactionId = answer.transactionId;
      counts.acknowledged += 1;
      for (const { at, resolve } of waiting) if (counts.acknowledged >= at) resolve();
      waiting = waiting.filter(({ at }) => counts.acknowledged < at);
    },
    compare(one, { answer }) {
      counts.repeated += 1;
      if (answer === undefined || answer.transactionId === one.transactionId) return;
      // "Not now" is an answer to a bet, whatever came of the first attempt.
      if (one.kind === 'bet' && answer.error !== null) return;
      const again = answer.transactionId ?? answer.error;
      faults.push(`${one.key} was acknowledged as ${one.transactionId}, and repeated as ${again}`);
    },
    acknowledgedMore: (count) =>
      new Promise((resolve) => {
        waiting.push({ at: counts.acknowledged + count, resolve });
      }),
  };
}
