import type { Currency, Integration, Player } from '../entities/index.js';
import type { RowReads } from './row-reads.js';
import {
  type ExternalKey,
  nameOfExternalKey,
  nameOfRow,
  nameOfTransaction,
  type RowKey,
  type TransactionKey,
  type TransactionRow,
  type WalletPageKey,
  type WalletRow,
} from './rows.js';

export type { ExternalKey, RowKey, TransactionKey, TransactionRow, WalletPageKey, WalletRow } from './rows.js';

interface Remembering<Answer> {
  readonly answer: Promise<Answer>;
  /** Undefined while the question is under way. */
  known: Answer | undefined;
}

/** What one operation has read: each thing is asked for once. Questions of all operations meet in `row-reads.ts`. */
export class Remembered<Key, Answer> {
  readonly #nameOf: (key: Key) => string;
  readonly #ask: (key: Key) => Promise<Answer>;
  readonly #answers = new Map<string, Remembering<Answer>>();

  constructor(nameOf: (key: Key) => string, ask: (key: Key) => Promise<Answer>) {
    this.#nameOf = nameOf;
    this.#ask = ask;
  }

  load(key: Key): Promise<Answer> {
    const name = this.#nameOf(key);
    const before = this.#answers.get(name);
    if (before !== undefined) return before.answer;
    const asked: Remembering<Answer> = {
      answer: this.#ask(key).then((answer) => (asked.known = answer)),
      known: undefined,
    };
    this.#answers.set(name, asked);
    return asked.answer;
  }

  /** What was answered already; undefined also while the question is under way. */
  known(key: Key): Answer | undefined {
    return this.#answers.get(this.#nameOf(key))?.known;
  }

  /** Puts in what is known from elsewhere, unless it was asked for before. */
  prime(key: Key, answer: Answer): void {
    const name = this.#nameOf(key);
    if (!this.#answers.has(name)) this.#answers.set(name, { answer: Promise.resolve(answer), known: answer });
  }
}

/** They do not look at who asks; that is for `access.ts`. Each is made when it is first needed: most operations need few. */
export class Loaders {
  readonly #rows: RowReads;
  readonly #currencies: ReadonlyMap<string, { readonly scale: number }>;
  #player: Remembered<RowKey, Player | undefined> | undefined;
  #wallet: Remembered<RowKey, WalletRow | undefined> | undefined;
  #walletsOfPlayer: Remembered<RowKey, readonly WalletRow[]> | undefined;
  #transaction: Remembered<TransactionKey, TransactionRow | undefined> | undefined;
  #rollbackOf: Remembered<TransactionKey, TransactionRow | undefined> | undefined;
  #byExternalKey: Remembered<ExternalKey, TransactionRow | undefined> | undefined;
  #integration: Remembered<string, Integration | undefined> | undefined;
  #walletPage: Remembered<WalletPageKey, readonly TransactionRow[]> | undefined;
  #storedCurrency: Remembered<string, Currency | undefined> | undefined;

  constructor(rows: RowReads, currencies: ReadonlyMap<string, { readonly scale: number }>) {
    this.#rows = rows;
    this.#currencies = currencies;
  }

  get player(): Remembered<RowKey, Player | undefined> {
    return (this.#player ??= new Remembered(nameOfRow, this.#rows.player));
  }

  get wallet(): Remembered<RowKey, WalletRow | undefined> {
    return (this.#wallet ??= new Remembered(nameOfRow, async (key) => {
      const found = await this.#rows.wallet(key);
      if (found !== undefined) this.player.prime(playerKeyOf(found.wallet), found.player);
      return found?.wallet;
    }));
  }

  get walletsOfPlayer(): Remembered<RowKey, readonly WalletRow[]> {
    return (this.#walletsOfPlayer ??= new Remembered(nameOfRow, async (key) => {
      const found = await this.#rows.walletsOfPlayer(key);
      for (const wallet of found) this.wallet.prime(wallet, wallet);
      return found;
    }));
  }

  get transaction(): Remembered<TransactionKey, TransactionRow | undefined> {
    return (this.#transaction ??= new Remembered(nameOfTransaction, this.#rows.transaction));
  }

  /** The rollback that really undid a transaction. */
  get rollbackOf(): Remembered<TransactionKey, TransactionRow | undefined> {
    return (this.#rollbackOf ??= new Remembered(nameOfTransaction, this.#rows.rollbackOf));
  }

  get byExternalKey(): Remembered<ExternalKey, TransactionRow | undefined> {
    return (this.#byExternalKey ??= new Remembered(nameOfExternalKey, this.#rows.byExternalKey));
  }

  get integration(): Remembered<string, Integration | undefined> {
    return (this.#integration ??= new Remembered(itself, this.#rows.integration));
  }

  get walletPage(): Remembered<WalletPageKey, readonly TransactionRow[]> {
    return (this.#walletPage ??= new Remembered(nameOfPage, this.#rows.walletPage));
  }

  /** Decimals of a currency's ledger unit; at once for those of the configuration. */
  scale(code: string): number | Promise<number> {
    // A currency that has left the configuration keeps its wallets, and its scale in the database.
    return this.#currencies.get(code)?.scale ?? this.#storedScale(code);
  }

  async #storedScale(code: string): Promise<number> {
    this.#storedCurrency ??= new Remembered(itself, this.#rows.currency);
    const found = await this.#storedCurrency.load(code);
    if (found === undefined) throw new Error(`No scale is known for ${code}`);
    return found.scale;
  }
}

function itself(name: string): string {
  return name;
}

function playerKeyOf({ lane, playerId }: WalletRow): RowKey {
  return { lane, id: playerId };
}

function nameOfPage({ page, ...key }: WalletPageKey): string {
  return `${nameOfRow(key)}|${page.direction}|${page.size}|${page.from ?? ''}`;
}
