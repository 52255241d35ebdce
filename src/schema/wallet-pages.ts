import type { PreparedRead } from '../database/reads.js';
import { UNITS_MAX } from '../ledger/money.js';
import type { Page } from './paging.js';
import { type LedgerColumns, ledgerColumns, transactionOf } from './row-columns.js';
import type { TransactionRow, WalletPageKey } from './rows.js';

/** The pages of any number of wallets, newest first, whoever asked for them: one statement per direction. */

export interface PageColumns extends LedgerColumns {
  /** Place of the page among those that were asked for. */
  readonly page: number;
}

function statementOf(direction: Page<bigint>['direction']): PreparedRead {
  const [compare, order] = direction === 'forward' ? ['<', 'desc'] : ['>', 'asc'];
  return {
    name: `wallet_pages_${direction}`,
    // Each page has a start and a length of its own; `lateral` walks the primary key once for each.
    text: `select k.page, ${ledgerColumns('t')}
      from unnest($1::int[], $2::smallint[], $3::bigint[], $4::bigint[], $5::int[]) k (page, lane, wallet_id, start, size)
      cross join lateral (
        select * from ledger_transaction t
        where t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence ${compare} k.start
        order by t.sequence ${order} limit k.size) t`,
  };
}

const statements = { forward: statementOf('forward'), backward: statementOf('backward') } as const;

export function pageGroups(keys: readonly WalletPageKey[]): { statement: PreparedRead; values: unknown[] }[] {
  const places = keys.map((key, place) => ({ ...key, place }));
  return [...Map.groupBy(places, ({ page }) => page.direction)].map(([direction, group]) => ({
    statement: statements[direction],
    values: [
      group.map(({ place }) => place),
      group.map(({ lane }) => lane),
      group.map(({ id }) => id),
      group.map(({ page }) => page.from ?? (direction === 'forward' ? UNITS_MAX : 0n)),
      group.map(({ page }) => page.size + 1),
    ],
  }));
}

export function pagesOf(
  keys: readonly WalletPageKey[],
  rows: readonly PageColumns[],
): readonly (readonly TransactionRow[])[] {
  const pages: TransactionRow[][] = keys.map(() => []);
  for (const row of rows) pages[row.page]?.push(transactionOf(row));
  return pages;
}
