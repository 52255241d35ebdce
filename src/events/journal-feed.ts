import { setTimeout as delay } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Callback } from '../entities/index.js';
import { LANE_COUNT } from '../ledger/lanes.js';
import type { Logger } from '../observability/logger.js';

/** A row without the texts of request and answer: those are read by whoever wants them. */
export type JournalRow = Omit<Callback, 'body' | 'answer'>;

export interface JournalRequest {
  readonly matches: (row: JournalRow) => boolean;
  readonly signal: AbortSignal;
  /** Called instead of keeping more than `UNREAD_MAX` rows for one reader; it has ended. */
  readonly overrun: () => void;
}

/**
 * What the journal takes in, from now on, by whichever process. The journal has no numbers of its own: rows are found by the
 * moment of receipt, and one may be written seconds after that. So each look goes back over a stretch and forgets what it has
 * met. One look for all who follow, and none while nobody does.
 */
export interface JournalFeed {
  follow(request: JournalRequest): AsyncIterator<JournalRow, undefined>;
  close(): Promise<void>;
  readonly size: { readonly followers: number };
}

export interface JournalFeedOptions {
  readonly orm: MikroORM;
  readonly logger?: Pick<Logger, 'info' | 'warn'> | undefined;
  readonly pollMs?: number;
}

/** Most rows are written within moments of their receipt; a unit of work that had to wait may take so long. */
const OVERLAP_MS = { short: 3_000, long: 30_000 } as const;
/** Every so many looks go back over the long stretch. */
const LONG_EVERY = 8;
/** Rows whose contents are read at a time. */
const READ_MAX = 200;
const UNREAD_MAX = 2_000;
const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
const LANES = `{${Array.from({ length: LANE_COUNT }, (_, lane) => lane).join(',')}}`;

// Each lane walks its own stretch of the primary key; contents are read only of what is new.
const KEYS =
  'select c.lane, (extract(epoch from c.received_at) * 1000)::float8 received_ms, c.id from unnest(?::smallint[]) k(lane) ' +
  'cross join lateral (select lane, received_at, id from callback c where c.lane = k.lane and c.received_at >= ?::timestamptz) c ' +
  'order by c.received_at, c.id';

interface KeyColumns {
  readonly lane: number;
  readonly received_ms: number;
  readonly id: string;
}

export function createJournalFeed({ orm, logger, pollMs = 400 }: JournalFeedOptions): JournalFeed {
  const followers = new Set<JournalFollower>();
  const closing = new AbortController();
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const watch: Watch = { startedAt: Date.now(), met: new Map(), looks: 0 };
    let failing = false;
    while (followers.size > 0 && !closing.signal.aborted) {
      try {
        for await (const row of newRows(orm, watch)) for (const follower of followers) follower.told(row);
        if (failing) logger?.info('The journal is read again');
        failing = false;
      } catch (error) {
        if (!failing) logger?.warn({ err: error }, 'The journal cannot be read; whoever follows it waits');
        failing = true;
      }
      await delay(pollMs, undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
    }
    looking = undefined;
  }

  return {
    follow(request) {
      const follower = new JournalFollower(request, followers, () => {
        if (!closing.signal.aborted) looking ??= look();
      });
      if (closing.signal.aborted) follower.end();
      return follower;
    },
    async close() {
      closing.abort();
      for (const follower of followers) follower.end();
      await looking;
    },
    get size() {
      return { followers: followers.size };
    },
  };
}

interface Watch {
  readonly startedAt: number;
  /** By lane and id, when it was received. */
  readonly met: Map<string, number>;
  looks: number;
}

async function* newRows(orm: MikroORM, watch: Watch): AsyncGenerator<JournalRow> {
  watch.looks += 1;
  const isLong = watch.looks % LONG_EVERY === 0;
  const since = Math.max(Date.now() - (isLong ? OVERLAP_MS.long : OVERLAP_MS.short), watch.startedAt);
  const keys = await orm.em.fork().execute<KeyColumns[]>(KEYS, [LANES, new Date(since).toISOString()]);
  const fresh = keys.filter((key) => !watch.met.has(nameOf(key)));
  for (let start = 0; start < fresh.length; start += READ_MAX) {
    const some = fresh.slice(start, start + READ_MAX);
    const rows = await readRows(orm, some);
    // Only now: had the read failed, they would be met again.
    for (const key of some) watch.met.set(nameOf(key), key.received_ms);
    yield* rows;
  }
  if (!isLong) return;
  // No look goes back further than that.
  for (const [name, ms] of watch.met) if (ms < since - OVERLAP_MS.long) watch.met.delete(name);
}

function nameOf({ lane, id }: KeyColumns): string {
  return `${lane}|${id}`;
}

async function readRows(orm: MikroORM, keys: readonly KeyColumns[]): Promise<JournalRow[]> {
  const places = keys.map(({ lane, received_ms: ms, id }) => ({ lane, receivedAt: new Date(ms), id: BigInt(id) }));
  const rows = await orm.em
    .fork()
    .find(
      Callback,
      { $or: places },
      { disableIdentityMap: true, exclude: ['body', 'answer'], orderBy: { receivedAt: 'asc', id: 'asc' } },
    );
  return rows.map(({ lane, receivedAt, id, integration, name, path, verdict, flags, ...row }) => {
    const { status, durationUs, walletId, sequence } = row;
    return { lane, receivedAt, id, integration, name, path, verdict, flags, status, durationUs, walletId, sequence };
  });
}

/** One who follows; rows wait for it in memory, because the journal is not read twice. */
class JournalFollower implements AsyncIterator<JournalRow, undefined> {
  readonly #request: JournalRequest;
  readonly #followers: Set<JournalFollower>;
  readonly #start: () => void;
  readonly #unread: JournalRow[] = [];
  #state: 'new' | 'open' | 'ended' = 'new';
  #since = 0;
  #wake: (() => void) | undefined;

  constructor(request: JournalRequest, followers: Set<JournalFollower>, start: () => void) {
    this.#request = request;
    this.#followers = followers;
    this.#start = start;
  }

  async next(): Promise<IteratorResult<JournalRow, undefined>> {
    if (this.#state === 'new') this.#open();
    for (;;) {
      if (this.#state === 'ended') return END;
      const value = this.#unread.shift();
      if (value !== undefined) return { done: false, value };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.end();
    return Promise.resolve(END);
  }

  readonly end = (): void => {
    this.#request.signal.removeEventListener('abort', this.end);
    this.#followers.delete(this);
    this.#state = 'ended';
    this.#unread.length = 0;
    this.#wake?.();
  };

  told(row: JournalRow): void {
    if (this.#state !== 'open' || row.receivedAt.getTime() < this.#since || !this.#request.matches(row)) return;
    this.#unread.push(row);
    if (this.#unread.length > UNREAD_MAX) {
      this.end();
      this.#request.overrun();
    }
    this.#wake?.();
  }

  #open(): void {
    if (this.#request.signal.aborted) return this.end();
    this.#state = 'open';
    this.#since = Date.now();
    this.#followers.add(this);
    this.#request.signal.addEventListener('abort', this.end, { once: true });
    this.#start();
  }
}
