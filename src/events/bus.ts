/** Says that a lane reached a unit of work. A hint, never a fact: whoever cares reads the ledger. */
export interface Hint {
  readonly lane: number;
  readonly number: bigint;
}

/**
 * Carries hints between the processes of a gateway, so that what one of them commits is seen by the others before they look
 * by themselves. It may lose, repeat and reorder: a missed hint costs a moment, never an event.
 */
export interface Bus {
  /** Returns at once and never throws; what cannot be sent soon is merged or dropped. */
  publish(hints: readonly Hint[]): void;
  /** Calls the handler, which must not throw, with the hints of the other processes. @returns what ends it. */
  listen(handler: (hints: readonly Hint[]) => void): () => void;
  close(): Promise<void>;
}
