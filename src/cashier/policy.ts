import type { Policy } from '../ledger/policy.js';

/** The rules for what staff asks of the ledger. A repeat gets the first answer; the rest never applies to deposits and withdrawals. */
export const staffPolicy: Policy = {
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  rollbackOfUnknown: 'refuse',
  secondRollback: 'refuse',
  rollbackTargets: ['bet', 'win'],
  rollbackAfterWin: 'reverse',
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'accept',
  secondWin: 'accept',
  inactiveWin: 'accept',
};

/** From the request to the latest moment it may still take effect. */
export const staffDeadlineMs = 5_000;
