import type { ProviderMovement, ProviderVerdict } from '../../adapters/provider-side.js';
import { formatUnits, parseDecimal, unitsFloor } from '../../ledger/money.js';
import type { Exchange } from '../sender.js';

/** One player's wallet, as the provider's own books have it. */
export interface Account {
  readonly player: string;
  readonly currency: string;
  cents: bigint;
  /** What is under way together: what is told of a balance may or may not hold the others' effects. */
  group: Group;
}

interface Group {
  readonly startCents: bigint;
  readonly entries: Set<Entry>;
}

/** A movement and what is known of it. The gateway is never asked what it thinks is right. */
interface Entry {
  readonly movement: ProviderMovement;
  readonly cents: bigint;
  sent: number;
  /** Open until something says whether it counts. */
  state: 'open' | 'counts' | 'refused';
  undone: boolean;
  transactionId: string | undefined;
}

export interface Reckoning {
  open(player: string, currency: string, cents: bigint): Account;
  /** What is sent from now on is sent together: these movements, and what the provider sends about them by itself. */
  begin(account: Account, movements: readonly ProviderMovement[]): void;
  /** Takes in an exchange, also one whose answer the provider was made to miss, and holds it against what must be. */
  hear(account: Account, exchange: Exchange): void;
  /** Whether the movement counts and was not taken back; undefined while nobody can know. */
  counts(movement: ProviderMovement): boolean | undefined;
  contradict(what: string): void;
  readonly contradictions: readonly string[];
}

/** @param deadlineMs from then on the gateway may decline a bet for want of time */
export function openReckoning(deadlineMs: number): Reckoning {
  // A round that is over takes its movements with it.
  const entries = new WeakMap<ProviderMovement, Entry>();
  const contradictions: string[] = [];

  function entryOf(movement: ProviderMovement): Entry {
    const known = entries.get(movement);
    if (known !== undefined) return known;
    const cents = centsOf(movement.amount) ?? 0n;
    const entry: Entry = { movement, cents, sent: 0, state: 'open', undone: false, transactionId: undefined };
    entries.set(movement, entry);
    return entry;
  }

  /** What the movement does to the wallet where it counts. */
  function effectOf({ movement: { kind, target }, cents }: Entry): bigint {
    if (kind === 'bet') return -cents;
    if (kind === 'win') return cents;
    const undoes = target === undefined ? undefined : entries.get(target);
    return undoes?.state === 'counts' ? -effectOf(undoes) : 0n;
  }

  function count(account: Account, entry: Entry): void {
    if (entry.state === 'counts') return;
    const { kind, target } = entry.movement;
    if (kind === 'rollback' && target !== undefined) {
      const undoes = entryOf(target);
      if (!undoes.undone) account.cents += effectOf(entry);
      undoes.undone = true;
    } else {
      account.cents += effectOf(entry);
    }
    entry.state = 'counts';
  }

  const judge = createJudge({ entryOf, effectOf, count, contradict, deadlineMs });

  function contradict(what: string): void {
    contradictions.push(what);
  }

  return {
    contradictions,
    contradict,
    open: (player, currency, cents) => {
      return { player, currency, cents, group: { startCents: cents, entries: new Set() } };
    },
    begin(account, movements) {
      account.group = { startCents: account.cents, entries: new Set(movements.map(entryOf)) };
    },
    hear: (account, exchange) => judge(account, exchange),
    counts(movement) {
      const entry = entryOf(movement);
      if (entry.undone) return false;
      return entry.state === 'open' ? undefined : entry.state === 'counts';
    },
  };
}

interface Books {
  readonly entryOf: (movement: ProviderMovement) => Entry;
  readonly effectOf: (entry: Entry) => bigint;
  readonly count: (account: Account, entry: Entry) => void;
  readonly contradict: (what: string) => void;
  readonly deadlineMs: number;
}

