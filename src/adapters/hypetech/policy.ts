import type { Policy, PolicyOverrides } from '../../ledger/policy.js';
import type { Settings } from './settings.js';

/**
 * What the provider's documents ask for where protocols differ. The rules are those of the later one: a bet is closed by
 * exactly one resolution, a win or a rollback; the first valid one counts, and every later event of the bet is refused.
 */
export const policy: Policy = {
  // What is sent again because of an outage is acknowledged without being processed again.
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  // Not stated. Refusing it would leave a provider that lost our answer without an end.
  rollbackOfUnknown: 'accept',
  secondRollback: 'refuse',
  // "Endpoint triggered when there are cancellations of user bets": wins are not undone.
  rollbackTargets: ['bet'],
  rollbackAfterWin: 'refuse',
  // The first document is silent, and a win that is lost is worse than one that is credited and flagged.
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'refuse',
  secondWin: 'refuse',
  inactiveWin: 'accept',
};

/** The document of 2026 has the operator confirm that the bet exists, and refuse what is outside bet, win and rollback. */
export function dialectPolicy({ dialect }: Settings): PolicyOverrides {
  return dialect === 'g4' ? { winWithoutBet: 'refuse' } : {};
}
