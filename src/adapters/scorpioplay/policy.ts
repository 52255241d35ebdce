import type { Policy } from '../../ledger/policy.js';

/** What the provider's document asks for where protocols differ; README.md says which lines it states and which are ours. */
export const policy: Policy = {
  // Check 41: "already processed" is an error with the current balance, not a success.
  duplicate: 'refuse',
  // The checks run in the order in which they are listed, and 22 is listed before 41.
  inactiveCheck: 'before-key',
  // Checks 42 and 43. The tombstone is ours: the cancel of a bet that timed out may overtake it.
  rollbackOfUnknown: 'refuse',
  // Not stated. Refusing the second would only have it sent again.
  secondRollback: 'accept',
  // "when their bet or win/loss action fails"
  rollbackTargets: ['bet', 'win'],
  // The document knows no answer that would refuse these.
  rollbackAfterWin: 'reverse',
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'accept',
  secondWin: 'accept',
  // Check 22, which wins list as well. It loses money the player is owed, so each such win is flagged.
  inactiveWin: 'refuse',
};

/** The checks: account known, player active, enough money, id not used yet, id known, cancelled id known. */
export const checks: ReadonlySet<string> = new Set(['21', '22', '31', '41', '42', '43']);

/** The row as far as a request asks for it: `check` lists what it wants refused, in the order of looking. */
export function policyOf(row: Policy, command: 'bet' | 'win' | 'cancel', check: readonly string[]): Policy {
  // A cancel that comes again changes nothing, so it is answered again even where it lists 41.
  const refusesRepeats = row.duplicate === 'refuse' && check.includes('41') && command !== 'cancel';
  const asksActiveFirst = check.includes('22') && check.indexOf('22') < check.indexOf('41');
  return {
    ...row,
    duplicate: refusesRepeats ? 'refuse' : 'first-answer',
    inactiveCheck: refusesRepeats && asksActiveFirst ? row.inactiveCheck : 'after-key',
    inactiveWin: check.includes('22') ? row.inactiveWin : 'accept',
    rollbackOfUnknown: check.includes('42') || check.includes('43') ? row.rollbackOfUnknown : 'accept',
  };
}
