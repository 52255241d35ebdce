import { type Gathered, gather } from '../database/gather.js';
import type { PreparedRead, Reads } from '../database/reads.js';
import type { Currency, Integration, Player } from '../entities/index.js';
import type { ExternalKey, RowKey, TransactionKey, TransactionRow, WalletPageKey, WalletRow } from './rows.js';
import { nameOfExternalKey, nameOfRow, nameOfTransaction } from './rows.js';
import {
  type LedgerColumns,
  ledgerColumns,
  type PlayerColumns,
  playerColumns,
  playerOf,
  transactionOf,
  type WalletColumns,
  walletColumns,
  walletOf,
} from './row-columns.js';
import { pageGroups, type PageColumns, pagesOf } from './wallet-pages.js';

/**
 * Single rows by their keys, for all operations of the process together: what is asked in the same turn of the event loop is
 * one statement, whoever asks. Nothing is kept, and nobody's rights are looked at: that is for `access.ts`.
 */
export interface RowReads {
  readonly player: Gathered<RowKey, Player | undefined>;
  /** With the player whose wallet it is. */
  readonly wallet: Gathered<RowKey, { readonly wallet: WalletRow; readonly player: Player } | undefined>;
  /** By currency. */
  readonly walletsOfPlayer: Gathered<RowKey, readonly WalletRow[]>;
  readonly transaction: Gathered<TransactionKey, TransactionRow | undefined>;
  /** The rollback that really undid a transaction. */
  readonly rollbackOf: Gathered<TransactionKey, TransactionRow | undefined>;
  readonly byExternalKey: Gathered<ExternalKey, TransactionRow | undefined>;
  /** Up to one row more than the page holds, in its direction. */
  readonly walletPage: Gathered<WalletPageKey, readonly TransactionRow[]>;
  readonly integration: Gathered<string, Integration | undefined>;
  readonly currency: Gathered<string, Currency | undefined>;
}

const players: PreparedRead = {
  name: 'players',
  text: `select ${playerColumns('p')} from unnest($1::smallint[], $2::bigint[]) k (lane, id)
    join player p on p.lane = k.lane and p.id = k.id`,
};
const wallets: PreparedRead = {
  name: 'wallets',
  text: `select ${walletColumns('w')}, ${playerColumns('p')} from unnest($1::smallint[], $2::bigint[]) k (lane, id)
    join wallet w on w.lane = k.lane and w.id = k.id join player p on p.lane = w.lane and p.id = w.player_id`,
};
const walletsOfPlayers: PreparedRead = {
  name: 'wallets_of_players',
  text: `select ${walletColumns('w')} from unnest($1::smallint[], $2::bigint[]) k (lane, id)
    join wallet w on w.lane = k.lane and w.player_id = k.id order by w.currency`,
};
const transactions: PreparedRead = {
  name: 'transactions',
  text: `select ${ledgerColumns('t')} from unnest($1::smallint[], $2::bigint[], $3::bigint[]) k (lane, wallet_id, sequence)
    join ledger_transaction t on t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence = k.sequence`,
};
const rollbacks: PreparedRead = {
  name: 'rollbacks',
  text: `select ${ledgerColumns('t')}, t.undoes as undone
    from unnest($1::smallint[], $2::bigint[], $3::bigint[]) k (lane, wallet_id, sequence)
    join ledger_transaction t on t.lane = k.lane and t.wallet_id = k.wallet_id and t.undoes = k.sequence`,
};
const keyed: PreparedRead = {
  name: 'transactions_by_key',
  text: `select ${ledgerColumns('t')}
    from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[]) k (lane, player_id, integration, external_key)
    join ledger_transaction t on t.external_key = k.external_key and t.integration = k.integration
      and t.player_id = k.player_id and t.lane = k.lane`,
};
const integrations: PreparedRead = {
  name: 'integrations',
  text: `select id, adapter, brand_id, currencies, active from integration where id = any($1::text[])`,
};
const currencies: PreparedRead = {
  name: 'currencies',
  text: 'select code, scale from currency where code = any($1::text[])',
};

interface IntegrationColumns {
  readonly id: string;
  readonly adapter: string | null;
  readonly brand_id: string | null;
  readonly currencies: string[];
  readonly active: boolean;
}

