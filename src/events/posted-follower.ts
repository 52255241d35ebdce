import { setTimeout as delay } from 'node:timers/promises';
import type { PostedRequest } from './brand-feed.js';
import type { LedgerReader, UnitNumbers } from './ledger-reader.js';
import { type LaneNumbers, type Posted, postedOf, type PostedPosition, readUnit, touchedBy } from './posted.js';
import type { PostedTail, TailListener } from './posted-tail.js';
import type { KnownWallets } from './wallet-facts.js';

export interface PostedFollowerOptions {
  readonly request: PostedRequest;
  readonly reader: LedgerReader;
  readonly wallets: KnownWallets;
  readonly tail: PostedTail;
  /** Those under way; each adds and removes itself. */
  readonly followers: Set<PostedFollower>;
  readonly postedMax: number;
}

/** Units of each lane that are looked at together on the way to the end of the stream. */
const UNITS_PER_LANE = 16;
const RETRY_MS = 100;
const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Hands out a brand's transactions at the pace at which it is asked. Those before its start it reads from the ledger, unit by
 * unit; it joins the stream's end before it reads the last of them, so nothing falls between.
 */
export class PostedFollower implements AsyncIterator<Posted, undefined>, TailListener {
  readonly brand: string;
  readonly #options: PostedFollowerOptions;
  readonly #queue: Posted[] = [];
  #history: AsyncGenerator<Posted, void> | undefined;
  /** Right after what was handed out last, or passed over. */
  #position: PostedPosition | undefined;
  #state: 'new' | 'open' | 'ended' = 'new';
  #joined = false;
  #wake: (() => void) | undefined;
  #turn: Promise<IteratorResult<Posted, undefined>> = Promise.resolve(END);

  constructor(options: PostedFollowerOptions) {
    this.#options = options;
    this.brand = options.request.brand;
    this.#position = options.request.after;
  }

  next(): Promise<IteratorResult<Posted, undefined>> {
    if (this.#state === 'new') this.#open();
    this.#turn = this.#turn.then(() => this.#pull());
    return this.#turn;
  }

  /** Ends at once, also while `next` waits. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.end();
    return Promise.resolve(END);
  }

  readonly end = (): void => {
    if (this.#state === 'open') {
      const { request, followers, tail } = this.#options;
      request.signal.removeEventListener('abort', this.end);
      followers.delete(this);
      this.#leave();
      tail.release(this);
    }
    this.#state = 'ended';
    this.#history = undefined;
    this.#wake?.();
  };

  told(events: readonly Posted[]): void {
    const { request, postedMax } = this.#options;
    for (const event of events) {
      if (request.ofWallet(event.wallet) && request.matches(event.row)) this.#queue.push(event);
    }
    if (this.#queue.length > postedMax) {
      this.#leave();
      if (request.isBehind()) {
        this.end();
        request.overrun();
      }
    }
    this.#wake?.();
  }

  #open(): void {
    const { request, followers, tail } = this.#options;
    if (request.signal.aborted) return this.end();
    this.#state = 'open';
    followers.add(this);
    request.signal.addEventListener('abort', this.end, { once: true });
    tail.hold(this);
  }

  #leave(): void {
    this.#options.tail.leave(this);
    this.#queue.length = 0;
    this.#joined = false;
  }

  async #pull(): Promise<IteratorResult<Posted, undefined>> {
    for (;;) {
      if (this.#state === 'ended') return END;
      if (this.#history !== undefined) {
        const { value, done } = await this.#history.next();
        if (done === true) this.#history = undefined;
        else return this.#handOut(value);
        continue;
      }
      const value = this.#queue.shift();
      if (value !== undefined) return this.#handOut(value);
      if (this.#joined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else await this.#catchUp();
    }
  }

  #handOut(value: Posted): IteratorResult<Posted, undefined> {
    if (this.#state === 'ended') return END;
    this.#position = value.position;
    return { done: false, value };
  }

  /** Joins the end of the stream, and has what lies before it read. */
  async #catchUp(): Promise<void> {
    const { tail } = this.#options;
    const from = this.#position;
    if (!(await this.#reached(from === undefined ? [] : touchedBy(from))) || this.#state === 'ended') return;
    const joinedAt = tail.join(this);
    this.#joined = true;
    this.#position ??= { numbers: joinedAt };
    if (from !== undefined) this.#history = this.#read(from, joinedAt);
  }

  async #reached(numbers: LaneNumbers): Promise<boolean> {
    const { tail } = this.#options;
    // What ends the follower also ends the wait.
    const ended = new Promise<boolean>((resolve) => {
      this.#wake = () => resolve(false);
    });
    return Promise.race([tail.reached(numbers), ended]);
  }

  /** Everything after one position and up to another, unit by unit. */
  async *#read(from: PostedPosition, upTo: LaneNumbers): AsyncGenerator<Posted, void> {
    const { reader, wallets, request } = this.#options;
    const isOpen = (): boolean => this.#state === 'open';
    let { numbers } = from;
    if (request.lane !== undefined) numbers = upTo.with(request.lane, numbers[request.lane] ?? 0n);
    while (isOpen()) {
      const units = await this.#unitsBetween(numbers, upTo);
      if (units === undefined) continue;
      if (units.length === 0) break;
      // The unit that was begun comes first: a position can stand inside one unit only.
      const isBegun = ({ lane, number }: UnitNumbers): boolean =>
        lane === from.within?.lane && number - 1n === from.numbers[lane];
      const ordered = [...units.filter(isBegun), ...units.filter((each) => !isBegun(each))];
      // Asked for together: the reader makes one question of them.
      const reads = ordered.map((unit) => readUnit(reader, unit, this.#isWanted(unit.lane), isOpen));
      for (const [index, unit] of ordered.entries()) {
        const { lane } = unit;
        const read = await reads[index];
        if (read === undefined) break;
        const skipped = isBegun(unit) ? (from.within?.rows ?? 0) : 0;
        const rows = read.rows.filter(({ row, place }) => place >= skipped && request.matches(row));
        yield* postedOf({ ...read, rows }, numbers, (walletId) => wallets.get({ lane, walletId }));
        numbers = numbers.with(lane, unit.number);
      }
    }
    this.#position = { numbers: upTo };
  }

  #isWanted(lane: number): (walletId: bigint) => boolean {
    const { wallets, request } = this.#options;
    return (walletId) => {
      const facts = wallets.get({ lane, walletId });
      return facts?.brand === this.brand && request.ofWallet(facts);
    };
  }

  /** @returns undefined when the database failed, and it is time to ask again */
  async #unitsBetween(from: LaneNumbers, upTo: LaneNumbers): Promise<readonly UnitNumbers[] | undefined> {
    const { reader, wallets } = this.#options;
    const behind = [...from.entries()].filter(([lane, number]) => number < (upTo[lane] ?? 0n));
    if (behind.length === 0) return [];
    try {
      const found = await reader.unitsAfter(new Map(behind), UNITS_PER_LANE);
      const units = found.filter(({ lane, number }) => number <= (upTo[lane] ?? 0n));
      await wallets.learn(units.flatMap(({ lane, walletIds }) => walletIds.map((walletId) => ({ lane, walletId }))));
      return units;
    } catch {
      await delay(RETRY_MS, undefined, { ref: false });
      return undefined;
    }
  }
}
