import { closeConnection, type Reply } from '../../../src/adapters/contract.js';
import type { ProviderMessage, ProviderVerdict } from '../../../src/adapters/provider-side.js';
import type { Outcome } from '../../../src/ledger/commands.js';
import { isTransient } from '../../../src/ledger/errors.js';
import { formatUnits, parseDecimal } from '../../../src/ledger/money.js';
import { isFloorOf } from './amounts.js';
import { cannotSayNo, exchange, heard, said, understand } from './line.js';
import { RuleBook, type Told } from './model.js';
import { messageOf, type Order, type Play } from './orders.js';
import type { Channel } from './providers.js';
import type { Stage } from './world.js';

/** One order, played event by event: what the gateway does is held against what the rule book says. */
export interface Played {
  /** What differs, with all that led there; undefined when nothing does. */
  readonly difference: string | undefined;
  readonly balance: bigint;
}

export interface OrderToPlay {
  readonly channel: Channel;
  readonly order: Order;
  readonly play: Play;
  /** The player's external id; the provider may call the player otherwise. */
  readonly externalId: string;
  readonly opening: { readonly units: bigint; readonly scale: number };
  /** Whether the provider wants the first answer for a repeat. Who does not is told how things are now. */
  readonly wantsFirstAnswer: boolean;
}

interface Memory {
  /** Our transaction ids and first answers by the entry of the rule book. */
  readonly transactions: Map<number, string>;
  readonly answers: Map<number, string>;
}

export async function playOrder(
  stage: Stage,
  { channel, order, play, externalId, opening, wantsFirstAnswer }: OrderToPlay,
): Promise<Played> {
  const book = new RuleBook(opening.units, opening.scale);
  const memory: Memory = { transactions: new Map(), answers: new Map() };
  const led: string[] = [];
  for (const event of order) {
    const message = messageOf(event, play);
    if (message === undefined) {
      book.suspend();
      await suspend(stage, channel, externalId);
      led.push(event);
      continue;
    }
    const { reply, asked } = await exchange(channel, stage.ledger, said(channel, message));
    const text = reply === closeConnection ? reply : `${reply.status} ${reply.body}`;
    led.push(`${event} → ${asked === undefined ? 'not asked' : sayOutcome(asked.outcome)} → ${text}`);
    if (asked === undefined) return { difference: describe(channel, led, 'the ledger was not asked'), balance: 0n };
    const told = book.tell(asked.command, asked.policy);
    const verdict = heard(channel, message, reply);
    const wrong = [
      ...compareCommand(message, asked.command),
      ...compareOutcome(told, asked.outcome, memory),
      ...compareAnswer({ channel, message, reply, verdict, told, wantsFirstAnswer, scale: opening.scale }, memory),
    ];
    if (wrong.length > 0) return { difference: describe(channel, led, wrong.join('; ')), balance: book.balance };
  }
  return { difference: undefined, balance: book.balance };
}

async function suspend({ ledger }: Stage, { brand, adapter }: Channel, player: string): Promise<void> {
  const command = { kind: 'status', brand, player, status: 'SUSPENDED' } as const;
  const { outcome } = await ledger.execute(command, { policy: adapter.policy, deadlineMs: 60_000 });
  if (outcome.type !== 'done') throw new Error(`The player was not suspended: ${sayOutcome(outcome)}`);
}

function describe({ id, adapter }: Channel, led: readonly string[], what: string): string {
  return `${id} ${JSON.stringify(adapter.policy)}\n  ${led.join('\n  ')}\n  ${what}`;
}

function sayOutcome(outcome: Outcome): string {
  if (outcome.type === 'refused') return `refused ${outcome.code}`;
  if (outcome.type === 'done') return 'done';
  return `${outcome.type} ${outcome.receipt.effectUnits} = ${outcome.receipt.balanceAfterUnits}`;
}

/** The adapter may not change what the provider means. */
function compareCommand(message: ProviderMessage, command: { kind: string; amount?: unknown }): string[] {
  if (command.kind !== message.kind) return [`a ${message.kind} became a ${command.kind}`];
  const amount = amountOf(command.amount);
  if (message.kind === 'balance' || amount === undefined) return [];
  return sameDecimal(amount, message.amount) ? [] : [`${message.amount} became ${amount}`];
}

/** Decimal text of a command's amount; of a multiple there is none. */
function amountOf(amount: unknown): string | undefined {
  if (typeof amount !== 'object' || amount === null || !('digits' in amount) || !('decimals' in amount))
    return undefined;
  const { digits, decimals } = amount;
  return typeof digits === 'bigint' && typeof decimals === 'number' ? formatUnits(digits, decimals) : undefined;
}

