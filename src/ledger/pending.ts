import type { Outcome, WalletCommand } from './commands.js';
import type { Policy } from './policy.js';
import type { CallbackRow } from './statements.js';

/** A command that waits for its unit of work. */
export interface Pending {
  readonly command: WalletCommand;
  readonly policy: Policy;
  readonly player: { readonly lane: number; readonly id: bigint };
  /** Stamps the row; kept over every attempt. */
  readonly receivedAt: Date;
  /** `performance.now()` after which the command may no longer take effect. */
  readonly deadlineAt: number;
  /** Writes the journal in the same unit; called once per attempt with the outcome. */
  readonly journal: ((outcome: Outcome) => CallbackRow) | undefined;
  attempts: number;
  /** True while an attempt may have committed without our knowing: only its keys can tell, under the lane's lock. */
  inDoubt: boolean;
  settled: boolean;
  /** Told once: after COMMIT (then with the journal row, if any, committed too), or when the gateway gives up. */
  readonly settle: (outcome: Outcome, committed: boolean) => void;
}

/** Whether nobody has told it an outcome yet. */
export function isOpen(pending: Pending): boolean {
  return !pending.settled;
}
