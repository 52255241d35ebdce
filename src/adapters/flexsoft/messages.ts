import { z } from 'zod';
import type { Balance, Outcome } from '../../ledger/commands.js';
import { type WalletErrorCode, walletErrors } from '../../ledger/errors.js';
import { parseDecimal, unitsFloor } from '../../ledger/money.js';
import type { LaunchedPlay, RefusalContext, Reply } from '../contract.js';
import { decimalAmount, idText, idTextOrNumber, millisAmount, shownUnits } from '../kit/amounts.js';
import { exactNumber, jsonText, parseJson } from '../kit/json.js';
import type { Settings } from './settings.js';

/**
 * The provider's bodies. Only what the gateway cannot do without is required, as every 4xx is terminal; unknown fields are
 * ignored. `action` is not repeated here: it has selected the callback before its body is read.
 */

/** An id of the provider's that may be missing, and then is sometimes null or empty. */
const optionalId = z
  .union([z.null(), z.literal(''), idTextOrNumber])
  .optional()
  .transform((id) => (id === null || id === '' ? undefined : id));

/** Only kept or sent back: a value that is no name is dropped, for a movement is worth more. */
const optionalName = idText.optional().catch(undefined);

const round = { action_id: optionalId, round_id: optionalId };

const movement = {
  ...round,
  provider_tx_id: idTextOrNumber,
  user_id: idText,
  currency: idText,
  game: optionalName,
  provider: optionalName,
};

export const Withdraw = z.object({ ...movement, amount: millisAmount });
export type Withdraw = z.infer<typeof Withdraw>;

export const WinDeposit = z.object({ ...movement, amount: millisAmount, withdraw_provider_tx_id: optionalId });
export type WinDeposit = z.infer<typeof WinDeposit>;

export const RollBack = z.object({
  ...movement,
  amount: millisAmount.optional(),
  withdraw_provider_tx_id: idTextOrNumber,
});
export type RollBack = z.infer<typeof RollBack>;

/** The round of a message, which the provider calls `action_id` or `round_id`; the plainer name wins. */
export function roundOf({ action_id, round_id }: Pick<Withdraw, 'action_id' | 'round_id'>): string | undefined {
  return round_id ?? action_id;
}

export const Auth = z.object({ user_token: idText });
export type Auth = z.infer<typeof Auth>;

export const GetBalance = z.object({ user_id: idText, currency: idText });
export type GetBalance = z.infer<typeof GetBalance>;

/** A list as it is, or as JSON inside a string. */
function listOf<Item>(item: z.ZodType<Item>) {
  return z.preprocess((stated) => {
    if (typeof stated !== 'string') return stated;
    const json = parseJson(Buffer.from(stated));
    return json.ok ? json.value : undefined;
  }, z.array(item));
}

const Aggregates = z
  .object({ aviadroneCashOutCoefficients: listOf(decimalAmount), aviadroneBets: listOf(millisAmount) })
  .refine(
    ({ aviadroneCashOutCoefficients, aviadroneBets }) => aviadroneCashOutCoefficients.length === aviadroneBets.length,
    'must hold one coefficient for each bet',
  );

const NamedValues = z
  .array(z.object({ name: z.string(), value: z.unknown() }))
  .transform((list) => Object.fromEntries(list.map(({ name, value }) => [name, value])));

/** "A pure notification": of no player, with an amount of 0. */
export const CloseRound = z.object({
  ...round,
  provider_tx_id: idTextOrNumber,
  amount: millisAmount.refine(({ digits }) => digits === 0n, 'must be 0').optional(),
  attributes: z.union([NamedValues.pipe(Aggregates), Aggregates]),
});
export type CloseRound = z.infer<typeof CloseRound>;

/** Names of the callbacks, as the journal shows them. */
export type CallbackName =
  | 'auth'
  | 'bet'
  | 'free-bet'
  | 'win'
  | 'free-bet-win'
  | 'rollback'
  | 'close-round'
  | 'balance';

type Accepted = Exclude<Outcome, { type: 'refused' }>;

