import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery, IgpxProvider } from '../../src/simulator/igpx/callbacks.js';
import { bench } from '../bets.js';
import type { Random } from './random.js';

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

export interface PlayOptions {
  readonly provider: IgpxProvider;
  readonly random: Random;
  readonly players: number;
  /** Games under way at once. */
  readonly tables: number;
  /** Called after each bet that was answered or given up. */
  readonly onBet?: (bet: { readonly startedAt: number; readonly tookMs: number; readonly delivery: Delivery }) => void;
}

/** Many games at once, of which the provider remembers every movement and every answer. */
export interface Play {
  /** By key. */
  readonly sent: ReadonlyMap<string, Sent>;
  /** What contradicts the protocol already while it is played. */
  readonly faults: readonly string[];
  readonly counts: { acknowledged: number; declined: number; unknown: number; repeated: number };
  /** Resolves when so many more movements were acknowledged. */
  acknowledgedMore(count: number): Promise<void>;
  /** Starts no new game, and waits until every result and rollback has its answer. */
  finish(): Promise<void>;
}

/** A provider that gets no answer for longer than this has a gateway that does not come back. */
const GIVE_UP_MS = 60_000;

export function startPlay(options: PlayOptions): Play {
  const { provider, random } = options;
  const sent = new Map<string, Sent>();
  const faults: string[] = [];
  const counts = { acknowledged: 0, declined: 0, unknown: 0, repeated: 0 };
  let waiting: { at: number; resolve: () => void }[] = [];
  let finishing = false;

  function note(kind: Sent['kind'], player: number, amount: bigint, target?: string): Sent {
    const one: Sent = {
      key: `${kind}-${sent.size}`,
      kind,
      player,
      amount,
      target,
      state: 'open',
      transactionId: undefined,
    };
    sent.set(one.key, one);
    return one;
  }

  function take(one: Sent, { answer }: Delivery): void {
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
    waiting = waiting.filter(({ at, resolve }) => {
      if (counts.acknowledged >= at) resolve();
      return counts.acknowledged < at;
    });
  }

  function post(one: Sent): Promise<Delivery> {
    const movement = {
      player: bench.player(one.player),
      currency: bench.currency,
      amount: `${one.amount / 100n}.${(one.amount % 100n).toString().padStart(2, '0')}`,
      transactionId: one.key,
    };
    if (one.kind === 'bet') return provider.bet(movement);
    return one.target === undefined
      ? provider.result(movement)
      : provider.rollback({ ...movement, target: one.target });
  }

  async function bet(player: number): Promise<Sent> {
    const one = note('bet', player, BigInt(random.between(1, 500)));
    const startedAt = performance.now();
    const delivery = await post(one);
    options.onBet?.({ startedAt, tookMs: performance.now() - startedAt, delivery });
    take(one, delivery);
    return one;
  }

  /** Results and rollbacks are sent again until they are answered. */
  async function settle(one: Sent): Promise<Sent> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (one.state === 'open') {
      take(one, await post(one));
      if (one.state === 'open' && performance.now() > giveUpAt) throw new Error(`${one.key} was never answered`);
    }
    return one;
  }

  const win = (player: number): Promise<Sent> => settle(note('win', player, BigInt(random.between(0, 900))));
  const undo = (of: Sent): Promise<Sent> => settle(note('rollback', of.player, of.amount, of.key));

  /** Sent again although it was acknowledged, as when the answer is lost on its way. */
  async function repeat(one: Sent): Promise<void> {
    counts.repeated += 1;
    const first = one.transactionId;
    const { answer } = await post(one);
    // "Not now" is an answer to a bet, whatever came of the first attempt.
    if (answer === undefined || answer.transactionId === first || (one.kind === 'bet' && answer.error !== null)) return;
    faults.push(`${one.key} was acknowledged as ${first}, and repeated as ${answer.transactionId ?? answer.error}`);
  }

  async function game(): Promise<void> {
    const player = random.below(options.players);
    if (random.chance(0.05)) return gameWithEarlyRollback(player);
    const stake = await bet(player);
    if (stake.state === 'open') {
      // The provider does not know whether the bet counts, so it is undone, whatever came of it.
      counts.unknown += 1;
      await undo(stake);
      return;
    }
    if (stake.state === 'declined') {
      await delay(random.between(1, 20));
      return;
    }
    if (random.chance(0.05)) await repeat(stake);
    if (random.chance(0.1)) await undo(stake);
    if (random.chance(0.5)) {
      const payout = await win(player);
      if (random.chance(0.1)) await repeat(payout);
      if (random.chance(0.1)) await repeat(await undo(payout));
    }
  }

  /** The rollback is on its way together with its bet: either may come first. */
  async function gameWithEarlyRollback(player: number): Promise<void> {
    const stake = note('bet', player, BigInt(random.between(1, 500)));
    const betFirst = random.chance(0.5);
    const steps = [() => post(stake).then((delivery) => take(stake, delivery)), () => undo(stake)];
    await Promise.all((betFirst ? steps : steps.toReversed()).map((step) => step()));
    if (stake.state === 'open') counts.unknown += 1;
  }

  const tables = Array.from({ length: options.tables }, async () => {
    while (!finishing) await game();
  });
  const ended = Promise.all(tables);
  // Whoever waits for the play learns of it in `finish`.
  ended.catch(() => {
    finishing = true;
  });

  return {
    sent,
    faults,
    counts,
    async acknowledgedMore(count) {
      const reached = new Promise<void>((resolve) => waiting.push({ at: counts.acknowledged + count, resolve }));
      await Promise.race([reached, ended]);
    },
    async finish() {
      finishing = true;
      await ended;
    },
  };
}
