import type { Policy } from '../../ledger/policy.js';

/** What the provider's document asks for where protocols differ; README.md says which lines it states and which are ours. */
export const policy: Policy = {
  // "Dedupe by provider_tx_id on withdraw/deposit (including rollbacks)"; a repeat gets the first answer as it was.
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  // Not stated. A refusal is terminal, so the bet, should it still arrive, is kept out by its tombstone.
  rollbackOfUnknown: 'accept',
  // Not stated. Nothing moves, and a refusal would tell the provider that the bet stands.
  secondRollback: 'accept',
  // "refund of a voided bet": wins are never taken back.
  rollbackTargets: ['bet'],
  // Not stated. A bet that was paid was not voided; the refusal is flagged for a person.
  rollbackAfterWin: 'refuse',
  // "400/401/402/404 terminal": a win that were refused would not come again, so wins are credited and flagged.
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'accept',
  secondWin: 'accept',
  inactiveWin: 'accept',
};