/** The balance is that after this movement, however late it is asked for again: "the original response". */
export function moved(
  outcome: Accepted,
  { user_id, provider, provider_tx_id }: Pick<Withdraw, 'user_id' | 'provider' | 'provider_tx_id'>,
  settings: Settings,
): Reply {
  if (outcome.type === 'done') throw new TypeError('A movement was answered without a receipt.');
  const { transactionId: operator_tx_id, balanceAfterUnits, scale, currency } = outcome.receipt;
  const new_balance = millis(balanceAfterUnits, scale);
  return success({ user_id, operator_tx_id, provider, provider_tx_id, new_balance, currency }, settings);
}

export function authAnswer(outcome: Accepted, play: LaunchedPlay | undefined, settings: Settings): Reply {
  const { balanceUnits, scale, currency } = balanceOf(outcome);
  if (play === undefined) throw new TypeError('An /auth was answered without the play of its token.');
  const maxBet = parseDecimal(settings.maxBet ?? '');
  const maxbet = maxBet === undefined ? undefined : exactNumber(unitsFloor(maxBet, 3).units.toString());
  const player = { user_id: play.player, username: play.player };
  return success({ ...player, balance: millis(balanceUnits, scale), currency, maxbet }, settings);
}

export function balanceAnswer(outcome: Accepted, settings: Settings): Reply {
  const { balanceUnits, scale, currency } = balanceOf(outcome);
  return success({ currency, amount: millis(balanceUnits, scale) }, settings);
}

/** "200", and nothing to say with it. */
export function acknowledged(settings: Settings): Reply {
  return success(null, settings);
}

function balanceOf({ balance }: Accepted): Balance {
  if (balance === undefined) throw new TypeError('A balance inquiry was answered without a balance.');
  return balance;
}

/** Whole thousandths, rounded down: what is finer cannot be bet with here. */
function millis(units: bigint, scale: number) {
  return exactNumber(shownUnits(units * 1_000n, scale, { max: 0, min: 0 }));
}

function success(data: Readonly<Record<string, unknown>> | null, { envelope }: Settings): Reply {
  const body = envelope === 'flat' ? (data ?? {}) : { code: 200, message: 'Success', data };
  return { status: 200, body: jsonText(body) };
}

/** "400/401/402/404 terminal, 5xx retryable", and 409 for one id with two meanings. */
type Status = 400 | 401 | 402 | 404 | 409 | 503;

const statuses: Record<WalletErrorCode, Status> = {
  UNAUTHENTICATED: 401,
  MALFORMED: 400,
  TOO_LARGE: 400,
  UNKNOWN_CALLBACK: 400,
  AMOUNT_INVALID: 400,
  SESSION_UNKNOWN: 401,
  PLAYER_UNKNOWN: 404,
  PLAYER_NOT_ACTIVE: 400,
  CURRENCY_NOT_ALLOWED: 400,
  INSUFFICIENT_FUNDS: 402,
  // Nothing is left to bet with: to the provider that is the same as too little.
  WALLET_IN_DEBT: 402,
  LIMIT_REACHED: 402,
  DUPLICATE: 409,
  KEY_CONFLICT: 409,
  BET_ROLLED_BACK: 400,
  TARGET_UNKNOWN: 404,
  TARGET_INVALID: 400,
  ALREADY_ROLLED_BACK: 400,
  BET_UNKNOWN: 404,
  BET_RESOLVED: 400,
  DEADLINE_EXCEEDED: 503,
  OVERLOADED: 503,
  UNAVAILABLE: 503,
  INTERNAL: 503,
};

/** Deposits are never refused in words about the player, the session or the funds: the provider would blame those. */
const deposits: ReadonlySet<string | undefined> = new Set<CallbackName>(['win', 'free-bet-win', 'rollback']);
const aboutPlayer: ReadonlySet<WalletErrorCode> = new Set([
  'SESSION_UNKNOWN',
  'PLAYER_UNKNOWN',
  'INSUFFICIENT_FUNDS',
  'WALLET_IN_DEBT',
]);

export function refuse(code: WalletErrorCode, { callback }: RefusalContext<Settings>): Reply {
  const status = deposits.has(callback) && aboutPlayer.has(code) ? 400 : statuses[code];
  const message = status === 402 ? 'Insufficient player balance' : walletErrors[code];
  return { status, body: jsonText({ code: status, message, data: null }) };
}
