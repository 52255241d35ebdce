import type { LedgerReader, WalletFacts, WalletKey } from './ledger-reader.js';

/** Whose wallets they are and in which currency: it never changes, so it is remembered, for the wallets met last. */
export interface KnownWallets {
  /** @throws when the database fails. */
  learn(keys: readonly WalletKey[]): Promise<void>;
  get(key: WalletKey): WalletFacts | undefined;
}

/** Some tens of megabytes. */
const WALLETS_MAX = 100_000;
const QUERY_MAX = 2_000;

export function createKnownWallets(reader: Pick<LedgerReader, 'wallets'>): KnownWallets {
  let recent = new Map<string, WalletFacts>();
  let older = new Map<string, WalletFacts>();

  /** The least recently met half is forgotten at once: cheaper than an order among all. */
  function remember(name: string, facts: WalletFacts): void {
    if (recent.size >= WALLETS_MAX / 2) {
      older = recent;
      recent = new Map();
    }
    recent.set(name, facts);
  }

  function get(key: WalletKey): WalletFacts | undefined {
    const name = nameOf(key);
    const known = recent.get(name);
    if (known !== undefined) return known;
    const facts = older.get(name);
    if (facts !== undefined) remember(name, facts);
    return facts;
  }

  return {
    get,
    async learn(keys) {
      const unknown = new Map(keys.filter((key) => get(key) === undefined).map((key) => [nameOf(key), key]));
      const missing = [...unknown.values()];
      for (let start = 0; start < missing.length; start += QUERY_MAX) {
        const found = await reader.wallets(missing.slice(start, start + QUERY_MAX));
        for (const facts of found) remember(nameOf(facts), facts);
      }
    },
  };
}

function nameOf({ lane, walletId }: WalletKey): string {
  return `${lane}|${walletId}`;
}
