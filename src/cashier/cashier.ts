import { CASHIER, type Balance, type Receipt } from '../ledger/commands.js';
import { isTransient, type WalletErrorCode } from '../ledger/errors.js';
import type { Ledger } from '../ledger/ledger.js';
import { type Decimal, unitsFloor } from '../ledger/money.js';
import { staffDeadlineMs, staffPolicy } from './policy.js';

/** Money that comes from or goes to the world outside the games: payments, vouchers, corrections by hand. */
export interface CashierRequest {
  readonly brand: string;
  /** The player's external id. */
  readonly player: string;
  readonly currency: string;
  /** Above zero, with no more decimals than the currency's ledger unit. */
  readonly amount: Decimal;
  /** Names the movement for ever, per player; deposits and withdrawals share the names. 1 to 255 bytes. */
  readonly idempotencyKey: string;
  /** The operator's own note, such as a payment id. It is kept as the ledger row's round, and so is one of its facts. */
  readonly reference: string | undefined;
}

export type CashierOutcome =
  | { readonly type: 'moved'; readonly receipt: Receipt; readonly repeated: boolean }
  | {
      readonly type: 'refused';
      readonly reason:
        | 'insufficient-funds'
        | 'amount-invalid'
        | 'currency-not-supported'
        | 'key-conflict'
        | 'limit-reached'
        | 'player-unknown';
      readonly balance: Balance | undefined;
    };

/** The ledger did not confirm. Repeating the request with the same key is safe. */
export class CashierUnavailableError extends Error {
  override readonly name = 'CashierUnavailableError';
  constructor(readonly code: WalletErrorCode) {
    super('The ledger could not be reached or did not confirm; repeating the same request is safe.');
  }
}

export interface Cashier {
  /** @throws CashierUnavailableError */
  deposit(request: CashierRequest): Promise<CashierOutcome>;
  /** @throws CashierUnavailableError */
  withdraw(request: CashierRequest): Promise<CashierOutcome>;
}

export interface CashierOptions {
  readonly ledger: Pick<Ledger, 'execute'>;
  readonly currencies: ReadonlyMap<string, { readonly scale: number }>;
}

export function createCashier({ ledger, currencies }: CashierOptions): Cashier {
  async function move(kind: 'deposit' | 'withdrawal', request: CashierRequest): Promise<CashierOutcome> {
    const { brand, player, currency, amount, idempotencyKey, reference } = request;
    const scale = currencies.get(currency)?.scale;
    if (scale === undefined) return { type: 'refused', reason: 'currency-not-supported', balance: undefined };
    // The ledger rounds a provider's credit down because it must not bounce; a deposit is the operator's own to correct.
    if (amount.digits <= 0n || unitsFloor(amount, scale).rest !== undefined) {
      return { type: 'refused', reason: 'amount-invalid', balance: undefined };
    }
    const { outcome } = await ledger.execute(
      { kind, brand, player, integration: CASHIER, currency, amount, key: idempotencyKey, round: reference },
      { policy: staffPolicy, deadlineMs: staffDeadlineMs },
    );
    if (outcome.type === 'done') throw new Error(`A ${kind} ended without a receipt`);
    if (outcome.type !== 'refused') {
      return { type: 'moved', receipt: outcome.receipt, repeated: outcome.type === 'replayed' };
    }
    return { type: 'refused', reason: reasonOf(outcome.code), balance: outcome.balance };
  }

  return {
    deposit: (request) => move('deposit', request),
    withdraw: (request) => move('withdrawal', request),
  };
}

/** @throws CashierUnavailableError for what may be repeated, Error for what cannot happen to a cashier's movement */
function reasonOf(code: WalletErrorCode): Extract<CashierOutcome, { type: 'refused' }>['reason'] {
  switch (code) {
    case 'INSUFFICIENT_FUNDS':
    case 'WALLET_IN_DEBT':
      return 'insufficient-funds';
    case 'AMOUNT_INVALID':
      return 'amount-invalid';
    case 'CURRENCY_NOT_ALLOWED':
      return 'currency-not-supported';
    case 'KEY_CONFLICT':
      return 'key-conflict';
    case 'LIMIT_REACHED':
      return 'limit-reached';
    case 'PLAYER_UNKNOWN':
      return 'player-unknown';
    default:
      if (isTransient(code)) throw new CashierUnavailableError(code);
      throw new Error(`The ledger refused a cashier's movement with ${code}`);
  }
}
