import type { MikroORM } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { Currency, Integration, LedgerTransaction, Player, Wallet } from '../entities/index.js';
import type { Page } from './paging.js';
import { readWalletPages } from './transaction-pages.js';

export interface RowKey {
  readonly lane: number;
  readonly id: bigint;
}

export interface TransactionKey {
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
}

export interface ExternalKey {
  readonly lane: number;
  readonly playerId: bigint;
  readonly integration: string;
  readonly externalKey: string;
}

/** The parts of a wallet that the API shows; also made from an event, without the database. */
export type WalletRow = Pick<Wallet, 'lane' | 'id' | 'playerId' | 'currency' | 'balance' | 'sequence'>;

/** The parts of a ledger row that the API shows; also made from an event, without the database. */
export type TransactionRow = Pick<
  LedgerTransaction,
  | 'lane'
  | 'walletId'
  | 'sequence'
  | 'playerId'
  | 'integration'
  | 'externalKey'
  | 'kind'
  | 'effect'
  | 'balanceAfter'
  | 'target'
  | 'round'
  | 'flags'
  | 'createdAt'
  | 'displayAt'
>;

export interface WalletPageKey extends RowKey {
  /** By sequence, newest first. */
  readonly page: Page<bigint>;
}

export type Loaders = ReturnType<typeof createLoaders>;

/**
 * Reads of one operation: what several fields ask in the same turn becomes one query, and nothing is asked twice.
 * They do not look at who asks; that is for `access.ts`.
 */
export function createLoaders(orm: MikroORM, currencies: ReadonlyMap<string, { readonly scale: number }>) {
  // One fork for the operation; rows stay plain, so nothing read here can ever be flushed.
  const em = orm.em.fork();
  const plain = { disableIdentityMap: true } as const;

  const player = one<RowKey, Player>(nameOfRow, nameOfRow, async (keys) =>
    em.find(Player, { $or: byLane(keys, (ids) => ({ id: { $in: ids } })) }, plain),
  );
  const wallet = one<RowKey, WalletRow>(nameOfRow, nameOfRow, async (keys) =>
    em.find(Wallet, { $or: byLane(keys, (ids) => ({ id: { $in: ids } })) }, plain),
  );
  const walletsOfPlayer = new DataLoader<RowKey, readonly WalletRow[], string>(
    async (keys) => {
      const found = await em.find(
        Wallet,
        { $or: byLane(keys, (ids) => ({ playerId: { $in: ids } })) },
        { ...plain, orderBy: { currency: 'asc' } },
      );
      for (const each of found) wallet.prime(each, each);
      const byPlayer = Map.groupBy(found, ({ lane, playerId }) => nameOfRow({ lane, id: playerId }));
      return keys.map((key) => byPlayer.get(nameOfRow(key)) ?? []);
    },
    { cacheKeyFn: nameOfRow },
  );
  const transaction = one<TransactionKey, TransactionRow>(nameOfTransaction, nameOfTransaction, async (keys) =>
    em.find(LedgerTransaction, { $or: byWallet(keys, (sequences) => ({ sequence: { $in: sequences } })) }, plain),
  );
  const rollbackOf = one<TransactionKey, TransactionRow & Pick<LedgerTransaction, 'undoes'>>(
    nameOfTransaction,
    (row) => nameOfTransaction({ ...row, sequence: row.undoes ?? 0n }),
    async (keys) =>
      em.find(LedgerTransaction, { $or: byWallet(keys, (sequences) => ({ undoes: { $in: sequences } })) }, plain),
  );
  const byExternalKey = one<ExternalKey, TransactionRow>(nameOfExternalKey, nameOfExternalKey, async (keys) =>
    em.find(LedgerTransaction, { $or: keys.map((key) => ({ ...key })) }, plain),
  );
  const integration = one<string, Integration>(
    (id) => id,
    ({ id }) => id,
    async (ids) => em.find(Integration, { id: { $in: [...ids] } }, plain),
  );
  const walletPage = new DataLoader<WalletPageKey, readonly TransactionRow[], string>(
    (keys) => readWalletPages(em, keys),
    {
      cacheKeyFn: ({ page, ...key }) => `${nameOfRow(key)}|${page.direction}|${page.size}|${page.from ?? ''}`,
    },
  );
  // A currency that has left the configuration keeps its wallets, and its scale in the database.
  const storedScale = one<string, Currency>(
    (code) => code,
    ({ code }) => code,
    async (codes) => em.find(Currency, { code: { $in: [...codes] } }, plain),
  );
  const scale = async (code: string): Promise<number> => {
    const found = currencies.get(code) ?? (await storedScale.load(code));
    if (found === undefined) throw new Error(`No scale is known for ${code}`);
    return found.scale;
  };

  return {
    player,
    wallet,
    walletsOfPlayer,
    transaction,
    /** The rollback that really undid a transaction. */
    rollbackOf,
    byExternalKey,
    integration,
    walletPage,
    scale,
  };
}

/** A loader of single rows; what does not exist is undefined. */
function one<Key, Row>(
  nameOfKey: (key: Key) => string,
  nameOfRow: (row: Row) => string,
  read: (keys: readonly Key[]) => Promise<readonly Row[]>,
): DataLoader<Key, Row | undefined, string> {
  return new DataLoader<Key, Row | undefined, string>(
    async (keys) => {
      const found = new Map((await read(keys)).map((row) => [nameOfRow(row), row]));
      return keys.map((key) => found.get(nameOfKey(key)));
    },
    { cacheKeyFn: nameOfKey, maxBatchSize: 500 },
  );
}

function nameOfRow({ lane, id }: RowKey): string {
  return `${lane}|${id}`;
}

function nameOfTransaction({ lane, walletId, sequence }: TransactionKey): string {
  return `${lane}|${walletId}|${sequence}`;
}

function nameOfExternalKey({ lane, playerId, integration, externalKey }: ExternalKey): string {
  return `${lane}|${playerId}|${integration}|${externalKey}`;
}

/** Conditions that name each lane once, so that every row is reached by its key and on its shard. */
function byLane<Condition>(keys: readonly RowKey[], among: (ids: bigint[]) => Condition) {
  return [...Map.groupBy(keys, ({ lane }) => lane)].map(([lane, group]) => ({
    lane,
    ...among(group.map(({ id }) => id)),
  }));
}

function byWallet<Condition>(keys: readonly TransactionKey[], among: (sequences: bigint[]) => Condition) {
  return [...Map.groupBy(keys, ({ lane, walletId }) => `${lane}|${walletId}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ lane: first.lane, walletId: first.walletId, ...among(group.map(({ sequence }) => sequence)) }];
  });
}
