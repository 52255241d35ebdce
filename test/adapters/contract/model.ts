import type { Movement, WalletCommand } from '../../../src/ledger/commands.js';
import type { WalletErrorCode } from '../../../src/ledger/errors.js';
import type { Policy } from '../../../src/ledger/policy.js';

/**
 * The rules of money as the rule book tells them, for one player with one wallet: nothing is kept but what was accepted, in
 * its order, and what was declared void. Whatever is asked later (is it undone, is it paid, what is the balance) is found by
 * reading that history again. Slow, and plain enough to be compared with the book line by line.
 */
export interface Told {
  readonly says: 'applied' | 'repeated' | 'refused';
  readonly why?: WalletErrorCode;
  /** What the movement did to the balance, in ledger units; 0 unless applied. */
  readonly effect: bigint;
  /** The balance after the movement that is answered for: of a repeat, the one of the first time. */
  readonly after: bigint;
  /** The balance now. */
  readonly now: bigint;
  /** Which accepted movement the answer is about, counted from 0. */
  readonly entry: number | undefined;
}

interface Entry {
  readonly movement: Movement;
  readonly effect: bigint;
  /** Amount in ledger units, as it was stated. */
  readonly stated: bigint;
  readonly undoes?: Entry | undefined;
  readonly pays?: Entry | undefined;
}

/** A name that was rolled back before anything came under it: nothing may come under it any more. */
interface Void {
  readonly name: string;
  readonly round: string | undefined;
}

export class RuleBook {
  private readonly history: Entry[] = [];
  private readonly voids: Void[] = [];
  private active = true;

  constructor(
    private readonly opening: bigint,
    private readonly scale: number,
  ) {}

  suspend(): void {
    this.active = false;
  }

  get balance(): bigint {
    return this.balanceAfter(this.history.length);
  }

  tell(command: WalletCommand, policy: Policy): Told {
    switch (command.kind) {
      case 'bet':
      case 'win':
      case 'rollback':
        return this.tellMovement(command, policy);
      default:
        throw new Error(`The rule book does not speak of a ${command.kind}.`);
    }
  }

  private tellMovement(movement: Movement, policy: Policy): Told {
    if (policy.inactiveCheck === 'before-key' && !this.active) {
      if (movement.kind === 'bet') return this.refusal('PLAYER_NOT_ACTIVE');
      if (movement.kind === 'win' && policy.inactiveWin === 'refuse') return this.refusal('PLAYER_NOT_ACTIVE');
    }
    const first = this.history.findIndex((each) => each.movement.key === movement.key);
    if (first >= 0) return this.tellAgain(first, movement, policy);
    // "The late bet is refused without money, for ever."
    if (this.isVoid(movement.key)) {
      return this.refusal(movement.kind === 'rollback' ? 'KEY_CONFLICT' : 'BET_ROLLED_BACK');
    }
    if (movement.kind === 'bet') return this.tellBet(movement);
    if (movement.kind === 'win') return this.tellWin(movement, policy);
    if (movement.kind === 'rollback') return this.tellRollback(movement, policy);
    throw new Error(`The rule book does not speak of a ${movement.kind}.`);
  }

  /** "Same key, same facts: the first answer again." "Same key, other facts: refused, nothing posted. The first stays." */
  private tellAgain(first: number, movement: Movement, policy: Policy): Told {
    const entry = this.history[first];
    if (entry === undefined || !sameFacts(entry.movement, movement)) return this.refusal('KEY_CONFLICT');
    if (policy.duplicate === 'refuse') return this.refusal('DUPLICATE');
    return { says: 'repeated', effect: 0n, after: this.balanceAfter(first + 1), now: this.balance, entry: first };
  }

  private tellBet(bet: Extract<Movement, { kind: 'bet' }>): Told {
    const { units, exact } = this.unitsOf(bet.amount);
    if (!exact) return this.refusal('AMOUNT_INVALID');
    if (!this.active) return this.refusal('PLAYER_NOT_ACTIVE');
    if (bet.free === true) return this.accept({ movement: bet, effect: 0n, stated: units });
    if (this.balance < 0n) return this.refusal('WALLET_IN_DEBT');
    if (this.balance < units) return this.refusal('INSUFFICIENT_FUNDS');
    return this.accept({ movement: bet, effect: -units, stated: units });
  }

  private tellWin(win: Extract<Movement, { kind: 'win' }>, policy: Policy): Told {
    if (!this.active && policy.inactiveWin === 'refuse') return this.refusal('PLAYER_NOT_ACTIVE');
    const bets = this.betsFor(win);
    const standing = bets.filter((bet) => !this.isUndone(bet));
    const unpaid = standing.filter((bet) => !this.isPaid(bet));
    if (win.pays !== undefined && unpaid.length === 0) {
      if (standing.length > 0) {
        if (policy.secondWin === 'refuse') return this.refusal('BET_RESOLVED');
      } else if (bets.length > 0 || this.voidBetFor(win)) {
        // Refused or held for a person: either way the provider is not told that it was paid.
        if (policy.winOfRolledBackBet !== 'accept') return this.refusal('BET_ROLLED_BACK');
      } else if (policy.winWithoutBet !== 'accept') {
        return this.refusal('BET_UNKNOWN');
      }
    }
    const stakes = standing.reduce((sum, bet) => sum + bet.stated, 0n);
    const effect = 'times' in win.amount ? this.multiplied(stakes, win.amount.times) : this.unitsOf(win.amount).units;
    return this.accept({ movement: win, effect, stated: effect, pays: unpaid[0] ?? standing.at(-1) });
  }

