import type { Principal } from '../auth.js';
import { apiError } from './errors.js';

/** What each subject may still ask. A budget fills again evenly, up to one minute's worth. */
export interface Budget {
  /** @throws QUERY_TOO_COMPLEX for an operation that costs more than is left; it says when there will be enough */
  spend(principal: Principal, cost: number): void;
}

export interface BudgetOptions {
  /** Fields to resolve in a minute. */
  readonly player: number;
  readonly staff: number;
  readonly now?: () => number;
}

/** Some 10 MB; beyond it the subject seen longest ago starts anew. */
const SUBJECTS_MAX = 100_000;
const MINUTE_MS = 60_000;

interface Account {
  left: number;
  at: number;
}

/** Per process: behind several gateways a subject has as many budgets. */
export function createBudget({ player, staff, now = () => performance.now() }: BudgetOptions): Budget {
  // A map keeps its order of insertion: the first entry is the one not seen for longest.
  const accounts = new Map<string, Account>();

  return {
    spend({ brand, subject, roles }, cost) {
      const perMinute = roles.size === 1 && roles.has('player') ? player : staff;
      const name = `${brand}\0${subject}`;
      const at = now();
      const before = accounts.get(name) ?? { left: perMinute, at };
      const left = Math.min(perMinute, before.left + ((at - before.at) / MINUTE_MS) * perMinute);
      accounts.delete(name);
      accounts.set(name, { left: left >= cost ? left - cost : left, at });
      if (accounts.size > SUBJECTS_MAX) forgetOldest(accounts);
      if (left >= cost) return;
      const waitS = Math.ceil((((cost - left) / perMinute) * MINUTE_MS) / 1_000);
      throw apiError(
        'QUERY_TOO_COMPLEX',
        cost > perMinute
          ? `The operation costs ${cost}, which is more than the ${perMinute} a minute that the token has.`
          : `The token has asked for more than ${perMinute} fields a minute; there is enough for this operation in ${waitS} s.`,
      );
    },
  };
}

function forgetOldest(accounts: Map<string, Account>): void {
  for (const oldest of accounts.keys()) {
    accounts.delete(oldest);
    return;
  }
}
