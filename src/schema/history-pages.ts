import type { PreparedRead } from '../database/reads.js';
import { noteRead } from './access.js';
import type { GraphqlContext } from './context.js';
import type { HistoryScope } from './history-filter.js';
import {
  type Integrations,
  integrationValues,
  type Listed,
  type Placed,
  placeInWallets,
  byIntegration,
  byWallet,
  timeCursors,
  timeValues,
  walletCursors,
  walletValues,
} from './merged-ranges.js';
import { type CursorFormat, type Page, type PageArguments, type PageOfRows, readPage, toPage } from './paging.js';

/** Pages of what wallets did, of one player or across a brand: transactions and rounds are listed alike. */

/** What every listed row has. */
interface PlacedRow {
  readonly lane: number;
  readonly walletId: bigint;
  readonly playerId: bigint;
}

export interface History<Columns, Row> {
  readonly listed: Listed;
  readonly rowOf: (columns: Columns) => Row;
  readonly timeOf: (row: Row) => Date;
  readonly placeOf: (row: Row) => bigint;
}

/** Which page of which list. */
export interface PageRequest {
  readonly args: PageArguments;
  /** Names the list, with its filter and who looks at it. */
  readonly scope: string;
}

export interface HistoryReader<Row> {
  /** @param scope undefined for an empty list */
  byWallet(
    context: GraphqlContext,
    request: PageRequest,
    scope: HistoryScope | undefined,
    conditions: readonly unknown[],
  ): Promise<PageOfRows<Row>>;
  byTime(
    context: GraphqlContext,
    request: PageRequest,
    scope: HistoryScope | undefined,
    conditions: readonly unknown[],
    integrations: Omit<Integrations, 'brand'>,
  ): Promise<PageOfRows<Row>>;
}

export function historyReader<Columns extends object, Row extends PlacedRow>({
  listed,
  rowOf,
  timeOf,
  placeOf,
}: History<Columns, Row>): HistoryReader<Row> {
  const ofWallets = byWallet(listed);
  const ofIntegrations = byIntegration(listed);

  return {
    async byWallet(context, { args, scope: name }, scope, conditions) {
      const cursors = walletCursors(name);
      const page = readPage(args, cursors);
      const found =
        scope?.wallets === undefined
          ? []
          : await readHistory<Columns & { marks: string }>(context, ofWallets[page.direction], [
              ...conditions,
              ...walletValues(scope.wallets, scope.span, page),
            ]);
      const rows = placeInWallets(found[0]?.marks, found.map(rowOf), placeOf, page.direction);
      return toHistoryPage(context, rows, page, cursors);
    },

    async byTime(context, { args, scope: name }, scope, conditions, integrations) {
      const cursors = timeCursors(name, 3);
      const page = readPage(args, cursors);
      const { brand } = context.principal;
      const found =
        scope === undefined
          ? []
          : await readHistory<Columns>(context, ofIntegrations[page.direction], [
              ...conditions,
              ...timeValues(scope.span, page, 3),
              ...integrationValues({ brand, ...integrations }),
            ]);
      const rows = found.map(rowOf).map((row) => ({
        row,
        position: { time: timeOf(row), key: [BigInt(row.lane), row.walletId, placeOf(row)] },
      }));
      return toHistoryPage(context, rows, page, cursors);
    },
  };
}

/** The past may come from a replica; a client that leaves stops what is read for it. */
export function readHistory<Columns extends object>(
  { services, signal }: GraphqlContext,
  statement: PreparedRead,
  values: readonly unknown[],
): Promise<Columns[]> {
  return services.reads.query<Columns>(statement, values, { signal, from: 'history' });
}

/** Cuts the page out of what was read, and notes whose rows it holds. */
export function toHistoryPage<Row extends PlacedRow, Position>(
  context: GraphqlContext,
  read: readonly Placed<Row, Position>[],
  page: Page<Position>,
  cursors: CursorFormat<Position>,
): PageOfRows<Row> {
  const { edges, pageInfo } = toPage(read, page, ({ position }) => position, cursors);
  const found = edges.map((edge) => ({
    row: edge.row.row,
    get cursor() {
      return edge.cursor;
    },
  }));
  noteRead(
    context,
    found.map(({ row }) => ({ lane: row.lane, id: row.playerId })),
  );
  return { edges: found, pageInfo };
}
