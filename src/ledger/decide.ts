import {
  type Bet,
  type Deposit,
  type Flag,
  type Movement,
  type PlayerStatus,
  type Rollback,
  type TransactionKind,
  type Win,
  type Withdrawal,
} from './commands.js';
import type { WalletErrorCode } from './errors.js';
import { type Currency, type Units, UNITS_MAX, unitsFloor } from './money.js';
import type { Policy } from './policy.js';

/** A wallet at one moment, under its lane's lock. */
export interface WalletState {
  readonly currency: Currency;
  readonly playerStatus: PlayerStatus;
  readonly balance: bigint;
  readonly sequence: bigint;
}

/** A ledger row before it is bound to its wallet and hashed. */
export interface LedgerRow {
  readonly sequence: bigint;
  readonly integration: string;
  readonly externalKey: string;
  readonly kind: TransactionKind;
  readonly effect: bigint;
  readonly stated: bigint | null;
  readonly rest: string | null;
  readonly balanceAfter: bigint;
  readonly target: string | null;
  readonly undoes: bigint | null;
  readonly round: string | null;
  readonly game: string | null;
  readonly flags: readonly Flag[];
}

/** A row that the ledger holds already, with the currency of its wallet. */
export interface KnownRow extends LedgerRow {
  readonly currency: string;
}

/** What the ledger knows of a command's keys: the row under its own key, and for a rollback the row it names. */
export interface Known {
  readonly own: KnownRow | undefined;
  readonly target: (KnownRow & { readonly rolledBack: boolean }) | undefined;
}

export type Decision =
  | { readonly type: 'post'; readonly rows: readonly [LedgerRow, ...LedgerRow[]]; readonly flags: readonly Flag[] }
  | { readonly type: 'replay'; readonly row: KnownRow; readonly flags: readonly Flag[] }
  | {
      readonly type: 'refuse';
      readonly code: WalletErrorCode;
      /** Rows written although the answer is no: the tombstone of a refused rollback. */
      readonly rows: readonly LedgerRow[];
      readonly flags: readonly Flag[];
    };

/**
 * The rules of money: what one movement does to one wallet. Pure, and the only reader of a policy.
 * `wallet` is the one the movement posts to: for the rollback of a known movement the target's, else the one of the stated currency.
 */
export function decide(wallet: WalletState, known: Known, command: Movement, policy: Policy): Decision {
  if (known.own !== undefined) return decideAgain(known.own, command, wallet, policy);
  switch (command.kind) {
    case 'bet':
    case 'withdrawal':
      return decideDebit(wallet, command);
    case 'win':
    case 'deposit':
      return decideCredit(wallet, command, policy);
    case 'rollback':
      return decideRollback(wallet, known.target, command, policy);
  }
}

/** The key was used before: the same facts get the first answer, other facts are refused, a tombstone refuses for ever. */
function decideAgain(own: KnownRow, command: Movement, wallet: WalletState, policy: Policy): Decision {
  if (own.kind === 'tombstone' && command.kind !== 'rollback') return refuse('BET_ROLLED_BACK', ['late-bet']);
  if (!sameFacts(own, command, wallet.currency)) return refuse('KEY_CONFLICT', ['key-conflict']);
  return policy.duplicate === 'refuse' ? refuse('DUPLICATE') : { type: 'replay', row: own, flags: [] };
}

/** Facts are currency, amount, kind, target and round; never time, token, white space or key order. */
function sameFacts(own: KnownRow, command: Movement, currency: Currency): boolean {
  if (own.kind !== command.kind || own.round !== (command.round ?? null)) return false;
  if (command.kind === 'rollback') {
    // A rollback posts on its target's wallet, whatever currency it states: its target is the fact.
    return own.target === command.target && (command.amount === undefined || sameAmount(own, command.amount, currency));
  }
  return own.currency === command.currency && sameAmount(own, command.amount, currency);
}

function sameAmount(own: KnownRow, amount: Bet['amount'], currency: Currency): boolean {
  const { units, rest } = unitsFloor(amount, currency.scale);
  return own.stated === units && own.rest === (rest ?? null);
}

function decideDebit(wallet: WalletState, command: Bet | Withdrawal): Decision {
  const stated = statedUnits(command.amount, wallet.currency);
  if (stated === undefined || stated.rest !== undefined) return refuse('AMOUNT_INVALID');
  if (command.kind === 'withdrawal' && stated.units === 0n) return refuse('AMOUNT_INVALID');
  if (command.kind === 'bet' && wallet.playerStatus !== 'ACTIVE') return refuse('PLAYER_NOT_ACTIVE');
  if (wallet.balance < 0n) return refuse('WALLET_IN_DEBT');
  if (wallet.balance < stated.units) return refuse('INSUFFICIENT_FUNDS');
  return post(wallet, command, { effect: -stated.units, stated: stated.units });
}

