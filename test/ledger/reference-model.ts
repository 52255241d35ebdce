import type { Movement, PlayerStatus, Rollback, WalletCommand, Win } from '../../src/ledger/commands.js';
import type { Decimal } from '../../src/ledger/money.js';
import type { Policy } from '../../src/ledger/policy.js';

/**
 * The rules of money once more, written from their description alone and as plainly as can be: one map of keys and one of
 * balances, one command after the other. Amounts are whole numbers of the smallest unit; nothing here is fast or shared.
 */
interface Entry {
  readonly kind: Movement['kind'] | 'tombstone';
  readonly integration: string;
  readonly currency: string;
  readonly round: string | undefined;
  /** What a repeat must say again. */
  readonly facts: string;
  /** What it did to the balance of its currency, and the balance then. */
  readonly effect: bigint;
  readonly after: bigint;
  /** What it said that it moves; of a free bet the provider pays it. */
  readonly stated: bigint;
  /** Its place among all that the person did. */
  readonly order: number;
  /** Place of the rollback that undid it. */
  undoneAt: number | undefined;
  /** The bet that this win pays. */
  readonly bet: Entry | undefined;
}

interface Person {
  status: PlayerStatus;
  readonly balances: Map<string, bigint>;
  readonly entries: Map<string, Entry>;
}

/** What a win finds of the bets that it may pay. */
interface Bets {
  readonly any: boolean;
  /** Those that were not rolled back, oldest first. */
  readonly live: readonly Entry[];
  readonly open: readonly Entry[];
}

export class ReferenceModel {
  private readonly people = new Map<string, Person>();

  constructor(
    private readonly scales: ReadonlyMap<string, number>,
    /** Currencies of the brand, in which a credit may open a wallet. */
    private readonly brandCurrencies: ReadonlySet<string>,
    private readonly integrationCurrencies: ReadonlySet<string>,
  ) {}

  addPlayer(name: string, currencies: readonly string[]): void {
    const balances = new Map(currencies.map((currency) => [currency, 0n]));
    this.people.set(name, { status: 'ACTIVE', balances, entries: new Map() });
  }

  balance(name: string, currency: string): bigint | undefined {
    return this.people.get(name)?.balances.get(currency);
  }

  /** What the ledger should say, in the words of `said`. */
  apply(command: WalletCommand, policy: Policy): string {
    const person = this.people.get(command.player);
    if (person === undefined) return 'refused PLAYER_UNKNOWN';
    switch (command.kind) {
      case 'status':
        // All of it happens within a day, so an exclusion outlasts everything but the account.
        if (person.status === 'CLOSED' || (person.status === 'SELF_EXCLUDED' && command.status !== 'CLOSED'))
          return 'done nothing';
        person.status = command.status;
        return 'done nothing';
      case 'wallet-limit':
      case 'session-limit':
        throw new Error('Limits have a model of their own');
      case 'balance': {
        const balance = person.balances.get(command.currency);
        return balance === undefined ? 'refused CURRENCY_NOT_ALLOWED' : `done ${balance}`;
      }
      case 'lookup': {
        const found = person.entries.get(keyOf(command, command.key));
        if (found === undefined || found.kind === 'tombstone') return 'refused TARGET_UNKNOWN';
        return `found ${found.kind} ${found.after}${found.undoneAt === undefined ? '' : ' rolled back'}`;
      }
      default:
        return this.move(person, command, policy);
    }
  }

