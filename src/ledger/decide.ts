import {
  type Bet,
  type Correction,
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
import { isOverLimit, type Limited } from './limits.js';
import { type Currency, type Decimal, type Units, UNITS_MAX, unitsFloor } from './money.js';
import type { Policy } from './policy.js';

/** A wallet at one moment, under its lane's lock. */
export interface WalletState {
  readonly currency: Currency;
  readonly playerStatus: PlayerStatus;
  readonly balance: bigint;
  readonly sequence: bigint;
  /** Absent where nothing limits the wallet or its player. */
  readonly limited?: Limited | undefined;
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
  readonly resolves: bigint | null;
  readonly round: string | null;
  readonly game: string | null;
  readonly displayAt: Date | null;
  readonly flags: readonly Flag[];
}

/** A row that the ledger holds already, with the currency of its wallet. */
export interface KnownRow extends LedgerRow {
  readonly currency: string;
}

/** A known row with what later rows made of it. */
export interface LinkedRow extends KnownRow {
  readonly rolledBack: boolean;
  /** Wins that pay this bet and were not undone. */
  readonly wins: number;
}

/** What the ledger knows of a command's keys. */
export interface Known {
  /** The row under its own key. */
  readonly own: KnownRow | undefined;
  /** The row that a rollback undoes, or the bet that a win says it pays. */
  readonly target: LinkedRow | undefined;
  /** The rows of its round, in the wallet's order; read for a win that pays bets of its round, else empty. */
  readonly round: readonly LinkedRow[];
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
  if (policy.inactiveCheck === 'before-key' && isInactive(wallet, command, policy)) return refuseInactive(command);
  if (known.own !== undefined) return decideAgain(known.own, known, command, wallet, policy);
  switch (command.kind) {
    case 'bet':
    case 'withdrawal':
      return decideDebit(wallet, command);
    case 'win':
      return decideWin(wallet, known, command, policy);
    case 'deposit':
      return decideDeposit(wallet, command);
    case 'adjustment':
      return decideAdjustment(wallet, command);
    case 'rollback':
      return decideRollback(wallet, known.target, command, policy);
  }
}

function isInactive(wallet: WalletState, command: Movement, policy: Policy): boolean {
  if (wallet.playerStatus === 'ACTIVE') return false;
  return command.kind === 'bet' || (command.kind === 'win' && policy.inactiveWin === 'refuse');
}

/** A player is owed a win, so that one refused is flagged. */
function refuseInactive({ kind }: Movement): Decision {
  return refuse('PLAYER_NOT_ACTIVE', kind === 'win' ? ['win-of-inactive-player'] : []);
}

/** The key was used before: the same facts get the first answer, other facts are refused, a tombstone refuses for ever. */
function decideAgain(own: KnownRow, known: Known, command: Movement, wallet: WalletState, policy: Policy): Decision {
  if (own.kind === 'tombstone' && command.kind !== 'rollback') return refuse('BET_ROLLED_BACK', ['late-bet']);
  if (!sameFacts(own, known, command, wallet.currency)) return refuse('KEY_CONFLICT', ['key-conflict']);
  return policy.duplicate === 'refuse' ? refuse('DUPLICATE') : { type: 'replay', row: own, flags: [] };
}

/** Facts are currency, amount, kind, target and round; never time, token, white space or key order. */
function sameFacts(own: KnownRow, known: Known, command: Movement, currency: Currency): boolean {
  if (own.kind !== command.kind || own.round !== (command.round ?? null)) return false;
  if (command.kind === 'rollback') {
    // A rollback posts on its target's wallet, whatever currency it states: its target is the fact.
    return own.target === command.target && (command.amount === undefined || sameAmount(own, command.amount, currency));
  }
  if (own.currency !== command.currency) return false;
  if (command.kind === 'bet' && own.flags.includes('free-bet') !== (command.free === true)) return false;
  if (command.kind === 'adjustment') {
    const { digits, decimals } = command.amount;
    const positive = { digits: digits < 0n ? -digits : digits, decimals };
    return own.effect < 0n === digits < 0n && sameAmount(own, positive, currency);
  }
  if (command.kind !== 'win') return sameAmount(own, command.amount, currency);
  // The stakes as they were when the first was decided.
  const bets = liveBets(betsOf(known, command)).filter((bet) => bet.sequence < own.sequence);
  return own.target === namedBet(command) && sameAmount(own, payoutOf(command, bets, currency), currency);
}

function sameAmount(own: KnownRow, amount: Decimal, currency: Currency): boolean {
  const { units, rest } = unitsFloor(amount, currency.scale);
  return own.stated === units && own.rest === (rest ?? null);
}

function decideDebit(wallet: WalletState, command: Bet | Withdrawal): Decision {
  const stated = statedUnits(command.amount, wallet.currency);
  if (stated === undefined || stated.rest !== undefined) return refuse('AMOUNT_INVALID');
  if (command.kind === 'withdrawal' && stated.units === 0n) return refuse('AMOUNT_INVALID');
  if (command.kind === 'bet' && wallet.playerStatus !== 'ACTIVE') return refuseInactive(command);
  // A free bet waits for the debt to be covered like any other.
  if (wallet.balance < 0n) return refuse('WALLET_IN_DEBT');
  if (command.kind === 'bet' && command.free === true) {
    return post(wallet, command, { effect: 0n, stated: stated.units, flags: ['free-bet'] });
  }
  // Before the funds: who may not play on is not told to bring money.
  if (command.kind === 'bet' && isLimited(wallet, 'bet', stated.units)) return refuse('LIMIT_REACHED');
  if (wallet.balance < stated.units) return refuse('INSUFFICIENT_FUNDS');
  return post(wallet, command, { effect: -stated.units, stated: stated.units });
}

function decideDeposit(wallet: WalletState, command: Deposit): Decision {
  const stated = statedUnits(command.amount, wallet.currency);
  if (stated === undefined || stated.units === 0n || !isBalance(wallet.balance + stated.units)) {
    return refuse('AMOUNT_INVALID');
  }
  if (isLimited(wallet, 'deposit', stated.units)) return refuse('LIMIT_REACHED');
  return credit(wallet, command, stated, []);
}

function isLimited({ limited }: WalletState, kind: 'bet' | 'deposit', units: bigint): boolean {
  return limited !== undefined && isOverLimit(limited, kind, units);
}

/** Two people agreed to it, so it comes to players of any status; but no correction makes a debt. */
function decideAdjustment(wallet: WalletState, command: Correction): Decision {
  const { digits, decimals } = command.amount;
  const stated = statedUnits({ digits: digits < 0n ? -digits : digits, decimals }, wallet.currency);
  if (stated === undefined || stated.units === 0n || stated.rest !== undefined) return refuse('AMOUNT_INVALID');
  const effect = digits < 0n ? -stated.units : stated.units;
  if (!isBalance(wallet.balance + effect)) return refuse('AMOUNT_INVALID');
  if (effect < 0n && wallet.balance + effect < 0n) return refuse('INSUFFICIENT_FUNDS');
  return post(wallet, command, { effect, stated: stated.units });
}

function decideWin(wallet: WalletState, known: Known, command: Win, policy: Policy): Decision {
  const inactive = wallet.playerStatus !== 'ACTIVE';
  if (inactive && policy.inactiveWin === 'refuse') return refuseInactive(command);
  const bets = betsOf(known, command);
  const live = liveBets(bets);
  // A win of the whole round has paid each of its bets, and is linked to the oldest.
  const settled = command.pays === 'round' && live.some((bet) => bet.wins > 0);
  const open = settled ? [] : live.filter((bet) => bet.wins === 0);
  const flags: Flag[] = inactive ? ['win-of-inactive-player'] : [];
  if (command.pays !== undefined && open.length === 0) {
    const kind = live.length > 0 ? 'second' : bets.length > 0 ? 'of-rolled-back-bet' : 'without-bet';
    const refusal = refuseUnlinked(kind, policy);
    if (refusal !== undefined) return refusal;
    flags.push(kind === 'second' ? 'second-win' : `win-${kind}`);
  }
  const stated = statedUnits(payoutOf(command, live, wallet.currency), wallet.currency);
  if (stated === undefined || !isBalance(wallet.balance + stated.units)) return refuse('AMOUNT_INVALID');
  const paid = open[0] ?? live.at(-1);
  const compared = command.pays === 'oldest-of-round' && paid !== undefined ? [paid] : live;
  if (command.stake !== undefined && compared.length > 0 && !isStake(command.stake, compared, wallet.currency)) {
    flags.push('stake-differs');
  }
  return credit(wallet, command, stated, flags, { target: namedBet(command), resolves: paid?.sequence ?? null });
}

/** What a policy says of a win that finds no bet to pay. @returns undefined when it is credited all the same. */
function refuseUnlinked(kind: 'second' | 'of-rolled-back-bet' | 'without-bet', policy: Policy): Decision | undefined {
  if (kind === 'second') return policy.secondWin === 'accept' ? undefined : refuse('BET_RESOLVED', ['second-win']);
  const [answer, code] =
    kind === 'without-bet'
      ? ([policy.winWithoutBet, 'BET_UNKNOWN'] as const)
      : ([policy.winOfRolledBackBet, 'BET_ROLLED_BACK'] as const);
  if (answer === 'accept') return undefined;
  return refuse(code, answer === 'quarantine' ? [`win-${kind}`, 'quarantined'] : [`win-${kind}`]);
}

/** The bets a win may pay, oldest first, with the tombstones of those that never came. A bet in another currency is not among them. */
function betsOf({ target, round }: Known, { pays, currency }: Win): readonly LinkedRow[] {
  const candidates = typeof pays === 'object' ? (target === undefined ? [] : [target]) : round;
  return candidates.filter((row) => row.currency === currency && (row.kind === 'bet' || row.kind === 'tombstone'));
}

function liveBets(bets: readonly LinkedRow[]): readonly LinkedRow[] {
  return bets.filter((bet) => bet.kind === 'bet' && !bet.rolledBack);
}

function namedBet({ pays }: Win): string | null {
  return typeof pays === 'object' ? pays.bet : null;
}

/** The payout as it was stated, or the stakes multiplied. */
function payoutOf({ amount }: Win, bets: readonly LinkedRow[], currency: Currency): Decimal {
  if (!('times' in amount)) return amount;
  const { digits, decimals } = amount.times;
  return { digits: stakeOf(bets) * digits, decimals: currency.scale + decimals };
}

function stakeOf(bets: readonly LinkedRow[]): bigint {
  return bets.reduce((sum, bet) => sum + (bet.stated ?? 0n), 0n);
}

function isStake(stake: Decimal, bets: readonly LinkedRow[], currency: Currency): boolean {
  const { units, rest } = unitsFloor(stake, currency.scale);
  return rest === undefined && units === stakeOf(bets);
}

function credit(
  wallet: WalletState,
  command: Win | Deposit,
  { units, rest }: Units,
  flags: readonly Flag[],
  part: Partial<LedgerRow> = {},
): Decision {
  return post(wallet, command, {
    ...part,
    effect: units,
    stated: units,
    rest: rest ?? null,
    flags: rest === undefined ? flags : [...flags, 'credit-rounded-down'],
  });
}

function decideRollback(wallet: WalletState, target: Known['target'], command: Rollback, policy: Policy): Decision {
  if (command.target === command.key) return refuse('TARGET_INVALID');
  const stated = command.amount === undefined ? undefined : statedUnits(command.amount, wallet.currency);
  if (command.amount !== undefined && stated === undefined) return refuse('AMOUNT_INVALID');
  const facts = { stated: stated?.units ?? null, rest: stated?.rest ?? null, target: command.target };

  if (target === undefined) {
    const flags: Flag[] = ['rollback-of-unknown'];
    if (command.currency !== wallet.currency.code) flags.push('currency-differs');
    // One unique key arbitrates between the bet and its rollback, whichever commits first.
    const first = policy.rollbackOfUnknown === 'accept' ? [row(wallet, command, { ...facts, effect: 0n })] : [];
    const tombstone = row(first.at(-1) ?? wallet, command, {
      effect: 0n,
      kind: 'tombstone',
      externalKey: command.target,
    });
    if (first[0] === undefined) {
      return { type: 'refuse', code: 'TARGET_UNKNOWN', rows: [tombstone], flags };
    }
    return { type: 'post', rows: [{ ...first[0], flags }, tombstone], flags };
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
  if (target.wins > 0) {
    if (policy.rollbackAfterWin === 'refuse') return refuse('BET_RESOLVED', ['rollback-after-win']);
    flags.push('rollback-after-win');
  }
  if (stated !== undefined && (stated.units !== target.stated || stated.rest !== undefined))
    flags.push('amount-differs');
  if (command.currency !== target.currency) flags.push('currency-differs');
  if (wallet.balance - target.effect < 0n) flags.push('wallet-in-debt');
  return post(wallet, command, { ...facts, effect: -target.effect, undoes: target.sequence, flags });
}

/** @returns undefined when the amount is negative or beyond the range of a balance. */
function statedUnits(amount: Decimal, currency: Currency): Units | undefined {
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
    resolves: null,
    round: command.round ?? null,
    game: command.game ?? null,
    displayAt: command.displayAt ?? null,
    flags: [],
    ...part,
  };
}
