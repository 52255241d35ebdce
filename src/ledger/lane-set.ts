import type { Outcome } from './commands.js';
import type { LedgerConnection } from './connection.js';
import type { WalletErrorCode } from './errors.js';
import type { LedgerOptions } from './ledger.js';
import { isOpen, type Pending } from './pending.js';
import { createUnitRunner, openAhead, type OpenedAhead, refuseExpired, runGroup } from './unit-runner.js';

export interface Execution {
  readonly outcome: Outcome;
  /** True when the journal row was committed with the outcome; otherwise the caller has to write it. */
  readonly journaled: boolean;
  /** True when the refusal may be false: a COMMIT was sent, and the database was away too long to be asked what came of it. */
  readonly inDoubt?: boolean;
}

export type NewCommand = Omit<Pending, 'attempts' | 'inDoubt' | 'settled' | 'settle'>;

export interface LaneSetStats {
  /** Commands waiting for a unit of work. */
  readonly waiting: number;
  /** Units committed since the start, and the commands in them. */
  readonly units: number;
  readonly commands: number;
}

/** Some of the lanes, with one connection: takes every command that waits as one unit of work, while the next group forms. */
export interface LaneSet {
  execute(command: NewCommand): Promise<Execution>;
  close(): Promise<void>;
  readonly stats: LaneSetStats;
}

/** More commands than this waiting in one set are refused at once: they could not be served before their deadlines. */
const WAITING_MAX = 4_096;
/** Larger units answer their first command later and win nothing. */
const UNIT_SIZE_MAX = 512;
const SWEEP_MS = 100;
/** No answer waits longer than this for the next unit. */
const HOLD_BACK_MS = 5;

export function createLaneSet(options: LedgerOptions): LaneSet {
  const runner = createUnitRunner(options);
  let waiting: Pending[] = [];
  let running: Promise<void> | undefined;
  /** The group that is being seen to its outcomes. */
  let inHand: readonly Pending[] = [];
  /** The unit that is being committed: where, and of how many commands. */
  let committing: { readonly connection: LedgerConnection; readonly size: number } | undefined;
  /** The group after it, if its unit is opened already. */
  let next: { readonly group: readonly Pending[]; readonly opened: OpenedAhead } | undefined;
  const answers = new HeldBack();

  async function drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop share a unit.
    await nextTurn();
    while (next !== undefined || waiting.length > 0) {
      const { group, opened } = next ?? { group: takeGroup(), opened: undefined };
      next = undefined;
      const sent = (connection: LedgerConnection | undefined): void => {
        committing = connection && { connection, size: group.length };
        openNext();
        answers.tell();
      };
      inHand = group;
      const { isSound, tell } = await runGroup(runner, group, { opened, sent });
      inHand = [];
      committing = undefined;
      if (!isSound) takeBack();
      if (next === undefined) tell();
      else answers.hold(tell);
    }
    running = undefined;
  }

  function takeGroup(): readonly Pending[] {
    const group = waiting.slice(0, UNIT_SIZE_MAX);
    waiting = waiting.slice(UNIT_SIZE_MAX);
    return group;
  }

  /**
   * Opens the next unit while one is being committed, once as many wait as are in that: then the rest of those who are at it
   * in turns have arrived. Smaller units would cost the server more than they spare it.
   */
  function openNext(): void {
    if (committing === undefined || next !== undefined || waiting.length < committing.size) return;
    const { connection } = committing;
    const group = takeGroup();
    next = { group, opened: openAhead(runner, connection, group) };
  }

  /** After a failure nothing that was opened behind it counts; its commands wait again, first in the line. */
  function takeBack(): void {
    if (next === undefined) return;
    waiting = [...next.group, ...waiting];
    next = undefined;
  }

  // While a unit is stuck in the database, those who are in it and those who wait behind it are refused in time.
  const sweeper = setInterval(() => {
    refuseExpired(inHand, options.failed);
    refuseExpired(waiting, options.failed);
    if (next !== undefined) refuseExpired(next.group, options.failed);
    waiting = waiting.filter(isOpen);
  }, SWEEP_MS).unref();

  return {
    execute(command) {
      if (waiting.length >= WAITING_MAX) return Promise.resolve(refusal('OVERLOADED'));
      return new Promise((resolve) => {
        waiting.push(pendingOf(command, resolve));
        running ??= drain();
        if (committing !== undefined && next === undefined && waiting.length === committing.size)
          setImmediate(openNext);
      });
    },
    async close() {
      await running;
      clearInterval(sweeper);
      await runner.connection?.close();
    },
    get stats() {
      return { waiting: waiting.length + (next?.group.length ?? 0), units: runner.units, commands: runner.commands };
    },
  };
}

/**
 * The database waits for the next unit's writes, so answering the last one's commands, which takes as long, comes after them;
 * unless these are held up themselves, as by a lane that another process has.
 */
class HeldBack {
  #held: { readonly tell: () => void; readonly timer: NodeJS.Timeout } | undefined;

  hold(tell: () => void): void {
    this.#held = { tell, timer: setTimeout(() => this.tell(), HOLD_BACK_MS) };
  }

  tell(): void {
    if (this.#held === undefined) return;
    const { tell, timer } = this.#held;
    this.#held = undefined;
    clearTimeout(timer);
    tell();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function pendingOf(command: NewCommand, resolve: (execution: Execution) => void): Pending {
  const pending: Pending = {
    ...command,
    attempts: 0,
    inDoubt: false,
    settled: false,
    settle: (outcome, committed) => {
      const journaled = committed && command.journal !== undefined;
      resolve({ outcome, journaled, inDoubt: pending.inDoubt && !committed });
    },
  };
  return pending;
}

/** A refusal that never reached a unit of work. */
export function refusal(code: WalletErrorCode): Execution {
  return { outcome: { type: 'refused', code, balance: undefined, flags: [] }, journaled: false };
}
