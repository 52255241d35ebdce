import type { CommittedUnit } from '../ledger/unit-of-work.js';
import type { Hint } from './bus.js';
import type { LedgerReader, WalletFacts } from './ledger-reader.js';
import { everyLane, hasReached, type Posted, type PostedPosition, touchedBy } from './posted.js';
import { PostedFollower } from './posted-follower.js';
import { createPostedTail } from './posted-tail.js';
import { createKnownWallets } from './wallet-facts.js';

export type { Posted, PostedPosition } from './posted.js';

export interface PostedRequest {
  readonly brand: string;
  /** The lane of the player or wallet that is asked for: others are not looked at. */
  readonly lane?: number | undefined;
  /** Whose rows are wanted; rows of others are not even read. */
  readonly ofWallet: (wallet: WalletFacts) => boolean;
  /** What else must hold of a row. */
  readonly matches: (row: Posted['row']) => boolean;
  /** Everything after it; from now on when undefined. */
  readonly after?: PostedPosition | undefined;
  readonly signal: AbortSignal;
  /** Whether whoever reads has not taken yet what was handed out before. */
  readonly isBehind: () => boolean;
  /** Called instead of handing out more than `postedMax` after such a reader; the follower has ended. */
  readonly overrun: () => void;
}

/** The transactions of a brand as they are committed, by whichever process. */
export interface BrandFeed {
  /** Each lane's rows in the order of their units, nothing missing, nothing twice. Ends with the signal. */
  follow(request: PostedRequest): AsyncIterator<Posted, undefined>;
  /** Whether the ledger is there already: a position beyond it is made up. @throws when the database fails. */
  isReached(position: PostedPosition): Promise<boolean>;
  committed(units: readonly CommittedUnit[]): void;
  hinted(hints: readonly Hint[]): void;
  close(): Promise<void>;
  readonly size: { readonly followers: number };
}

export interface BrandFeedOptions {
  readonly reader: LedgerReader;
  readonly repairMs: number;
  /** Events that a follower may leave unread in memory; what comes on top it reads from the ledger when it gets there. */
  readonly postedMax?: number | undefined;
}

const POSTED_MAX = 5_000;

export function createBrandFeed({ reader, repairMs, postedMax = POSTED_MAX }: BrandFeedOptions): BrandFeed {
  const wallets = createKnownWallets(reader);
  const tail = createPostedTail({ reader, wallets, repairMs });
  const followers = new Set<PostedFollower>();
  let closed = false;
  return {
    follow: (request) => {
      const follower = new PostedFollower({ request, reader, wallets, tail, followers, postedMax });
      if (closed) follower.end();
      return follower;
    },
    async isReached(position) {
      const asked = touchedBy(position);
      const lanes = [...asked.entries()].filter(([, number]) => number > 0n).map(([lane]) => lane);
      return lanes.length === 0 || hasReached(everyLane(await reader.laneNumbers(lanes)), asked);
    },
    committed: (units) => tail.committed(units),
    hinted: (hints) => tail.hinted(hints),
    async close() {
      closed = true;
      for (const follower of followers) follower.end();
      await tail.close();
    },
    get size() {
      return { followers: followers.size };
    },
  };
}
