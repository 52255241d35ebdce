import { setTimeout as delay } from 'node:timers/promises';
import { LANE_COUNT } from '../ledger/lanes.js';
import type { CommittedUnit } from '../ledger/unit-of-work.js';
import type { Hint } from './bus.js';
import type { LedgerReader } from './ledger-reader.js';
import { arrangeUnit, everyLane, hasReached, type LaneNumbers, type Posted, postedOf, readUnit } from './posted.js';
import type { ReadUnit } from './posted.js';
import type { KnownWallets } from './wallet-facts.js';

/** Somebody who is told of a brand's transactions as they come by. */
export interface TailListener {
  readonly brand: string;
  /** Must not throw. The same objects for all who listen. */
  told(events: readonly Posted[]): void;
}

/**
 * The end of the stream of everything: all lanes' units in one order for the process, each lane's by number without gaps. It
 * runs while somebody listens.
 */
export interface PostedTail {
  /** Resolves once it runs and has come at least so far; with `false` when it closes before. */
  reached(numbers: LaneNumbers): Promise<boolean>;
  /** @returns how far it has come: the listener is told of everything after that. Only while it runs. */
  join(listener: TailListener): LaneNumbers;
  leave(listener: TailListener): void;
  /** Keeps it running for whoever is about to join. */
  hold(holder: object): void;
  release(holder: object): void;
  committed(units: readonly CommittedUnit[]): void;
  hinted(hints: readonly Hint[]): void;
  close(): Promise<void>;
}

/** Units of this process that wait for those before them; beyond, they are read. */
const KEPT_MAX = 1_000;
/** Units of each lane that one look reads. */
const UNITS_PER_LANE = 32;
const PACE_MS = 5;
const RETRY_MS = 100;

export interface PostedTailOptions {
  readonly reader: LedgerReader;
  readonly wallets: KnownWallets;
  readonly repairMs: number;
}

export function createPostedTail(options: PostedTailOptions): PostedTail {
  return new Tail(options);
}

class Tail implements PostedTail {
  readonly #options: PostedTailOptions;
  readonly #holders = new Set<object>();
  readonly #listeners = new Map<string, Set<TailListener>>();
  readonly #closing = new AbortController();
  /** Undefined while nobody listens, and until the lanes' numbers are read. */
  #told: LaneNumbers | undefined;
  #kept: CommittedUnit[] = [];
  #lookAgain = false;
  #working: Promise<void> | undefined;
  #repair: NodeJS.Timeout | undefined;
  #waiting: { readonly numbers: LaneNumbers; readonly resolve: (reached: boolean) => void }[] = [];

  constructor(options: PostedTailOptions) {
    this.#options = options;
  }

  reached(numbers: LaneNumbers): Promise<boolean> {
    if (this.#closing.signal.aborted) return Promise.resolve(false);
    if (this.#told !== undefined && hasReached(this.#told, numbers)) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#waiting.push({ numbers, resolve });
      this.#look();
    });
  }