  private tellRollback(rollback: Extract<Movement, { kind: 'rollback' }>, policy: Policy): Told {
    if (rollback.target === rollback.key) return this.refusal('TARGET_INVALID');
    const nothing = { movement: rollback, effect: 0n, stated: 0n };
    const target = this.history.find((each) => each.movement.key === rollback.target);
    if (target === undefined) {
      const known = this.isVoid(rollback.target);
      if (!known) this.voids.push({ name: rollback.target, round: rollback.round });
      if (policy.rollbackOfUnknown === 'refuse') return this.refusal('TARGET_UNKNOWN');
      // Once void, a further rollback of the same name is a second one.
      if (known && policy.secondRollback === 'refuse') return this.refusal('ALREADY_ROLLED_BACK');
      return this.accept(nothing);
    }
    const { kind } = target.movement;
    // "A rollback of a rollback is refused."
    if (kind === 'rollback') return this.refusal('TARGET_INVALID');
    if (this.isUndone(target)) {
      return policy.secondRollback === 'refuse' ? this.refusal('ALREADY_ROLLED_BACK') : this.accept(nothing);
    }
    if ((kind !== 'bet' && kind !== 'win') || !policy.rollbackTargets.includes(kind)) {
      return this.refusal('TARGET_INVALID');
    }
    if (this.isPaid(target) && policy.rollbackAfterWin === 'refuse') return this.refusal('BET_RESOLVED');
    // "Undoing a win already spent is applied: the balance may go below zero."
    return this.accept({ movement: rollback, effect: -target.effect, stated: 0n, undoes: target });
  }

  private betsFor({ pays, round }: Extract<Movement, { kind: 'win' }>): Entry[] {
    if (pays === undefined) return [];
    return this.history.filter(
      ({ movement }) =>
        movement.kind === 'bet' &&
        (typeof pays === 'object' ? movement.key === pays.bet : round !== undefined && movement.round === round),
    );
  }

  /** Whether the bet it pays is one that was rolled back before it came. */
  private voidBetFor({ pays, round }: Extract<Movement, { kind: 'win' }>): boolean {
    if (typeof pays === 'object') return this.isVoid(pays.bet);
    return pays !== undefined && round !== undefined && this.voids.some((each) => each.round === round);
  }

  private isVoid(name: string): boolean {
    return this.voids.some((each) => each.name === name);
  }

  private isUndone(entry: Entry): boolean {
    return this.history.some((each) => each.undoes === entry);
  }

  /** Paid by a win that was not undone itself. */
  private isPaid(bet: Entry): boolean {
    return this.history.some((each) => each.pays === bet && !this.isUndone(each));
  }

  private balanceAfter(count: number): bigint {
    return this.history.slice(0, count).reduce((sum, each) => sum + each.effect, this.opening);
  }

  private accept(entry: Entry): Told {
    this.history.push(entry);
    const now = this.balance;
    return { says: 'applied', effect: entry.effect, after: now, now, entry: this.history.length - 1 };
  }

  private refusal(why: WalletErrorCode): Told {
    return { says: 'refused', why, effect: 0n, after: this.balance, now: this.balance, entry: undefined };
  }

  /** Ledger units, rounded down; `exact` when nothing was cut off. */
  private unitsOf({ digits, decimals }: { digits: bigint; decimals: number }): { units: bigint; exact: boolean } {
    const shifted = digits * 10n ** BigInt(this.scale);
    const divisor = 10n ** BigInt(decimals);
    return { units: shifted / divisor, exact: shifted % divisor === 0n };
  }

  private multiplied(units: bigint, { digits, decimals }: { digits: bigint; decimals: number }): bigint {
    return (units * digits) / 10n ** BigInt(decimals);
  }
}

/** "Facts = currency, amount, kind, target, round. Never time, token, white space or key order." */
function sameFacts(first: Movement, again: Movement): boolean {
  return factsOf(first) === factsOf(again);
}

function factsOf(movement: Movement): string {
  const { kind, currency, round = null } = movement;
  if (kind === 'rollback') return JSON.stringify([kind, round, movement.target, amountText(movement.amount)]);
  const pays = kind === 'win' && typeof movement.pays === 'object' ? movement.pays.bet : null;
  const free = kind === 'bet' && movement.free === true;
  const amount = 'times' in movement.amount ? movement.amount.times : movement.amount;
  return JSON.stringify([kind, currency, round, pays, free, amountText(amount)]);
}

/** 2.5 and 2.50 are one amount. */
function amountText(amount: { digits: bigint; decimals: number } | undefined): string | null {
  if (amount === undefined) return null;
  let { digits, decimals } = amount;
  while (decimals > 0 && digits % 10n === 0n) {
    digits /= 10n;
    decimals -= 1;
  }
  return `${digits}/${decimals}`;
}
