/** What one socket, one principal and all of them together may take. */
export const socketLimits = {
  messageBytesMax: 16_384,
  /** From the opening to `connection_init`. */
  initTimeoutMs: 3_000,
  /** Operations at the same time on one socket. */
  operationsMax: 20,
  socketsMax: 20_000,
  /** Of one principal. A service of the operator's may carry many players, and still leaves half of the places to others. */
  playerSocketsMax: 100,
  staffSocketsMax: 10_000,
  /** Upgrades in one turn of the event loop: those who are connected already are served in between. */
  upgradesPerTurn: 64,
  /** A peer that answers no ping within this time is gone, or does not read. */
  heartbeatMs: 15_000,
  /** Beyond so much that the peer has not taken, subscriptions wait. */
  unsentBytesMax: 65_536,
  /** Beyond so much, the answers to a peer's own operations included, it is closed. */
  queuedBytesMax: 4_194_304,
  /** For the peer to answer a close. */
  closeMs: 2_000,
  /** For a peer that reads slowly to reach the close: what was sent before it comes first. */
  slowCloseMs: 10_000,
} as const;

/** Why a socket is closed from this side, besides what graphql-transport-ws prescribes. */
export const closeCodes = {
  unsupportedData: 1003,
  /** Clients reconnect on these two, and resume with "after". */
  serviceRestart: 1012,
  tryAgainLater: 1013,
  unauthorized: 4401,
  forbidden: 4403,
  initTimeout: 4408,
  /** The client reads more slowly than things happen. Clients reconnect, and resume with "after". */
  tooSlow: 4490,
  tooManySockets: 4491,
  internal: 4500,
} as const;
