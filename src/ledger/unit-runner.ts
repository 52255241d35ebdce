import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type LedgerConnection, openLedgerConnection } from './connection.js';
import { type Draft, readDraft } from './draft.js';
import type { WalletErrorCode } from './errors.js';
import type { LedgerOptions } from './ledger.js';
import { rollback } from './statements.js';
import { isOpen, type Pending } from './pending.js';
import { runUnit } from './unit-of-work.js';

/**
 * Runs groups of commands as units of work on one connection, and sees every command to an outcome: a unit that fails as a
 * whole runs again command by command, so a poisonous one fails alone, and an unknown COMMIT is resolved by its keys.
 */
export interface UnitRunner {
  readonly options: LedgerOptions;
  connection: LedgerConnection | undefined;
  units: number;
  commands: number;
}

/** A conflict (deadlock, lock time-out, unique key) is worth trying again this often. */
const ATTEMPTS_MAX = 4;
/** A command that was under way on this many connections that broke is taken to be what breaks them. */
const CONNECTIONS_MAX = 12;
/** How long after its deadline an attempt with an unknown outcome is still looked up before the gateway gives up. */
const RESOLVE_MS = 10_000;
const RECONNECT_MS = { first: 20, most: 500 } as const;

export function createUnitRunner(options: LedgerOptions): UnitRunner {
  return { options, connection: undefined, units: 0, commands: 0 };
}

/**
 * A unit whose locks and reads were sent right behind the writes of the one before it, so that the server goes from one to the
 * next without waiting to be asked. It is worth something only when that one committed.
 */
export interface OpenedAhead {
  readonly connection: LedgerConnection;
  readonly draft: Promise<Draft>;
}

export interface GroupOptions {
  /** The group's unit, if it was opened already. */
  readonly opened?: OpenedAhead | undefined;
  /**
   * Told where the group's unit is on its way, COMMIT included, so that another may be opened behind it; and told nothing when
   * it will not be on its way, or has failed there.
   */
  readonly sent?: ((connection: LedgerConnection | undefined) => void) | undefined;
}

export interface GroupEnd {
  /** Whether the connection is as this group's one unit left it; what was opened ahead on it is void otherwise. */
  readonly isSound: boolean;
  /** Tells the committed outcomes to those who wait for them. */
  readonly tell: () => void;
}

const nothingSound: GroupEnd = { isSound: false, tell: () => undefined };

export function openAhead(runner: UnitRunner, connection: LedgerConnection, group: readonly Pending[]): OpenedAhead {
  const draft = readDraft(connection, runner.options, group);
  // Whoever runs the group sees the error; nobody does when the unit before it failed.
  draft.catch(() => undefined);
  return { connection, draft };
}

/** Returns when the outcome of every command of the group is known. Never throws. */
export async function runGroup(
  runner: UnitRunner,
  group: readonly Pending[],
  { opened, sent }: GroupOptions = {},
): Promise<GroupEnd> {
  const live = await connectFor(runner, group);
  const open = group.filter(isOpen);
  const ahead = opened?.connection === live ? opened : undefined;
  if (live === undefined || open.length === 0) {
    sent?.(undefined);
    if (live !== undefined && ahead !== undefined) await reset(runner, live, open, undefined);
    return nothingSound;
  }
  try {
    return { isSound: true, tell: await attempt(runner, live, open, { opened: ahead, sent }) };
  } catch (error) {
    sent?.(undefined);
    runner.options.failed(`A unit of ${open.length} did not commit; its commands run again one by one`, error);
    await reset(runner, live, open, error);
    for (const each of open) await runAlone(runner, each, open);
    return nothingSound;
  }
}

/** @param group everybody who is refused when time runs out meanwhile, be it their turn or not. */
async function runAlone(runner: UnitRunner, pending: Pending, group: readonly Pending[]): Promise<void> {
  let pauseMs = 10;
  while (isOpen(pending)) {
    const live = await connectFor(runner, group);
    if (live === undefined || !isOpen(pending)) return;
    try {
      const tell = await attempt(runner, live, [pending]);
      tell();
      return;
    } catch (error) {
      const attemptsMax = live.broken ? CONNECTIONS_MAX : ATTEMPTS_MAX;
      await reset(runner, live, [pending], error);
      if (!isOpen(pending)) return;
      if (pending.attempts >= attemptsMax) {
        runner.options.failed(`A ${pending.command.kind} failed ${pending.attempts} times and is refused`, error);
        refuse(pending, 'INTERNAL');
        return;
      }
      await delay(pauseMs * (1 + Math.random()));
      pauseMs = Math.min(pauseMs * 2, RECONNECT_MS.most);
    }
  }
}

/** @returns what tells the outcomes, once they may be told. */
async function attempt(
  runner: UnitRunner,
  live: LedgerConnection,
  group: readonly Pending[],
  { opened, sent }: GroupOptions = {},
): Promise<() => void> {
  for (const each of group) each.attempts += 1;
  const draft = await (opened?.draft ?? readDraft(live, runner.options, group));
  const { told, units } = await runUnit(live, draft, group, () => sent?.(live));
  runner.units += 1;
  runner.commands += told.length;
  // They have their outcome, told or not: nobody may refuse them any more.
  for (const [each] of told) each.settled = true;
  return () => {
    try {
      if (units.length > 0) runner.options.committed(units);
    } catch (error) {
      runner.options.failed('What was committed could not be handed on', error);
    }
    for (const [each, outcome] of told) each.settle(outcome, true);
  };
}

/** After a failure the transaction may still be open; a connection that cannot roll it back is not used again. */
async function reset(
  runner: UnitRunner,
  live: LedgerConnection,
  group: readonly Pending[],
  error: unknown,
): Promise<void> {
  if (!live.broken && !isReadOnly(error)) {
    try {
      await live.send([rollback]);
      // The server answered all along, so it did not commit.
      for (const each of group) each.inDoubt = false;
      return;
    } catch {
      // The connection is given up below.
    }
  }
  if (runner.connection === live) runner.connection = undefined;
  live.destroy();
}

/** A session to what is no longer the primary stays read-only until it is opened anew. */
function isReadOnly(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '25006';
}

/**
 * The live connection, or a new one, however long that takes as long as somebody of the group can still be served.
 * Whoever runs out of time meanwhile is refused. @returns undefined when nobody is left.
 */
async function connectFor(runner: UnitRunner, group: readonly Pending[]): Promise<LedgerConnection | undefined> {
  const { options } = runner;
  let pauseMs: number = RECONNECT_MS.first;
  while (runner.connection === undefined || runner.connection.broken) {
    try {
      runner.connection = await openLedgerConnection(options.connection);
    } catch (error) {
      options.failed('The ledger has no connection to the database', error);
      refuseExpired(group, options.failed);
      if (!group.some(isOpen)) return undefined;
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, RECONNECT_MS.most);
    }
  }
  return runner.connection;
}

/** Refuses who has waited past the deadline. */
export function refuseExpired(group: readonly Pending[], failed: LedgerOptions['failed']): void {
  const now = performance.now();
  for (const each of group) {
    // An attempt that may have committed is looked up for longer: any earlier answer could be false.
    const patienceMs = each.inDoubt ? RESOLVE_MS : 0;
    if (!isOpen(each) || now <= each.deadlineAt + patienceMs) continue;
    if (each.inDoubt) failed(`The outcome of a ${each.command.kind} stays unknown`, each.command);
    refuse(each, 'UNAVAILABLE');
  }
}

function refuse(pending: Pending, code: WalletErrorCode): void {
  pending.settled = true;
  pending.settle({ type: 'refused', code, balance: undefined, flags: [] }, false);
}
