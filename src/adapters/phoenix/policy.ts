import type { Policy } from '../../ledger/policy.js';

/** The provider's document is silent on all of it: these are our answers, and README.md gives the reasons. */
export const policy: Policy = {
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  // There is no message that takes anything back, so the next four rules never come to bear.
  rollbackOfUnknown: 'refuse',
  secondRollback: 'refuse',
  rollbackTargets: [],
  rollbackAfterWin: 'refuse',
  // Callbacks are not signed: a finish counts only where we accepted its start.
  winWithoutBet: 'quarantine',
  winOfRolledBackBet: 'quarantine',
  // A game has one finish under one key, so that a further one is a repeat or a conflict and never gets here.
  secondWin: 'accept',
  inactiveWin: 'accept',
};
