import type { BalanceMoved, WalletCursor } from './balance-moved.js';
import { movedBy } from './balance-moved.js';
import type { LedgerReader } from './ledger-reader.js';
import type { Position, WatchedLanes } from './watched-lanes.js';

/** Changes one follower may leave unread; beyond that it reads them from the ledger when it comes to them. */
const UNREAD_MAX = 256;
/** Rows one read brings, over all the wallets it is for, and how many wallets share it. */
const PAGE_ROWS = 512;
const PAGE_WALLETS = 32;

/** A wallet of the follower. */
interface Place extends Position {
  /** Sequence of the last change handed out. */
  last: bigint;
}

interface Unread {
  readonly place: Place;
  readonly event: BalanceMoved;
  /** From the ledger itself, not from what was told. */
  readonly stored: boolean;
  /** The last of a full page: the ledger may hold more. */
  readonly more: boolean;
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Hands out the changes of some wallets, each wallet's strictly by sequence. The ledger is the truth and what is told as it
 * happens only saves reading it: whatever does not follow the last change directly is read again from there.
 */
export function startFollower(
  cursors: readonly WalletCursor[],
  lanes: WatchedLanes,
  reader: LedgerReader,
  ended: () => void,
): AsyncIterator<BalanceMoved, undefined> & { end: () => void } {
  const places = firstCursors(cursors).map(placeAt);
  /** Wallets whose next change has to be read from the ledger. */
  const behind = new Set<Place>();
  const told: Unread[] = [];
  const page: Unread[] = [];
  let reading = false;
  let open = true;
  let wake: (() => void) | undefined;
  let turn: Promise<IteratorResult<BalanceMoved, undefined>> = Promise.resolve(END);

  function placeAt({ lane, walletId, after }: WalletCursor): Place {
    let toldUpTo = after;
    const place: Place = {
      lane,
      walletId,
      last: after,
      offer(event) {
        if (event.sequence <= place.last || behind.has(place)) return;
        if (told.length >= UNREAD_MAX) {
          for (const unread of told) behind.add(unread.place);
          told.length = 0;
          behind.add(place);
        } else {
          toldUpTo = event.sequence;
          told.push({ place, event, stored: false, more: false });
        }
        wake?.();
      },
      movedTo(sequence) {
        if (sequence > place.last && sequence > toldUpTo) place.reread();
      },
      reread() {
        behind.add(place);
        wake?.();
      },
    };
    return place;
  }

  function take(): BalanceMoved | undefined {
    for (;;) {
      const unread = page.shift() ?? told.shift();
      if (unread === undefined) return undefined;
      const { place, event, stored, more } = unread;
      const next = place.last + 1n;
      if (event.sequence > next) {
        // A hole in the ledger itself is never skipped, and asking again would not fill it.
        if (!stored) behind.add(place);
        continue;
      }
      if (more) behind.add(place);
      if (event.sequence < next) continue;
      place.last = next;
      return event;
    }
  }

  async function readBehind(): Promise<void> {
    const batch = [...behind].slice(0, PAGE_WALLETS);
    if (batch.length === 0) return;
    reading = true;
    const rowsMax = Math.floor(PAGE_ROWS / batch.length);
    await Promise.all(
      batch.map(async (place) => {
        // What moves from here on makes the wallet behind again.
        behind.delete(place);
        const { lane, walletId, last: after } = place;
        const rows = await reader.page({ lane, walletId, after, rowsMax, wanted: () => open });
        rows.forEach((row, index) => {
          page.push({ place, event: movedBy(row), stored: true, more: index === rowsMax - 1 });
        });
      }),
    );
    reading = false;
    wake?.();
  }
  ...
}
