import type { Outcome } from './commands.js';
import type { WalletErrorCode } from './errors.js';
import type { LedgerOptions } from './ledger.js';
import type { Pending } from './pending.js';
import { createUnitRunner, isOpen, refuseExpired, runGroup } from './unit-runner.js';

export interface Execution {
  readonly outcome: Outcome;
  /** True when the journal row was committed with the outcome; otherwise the caller has to write it. */
  readonly journaled: boolean;
  /** True when the refusal may be false: a COMMIT was sent, and the database was away too long to be asked what came of it. */
  readonly inDoubt?: boolean;
}

export interface LaneSetStats {
  /** Commands waiting for a unit of work. */
  readonly waiting: number;
  /** Units committed since the start, and the commands in them. */
  readonly units: number;
  readonly commands: number;
}

/** Some of the lanes, with one connection: takes every command that waits as one unit of work, while the next group forms. */
export interface LaneSet {
  execute(command: Omit<Pending, 'attempts' | 'inDoubt' | 'settled' | 'settle'>): Promise<Execution>;
  close(): Promise<void>;
  readonly stats: LaneSetStats;
}

/** More commands than this waiting in one set are refused at once: they could not be served before their deadlines. */
const WAITING_MAX = 4_096;
/** Larger units answer their first command later and win nothing. */
const UNIT_SIZE_MAX = 512;
const SWEEP_MS = 100;

export function createLaneSet(options: LedgerOptions): LaneSet {
  const runner = createUnitRunner(options);
  let waiting: Pending[] = [];
  let running: Promise<void> | undefined;

  async function drain(): Promise<void> {
    // Requests that arrive in the same turn of the event loop share a unit.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const group = waiting.slice(0, UNIT_SIZE_MAX);
      waiting = waiting.slice(UNIT_SIZE_MAX);
      await runGroup(runner, group);
    }
    running = undefined;
  }

  // While a unit is stuck in the database, those who wait behind it are refused in time.
  const sweeper = setInterval(() => {
    refuseExpired(waiting, options.failed);
    waiting = waiting.filter(isOpen);
  }, SWEEP_MS).unref();

  return {
    execute(command) {
      if (waiting.length >= WAITING_MAX) return Promise.resolve(refusal('OVERLOADED'));
      return new Promise((resolve) => {
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
        waiting.push(pending);
        running ??= drain();
      });
    },
    async close() {
      await running;
      clearInterval(sweeper);
      await runner.connection?.close();
    },
    get stats() {
      return { waiting: waiting.length, units: runner.units, commands: runner.commands };
    },
  };
}

/** A refusal that never reached a unit of work. */
export function refusal(code: WalletErrorCode): Execution {
  return { outcome: { type: 'refused', code, balance: undefined, flags: [] }, journaled: false };
}