export function createRowReads(reads: Reads): RowReads {
  const currency = oneRow<string, Currency, Currency>(reads, currencies, {
    values: (codes) => [codes],
    nameOf: (code) => code,
    rowName: ({ code }) => code,
    row: (columns) => columns,
  });
  const integration = oneRow<string, IntegrationColumns, Integration>(reads, integrations, {
    values: (ids) => [ids],
    nameOf: (id) => id,
    rowName: ({ id }) => id,
    row: ({ brand_id: brandId, ...columns }) => ({ ...columns, brandId }),
  });
  return { ...createPeopleReads(reads), ...createLedgerReads(reads), integration, currency };
}

function createPeopleReads(reads: Reads): Pick<RowReads, 'player' | 'wallet' | 'walletsOfPlayer'> {
  const values = (keys: readonly RowKey[]): unknown[] => [keys.map(({ lane }) => lane), keys.map(({ id }) => id)];
  return {
    player: oneRow<RowKey, PlayerColumns, Player>(reads, players, {
      values,
      nameOf: nameOfRow,
      rowName: nameOfRow,
      row: playerOf,
    }),
    wallet: oneRow<RowKey, WalletColumns & PlayerColumns, { wallet: WalletRow; player: Player }>(reads, wallets, {
      values,
      nameOf: nameOfRow,
      rowName: ({ wallet }) => nameOfRow(wallet),
      row: (columns) => ({ wallet: walletOf(columns), player: playerOf(columns) }),
    }),
    walletsOfPlayer: gather(async (keys) => {
      const rows = (await reads.query<WalletColumns>(walletsOfPlayers, values(keys))).map(walletOf);
      const byPlayer = Map.groupBy(rows, ({ lane, playerId }) => nameOfRow({ lane, id: playerId }));
      // Two operations may ask for the same player in one statement; each wallet came once for each then.
      return keys.map((key) => distinct(byPlayer.get(nameOfRow(key)) ?? []));
    }),
  };
}

function createLedgerReads(
  reads: Reads,
): Pick<RowReads, 'transaction' | 'rollbackOf' | 'byExternalKey' | 'walletPage'> {
  const values = (keys: readonly TransactionKey[]): unknown[] => [
    keys.map(({ lane }) => lane),
    keys.map(({ walletId }) => walletId),
    keys.map(({ sequence }) => sequence),
  ];
  return {
    transaction: oneRow<TransactionKey, LedgerColumns, TransactionRow>(reads, transactions, {
      values,
      nameOf: nameOfTransaction,
      rowName: nameOfTransaction,
      row: transactionOf,
    }),
    rollbackOf: oneRow<TransactionKey, LedgerColumns & { undone: string }, TransactionRow>(reads, rollbacks, {
      values,
      nameOf: nameOfTransaction,
      rowName: (row, { undone }) => nameOfTransaction({ ...row, sequence: BigInt(undone) }),
      row: transactionOf,
    }),
    byExternalKey: oneRow<ExternalKey, LedgerColumns, TransactionRow>(reads, keyed, {
      values: (keys) => [
        keys.map(({ lane }) => lane),
        keys.map(({ playerId }) => playerId),
        keys.map(({ integration }) => integration),
        keys.map(({ externalKey }) => externalKey),
      ],
      nameOf: nameOfExternalKey,
      rowName: nameOfExternalKey,
      row: transactionOf,
    }),
    walletPage: gather(async (keys) => {
      const rows = await Promise.all(
        pageGroups(keys).map((group) => reads.query<PageColumns>(group.statement, group.values)),
      );
      return pagesOf(keys, rows.flat());
    }),
  };
}

interface OneRow<Key, Columns, Row> {
  /** The statement's parameters for many keys. */
  readonly values: (keys: readonly Key[]) => unknown[];
  /** A key's name, and the name of the key that a row was found by. */
  readonly nameOf: (key: Key) => string;
  readonly rowName: (row: Row, columns: Columns) => string;
  readonly row: (columns: Columns) => Row;
}

/** At most one row for each key. */
function oneRow<Key, Columns extends object, Row>(
  reads: Reads,
  statement: PreparedRead,
  { values, nameOf, rowName, row }: OneRow<Key, Columns, Row>,
): Gathered<Key, Row | undefined> {
  return gather(async (keys) => {
    const found = new Map<string, Row>();
    for (const columns of await reads.query<Columns>(statement, values(keys))) {
      const each = row(columns);
      found.set(rowName(each, columns), each);
    }
    return keys.map((key) => found.get(nameOf(key)));
  });
}

function distinct(rows: readonly WalletRow[]): readonly WalletRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}
