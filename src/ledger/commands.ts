import type { WalletErrorCode } from './errors.js';
import type { Decimal } from './money.js';

/** What can be asked of the ledger. Adapters, the cashier and staff all speak in these, and in nothing else. */
export type WalletCommand = Movement | PlayerChange | BalanceInquiry | LookUp;
export type Movement = Bet | Win | Rollback | Deposit | Withdrawal | Correction;
/** Changes that move no money and have no key: to ask for one again changes nothing. */
export type PlayerChange = StatusChange | WalletLimitChange | SessionLimitChange;

interface Addressed {
  /** Slug of the brand whose player this is. */
  readonly brand: string;
  /** The player's external id: the operator's own name for the player. */
  readonly player: string;
  /** What `player` is; the external id unless told. */
  readonly playerIs?: 'external-id' | 'public-id' | undefined;
}

interface Moving extends Addressed {
  /** Slug of the integration; `CASHIER` for deposits and withdrawals. With player and key it makes the movement unique for ever. */
  readonly integration: string;
  readonly currency: string;
  /** The provider's id of this movement, case-sensitive, 1 to 255 characters. */
  readonly key: string;
  readonly round?: string | undefined;
  readonly game?: string | undefined;
  /** When a player may see it, where a game shows its end later than it sends it. The ledger never waits for this. */
  readonly displayAt?: Date | undefined;
}

/** Takes the stake. */
export interface Bet extends Moving {
  readonly kind: 'bet';
  readonly amount: Decimal;
  /** The provider pays the stake: the bet is recorded and moves nothing. */
  readonly free?: boolean | undefined;
}

/** Gives the payout; 0 records a loss. */
export interface Win extends Moving {
  readonly kind: 'win';
  /** The payout, or what the stakes of the round are multiplied by (rounded down to a ledger unit). */
  readonly amount: Decimal | Multiple;
  /**
   * Which bet it pays, where the protocol says so: the one under an external key, the oldest of its round that no win has
   * paid yet, or all of its round. Absent where wins and bets are not linked.
   */
  readonly pays?: { readonly bet: string } | 'oldest-of-round' | 'round' | undefined;
  /** What the provider takes the stake to be; only compared with the bets it pays. */
  readonly stake?: Decimal | undefined;
}

export interface Multiple {
  readonly times: Decimal;
}

/** Undoes one bet or win by its external key. The amount is only compared with the original's. */
export interface Rollback extends Moving {
  readonly kind: 'rollback';
  readonly target: string;
  readonly amount?: Decimal | undefined;
}

export interface Deposit extends Moving {
  readonly kind: 'deposit';
  readonly amount: Decimal;
}

export interface Withdrawal extends Moving {
  readonly kind: 'withdrawal';
  readonly amount: Decimal;
}

/** Corrects a balance by hand, after two people agreed. The wallet gains the amount, which may be below zero but not take it there. */
export interface Correction extends Moving {
  readonly kind: 'adjustment';
  /** Signed; never zero. */
  readonly amount: Decimal;
}

export const playerStatuses = ['ACTIVE', 'SUSPENDED', 'SELF_EXCLUDED', 'CLOSED'] as const;
export type PlayerStatus = (typeof playerStatuses)[number];

/** Changes what the player may do, under the same lock as the player's bets. `status.ts` says what may follow what. */
export interface StatusChange extends Addressed {
  readonly kind: 'status';
  readonly status: PlayerStatus;
  /** When a self-exclusion ends by itself; one without an end lasts until staff lifts it. */
  readonly until?: Date | undefined;
  /** Whether it may only take from what the player may do, as for the player's own wish. */
  readonly protective?: boolean | undefined;
}

/** What a wallet may take at most in a period of UTC: a day, a week from Monday, a month. */
export const limitKinds = ['stake', 'loss', 'deposit'] as const;
export type LimitKind = (typeof limitKinds)[number];
export const limitPeriods = ['day', 'week', 'month'] as const;
export type LimitPeriod = (typeof limitPeriods)[number];

/** Sets, changes or removes a limit of a wallet. A lower one holds at once, a higher one or none a day later. */
export interface WalletLimitChange extends Addressed {
  readonly kind: 'wallet-limit';
  readonly currency: string;
  readonly limit: LimitKind;
  readonly period: LimitPeriod;
  /** Null removes it. */
  readonly max: Decimal | null;
}

/** The same for the time at play. */
export interface SessionLimitChange extends Addressed {
  readonly kind: 'session-limit';
  /** Null removes it. */
  readonly minutes: number | null;
}

