import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from './commands.js';
import { type LedgerConnection, openLedgerConnection } from './connection.js';
import type { WalletErrorCode } from './errors.js';
import type { LedgerOptions } from './ledger.js';
import { rollback } from './statements.js';
import { type Pending, runUnit } from './unit-of-work.js';

export interface Execution {
  readonly outcome: Outcome;
  /** True when the journal row was committed with the outcome; otherwise the caller has to write it. */
  readonly journaled: boolean;
}

export interface LaneSetStats {
  /** Commands waiting for a unit of work. */
  readonly waiting: number;
  readonly units: number;
  readonly commands: number;
}

/** Some of the lanes, with one connection: takes every command that waits as one unit of work, while the next group forms. */
export interface LaneSet {
  execute(command: Omit<Pending, 'attempts' | 'settle'>): Promise<Execution>;
  close(): Promise<void>;
  readonly stats: LaneSetStats;
}

/** More commands than this waiting in one set are refused at once: they could not be served before their deadlines. */
const WAITING_MAX = 4_096;
/** Larger units answer their first command later and win nothing. */
const UNIT_SIZE_MAX = 512;
/** A conflict (deadlock, lock time-out, unique key) is worth trying again this often. */
const ATTEMPTS_MAX = 4;
/** A command that was under way on this many connections that broke is taken to be what breaks them. */
const CONNECTIONS_MAX = 12;
const SWEEP_MS = 100;
/** How long after its deadline an attempt with an unknown outcome is still looked up before the gateway gives up. */
const RESOLVE_MS = 10_000;
const RECONNECT_MS = { first: 20, most: 500 } as const;

export function createLaneSet(options: LedgerOptions): LaneSet {
  let waiting: Pending[] = [];
  let running: Promise<void> | undefined;
  let connection: LedgerConnection | undefined;
  let units = 0;
  let commands = 0;

  async function drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop share a unit.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const group = waiting.slice(0, UNIT_SIZE_MAX);
      waiting = waiting.slice(UNIT_SIZE_MAX);
      await runGroup(group);
    }
    running = undefined;
  }

  /** Runs a group as one unit; if that fails, one by one, so that only a poisonous command fails. */
  async function runGroup(group: readonly Pending[]): Promise<void> {
    let live = connection;
    if (live === undefined || live.broken) live = await connect(group);
    const open = group.filter((each) => !settled.has(each));
    if (open.length === 0 || live === undefined) return;
    try {
      await attempt(live, open);
    } catch (error) {
      options.failed(`A unit of ${open.length} did not commit; its commands run again one by one`, error);
      await reset(live);
      for (const each of open) await runAlone(each);
    }
  }

  async function runAlone(pending: Pending): Promise<void> {
    let pauseMs = 10;
    while (!settled.has(pending)) {
      let live = connection;
      if (live === undefined || live.broken) live = await connect([pending]);
      if (live === undefined || settled.has(pending)) return;
      try {
        await attempt(live, [pending]);
        return;
      } catch (error) {
        await reset(live);
        if (pending.attempts >= (live.broken ? CONNECTIONS_MAX : ATTEMPTS_MAX)) {
          options.failed(`A ${pending.command.kind} failed ${pending.attempts} times and is refused`, error);
          refuse(pending, 'INTERNAL');
          return;
        }
        await delay(pauseMs + Math.random() * pauseMs);
        pauseMs *= 2;
      }
    }
  }

  async function attempt(live: LedgerConnection, group: readonly Pending[]): Promise<void> {
    for (const each of group) each.attempts += 1;
    const done = await runUnit(live, options, group);
    units += 1;
    commands += group.length;
    if (done.units.length > 0) options.committed(done.units);
    group.forEach((each, index) => {
      const outcome = done.outcomes[index];
      if (outcome === undefined) throw new Error('A unit of work lost an outcome');
      settle(each, outcome, true);
    });
  }

  /** After a failure the transaction may still be open; a connection that cannot roll it back is not used again. */
  async function reset(live: LedgerConnection): Promise<void> {
    if (!live.broken) {
      try {
        await live.send([rollback]);
        return;
      } catch {
        // Falls through: the connection is given up.
      }
    }
    if (connection === live) connection = undefined;
    await live.close();
  }

  /**
   * Connects, however long it takes, as long as a command of the group or of the queue can still be served.
   * Meanwhile whoever runs out of time is refused.
   * @returns undefined when nobody is left to serve.
   */
  async function connect(group: readonly Pending[]): Promise<LedgerConnection | undefined> {
    let pauseMs: number = RECONNECT_MS.first;
    for (;;) {
      try {
        connection = await openLedgerConnection(options.connection);
        return connection;
      } catch (error) {
        options.failed('The ledger has no connection to the database', error);
      }
      refuseExpired(group);
      refuseExpired(waiting);
      waiting = waiting.filter((each) => !settled.has(each));
      if (group.every((each) => settled.has(each))) return undefined;
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, RECONNECT_MS.most);
    }
  }

  function refuseExpired(group: readonly Pending[]): void {
    const now = performance.now();
    for (const each of group) {
      if (settled.has(each)) continue;
      // An attempt that may have committed is looked up for longer: any earlier answer could be false.
      const patienceMs = each.attempts > 0 ? RESOLVE_MS : 0;
      if (now <= each.deadlineAt + patienceMs) continue;
      if (each.attempts > 0) options.failed(`The outcome of a ${each.command.kind} stays unknown`, each.command);
      refuse(each, 'UNAVAILABLE');
    }
  }

  const settled = new WeakSet<Pending>();
  function settle(pending: Pending, outcome: Outcome, committed: boolean): void {
    settled.add(pending);
    pending.settle(outcome, committed);
  }

  function refuse(pending: Pending, code: WalletErrorCode): void {
    settle(pending, refusal(code).outcome, false);
  }

  // While a unit is stuck in the database, those who wait behind it are refused in time.
  const sweeper = setInterval(() => {
    refuseExpired(waiting);
    waiting = waiting.filter((each) => !settled.has(each));
  }, SWEEP_MS).unref();

  return {
    execute(command) {
      if (waiting.length >= WAITING_MAX) return Promise.resolve(refusal('OVERLOADED'));
      return new Promise((resolve) => {
        waiting.push({
          ...command,
          attempts: 0,
          settle: (outcome, committed) => resolve({ outcome, journaled: committed && command.journal !== undefined }),
        });
        running ??= drain();
      });
    },
    async close() {
      await running;
      clearInterval(sweeper);
      await connection?.close();
    },
    get stats() {
      return { waiting: waiting.length, units, commands };
    },
  };
}

/** A refusal that never reached a unit of work. */
export function refusal(code: WalletErrorCode): Execution {
  return { outcome: { type: 'refused', code, balance: undefined, flags: [] }, journaled: false };
}
