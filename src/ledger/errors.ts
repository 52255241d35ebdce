/**
 * Why the gateway says no. One closed table: every dialect must be able to say every code (`Record<WalletErrorCode, …>`),
 * so a new code does not compile until it can.
 */
export const walletErrors = {
  // The request itself.
  UNAUTHENTICATED: 'The signature or secret of the request is missing or wrong.',
  MALFORMED: 'The request is not what the protocol describes.',
  TOO_LARGE: 'The request body is over the limit.',
  UNKNOWN_CALLBACK: 'The protocol has no such callback.',
  AMOUNT_INVALID: 'The amount is negative, beyond the range, or a stake has more decimals than the currency.',
  SESSION_UNKNOWN: 'The launch token is unknown, spent, or too old.',
  // The player and the wallet.
  PLAYER_UNKNOWN: 'The brand has no such player.',
  PLAYER_NOT_ACTIVE: 'The player may not bet now: suspended, self-excluded or closed.',
  CURRENCY_NOT_ALLOWED: 'The integration or the brand does not allow this currency, or the player has no wallet in it.',
  INSUFFICIENT_FUNDS: 'The balance is lower than the amount.',
  WALLET_IN_DEBT: 'The balance is below zero; it must be covered before the next bet.',
  LIMIT_REACHED: 'The bet or deposit would go over a limit of the player; nothing was done.',
  // The movement's history.
  DUPLICATE: 'This movement was processed before; the policy wants that said instead of the first answer.',
  KEY_CONFLICT: 'This external key was used before with other facts; the first stays.',
  BET_ROLLED_BACK: 'The bet was rolled back before it arrived; it is refused for ever.',
  TARGET_UNKNOWN: 'The movement to roll back is not known; it is refused should it still arrive.',
  TARGET_INVALID: 'The target may not be rolled back: it is a rollback itself, or of a kind the policy excludes.',
  ALREADY_ROLLED_BACK: 'The target was rolled back before, under another key.',
  BET_UNKNOWN: 'The bet that this win pays is not known; the win was not credited.',
  BET_RESOLVED: 'The bet was resolved before, by a win; it takes neither another one nor a rollback.',
  // The moment. These are the only ones worth repeating as they are.
  DEADLINE_EXCEEDED: 'The request could not be started in time; nothing was done.',
  OVERLOADED: 'Too many requests are waiting; nothing was done.',
  UNAVAILABLE: 'The ledger could not be reached or did not confirm; repeating the same request is safe.',
  INTERNAL: 'A fault in the gateway; it is logged, and repeating the same request is safe.',
} as const;

export type WalletErrorCode = keyof typeof walletErrors;

/** Codes that say "not now" rather than "no": for a credit these must never be sent as a final refusal. */
const transient: ReadonlySet<WalletErrorCode> = new Set(['DEADLINE_EXCEEDED', 'OVERLOADED', 'UNAVAILABLE', 'INTERNAL']);

export function isTransient(code: WalletErrorCode): boolean {
  return transient.has(code);
}
