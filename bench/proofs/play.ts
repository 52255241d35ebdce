import { setTimeout as delay } from 'node:timers/promises';
import type { Delivery, Exchange, Provider } from './provider.js';
import { bench } from '../bets.js';
import { type Book, openBook, type Sent } from './book.js';
import type { Random } from '../../test/support/random.js';

export interface PlayOptions {
  readonly provider: Provider;
  readonly random: Random;
  readonly players: number;
  /** Games under way at once. */
  readonly tables: number;
  /** Called after each bet that was answered or given up. */
  readonly onBet?: (bet: { readonly startedAt: number; readonly tookMs: number }) => void;
}

/** Many games at once, of which the provider remembers every movement and every answer. */
export interface Play {
  readonly book: Book;
  /** Resolves when so many more movements were acknowledged. @throws when a game came to a halt. */
  acknowledgedMore(count: number): Promise<void>;
  /** Starts no new game, and waits until every result and rollback has its answer. */
  finish(): Promise<void>;
}

/** A provider that gets no answer for longer than this has a gateway that does not come back. */
const GIVE_UP_MS = 180_000;

export function startPlay(options: PlayOptions): Play {
  const table: Table = { ...options, book: openBook() };
  const closing = new AbortController();
  const ended = Promise.all(
    Array.from({ length: options.tables }, async () => {
      while (!closing.signal.aborted) await playGame(table);
    }),
  );
  // Whoever waits for the play learns of it.
  ended.catch(() => closing.abort());
  return {
    book: table.book,
    async acknowledgedMore(count) {
      await Promise.race([table.book.acknowledgedMore(count), ended]);
    },
    async finish() {
      closing.abort();
      await ended;
    },
  };
}

interface Table extends PlayOptions {
  readonly book: Book;
}

async function playGame(table: Table): Promise<void> {
  const { book, random } = table;
  const player = random.below(table.players);
  const stake = book.write('bet', player, BigInt(random.between(1, 500)));
  if (random.chance(0.05)) return betAndUndoAtOnce(table, stake);
  await bet(table, stake);
  if (stake.state === 'open') {
    // The provider does not know whether the bet counts, so it is undone, whatever came of it.
    book.counts.unknown += 1;
    await undo(table, stake);
    return;
  }
  if (stake.state === 'declined') {
    await delay(random.between(1, 20));
    return;
  }
  if (random.chance(0.05)) await repeat(table, stake);
  if (random.chance(0.1)) await undo(table, stake);
  if (random.chance(0.5)) {
    const payout = await settle(table, book.write('win', player, BigInt(random.between(0, 900))));
    if (random.chance(0.1)) await repeat(table, payout);
    if (random.chance(0.1)) await repeat(table, await undo(table, payout));
  }
}

/** The rollback is on its way together with its bet: either may come first. */
async function betAndUndoAtOnce(table: Table, stake: Sent): Promise<void> {
  const steps = [() => bet(table, stake), () => undo(table, stake)];
  await Promise.all((table.random.chance(0.5) ? steps : steps.toReversed()).map((step) => step()));
  if (stake.state === 'open') table.book.counts.unknown += 1;
}

async function bet(table: Table, stake: Sent): Promise<void> {
  const startedAt = performance.now();
  const delivery = await post(table, stake);
  table.onBet?.({ startedAt, tookMs: performance.now() - startedAt });
  table.book.take(stake, delivery);
}

function undo(table: Table, { key, player, amount }: Sent): Promise<Sent> {
  return settle(table, table.book.write('rollback', player, amount, key));
}

async function settle(table: Table, one: Sent): Promise<Sent> {
  table.book.take(one, await postUntilAnswered(table, one));
  return one;
}

/** Sent again although it was acknowledged, as when an answer is lost on its way. */
async function repeat(table: Table, one: Sent): Promise<void> {
  const again = one.kind === 'bet' ? post(table, one) : postUntilAnswered(table, one);
  table.book.compare(one, await again);
}

/** As results and rollbacks are sent. */
async function postUntilAnswered(table: Table, one: Sent): Promise<Delivery> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  let last: Exchange | undefined;
  const onExchange = (exchange: Exchange): void => {
    last = exchange;
  };
  for (;;) {
    const delivery = await post(table, one, onExchange);
    if (delivery.answer !== undefined) return delivery;
    if (performance.now() > giveUpAt)
      throw new Error(`${one.key} was never answered: ${JSON.stringify(last?.outcome)}`);
  }
}

function post({ provider }: Table, one: Sent, onExchange?: (exchange: Exchange) => void): Promise<Delivery> {
  const movement = {
    player: bench.player(one.player),
    currency: bench.currency,
    amount: `${one.amount / 100n}.${(one.amount % 100n).toString().padStart(2, '0')}`,
    transactionId: one.key,
  };
  if (one.kind === 'bet') return provider.bet(movement);
  if (one.target === undefined) return provider.win(movement, { onExchange });
  return provider.rollback({ ...movement, target: one.target }, { onExchange });
}
