import { type BalanceMoved, movedBy, type WalletCursor } from './balance-moved.js';
import type { LedgerReader } from './ledger-reader.js';
import type { Position, WatchedLanes } from './watched-lanes.js';

/** Changes that a follower may leave unread; what comes on top it reads from the ledger when it gets there. */
const TOLD_MAX = 256;
/** Rows a follower has read and not handed out yet, and how many wallets share them. */
const PAGE_ROWS = 512;
const PAGE_WALLETS = 32;
/** Most reads want the last move only; a small page leaves room for others in the same query. One that is full makes the next larger. */
const PAGE_ROWS_FIRST = 8;
const PAGE_GROWTH = 8;

export interface FollowerOptions {
  readonly cursors: readonly WalletCursor[];
  readonly lanes: WatchedLanes;
  readonly reader: LedgerReader;
  readonly signal: AbortSignal;
  /**
   * Asked before each change: true when whoever reads could not keep up. What is waiting then shrinks to the last change of
   * each wallet, which is handed out next.
   */
  readonly latestOnly?: (() => boolean) | undefined;
  /** Those under way; each adds and removes itself. */
  readonly followers: Set<Follower>;
  /** Aborted when the feed takes no more followers; it ends those under way itself. */
  readonly closing: AbortSignal;
}

interface Unread {
  readonly place: Place;
  readonly event: BalanceMoved;
  /** The newest may leap: what lies between is left out for good. */
  readonly from: 'told' | 'page' | 'end of a full page' | 'newest';
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Hands out the changes of some wallets, each wallet's strictly by sequence, at the pace at which it is asked. The ledger is
 * the truth; what is told as it happens only saves reading it. Whatever does not follow the last change directly is read.
 */
export class Follower implements AsyncIterator<BalanceMoved, undefined> {
  readonly #options: FollowerOptions;
  readonly #places: readonly Place[];
  /** Wallets whose next change has to be read from the ledger. */
  readonly #behind = new Set<Place>();
  readonly #told: Unread[] = [];
  readonly #page: Unread[] = [];
  #state: 'new' | 'open' | 'ended' = 'new';
  #reading = false;
  #wake: (() => void) | undefined;
  #turn: Promise<IteratorResult<BalanceMoved, undefined>> = Promise.resolve(END);

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#places = placesOf(options.cursors, this);
  }

  next(): Promise<IteratorResult<BalanceMoved, undefined>> {
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
      this.#options.signal.removeEventListener('abort', this.end);
      this.#options.followers.delete(this);
      for (const place of this.#places) this.#options.lanes.leave(place);
    }
    this.#state = 'ended';
    this.#behind.clear();
    this.#told.length = 0;
    this.#page.length = 0;
    this.#wake?.();
  };

