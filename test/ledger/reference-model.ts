import type { Movement, WalletCommand } from '../../src/ledger/commands.js';
import type { Policy } from '../../src/ledger/policy.js';

/**
 * The rules of money once more, written from their description alone and as plainly as can be: one map of keys and one of
 * balances, one command after the other. Amounts are whole numbers of the smallest unit; nothing here is fast or shared.
 */
interface Entry {
  readonly kind: Movement['kind'] | 'tombstone';
  readonly currency: string;
  readonly facts: string;
  /** What it did to the balance of its currency, and the balance then. */
  readonly effect: bigint;
  readonly after: bigint;
  undone: boolean;
}

interface Person {
  active: boolean;
  readonly balances: Map<string, bigint>;
  readonly entries: Map<string, Entry>;
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
    this.people.set(name, { active: true, balances, entries: new Map() });
  }

  balance(name: string, currency: string): bigint | undefined {
    return this.people.get(name)?.balances.get(currency);
  }

  /** What the ledger should say, in the words of `said`. */
  apply(command: WalletCommand, policy: Policy): string {
    const person = this.people.get(command.player);
    if (command.kind === 'bet' && !this.integrationCurrencies.has(command.currency))
      return 'refused CURRENCY_NOT_ALLOWED';
    if (person === undefined) return 'refused PLAYER_UNKNOWN';
    switch (command.kind) {
      case 'status':
        person.active = command.status === 'ACTIVE';
        return 'done nothing';
      case 'balance': {
        const balance = person.balances.get(command.currency);
        return balance === undefined ? 'refused CURRENCY_NOT_ALLOWED' : `done ${balance}`;
      }
      default:
        return this.move(person, command, policy);
    }
  }

  private move(person: Person, command: Movement, policy: Policy): string {
    const own = person.entries.get(keyOf(command, command.key));
    if (own !== undefined) return again(own, command, policy);
    if (command.kind === 'rollback') return this.undo(person, command, policy);
    const units = this.units(command);
    const isCredit = command.kind === 'win' || command.kind === 'deposit';
    if (!person.balances.has(command.currency)) {
      if (!isCredit || !this.brandCurrencies.has(command.currency)) return 'refused CURRENCY_NOT_ALLOWED';
      person.balances.set(command.currency, 0n);
    }
    const balance = person.balances.get(command.currency) ?? 0n;
    if (units === undefined) return 'refused AMOUNT_INVALID';
    if (isCredit) {
      if (command.kind === 'win' && !person.active && policy.inactiveWin === 'refuse')
        return 'refused PLAYER_NOT_ACTIVE';
      return record(person, command, command.kind, units);
    }
    if (command.kind === 'bet' && !person.active) return 'refused PLAYER_NOT_ACTIVE';
    if (balance < 0n) return 'refused WALLET_IN_DEBT';
    if (balance < units) return 'refused INSUFFICIENT_FUNDS';
    return record(person, command, command.kind, -units);
  }

  private undo(person: Person, command: Extract<Movement, { kind: 'rollback' }>, policy: Policy): string {
    const target = person.entries.get(keyOf(command, command.target));
    const currency = target?.currency ?? command.currency;
    if (!person.balances.has(currency)) {
      if (!this.brandCurrencies.has(currency)) return 'refused CURRENCY_NOT_ALLOWED';
      person.balances.set(currency, 0n);
    }
    const own = { ...command, currency };
    if (command.target === command.key) return 'refused TARGET_INVALID';
    if (target === undefined) {
      const accepted = policy.rollbackOfUnknown === 'accept';
      const answer = accepted ? record(person, own, 'rollback', 0n) : 'refused TARGET_UNKNOWN';
      const facts = 'none';
      person.entries.set(keyOf(command, command.target), {
        kind: 'tombstone',
        currency,
        facts,
        effect: 0n,
        after: 0n,
        undone: false,
      });
      return answer;
    }
    if (target.kind === 'rollback') return 'refused TARGET_INVALID';
    if (target.kind === 'tombstone' && policy.rollbackOfUnknown === 'refuse') return 'refused TARGET_UNKNOWN';
    if (target.kind === 'tombstone' || target.undone) {
      return policy.secondRollback === 'refuse' ? 'refused ALREADY_ROLLED_BACK' : record(person, own, 'rollback', 0n);
    }
    const kind = target.kind;
    if ((kind !== 'bet' && kind !== 'win') || !policy.rollbackTargets.includes(kind)) return 'refused TARGET_INVALID';
    target.undone = true;
    return record(person, own, 'rollback', -target.effect);
  }

  private units(command: Exclude<Movement, { kind: 'rollback' }>): bigint | undefined {
    const { digits, decimals } = command.amount;
    const scale = this.scales.get(command.currency) ?? 0;
    const isCashier = command.kind === 'deposit' || command.kind === 'withdrawal';
    const isDebit = command.kind === 'bet' || command.kind === 'withdrawal';
    const divisor = 10n ** BigInt(Math.max(0, decimals - scale));
    const units = (digits * 10n ** BigInt(Math.max(0, scale - decimals))) / divisor;
    if (digits < 0n || (isDebit && digits % divisor !== 0n) || (isCashier && units === 0n)) return undefined;
    return units;
  }
}

function keyOf(command: Movement, key: string): string {
  return `${command.integration} ${key}`;
}

function factsOf(command: Movement): string {
  const { kind, round = 'none' } = command;
  // A value, so that 5 and 5.00 are the same.
  const amount =
    command.kind === 'rollback' ? 'any' : String(Number(command.amount.digits) / 10 ** command.amount.decimals);
  return command.kind === 'rollback'
    ? `${kind} ${round} ${command.target}`
    : `${kind} ${round} ${command.currency} ${amount}`;
}

function again(own: Entry, command: Movement, policy: Policy): string {
  if (own.kind === 'tombstone' && command.kind !== 'rollback') return 'refused BET_ROLLED_BACK';
  if (own.facts !== factsOf(command)) return 'refused KEY_CONFLICT';
  return policy.duplicate === 'refuse' ? 'refused DUPLICATE' : `replayed ${own.after}`;
}

function record(person: Person, command: Movement, kind: Movement['kind'], effect: bigint): string {
  const after = (person.balances.get(command.currency) ?? 0n) + effect;
  person.balances.set(command.currency, after);
  const { currency } = command;
  person.entries.set(keyOf(command, command.key), {
    kind,
    currency,
    facts: factsOf(command),
    effect,
    after,
    undone: false,
  });
  return `applied ${after}`;
}
