import type {
  Bet,
  Deposit,
  LimitKind,
  LimitPeriod,
  LookUp,
  Outcome,
  Rollback,
  WalletLimitChange,
  Win,
  Withdrawal,
} from '../../src/ledger/commands.js';
import type { Decimal } from '../../src/ledger/money.js';
import { parseDecimal } from '../../src/ledger/money.js';
import { type Policy, type PolicyOverrides, withOverrides } from '../../src/ledger/policy.js';

/** The most forgiving answers: what a test does not mention is accepted. */
export const policy: Policy = {
  duplicate: 'first-answer',
  inactiveCheck: 'after-key',
  rollbackOfUnknown: 'accept',
  secondRollback: 'accept',
  rollbackTargets: ['bet', 'win'],
  rollbackAfterWin: 'reverse',
  winWithoutBet: 'accept',
  winOfRolledBackBet: 'accept',
  secondWin: 'accept',
  inactiveWin: 'accept',
};

/** The opposite: whatever may be refused is. */
export const strictPolicy: Policy = {
  duplicate: 'refuse',
  inactiveCheck: 'before-key',
  rollbackOfUnknown: 'refuse',
  secondRollback: 'refuse',
  rollbackTargets: ['bet'],
  rollbackAfterWin: 'refuse',
  winWithoutBet: 'refuse',
  winOfRolledBackBet: 'refuse',
  secondWin: 'refuse',
  inactiveWin: 'refuse',
};

/** The forgiving policy but for what is told; one that contradicts itself is a mistake of the test. */
export function policyWith(overrides: PolicyOverrides): Policy {
  return withOverrides(policy, overrides);
}

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

/** A payout of so many times the stakes. */
export function times(text: string): Pick<Win, 'amount'> {
  return { amount: { times: decimal(text) } };
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

export function lookup(whose: Whose, key: string, more: Partial<LookUp> = {}): LookUp {
  return { kind: 'lookup', ...moving(whose, key), ...more };
}

/** Sets a limit of the wallet in EUR; null removes it. */
export function limit(whose: Whose, of: LimitKind, period: LimitPeriod, max: string | null): WalletLimitChange {
  const addressed = { brand: whose.brand, player: whose.externalId, currency: 'EUR' };
  return { kind: 'wallet-limit', ...addressed, limit: of, period, max: max === null ? null : decimal(max) };
}

/** What an outcome says, short enough to compare: `applied 95`, `replayed 95`, `refused INSUFFICIENT_FUNDS`. */
export function said(outcome: Outcome): string {
  switch (outcome.type) {
    case 'applied':
    case 'replayed':
      return `${outcome.type} ${outcome.receipt.balanceAfterUnits}`;
    case 'done':
      if (outcome.found !== undefined) {
        const { receipt, rolledBack } = outcome.found;
        return `found ${receipt.kind} ${receipt.balanceAfterUnits}${rolledBack ? ' rolled back' : ''}`;
      }
      return `done ${outcome.balance?.balanceUnits ?? 'nothing'}`;
    case 'refused':
      return `refused ${outcome.code}`;
  }
}
