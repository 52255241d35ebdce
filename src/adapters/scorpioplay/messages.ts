import type { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import type { Balance } from '../../ledger/commands.js';
import { isTransient, type WalletErrorCode } from '../../ledger/errors.js';
import type { RefusalContext, Reply } from '../contract.js';
import { decimalAmount, idText, idTextOrNumber, shownUnits } from '../kit/amounts.js';
import { exactNumber, jsonText } from '../kit/json.js';
import type { Settings } from './settings.js';

/** The commands of the provider, which are also the names of the callbacks. */
export type CommandName = 'authenticate' | 'balance' | 'bet' | 'win' | 'cancel' | 'status';

/** An integer of 64 bits with the digits that were sent. */
export const int64 = idTextOrNumber.pipe(z.string().regex(/^(?:0|[1-9]\d{0,18})$/, 'must be an integer'));

/** A cancel in the older dialect has no id of its own, only that of what it cancels. */
export function cancelKey(transId: string): string {
  return `cancel:${transId}`;
}

const guid = idText.refine((text) => !text.startsWith(cancelKey('')), 'must not begin like a key of ours');

const check = z.string().default('');
/** What every request brings: its data, and the checks it asks for, in their order. */
function request<Data>(data: z.ZodType<Data>) {
  return z.object({ data, check: check.transform((list) => list.split(',').flatMap((each) => each.trim() || [])) });
}

const ids = { account: idText, trans_id: int64.optional(), trans_guid: guid.optional() };
type Ids = Partial<Record<'trans_id' | 'trans_guid', string | undefined>>;

/** Which of the two names a movement tells the dialect; both at once would leave open which one counts. */
function keyOf({ trans_id, trans_guid }: Ids, context: z.RefinementCtx): string {
  const key = trans_id ?? trans_guid;
  if (key !== undefined && (trans_id === undefined || trans_guid === undefined)) return key;
  context.addIssue({ code: 'custom', message: 'must have either trans_id or trans_guid' });
  return z.NEVER;
}

export const Account = request(z.object({ account: idText }));

export const Movement = request(
  z
    .object({
      ...ids,
      amount: decimalAmount,
      round_id: idTextOrNumber.optional(),
      game_code: idTextOrNumber.optional(),
    })
    .transform((data, context) => ({ ...data, key: keyOf(data, context) })),
);
export type Movement = z.infer<typeof Movement>;

/** The newer dialect's cancel has an id of its own; its target is seen in two spellings. */
export const Cancel = request(
  z
    .object({
      ...ids,
      amount: decimalAmount.optional(),
      cancel_trans_guid: guid.optional(),
      cancle_trans_guid: guid.optional(),
    })
    .transform((data, context) => {
      const key = keyOf(data, context);
      if (data.trans_guid === undefined) return { ...data, key: cancelKey(key), target: key };
      const target = data.cancel_trans_guid ?? data.cancle_trans_guid;
      if (target !== undefined && (data.cancle_trans_guid ?? target) === target) return { ...data, key, target };
      context.addIssue({ code: 'custom', message: 'must have one cancel_trans_guid' });
      return z.NEVER;
    }),
);

export const Status = request(z.object(ids).transform((data, context) => ({ ...data, key: keyOf(data, context) })));

export function succeeded(data: Readonly<Record<string, string | LosslessNumber>>): Reply {
  return { status: 200, body: jsonText({ result: 0, status: 'OK', data }) };
}

/** The id of a movement as it came: a number in one dialect, text in the other. */
export function idAsSent({ trans_id, key }: { readonly trans_id?: string | undefined; readonly key: string }) {
  return trans_id === undefined ? { trans_guid: key } : { trans_id: exactNumber(key) };
}

/** A number in major units, as the document wants it: rounded down, and without zeros that say nothing. */
export function shownBalance(balance: Balance | undefined, { balanceDecimals: max }: Settings): LosslessNumber {
  return exactNumber(balance === undefined ? '0' : shownUnits(balance.balanceUnits, balance.scale, { max, min: 0 }));
}

/** `result` of every refusal: the number of the check that failed, 99 for "execution failure", 100 for a wrong token. */
const results: Record<WalletErrorCode, 21 | 22 | 31 | 41 | 42 | 99 | 100> = {
  UNAUTHENTICATED: 100,
  MALFORMED: 99,
  TOO_LARGE: 99,
  UNKNOWN_CALLBACK: 99,
  AMOUNT_INVALID: 99,
  SESSION_UNKNOWN: 99,
  PLAYER_UNKNOWN: 21,
  PLAYER_NOT_ACTIVE: 22,
  // The agent has one currency: a player without a wallet in it has no account there.
  CURRENCY_NOT_ALLOWED: 21,
  INSUFFICIENT_FUNDS: 31,
  WALLET_IN_DEBT: 31,
  LIMIT_REACHED: 31,
  DUPLICATE: 41,
  KEY_CONFLICT: 41,
  // The id was used up by its cancel.
  BET_ROLLED_BACK: 41,
  TARGET_UNKNOWN: 42,
  TARGET_INVALID: 99,
  ALREADY_ROLLED_BACK: 41,
  BET_UNKNOWN: 99,
  BET_RESOLVED: 99,
  DEADLINE_EXCEEDED: 99,
  OVERLOADED: 99,
  UNAVAILABLE: 99,
  INTERNAL: 99,
};

/** Commands by which nobody is owed money: a failure of theirs may be told as a final one. */
const owesNothing: ReadonlySet<string | undefined> = new Set<CommandName>(['authenticate', 'balance', 'bet', 'status']);

/** HTTP is 200 but for a credit that could not be stored: 500 is what makes the provider send more about it. */
export function refuse(code: WalletErrorCode, context: RefusalContext<Settings>): Reply {
  const { callback, outcome, integration } = context;
  const { settings } = integration;
  const isCancelByGuid = callback === 'cancel' && settings.dialect === 'trans-guid';
  const result = code === 'TARGET_UNKNOWN' && isCancelByGuid ? 43 : results[code];
  // The document shows 21, 22 and 100 without a balance.
  const tells = outcome?.balance !== undefined && result !== 21 && result !== 22 && result !== 100;
  const data = tells ? { balance: shownBalance(outcome.balance, settings) } : undefined;
  const status = isTransient(code) && !owesNothing.has(callback) ? 500 : 200;
  return { status, body: jsonText({ result, status: 'ERROR', data }) };
}