  join(listener: TailListener): LaneNumbers {
    if (this.#told === undefined) throw new Error('Nobody can join a stream that does not run');
    const ofBrand = this.#listeners.get(listener.brand);
    if (ofBrand === undefined) this.#listeners.set(listener.brand, new Set([listener]));
    else ofBrand.add(listener);
    return this.#told;
  }

  leave(listener: TailListener): void {
    const ofBrand = this.#listeners.get(listener.brand);
    ofBrand?.delete(listener);
    if (ofBrand?.size === 0) this.#listeners.delete(listener.brand);
  }

  hold(holder: object): void {
    this.#holders.add(holder);
    this.#repair ??= setInterval(() => this.#look(), this.#options.repairMs).unref();
    this.#look();
  }

  release(holder: object): void {
    this.#holders.delete(holder);
    if (this.#holders.size > 0) return;
    clearInterval(this.#repair);
    this.#repair = undefined;
    this.#kept = [];
    if (this.#working === undefined) this.#told = undefined;
  }

  committed(units: readonly CommittedUnit[]): void {
    if (this.#holders.size === 0) return;
    // What is forgotten here shows as a gap, and is read.
    if (this.#kept.length + units.length > KEPT_MAX) this.#lookAgain = true;
    else this.#kept.push(...units);
    this.#wake();
  }

  hinted(hints: readonly Hint[]): void {
    const told = this.#told;
    if (told !== undefined && hints.some(({ lane, number }) => number > (told[lane] ?? 0n))) this.#look();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#repair);
    for (const { resolve } of this.#waiting) resolve(false);
    this.#waiting = [];
    // A read under way is left to the reader, which ends it.
  }

  #wake(): void {
    if (!this.#closing.signal.aborted && this.#holders.size > 0) this.#working ??= this.#work();
  }

  #look(): void {
    this.#lookAgain = true;
    this.#wake();
  }

  #hasWork(): boolean {
    if (this.#holders.size === 0 || this.#closing.signal.aborted) return false;
    return this.#lookAgain || this.#kept.length > 0 || this.#told === undefined;
  }

  async #work(): Promise<void> {
    // Whatever else commits in this turn of the event loop is told together.
    await new Promise(setImmediate);
    while (this.#hasWork()) {
      try {
        this.#told ??= await this.#readNumbers();
        this.#answerWaiting();
        await this.#tell(this.#takeKept(this.#told));
        if (!this.#lookAgain) continue;
        this.#lookAgain = false;
        await this.#readOn(this.#told);
        await this.#pause(PACE_MS);
      } catch {
        // The reader has said so.
        this.#lookAgain = true;
        await this.#pause(RETRY_MS);
      }
    }
    this.#working = undefined;
    if (this.#holders.size === 0) this.#told = undefined;
    else if (this.#hasWork()) this.#wake();
  }

  async #readNumbers(): Promise<LaneNumbers> {
    const lanes = Array.from({ length: LANE_COUNT }, (_, lane) => lane);
    return everyLane(await this.#options.reader.laneNumbers(lanes));
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined);
  }

  /** The units of this process that are next in their lanes; a gap before one of them is looked into. */
  #takeKept(told: LaneNumbers): ReadUnit[] {
    const next = [...told];
    const taken: ReadUnit[] = [];
    for (const unit of this.#kept) {
      const last = next[unit.lane] ?? 0n;
      // What is read in its place includes it.
      if (unit.number > last + 1n) this.#lookAgain = true;
      if (unit.number !== last + 1n) continue;
      next[unit.lane] = unit.number;
      taken.push(arrangeUnit(unit));
    }
    this.#kept = [];
    return taken;
  }

  async #readOn(told: LaneNumbers): Promise<void> {
    const { reader } = this.#options;
    const units = await reader.unitsAfter(new Map((this.#told ?? told).entries()), UNITS_PER_LANE);
    if (units.length >= UNITS_PER_LANE) this.#lookAgain = true;
    const open = (): boolean => !this.#closing.signal.aborted;
    // Rows of every brand: somebody may join for another one while they are read.
    // The reader makes one question of them all: another gateway may commit faster than units could be read one by one.
    await this.#tell(await Promise.all(units.map((unit) => readUnit(reader, unit, () => true, open))));
  }

  async #tell(units: readonly ReadUnit[]): Promise<void> {
    if (units.length === 0) return;
    const { wallets } = this.#options;
    await wallets.learn(units.flatMap(({ rows }) => rows.map(({ row }) => row)));
    for (const unit of units) {
      const { lane, number } = unit;
      const before = this.#told;
      if (before === undefined || number !== (before[lane] ?? 0n) + 1n) continue;
      const events = postedOf(unit, before, (walletId) => wallets.get({ lane, walletId }));
      this.#told = before.with(lane, number);
      for (const [brand, ofBrand] of Map.groupBy(events, ({ wallet }) => wallet.brand)) {
        for (const listener of this.#listeners.get(brand) ?? []) listener.told(ofBrand);
      }
    }
    this.#answerWaiting();
  }

  #answerWaiting(): void {
    const told = this.#told;
    if (told === undefined) return;
    for (const each of this.#waiting) if (hasReached(told, each.numbers)) each.resolve(true);
    this.#waiting = this.#waiting.filter(({ numbers }) => !hasReached(told, numbers));
  }
}
