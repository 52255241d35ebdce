import { setTimeout as delay } from 'node:timers/promises';
import type { CommittedUnit } from '../ledger/unit-of-work.js';
import { type BalanceMoved, movedBy } from './balance-moved.js';
import type { Hint } from './bus.js';
import { type LedgerReader, UNITS_MAX } from './ledger-reader.js';

/** Somebody's place in one wallet, who wants to know when the wallet moves. */
export interface Position {
  readonly lane: number;
  readonly walletId: bigint;
  /** A unit of this process moved the wallet so. */
  moved(event: BalanceMoved): void;
  /** Some process moved the wallet up to this sequence. */
  movedTo(sequence: bigint): void;
  /** From now on every move is told; those before are in the ledger. */
  read(): void;
}

/** The lanes whose wallets somebody follows, and how far each has been seen. Unit numbers are dense, so a gap shows. */
export interface WatchedLanes {
  join(position: Position): void;
  leave(position: Position): void;
  /** Units that this process committed. */
  committed(units: readonly CommittedUnit[]): void;
  /** What other processes say they committed. */
  hinted(hints: readonly Hint[]): void;
  close(): Promise<void>;
  /** Lanes, and wallets in them, that somebody follows. */
  readonly size: { readonly lanes: number; readonly wallets: number };
}

interface Lane {
  /** Every unit up to this one was told to the positions. Undefined until the lane's number is read. */
  seen: bigint | undefined;
  readonly wallets: Map<bigint, Set<Position>>;
}

/** Hints that arrive faster than this share a look at the units. */
const PACE_MS = 5;

export function watchLanes(reader: LedgerReader, repairMs: number): WatchedLanes {
  const lanes = new Map<number, Lane>();
  const closing = new AbortController();
  let repair: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let lookAgain = false;

  function look(): void {
    if (closing.signal.aborted) return;
    lookAgain = true;
    looking ??= lookOn();
  }

  async function lookOn(): Promise<void> {
    while (lookAgain) {
      lookAgain = false;
      try {
        await beginLanes(lanes, reader);
        if (await catchUp(lanes, reader)) look();
      } catch {
        // The reader has said so; the next repair tries again.
      }
      await delay(PACE_MS, undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
    }
    looking = undefined;
  }

  return {
    join(position) {
      let lane = lanes.get(position.lane);
      if (lane === undefined) lanes.set(position.lane, (lane = { seen: undefined, wallets: new Map() }));
      const positions = lane.wallets.get(position.walletId);
      if (positions === undefined) lane.wallets.set(position.walletId, new Set([position]));
      else positions.add(position);
      repair ??= setInterval(look, repairMs).unref();
      if (lane.seen === undefined) look();
      else position.read();
    },
    leave(position) {
      const lane = lanes.get(position.lane);
      const positions = lane?.wallets.get(position.walletId);
      positions?.delete(position);
      if (positions?.size === 0) lane?.wallets.delete(position.walletId);
      if (lane?.wallets.size === 0) lanes.delete(position.lane);
      if (lanes.size > 0) return;
      clearInterval(repair);
      repair = undefined;
    },
    committed(units) {
      if (lanes.size === 0) return;
      for (const unit of units) {
        const lane = lanes.get(unit.lane);
        if (lane !== undefined && !tell(lane, unit)) look();
      }
    },
    hinted(hints) {
      if (hints.some(({ lane, number }) => isAhead(lanes.get(lane), number))) look();
    },
    async close() {
      closing.abort();
      lookAgain = false;
      clearInterval(repair);
      await looking;
    },
    get size() {
      const wallets = lanes.values().reduce((sum, lane) => sum + lane.wallets.size, 0);
      return { lanes: lanes.size, wallets };
    },
  };
}

/** Tells a unit's rows. @returns false when units before it, of other processes, were not seen yet. */
function tell(lane: Lane, unit: CommittedUnit): boolean {
  for (const row of unit.rows) {
    const positions = lane.wallets.get(row.walletId);
    if (positions === undefined) continue;
    const event = movedBy(row);
    for (const position of positions) position.moved(event);
  }
  if (lane.seen === undefined || unit.number <= lane.seen) return true;
  if (unit.number > lane.seen + 1n) return false;
  lane.seen = unit.number;
  return true;
}

function isAhead(lane: Lane | undefined, number: bigint): boolean {
  return lane?.seen !== undefined && number > lane.seen;
}

/** Gives lanes that are new here their starting point. What moved before it is in the ledger, and read from there. */
async function beginLanes(lanes: ReadonlyMap<number, Lane>, reader: LedgerReader): Promise<void> {
  const fresh = [...lanes].filter(([, lane]) => lane.seen === undefined);
  if (fresh.length === 0) return;
  const numbers = await reader.laneNumbers(fresh.map(([number]) => number));
  for (const [number, lane] of fresh) {
    lane.seen = numbers.get(number);
    for (const positions of lane.wallets.values()) for (const position of positions) position.read();
  }
}

/** Looks for units that were not seen yet. @returns whether there may be more. */
async function catchUp(lanes: ReadonlyMap<number, Lane>, reader: LedgerReader): Promise<boolean> {
  const seen = new Map(
    [...lanes].flatMap(([number, { seen }]) => (seen === undefined ? [] : [[number, seen] as const])),
  );
  if (seen.size === 0) return false;
  const units = await reader.unitsAfter(seen);
  for (const unit of units) {
    const lane = lanes.get(unit.lane);
    if (lane === undefined || !isAhead(lane, unit.number)) continue;
    lane.seen = unit.number;
    unit.walletIds.forEach((walletId, index) => {
      for (const position of lane.wallets.get(walletId) ?? []) position.movedTo(unit.sequences[index] ?? 0n);
    });
  }
  return units.length >= UNITS_MAX;
}