function decideCredit(wallet: WalletState, command: Win | Deposit, policy: Policy): Decision {
  const stated = statedUnits(command.amount, wallet.currency);
  if (stated === undefined || !isBalance(wallet.balance + stated.units)) return refuse('AMOUNT_INVALID');
  if (command.kind === 'deposit' && stated.units === 0n) return refuse('AMOUNT_INVALID');
  const inactive = command.kind === 'win' && wallet.playerStatus !== 'ACTIVE';
  if (inactive && policy.inactiveWin === 'refuse') return refuse('PLAYER_NOT_ACTIVE', ['win-of-inactive-player']);
  const flags: Flag[] = [];
  if (inactive) flags.push('win-of-inactive-player');
  if (stated.rest !== undefined) flags.push('credit-rounded-down');
  return post(wallet, command, { effect: stated.units, stated: stated.units, rest: stated.rest ?? null, flags });
}

function decideRollback(wallet: WalletState, target: Known['target'], command: Rollback, policy: Policy): Decision {
  if (command.target === command.key) return refuse('TARGET_INVALID');
  const stated = command.amount === undefined ? undefined : statedUnits(command.amount, wallet.currency);
  if (command.amount !== undefined && stated === undefined) return refuse('AMOUNT_INVALID');
  const facts = { stated: stated?.units ?? null, rest: stated?.rest ?? null, target: command.target };

  if (target === undefined) {
    // One unique key arbitrates between the bet and its rollback, whichever commits first.
    const first = policy.rollbackOfUnknown === 'accept' ? [row(wallet, command, { ...facts, effect: 0n })] : [];
    const tombstone = row(first.at(-1) ?? wallet, command, {
      effect: 0n,
      kind: 'tombstone',
      externalKey: command.target,
    });
    if (first[0] === undefined) {
      return { type: 'refuse', code: 'TARGET_UNKNOWN', rows: [tombstone], flags: ['rollback-of-unknown'] };
    }
    return {
      type: 'post',
      rows: [flagged(first[0], 'rollback-of-unknown'), tombstone],
      flags: ['rollback-of-unknown'],
    };
  }
  if (target.kind === 'rollback') return refuse('TARGET_INVALID', ['rollback-of-rollback']);
  // The tombstone is that of an earlier refusal, and the answer stays the same.
  if (target.kind === 'tombstone' && policy.rollbackOfUnknown === 'refuse') {
    return refuse('TARGET_UNKNOWN', ['rollback-of-unknown']);
  }
  if (target.kind === 'tombstone' || target.rolledBack) {
    if (policy.secondRollback === 'refuse') return refuse('ALREADY_ROLLED_BACK');
    return post(wallet, command, { ...facts, effect: 0n, flags: ['second-rollback'] });
  }
  if ((target.kind !== 'bet' && target.kind !== 'win') || !policy.rollbackTargets.includes(target.kind)) {
    return refuse('TARGET_INVALID');
  }
  if (!isBalance(wallet.balance - target.effect)) return refuse('AMOUNT_INVALID');
  const flags: Flag[] = [];
  if (stated !== undefined && (stated.units !== target.stated || stated.rest !== undefined))
    flags.push('amount-differs');
  if (command.currency !== target.currency) flags.push('currency-differs');
  if (wallet.balance - target.effect < 0n) flags.push('wallet-in-debt');
  return post(wallet, command, { ...facts, effect: -target.effect, undoes: target.sequence, flags });
}

/** @returns undefined when the amount is negative or beyond the range of a balance. */
function statedUnits(amount: Bet['amount'], currency: Currency): Units | undefined {
  if (amount.digits < 0n) return undefined;
  const units = unitsFloor(amount, currency.scale);
  return units.units > UNITS_MAX ? undefined : units;
}

function isBalance(units: bigint): boolean {
  return units >= -UNITS_MAX && units <= UNITS_MAX;
}

function refuse(code: WalletErrorCode, flags: readonly Flag[] = []): Decision {
  return { type: 'refuse', code, rows: [], flags };
}

type RowPart = { readonly effect: bigint } & Partial<Omit<LedgerRow, 'effect' | 'sequence' | 'balanceAfter'>>;

function post(wallet: WalletState, command: Movement, part: RowPart): Decision {
  const posted = row(wallet, command, part);
  return { type: 'post', rows: [posted], flags: posted.flags };
}

/** The next row after a wallet's state, or after the row before it. */
function row(before: WalletState | LedgerRow, command: Movement, part: RowPart): LedgerRow {
  return {
    sequence: before.sequence + 1n,
    integration: command.integration,
    externalKey: command.key,
    kind: command.kind,
    stated: null,
    rest: null,
    balanceAfter: ('balance' in before ? before.balance : before.balanceAfter) + part.effect,
    target: null,
    undoes: null,
    round: command.round ?? null,
    game: command.game ?? null,
    flags: [],
    ...part,
  };
}

function flagged(each: LedgerRow, flag: Flag): LedgerRow {
  return { ...each, flags: [...each.flags, flag] };
}
