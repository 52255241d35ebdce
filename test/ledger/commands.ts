import type { Bet, Deposit, Outcome, Rollback, Win, Withdrawal } from '../../src/ledger/commands.js';
import type { Decimal } from '../../src/ledger/money.js';
import { parseDecimal } from '../../src/ledger/money.js';
import type { Policy } from '../../src/ledger/policy.js';

/** The most forgiving answers: what a test does not mention is accepted. */
export const policy: Policy = {
  duplicate: 'first-answer',
  rollbackOfUnknown: 'accept',
  secondRollback: 'accept',
  rollbackTargets: ['bet', 'win'],
  inactiveWin: 'accept',
};

export interface Whose {
  readonly brand: string;
  readonly externalId: string;
}

export function decimal(text: string): Decimal {
  const parsed = parseDecimal(text);
  if (parsed === undefined) throw new Error(`${text} is no decimal`);
  return parsed;
}

function moving(whose: Whose, key: string) {
  return { brand: whose.brand, player: whose.externalId, integration: 'igpx-demo', currency: 'EUR', key };
}

export function bet(whose: Whose, key: string, amount: string, more: Partial<Bet> = {}): Bet {
  return { kind: 'bet', ...moving(whose, key), amount: decimal(amount), ...more };
}

export function win(whose: Whose, key: string, amount: string, more: Partial<Win> = {}): Win {
  return { kind: 'win', ...moving(whose, key), amount: decimal(amount), ...more };
}

export function rollback(whose: Whose, key: string, target: string, more: Partial<Rollback> = {}): Rollback {
  return { kind: 'rollback', ...moving(whose, key), target, ...more };
}

export function deposit(whose: Whose, key: string, amount: string, more: Partial<Deposit> = {}): Deposit {
  return { kind: 'deposit', ...moving(whose, key), integration: 'cashier', amount: decimal(amount), ...more };
}

export function withdrawal(whose: Whose, key: string, amount: string, more: Partial<Withdrawal> = {}): Withdrawal {
  return { kind: 'withdrawal', ...moving(whose, key), integration: 'cashier', amount: decimal(amount), ...more };
}

/** What an outcome says, short enough to compare: `applied 95`, `replayed 95`, `refused INSUFFICIENT_FUNDS`. */
export function said(outcome: Outcome): string {
  switch (outcome.type) {
    case 'applied':
    case 'replayed':
      return `${outcome.type} ${outcome.receipt.balanceAfterUnits}`;
    case 'done':
      return `done ${outcome.balance?.balanceUnits ?? 'nothing'}`;
    case 'refused':
      return `refused ${outcome.code}`;
  }
}