  private move(person: Person, command: Movement, policy: Policy): string {
    const own = person.entries.get(keyOf(command, command.key));
    const target = command.kind === 'rollback' ? person.entries.get(keyOf(command, command.target)) : undefined;
    const known = own ?? target;
    const currency = known?.currency ?? this.currencyOf(person, command);
    if (!person.balances.has(currency)) {
      const opens = command.kind === 'win' || command.kind === 'deposit' || command.kind === 'rollback';
      if (!opens || !this.brandCurrencies.has(currency)) return 'refused CURRENCY_NOT_ALLOWED';
      person.balances.set(currency, 0n);
    }
    if (command.kind === 'bet' && own === undefined && !this.integrationCurrencies.has(currency))
      return 'refused CURRENCY_NOT_ALLOWED';
    const barred = command.kind === 'bet' || (command.kind === 'win' && policy.inactiveWin === 'refuse');
    if (policy.inactiveCheck === 'before-key' && barred && person.status !== 'ACTIVE')
      return 'refused PLAYER_NOT_ACTIVE';
    if (own !== undefined) return this.again(person, own, command, policy);
    if (command.kind === 'rollback') return this.undo(person, { ...command, currency }, target, policy);
    if (command.kind === 'win') return this.win(person, command, policy);
    const units = this.units(command.amount, command);
    if (units === undefined) return 'refused AMOUNT_INVALID';
    if (command.kind === 'deposit') return this.record(person, command, units);
    const balance = person.balances.get(currency) ?? 0n;
    if (command.kind === 'bet' && person.status !== 'ACTIVE') return 'refused PLAYER_NOT_ACTIVE';
    if (balance < 0n) return 'refused WALLET_IN_DEBT';
    if (command.kind === 'bet' && command.free === true) return this.record(person, command, 0n, { stated: units });
    if (balance < units) return 'refused INSUFFICIENT_FUNDS';
    return this.record(person, command, -units);
  }

  /** The trace of a rollback lies in any wallet, whatever currency it states. */
  private currencyOf(person: Person, { kind, currency }: Movement): string {
    if (kind !== 'rollback' || person.balances.has(currency) || this.brandCurrencies.has(currency)) return currency;
    const [first = currency] = [...person.balances.keys(), ...this.brandCurrencies];
    return first;
  }

  private again(person: Person, own: Entry, command: Movement, policy: Policy): string {
    if (own.kind === 'tombstone' && command.kind !== 'rollback') return 'refused BET_ROLLED_BACK';
    if (own.facts !== this.factsOf(person, command, own.order)) return 'refused KEY_CONFLICT';
    return policy.duplicate === 'refuse' ? 'refused DUPLICATE' : `replayed ${own.after}`;
  }

  private win(person: Person, command: Win, policy: Policy): string {
    if (person.status !== 'ACTIVE' && policy.inactiveWin === 'refuse') return 'refused PLAYER_NOT_ACTIVE';
    const { any, live, open } = betsOf(person, command, Number.POSITIVE_INFINITY);
    if (command.pays !== undefined && open.length === 0) {
      if (live.length > 0 && policy.secondWin === 'refuse') return 'refused BET_RESOLVED';
      if (live.length === 0 && any && policy.winOfRolledBackBet !== 'accept') return 'refused BET_ROLLED_BACK';
      if (live.length === 0 && !any && policy.winWithoutBet !== 'accept') return 'refused BET_UNKNOWN';
    }
    const units = this.units(this.payoutOf(command, live), command);
    if (units === undefined) return 'refused AMOUNT_INVALID';
    return this.record(person, command, units, { bet: open[0] ?? live.at(-1) });
  }

  private undo(person: Person, command: Rollback, target: Entry | undefined, policy: Policy): string {
    if (command.target === command.key) return 'refused TARGET_INVALID';
    if (target === undefined) {
      const accepted = policy.rollbackOfUnknown === 'accept';
      const answer = accepted ? this.record(person, command, 0n) : 'refused TARGET_UNKNOWN';
      this.record(person, command, 0n, { kind: 'tombstone', key: command.target });
      return answer;
    }
    if (target.kind === 'rollback') return 'refused TARGET_INVALID';
    if (target.kind === 'tombstone' && policy.rollbackOfUnknown === 'refuse') return 'refused TARGET_UNKNOWN';
    if (target.kind === 'tombstone' || target.undoneAt !== undefined) {
      return policy.secondRollback === 'refuse' ? 'refused ALREADY_ROLLED_BACK' : this.record(person, command, 0n);
    }
    const { kind } = target;
    if ((kind !== 'bet' && kind !== 'win') || !policy.rollbackTargets.includes(kind)) return 'refused TARGET_INVALID';
    if (isPaid(person, target) && policy.rollbackAfterWin === 'refuse') return 'refused BET_RESOLVED';
    target.undoneAt = person.entries.size;
    return this.record(person, command, -target.effect);
  }

