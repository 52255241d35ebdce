import type { Policy } from '../../ledger/policy.js';

/** What the provider's document asks for where protocols differ. Cite the document's words behind each answer. */
export const policy: Policy = {
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  rollbackOfUnknown: 'accept',
  secondRollback: 'accept',
  rollbackTargets: ['bet'],
  rollbackAfterWin: 'refuse',
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'accept',
  secondWin: 'accept',
  inactiveWin: 'accept',
};
