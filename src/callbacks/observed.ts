import type { Flag } from '../ledger/commands.js';
import { PublicRecord } from '../observability/logger.js';

/** Where a callback spent its time, and what it was about. */
export interface CallbackDetails {
  readonly receivedAt: Date;
  /** From its handing to the ledger until it was decided: the wait for a unit of work, the lock and the reads. Undefined outside. */
  readonly waitMs: number | undefined;
  /** From the decision until COMMIT was confirmed. */
  readonly commitMs: number | undefined;
  /** The player's external id. */
  readonly player: string | undefined;
  /** What bet, win, rollback and their repeats have in common: the round, or else the key of the bet. */
  readonly play: string | undefined;
}

/** What is told of a callback once it is decided. The log writes the fields; the details are for metrics and traces. */
export class ObservedCallback extends PublicRecord {
  readonly #details: CallbackDetails;

  constructor(
    readonly integration: string,
    readonly callback: string | undefined,
    readonly key: string | undefined,
    readonly verdict: string,
    readonly ms: number,
    /** Undefined when there are none. */
    readonly flags: readonly Flag[] | undefined,
    details: CallbackDetails,
  ) {
    super();
    this.#details = details;
  }

  get details(): CallbackDetails {
    return this.#details;
  }
}
