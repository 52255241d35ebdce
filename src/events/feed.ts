import type { MikroORM } from '@mikro-orm/postgresql';
import type { CommittedUnit } from '../ledger/unit-of-work.js';
import type { Logger } from '../observability/logger.js';
import type { BalanceMoved, WalletCursor } from './balance-moved.js';
import { type BrandFeed, createBrandFeed } from './brand-feed.js';
import type { Bus } from './bus.js';
import { Follower } from './follower.js';
import { createJournalFeed, type JournalFeed } from './journal-feed.js';
import { createLedgerReader } from './ledger-reader.js';
import { watchLanes } from './watched-lanes.js';

export type { BalanceMoved, WalletCursor } from './balance-moved.js';

/** What committed, in order. The ledger is the outbox: whoever misses something repairs it from there by sequence. */
export interface Feed {
  /** The ledger's `committed` hook. Never throws, never waits. */
  accept(units: readonly CommittedUnit[]): void;
  /** Every change after the cursors, each wallet's in sequence: nothing missing, nothing twice, never backwards. Ends with the signal. */
  follow(cursors: readonly WalletCursor[], signal: AbortSignal, options?: FollowOptions): AsyncIterable<BalanceMoved>;
  /** Every transaction of a brand. */
  readonly posted: BrandFeed;
  /** What the journal takes in. */
  readonly journal: JournalFeed;
  /** Ends every follower. */
  close(): Promise<void>;
  /** What is held at this moment: followers, the wallets they follow, and the lanes these are in. */
  readonly size: { readonly followers: number; readonly wallets: number; readonly lanes: number };
}

export interface FollowOptions {
  /** True when whoever reads could not keep up: of what is waiting only each wallet's last change is handed out then. */
  readonly latestOnly?: () => boolean;
}

export interface FeedOptions {
  readonly orm: MikroORM;
  readonly bus: Bus;
  readonly logger?: Pick<Logger, 'info' | 'warn'>;
  /** How often the units of the lanes that are followed are looked at without a hint. */
  readonly repairMs?: number;
  /** Transactions that a reader of a brand may leave unread in memory. */
  readonly postedMax?: number;
}

export function createFeed({ orm, bus, logger, repairMs = 1_000, postedMax }: FeedOptions): Feed {
  const reader = createLedgerReader(orm, logger);
  const lanes = watchLanes(reader, repairMs);
  const posted = createBrandFeed({ reader, repairMs, postedMax });
  const journal = createJournalFeed({ orm, logger });
  const followers = new Set<Follower>();
  const closing = new AbortController();
  const deafen = bus.listen((hints) => {
    lanes.hinted(hints);
    posted.hinted(hints);
  });

  return {
    accept(units) {
      bus.publish(units);
      lanes.committed(units);
      posted.committed(units);
    },
    follow: (cursors, signal, { latestOnly } = {}) => ({
      [Symbol.asyncIterator]: () =>
        new Follower({ cursors, signal, latestOnly, lanes, reader, followers, closing: closing.signal }),
    }),
    posted,
    journal,
    async close() {
      deafen();
      closing.abort();
      for (const follower of followers) follower.end();
      await Promise.all([lanes.close(), posted.close(), journal.close(), reader.close()]);
    },
    get size() {
      return { followers: followers.size, ...lanes.size };
    },
  };
}
