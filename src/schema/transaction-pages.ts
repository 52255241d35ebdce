import type { EntityManager } from '@mikro-orm/postgresql';
import { LedgerTransaction } from '../entities/index.js';
import type { TransactionKind } from '../ledger/commands.js';
import { UNITS_MAX } from '../ledger/money.js';
import type { RowKey, TransactionRow, WalletPageKey } from './loaders.js';
import type { CursorFormat, Page } from './paging.js';

/** The pages of any number of wallets, newest first, as one query per shape of page. */
export async function readWalletPages(
  em: EntityManager,
  keys: readonly WalletPageKey[],
): Promise<readonly (readonly TransactionRow[])[]> {
  const read = new Map<WalletPageKey, readonly TransactionRow[]>();
  for (const group of Map.groupBy(keys, ({ page }) => `${page.direction}|${page.size}`).values()) {
    const [first] = group;
    if (first === undefined) continue;
    const rows = await readPagesOfShape(em, group, first.page);
    const byWallet = Map.groupBy(rows, (row) => `${row.lane}|${row.walletId}`);
    for (const key of group) {
      // Two pages of one wallet in one group are told apart by where they start.
      const ofWallet = byWallet.get(`${key.lane}|${key.id}`) ?? [];
      read.set(key, ofWallet.filter((row) => isWithin(row.sequence, key.page)).slice(0, key.page.size + 1));
    }
  }
  return keys.map((key) => read.get(key) ?? []);
}

async function readPagesOfShape(
  em: EntityManager,
  keys: readonly WalletPageKey[],
  { direction, size }: Page<bigint>,
): Promise<TransactionRow[]> {
  const [compare, order] = direction === 'forward' ? ['<', 'desc'] : ['>', 'asc'];
  const starts = keys.map(({ page }) => page.from ?? (direction === 'forward' ? UNITS_MAX : 0n));
  const rows: Record<string, unknown>[] = await em.execute(
    `select distinct page.* from unnest(?::smallint[], ?::bigint[], ?::bigint[]) k (lane, wallet_id, start)
     cross join lateral (
       select t.* from ledger_transaction t
       where t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence ${compare} k.start
       order by t.sequence ${order} limit ?) page
     order by page.lane, page.wallet_id, page.sequence ${order}`,
    [numbers(keys.map(({ lane }) => lane)), numbers(keys.map(({ id }) => id)), numbers(starts), size + 1],
  );
  return rows.map((row) => em.map(LedgerTransaction, row));
}

function isWithin(sequence: bigint, { direction, from }: Page<bigint>): boolean {
  if (from === undefined) return true;
  return direction === 'forward' ? sequence < from : sequence > from;
}

function numbers(values: readonly (number | bigint)[]): string {
  return `{${values.join(',')}}`;
}

/** A ledger row knows its player, and only the player its brand. The row's alias is `t`. */
export const OF_BRAND = 'exists (select from player p where p.lane = t.lane and p.id = t.player_id and p.brand_id = ?)';

/** What a search of the history is confined to. At least the brand; whoever names a player or wallet has checked its brand. */
export interface HistoryFilter {
  readonly brand: string;
  readonly player: RowKey | undefined;
  readonly wallet: RowKey | undefined;
  readonly integration: string | undefined;
  readonly kind: TransactionKind | undefined;
  readonly round: string | undefined;
  /** Inclusive. */
  readonly from: Date | undefined;
  /** Exclusive. */
  readonly to: Date | undefined;
}

/** Where a row stands in the history. Times repeat; with the row's key the order is total. */
export interface HistoryPosition {
  readonly createdAt: Date;
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
}

/** A page of the history, newest first: one wallet's by its sequence, otherwise by time. One query. */
export async function readHistory(
  em: EntityManager,
  filter: HistoryFilter,
  page: Page<HistoryPosition>,
): Promise<readonly TransactionRow[]> {
  const { brand, player, wallet, integration, kind, round, from, to } = filter;
  const [compare, order] = page.direction === 'forward' ? ['<', 'desc' as const] : ['>', 'asc' as const];
  const query = em.createQueryBuilder(LedgerTransaction, 't').select('*');
  if (wallet !== undefined) query.andWhere({ lane: wallet.lane, walletId: wallet.id });
  if (player !== undefined) query.andWhere({ lane: player.lane, playerId: player.id });
  if (player === undefined && wallet === undefined) {
    query.andWhere(OF_BRAND, [brand]);
  }
  if (integration !== undefined) query.andWhere({ integration });
  if (kind !== undefined) query.andWhere({ kind });
  if (round !== undefined) query.andWhere({ round });
  if (from !== undefined) query.andWhere({ createdAt: { $gte: from } });
  if (to !== undefined) query.andWhere({ createdAt: { $lt: to } });
  if (wallet !== undefined) {
    if (page.from !== undefined) query.andWhere(`t.sequence ${compare} ?`, [page.from.sequence]);
    query.orderBy({ sequence: order });
  } else {
    if (page.from !== undefined) {
      const { createdAt, lane, walletId, sequence } = page.from;
      query.andWhere(`(t.created_at, t.lane, t.wallet_id, t.sequence) ${compare} (?::timestamptz, ?, ?, ?)`, [
        createdAt.toISOString(),
        lane,
        walletId,
        sequence,
      ]);
    }
    query.orderBy([{ createdAt: order }, { lane: order }, { walletId: order }, { sequence: order }]);
  }
  return query.limit(page.size + 1).getResultList();
}

/** Cursors of the history under one filter. */
export function historyCursors(scope: string): CursorFormat<HistoryPosition> {
  return {
    scope,
    write: ({ createdAt, lane, walletId, sequence }) => `${createdAt.getTime()}.${lane}.${walletId}.${sequence}`,
    read(text) {
      const [, time, lane, walletId, sequence] = /^(\d{1,14})\.(\d{1,2})\.(\d{1,19})\.(\d{1,19})$/.exec(text) ?? [];
      if (time === undefined || lane === undefined || walletId === undefined || sequence === undefined)
        return undefined;
      const position = {
        createdAt: new Date(Number(time)),
        lane: Number(lane),
        walletId: BigInt(walletId),
        sequence: BigInt(sequence),
      };
      return position.walletId <= UNITS_MAX && position.sequence <= UNITS_MAX ? position : undefined;
    },
  };
}

/** Cursors of one wallet's transactions: their sequence. */
export function sequenceCursors(scope: string): CursorFormat<bigint> {
  return {
    scope,
    write: (sequence) => sequence.toString(),
    read(text) {
      const sequence = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
      return sequence !== undefined && sequence <= UNITS_MAX ? sequence : undefined;
    },
  };
}
