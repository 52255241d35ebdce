import { parseDecimal } from '../ledger/money.js';
import { accepted, type Conversation, Finding, type Told } from './conversation.js';

/**
 * What a wallet's balance must be. A protocol that tells no balance leaves it unseen: then only the answers are examined,
 * and the report says so.
 */
export interface BalanceWatch {
  /** The balance now, in units of 10^-12; undefined where the protocol does not tell. */
  now(): Promise<bigint | undefined>;
  /** Fails unless the balance moved by this decimal since `before`. */
  expectMoved(before: bigint | undefined, by: string): Promise<void>;
}

const SCALE = 12n;

export function watchBalance(conversation: Conversation): BalanceWatch {
  const { voice, player, currency } = conversation.examinee;

  async function now(): Promise<bigint | undefined> {
    if (!voice.speaks.includes('balance')) return undefined;
    const id = conversation.movement('bet').id;
    const told = await conversation.tell({ kind: 'balance', id, player, currency, session: 'certification' });
    const { balance } = accepted(told);
    if (balance === undefined) throw new Finding('The balance was answered without a balance.');
    return toUnits(balance);
  }

  return {
    now,
    async expectMoved(before, by) {
      const after = await now();
      if (before === undefined || after === undefined) return;
      const wanted = before + toUnits(by);
      if (after !== wanted) {
        throw new Finding(
          `The balance must be ${toText(wanted)} (${toText(before)} moved by ${by}); it is ${toText(after)}.`,
        );
      }
    },
  };
}

/** The balance an answer tells, where the dialect has one in it. */
export function balanceIn({ verdict }: Told): bigint | undefined {
  if (verdict === 'no-answer' || (verdict.type !== 'accepted' && verdict.type !== 'refused')) return undefined;
  return verdict.balance === undefined ? undefined : toUnits(verdict.balance);
}

export function expectBalanceIn(told: Told, wanted: bigint | undefined): void {
  const stated = balanceIn(told);
  if (stated === undefined || wanted === undefined || stated === wanted) return;
  throw new Finding(`The answer must tell a balance of ${toText(wanted)}; it tells ${toText(stated)}.`);
}

export function toUnits(text: string): bigint {
  const decimal = parseDecimal(text);
  if (decimal === undefined) throw new Finding(`"${text}" is no decimal amount.`);
  const { digits, decimals } = decimal;
  if (BigInt(decimals) > SCALE) throw new Finding(`"${text}" has more decimals than a balance can have.`);
  return digits * 10n ** (SCALE - BigInt(decimals));
}

function toText(units: bigint): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '').padEnd(2, '0');
  return `${sign}${digits.slice(0, -12)}.${fraction}`;
}
