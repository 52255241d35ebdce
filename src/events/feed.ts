import type { MikroORM } from '@mikro-orm/postgresql';
import type { CommittedUnit } from '../ledger/unit-of-work.js';
import type { Logger } from '../observability/logger.js';
import type { BalanceMoved, WalletCursor } from './balance-moved.js';
import type { Bus } from './bus.js';
import { Follower } from './follower.js';
import { createLedgerReader } from './ledger-reader.js';
import { watchLanes } from './watched-lanes.js';

export type { BalanceMoved, WalletCursor } from './balance-moved.js';

/** What committed, in order. The ledger is the outbox: whoever misses something repairs it from there by sequence. */
export interface Feed {
  /** The ledger's `committed` hook. Never throws, never waits. */
  accept(units: readonly CommittedUnit[]): void;
  /** Every change after the cursors, each wallet's in sequence: nothing missing, nothing twice, never backwards. Ends with the signal. */
  follow(cursors: readonly WalletCursor[], signal: AbortSignal): AsyncIterable<BalanceMoved>;
  /** Ends every follower. */
  close(): Promise<void>;
  /** What is held at this moment: followers, the wallets they follow, and the lanes these are in. */
  readonly size: { readonly followers: number; readonly wallets: number; readonly lanes: number };
}

export interface FeedOptions {
  readonly orm: MikroORM;
  readonly bus: Bus;
  readonly logger?: Pick<Logger, 'info' | 'warn'>;
  /** How often the units of the lanes that are followed are looked at without a hint. */
  readonly repairMs?: number;
}

export function createFeed({ orm, bus, logger, repairMs = 1_000 }: FeedOptions): Feed {
  const reader = createLedgerReader(orm, logger);
  const lanes = watchLanes(reader, repairMs);
  const followers = new Set<Follower>();
  const closing = new AbortController();
  const deafen = bus.listen((hints) => lanes.hinted(hints));

  return {
    accept(units) {
      bus.publish(units);
      lanes.committed(units);
    },
    follow: (cursors, signal) => ({
      [Symbol.asyncIterator]: () =>
        new Follower({ cursors, signal, lanes, reader, followers, closing: closing.signal }),
    }),
    async close() {
      deafen();
      closing.abort();
      for (const follower of followers) follower.end();
      await Promise.all([lanes.close(), reader.close()]);
    },
    get size() {
      return { followers: followers.size, ...lanes.size };
    },
  };
}