function createJudge({ entryOf, effectOf, count, contradict, deadlineMs }: Books) {
  const { possible, check: checkBalance } = createBalanceCheck(effectOf);

  function judgeAccepted(
    account: Account,
    entry: Entry,
    { balance, transactionId }: Extract<ProviderVerdict, { type: 'accepted' }>,
    say: Say,
  ): void {
    const { kind } = entry.movement;
    if (entry.state === 'refused') say('was accepted after it had been refused');
    if (kind === 'bet' && entry.undone && entry.state !== 'counts') say('was accepted after its rollback');
    if (kind === 'bet' && possible(account, entry).every((cents) => cents < entry.cents))
      say('was accepted beyond the balance');
    count(account, entry);
    entry.transactionId ??= transactionId;
    if (transactionId !== entry.transactionId) say(`was told as ${entry.transactionId} and as ${transactionId}`);
    checkBalance(account, entry, balance, say);
  }

  function judgeRefused(
    account: Account,
    entry: Entry,
    { why, balance }: Extract<ProviderVerdict, { type: 'refused' }>,
    durationMs: number,
    say: Say,
  ): void {
    const refusal = `was refused (${why})`;
    const { kind, target } = entry.movement;
    const again = entry.sent > 1 || entry.state === 'counts';
    if (why === 'authentication') return say(refusal);
    if (why === 'duplicate' && again) {
      // The first of its answers may still be on its way, or it never came: either way the movement counts.
      if (!entry.undone) count(account, entry);
      return checkBalance(account, entry, balance, say);
    }
    if (kind === 'bet') {
      const late = durationMs >= deadlineMs;
      const short = why === 'funds' && possible(account, entry).some((cents) => cents < entry.cents);
      if (entry.state === 'counts' && !entry.undone) say(`${refusal} after it had been accepted`);
      else if (!entry.undone && !late && !short) say(`${refusal} without a cause`);
      if (entry.state === 'open') entry.state = 'refused';
    } else if (kind === 'rollback' && target !== undefined && entryOf(target).state !== 'counts') {
      // Refused or not, what it names can no longer come to count.
      entryOf(target).undone = true;
      entry.state = 'refused';
    } else {
      say(refusal);
    }
    checkBalance(account, entry, balance, say);
  }

  return (account: Account, { message, attempt, verdict, durationMs }: Exchange): void => {
    if (message === undefined || verdict === undefined) return;
    const say: Say = (what) =>
      contradict(`${message.kind} ${message.id} of ${message.player}, attempt ${attempt}: it ${what}`);
    const result = verdict === 'no-answer' ? undefined : verdict;
    if (result?.type === 'unreadable') return say(`was answered in a way the protocol does not have: ${result.what}`);
    if (message.kind === 'balance') return judgeBalance(account, result, say);
    const entry = entryOf(message);
    entry.sent += 1;
    account.group.entries.add(entry);
    if (result?.type === 'accepted') judgeAccepted(account, entry, result, say);
    else if (result?.type === 'refused') judgeRefused(account, entry, result, durationMs, say);
  };
}

type Say = (what: string) => void;

/** What a wallet may have held at a moment, given what else was under way. */
function createBalanceCheck(effectOf: (entry: Entry) => bigint) {
  /** Without the entry's own effect. */
  function possible({ group }: Account, entry: Entry): bigint[] {
    const sums = [group.startCents];
    for (const other of group.entries) {
      const apart = other === entry || other.movement === entry.movement.target || other.state === 'refused';
      if (!apart) sums.push(...sums.map((sum) => sum + effectOf(other)));
    }
    return sums;
  }

  function check(account: Account, entry: Entry, told: string | undefined, say: Say): void {
    if (told === undefined) return;
    // A rollback of what is under way with it leaves the wallet as it was.
    const undoes = [...account.group.entries].some(({ movement }) => movement === entry.movement.target);
    const own = entry.state === 'counts' && !undoes ? effectOf(entry) : 0n;
    const balances = possible(account, entry).map((cents) => cents + own);
    if (balances.some((cents) => cents === centsOf(told))) return;
    say(`told the balance ${told}, which should be ${[...new Set(balances)].map(textOf).join(' or ')}`);
  }

  return { possible, check };
}

function judgeBalance({ cents }: Account, result: ProviderVerdict | undefined, say: Say): void {
  if (result === undefined || result.type === 'failed') return;
  if (result.type !== 'accepted') say('was refused');
  else if (result.balance === undefined || centsOf(result.balance) !== cents) {
    say(`told ${result.balance}, which should be ${textOf(cents)}`);
  }
}

/** @returns undefined when the text is no decimal, or has a part of a cent in it */
export function centsOf(text: string): bigint | undefined {
  const amount = parseDecimal(text);
  if (amount === undefined || amount.digits < 0n) return undefined;
  const { units, rest } = unitsFloor(amount, 2);
  return rest === undefined ? units : undefined;
}

export function textOf(cents: bigint): string {
  return formatUnits(cents, 2, 2);
}
