import type { Policy } from '../../ledger/policy.js';

/** What the provider's document asks for where protocols differ; README.md says which lines it states and which are ours. */
export const policy: Policy = {
  // "the response must be successful and be with the same transaction id as the first time"
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  // "must be inserted without changing the user's balance and be handled successfully"
  rollbackOfUnknown: 'accept',
  // Not stated. A second rollback that were refused would be sent again for ever.
  secondRollback: 'accept',
  // The rollback's amount is "to be subtracted or added": a result can be undone as well as a bet.
  rollbackTargets: ['bet', 'win'],
  // The provider links a result to no bet, so the next four rules never come to bear.
  rollbackAfterWin: 'reverse',
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'accept',
  secondWin: 'accept',
  // "all result requests must be processed successfully"
  inactiveWin: 'accept',
};