  /** A change that committed in this process. */
  tell(place: Place, event: BalanceMoved): void {
    // The ledger will be read from here on anyway, and holds this change.
    if (this.#behind.has(place)) return;
    if (this.#told.length >= TOLD_MAX) {
      for (const unread of this.#told) this.#behind.add(unread.place);
      this.#told.length = 0;
      this.#behind.add(place);
    } else {
      this.#told.push({ place, event, from: 'told' });
    }
    this.#wake?.();
  }

  read(place: Place): void {
    this.#behind.add(place);
    this.#wake?.();
  }

  async #pull(): Promise<IteratorResult<BalanceMoved, undefined>> {
    for (;;) {
      if (this.#state === 'ended') return END;
      if (this.#options.latestOnly?.() === true) this.#shrink();
      const value = this.#take();
      if (value !== undefined) return { done: false, value };
      if (!this.#reading) void this.#readBehind();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Nothing is held for a follower that nobody pulls. */
  #open(): void {
    const { signal, closing, lanes, followers } = this.#options;
    if (signal.aborted || closing.aborted) return this.end();
    this.#state = 'open';
    followers.add(this);
    signal.addEventListener('abort', this.end, { once: true });
    for (const place of this.#places) lanes.join(place);
  }

  #take(): BalanceMoved | undefined {
    for (;;) {
      const unread = this.#page.shift() ?? this.#told.shift();
      if (unread === undefined) return undefined;
      const { place, event, from } = unread;
      const next = place.last + 1n;
      if (from === 'newest' && event.sequence > next) {
        place.last = event.sequence;
        return event;
      }
      if (event.sequence > next) {
        // What was told ahead is read again from the gap on. A gap in the ledger itself would be there again, and is never skipped.
        if (from === 'told') this.#behind.add(place);
        continue;
      }
      if (from === 'end of a full page') this.#behind.add(place);
      if (event.sequence < next) continue;
      place.last = next;
      return event;
    }
  }

  /** Keeps the last change of each wallet; where that is not known here, it is read. */
  #shrink(): void {
    const last = new Map<Place, Unread>();
    for (const unread of [...this.#page, ...this.#told]) last.set(unread.place, unread);
    this.#page.length = 0;
    this.#told.length = 0;
    for (const [place, unread] of last) {
      if (unread.from === 'end of a full page') this.#behind.add(place);
      else this.#told.push({ ...unread, from: 'newest' });
    }
    for (const place of this.#behind) place.leaps = true;
  }

  async #readBehind(): Promise<void> {
    const batch = [...this.#behind].slice(0, PAGE_WALLETS);
    if (batch.length === 0) return;
    const share = Math.floor(PAGE_ROWS / batch.length);
    this.#reading = true;
    await Promise.all(batch.map((place) => this.#readPage(place, Math.min(place.pageRows, share))));
    this.#reading = false;
    this.#wake?.();
  }

  async #readPage(place: Place, rowsMax: number): Promise<void> {
    // First, so that whatever moves the wallet during the read makes it behind again.
    this.#behind.delete(place);
    const { lane, walletId, last: after, leaps: newest } = place;
    place.leaps = false;
    const rows = await this.#options.reader.page({
      lane,
      walletId,
      after,
      rowsMax: newest ? 1 : rowsMax,
      newest,
      wanted: () => this.#state === 'open',
    });
    if (this.#state !== 'open') return;
    if (newest) {
      for (const row of rows) this.#page.push({ place, event: movedBy(row), from: 'newest' });
      return;
    }
    place.pageRows = rows.length < rowsMax ? PAGE_ROWS_FIRST : Math.min(place.pageRows * PAGE_GROWTH, PAGE_ROWS);
    rows.forEach((row, index) => {
      this.#page.push({ place, event: movedBy(row), from: index + 1 === rowsMax ? 'end of a full page' : 'page' });
    });
  }
}

/** One wallet of a follower. */
class Place implements Position {
  /** Sequence of the last change handed out. */
  last: bigint;
  pageRows = PAGE_ROWS_FIRST;
  /** Its next read is of the last change alone. */
  leaps = false;
  /** The highest sequence told; what leads up to it was told too, or will be read. */
  #toldTo: bigint;

  constructor(
    readonly lane: number,
    readonly walletId: bigint,
    after: bigint,
    readonly follower: Follower,
  ) {
    this.last = after;
    this.#toldTo = after;
  }

  moved(event: BalanceMoved): void {
    if (event.sequence <= this.last) return;
    if (event.sequence > this.#toldTo) this.#toldTo = event.sequence;
    this.follower.tell(this, event);
  }

  movedTo(sequence: bigint): void {
    if (sequence > this.last && sequence > this.#toldTo) this.follower.read(this);
  }

  read(): void {
    this.follower.read(this);
  }
}

/** Two cursors in the same wallet are one, at the earlier of the two. */
function placesOf(cursors: readonly WalletCursor[], follower: Follower): Place[] {
  const places = new Map<string, Place>();
  for (const { lane, walletId, after } of cursors) {
    const key = `${lane}|${walletId}`;
    const other = places.get(key);
    if (other === undefined || after < other.last) places.set(key, new Place(lane, walletId, after, follower));
  }
  return [...places.values()];
}