/** A limit as it is stored. Ledger units are text, because JSON has no bigint. */
export interface StoredLimit<Max extends string | number = string> {
  readonly max: Max;
  /** A higher limit, or none, that takes the place of this one by itself. */
  readonly next?: { readonly max: Max | null; readonly from: string } | undefined;
}

/** A wallet's limits as they are stored, with what they count. */
export interface WalletLimits {
  readonly limits: Readonly<Partial<Record<`${LimitKind}-${LimitPeriod}`, StoredLimit>>>;
  /** Of the periods that were last counted; none are missing once there is a limit. */
  readonly counted: Readonly<Partial<Record<LimitPeriod, CountedPeriod>>>;
}

/** What happened in a period, in ledger units: bets that stand, less their payouts, and deposits. */
export interface CountedPeriod {
  /** The first day of the period, such as "2027-01-31". */
  readonly from: string;
  /** Sequence of the wallet's first row in it: the wallet's order, not the clock, says which rows are counted. */
  readonly since: string;
  readonly stake: string;
  readonly loss: string;
  readonly deposit: string;
}

/** What limits a player across wallets: the time at play without a pause, in minutes. */
export interface PlayerLimits {
  readonly sessionMinutes?: StoredLimit<number> | undefined;
  /** When the play under way began, and its last bet. */
  readonly play?: { readonly since: string; readonly lastAt: string } | undefined;
}

/** Why a change of a player's status was not made. */
export type Declined = 'EXCLUSION_RUNS' | 'PLAYER_SUSPENDED' | 'PLAYER_CLOSED';

/** Reads a balance in the order of the wallet's movements. */
export interface BalanceInquiry extends Addressed {
  readonly kind: 'balance';
  readonly currency: string;
}

/** Asks what became of the movement under a key, in the order of the wallet's movements. */
export interface LookUp extends Addressed {
  readonly kind: 'lookup';
  readonly integration: string;
  readonly currency: string;
  readonly key: string;
}

/** The integration names of movements that no provider asked for. */
export const CASHIER = 'cashier';
export const ADJUSTMENT = 'adjustment';

/** Kinds of ledger rows. A tombstone sits on the key of a bet that was rolled back before it arrived. */
export const transactionKinds = ['bet', 'win', 'rollback', 'tombstone', 'deposit', 'withdrawal', 'adjustment'] as const;
export type TransactionKind = (typeof transactionKinds)[number];

/** Something a person should look at. Flags change no answer. */
export type Flag =
  | 'key-conflict'
  | 'amount-differs'
  | 'currency-differs'
  | 'credit-rounded-down'
  | 'rollback-of-rollback'
  | 'rollback-of-unknown'
  | 'second-rollback'
  | 'late-bet'
  | 'free-bet'
  | 'win-without-bet'
  | 'win-of-rolled-back-bet'
  | 'second-win'
  | 'rollback-after-win'
  | 'stake-differs'
  | 'win-of-inactive-player'
  | 'wallet-opened-by-credit'
  | 'wallet-in-debt'
  | 'player-unknown'
  | 'quarantined';

/** What the ledger says of one command. Money is in ledger units of the wallet's currency. */
export type Outcome =
  | {
      readonly type: 'applied' | 'replayed';
      readonly receipt: Receipt;
      /** The wallet as it stands now: after a repeat that need not be the receipt's balance. */
      readonly balance: Balance;
      readonly flags: readonly Flag[];
    }
  | {
      readonly type: 'done';
      readonly balance: Balance | undefined;
      /** What a look-up found. */
      readonly found?: Found | undefined;
      /** Set when a change of the player was not made. */
      readonly declined?: Declined | undefined;
      readonly flags: readonly Flag[];
    }
  | {
      readonly type: 'refused';
      readonly code: WalletErrorCode;
      /** The balance at that moment, when the wallet was reached. */
      readonly balance: Balance | undefined;
      readonly flags: readonly Flag[];
    };

export interface Found {
  readonly receipt: Receipt;
  readonly rolledBack: boolean;
}

export interface Balance {
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
  readonly balanceUnits: bigint;
  readonly currency: string;
  readonly scale: number;
}

/** The stored ledger row as the answer needs it; the same for the first answer and every repeat. */
export interface Receipt {
  /** The operator-side transaction id: derives from lane, wallet and sequence. */
  readonly transactionId: string;
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
  readonly kind: TransactionKind;
  readonly effectUnits: bigint;
  readonly balanceAfterUnits: bigint;
  readonly currency: string;
  readonly scale: number;
}