  /** Whole units; a credit is rounded down, and a debit must fit. */
  private units({ digits, decimals }: Decimal, { kind, currency }: Movement): bigint | undefined {
    const scale = this.scales.get(currency) ?? 0;
    const isCashier = kind === 'deposit' || kind === 'withdrawal';
    const isDebit = kind === 'bet' || kind === 'withdrawal';
    const divisor = 10n ** BigInt(Math.max(0, decimals - scale));
    const units = (digits * 10n ** BigInt(Math.max(0, scale - decimals))) / divisor;
    if (digits < 0n || (isDebit && digits % divisor !== 0n) || (isCashier && units === 0n)) return undefined;
    return units;
  }

  private payoutOf({ amount, currency }: Win, live: readonly Entry[]): Decimal {
    if (!('times' in amount)) return amount;
    const stakes = live.reduce((sum, each) => sum + each.stated, 0n);
    const decimals = amount.times.decimals + (this.scales.get(currency) ?? 0);
    return { digits: stakes * amount.times.digits, decimals };
  }

  /** @param order the place of the first that said so: what came after it changes no fact */
  private factsOf(person: Person, command: Movement, order: number): string {
    const { kind, round = 'none', currency } = command;
    if (command.kind === 'rollback') return `${kind} ${round} ${command.target}`;
    const link = command.kind === 'win' && typeof command.pays === 'object' ? command.pays.bet : 'none';
    const free = command.kind === 'bet' && command.free === true ? 'free' : 'paid';
    const amount =
      command.kind === 'win' ? this.payoutOf(command, betsOf(person, command, order).live) : command.amount;
    return `${kind} ${round} ${currency} ${link} ${free} ${valueOf(amount)}`;
  }

  private record(
    person: Person,
    command: Movement,
    effect: bigint,
    more: { kind?: 'tombstone'; key?: string; stated?: bigint; bet?: Entry | undefined } = {},
  ): string {
    const { currency, integration, round } = command;
    const after = (person.balances.get(currency) ?? 0n) + effect;
    const order = person.entries.size;
    const facts = more.kind ?? this.factsOf(person, command, order);
    person.balances.set(currency, after);
    person.entries.set(keyOf(command, more.key ?? command.key), {
      kind: more.kind ?? command.kind,
      integration,
      currency,
      round,
      facts,
      effect,
      after,
      stated: more.stated ?? (effect < 0n ? -effect : effect),
      order,
      undoneAt: undefined,
      bet: more.bet,
    });
    return `applied ${after}`;
  }
}

function keyOf(command: { readonly integration: string }, key: string): string {
  return `${command.integration} ${key}`;
}

/** So that 5 and 5.00 are the same. */
function valueOf({ digits, decimals }: Decimal): string {
  if (digits === 0n) return '0';
  let [value, exponent] = [digits, -decimals];
  while (value % 10n === 0n) [value, exponent] = [value / 10n, exponent + 1];
  return `${value}e${exponent}`;
}

/** The bets that a win may pay, as they stood before a place. */
function betsOf(person: Person, { pays, integration, currency, round }: Win, before: number): Bets {
  const mayBePaid = (key: string, entry: Entry): boolean => {
    if (pays === undefined || entry.currency !== currency || entry.order >= before) return false;
    if (typeof pays === 'object') return key === keyOf({ integration }, pays.bet);
    return round !== undefined && entry.round === round && entry.integration === integration;
  };
  const all = [...person.entries].filter(([key, entry]) => mayBePaid(key, entry)).map(([, entry]) => entry);
  const live = all.filter((entry) => entry.kind === 'bet' && (entry.undoneAt ?? before) >= before);
  const unpaid = live.filter((entry) => !isPaid(person, entry));
  const open = pays === 'round' && unpaid.length < live.length ? [] : unpaid;
  return { any: all.some((entry) => entry.kind === 'bet' || entry.kind === 'tombstone'), live, open };
}

function isPaid(person: Person, bet: Entry): boolean {
  return [...person.entries.values()].some((entry) => entry.bet === bet && entry.undoneAt === undefined);
}
