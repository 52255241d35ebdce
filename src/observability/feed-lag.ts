import type { BalanceMoved, Feed } from '../events/feed.js';
import type { Metrics } from './metrics.js';

/** The same feed, with the units that it takes in counted, and the delay of what it hands out. */
export function observeFeed(feed: Feed, metrics: Pick<Metrics, 'committed' | 'told'>): Feed {
  return {
    ...feed,
    get size() {
      return feed.size;
    },
    accept(units) {
      metrics.committed(units);
      feed.accept(units);
    },
    follow: (...wish) => {
      const moves = feed.follow(...wish);
      return { [Symbol.asyncIterator]: () => timed(moves[Symbol.asyncIterator](), (ms) => metrics.told(ms)) };
    },
  };
}

/** What moved before somebody followed is history: its age is no delay. */
function timed(moves: AsyncIterator<BalanceMoved>, told: (lagMs: number) => void): AsyncIterator<BalanceMoved> {
  const since = Date.now();
  return {
    async next() {
      const result = await moves.next();
      if (result.done !== true) {
        const movedAt = result.value.row.createdAt.getTime();
        if (movedAt >= since) told(Date.now() - movedAt);
      }
      return result;
    },
    // Ends at once, also while `next` waits.
    return: (value) => moves.return?.(value) ?? Promise.resolve({ done: true, value: undefined }),
  };
}