function sameDecimal(left: string, right: string): boolean {
  const parsed = parseDecimal(right);
  return parsed !== undefined && formatUnits(parsed.digits, parsed.decimals) === left;
}

const types = { applied: 'applied', replayed: 'repeated', refused: 'refused', done: 'done' } as const;

function compareOutcome(told: Told, outcome: Outcome, { transactions }: Memory): string[] {
  const wrong: string[] = [];
  const differ = (what: string, wanted: unknown, got: unknown): void => {
    if (wanted !== got) wrong.push(`${what} should be ${String(wanted)}, not ${String(got)}`);
  };
  differ('the outcome', told.says, types[outcome.type]);
  if (outcome.type === 'refused') differ('the reason', told.why, outcome.code);
  if (outcome.balance !== undefined) differ('the balance now', told.now, outcome.balance.balanceUnits);
  if (outcome.type !== 'applied' && outcome.type !== 'replayed') return wrong;
  const { receipt } = outcome;
  if (told.says === 'applied') differ('the effect', told.effect, receipt.effectUnits);
  differ('the balance of the receipt', told.after, receipt.balanceAfterUnits);
  if (told.entry === undefined) return wrong;
  const known = transactions.get(told.entry);
  if (known !== undefined) differ('the transaction', known, receipt.transactionId);
  else if ([...transactions.values()].includes(receipt.transactionId)) wrong.push('a new movement has an old id');
  transactions.set(told.entry, receipt.transactionId);
  return wrong;
}

interface Answered {
  readonly channel: Channel;
  readonly message: ProviderMessage;
  readonly reply: Reply;
  readonly verdict: ProviderVerdict | 'no-answer';
  readonly told: Told;
  readonly wantsFirstAnswer: boolean;
  readonly scale: number;
}

/** What the provider hears must be what happened, in the words that its document has for it. */
function compareAnswer(answered: Answered, memory: Memory): string[] {
  const { verdict, told, reply, wantsFirstAnswer } = answered;
  if (verdict === 'no-answer') return ['there was no answer'];
  if (verdict.type === 'unreadable') return [`the answer is not in the dialect: ${verdict.what}`];
  if (verdict.type === 'failed') return ['a decision was told as a failure'];
  const wrong = compareToldBalance(answered, verdict.balance);
  if (told.says === 'refused') return [...wrong, ...compareRefusal(answered, verdict)];
  if (verdict.type === 'refused') return [...wrong, `it was told to be refused (${verdict.why})`];
  if (told.entry === undefined || reply === closeConnection) return wrong;
  const transaction = memory.transactions.get(told.entry);
  if (verdict.transactionId !== undefined && verdict.transactionId !== transaction) {
    wrong.push(`the transaction was told to be ${verdict.transactionId}, not ${transaction}`);
  }
  const first = memory.answers.get(told.entry);
  if (first !== undefined && wantsFirstAnswer && first !== reply.body) {
    wrong.push('a repeat was answered with other bytes');
  }
  memory.answers.set(told.entry, reply.body);
  return wrong;
}

function compareRefusal(
  { channel, message, told, reply }: Answered,
  verdict: Extract<ProviderVerdict, { type: 'accepted' | 'refused' }>,
): string[] {
  if (told.why === undefined || reply === closeConnection) return ['a refusal without a reason'];
  if (isTransient(told.why)) return [`${told.why} is no decision`];
  if (verdict.type === 'refused') {
    if (verdict.why === 'authentication') return ['a decision was told as a wrong signature'];
    const isFunds = told.why === 'INSUFFICIENT_FUNDS' || told.why === 'WALLET_IN_DEBT';
    return isFunds && verdict.why !== 'funds' ? [`missing funds were told as ${verdict.why}`] : [];
  }
  // Saying yes to a repeat is no lie: the first one was accepted. Else only who has no word for no may say yes.
  const callback = understand(channel, said(channel, message))?.callback;
  return told.why === 'DUPLICATE' || cannotSayNo(channel, callback, message) ? [] : ['a refusal was told as a yes'];
}

function compareToldBalance({ told, scale, wantsFirstAnswer, verdict }: Answered, text: string | undefined): string[] {
  if (text === undefined) return [];
  const isFirst = told.says === 'repeated' && wantsFirstAnswer;
  const units = isFirst ? told.after : told.now;
  if (isFloorOf(text, units, scale)) return [];
  const word = verdict === 'no-answer' ? verdict : verdict.type;
  return [`the balance was told (${word}) to be ${text}, not ${formatUnits(units, scale, 2)}`];
}
