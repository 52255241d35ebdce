import type { ChainedRow } from '../ledger/chain.js';
import { LANE_COUNT } from '../ledger/lanes.js';
import type { LedgerReader, UnitNumbers, WalletFacts } from './ledger-reader.js';

/** Per lane the number of the last unit of work. */
export type LaneNumbers = readonly bigint[];

/** How far a reader has come: it has had every unit up to these, and of one lane's next unit the first few rows. */
export interface PostedPosition {
  readonly numbers: LaneNumbers;
  readonly within?: { readonly lane: number; readonly rows: number } | undefined;
}

/** One row of the ledger as it comes by in the stream of everything. */
export interface Posted {
  readonly row: ChainedRow;
  readonly wallet: WalletFacts;
  /** Right after it. */
  readonly position: PostedPosition;
}

/** A unit of work with those of its rows that are of interest, each with its place among all rows of the unit. */
export interface ReadUnit {
  readonly lane: number;
  readonly number: bigint;
  readonly rowCount: number;
  readonly rows: readonly { readonly row: ChainedRow; readonly place: number }[];
}

/** What the rows of a unit are in the stream. @param before every lane's last unit, this unit's lane at the one before it */
export function postedOf(
  { lane, number, rowCount, rows }: ReadUnit,
  before: LaneNumbers,
  factsOf: (walletId: bigint) => WalletFacts | undefined,
): Posted[] {
  return rows.flatMap(({ row, place }) => {
    const wallet = factsOf(row.walletId);
    if (wallet === undefined) return [];
    const whole = place + 1 === rowCount;
    const position = whole
      ? { numbers: before.with(lane, number) }
      : { numbers: before, within: { lane, rows: place + 1 } };
    return [{ row, wallet, position }];
  });
}

/** Reads the rows of a unit, of the wallets that are wanted. The order is the unit's own: wallet by wallet, each by its sequence. */
export async function readUnit(
  reader: Pick<LedgerReader, 'page'>,
  unit: UnitNumbers,
  isWanted: (walletId: bigint) => boolean,
  wanted: () => boolean,
): Promise<ReadUnit> {
  const { lane, number } = unit;
  let rowCount = 0;
  const pages = unit.walletIds.map(async (walletId, index) => {
    const first = unit.firstSequences[index] ?? 0n;
    const rowsMax = Number((unit.sequences[index] ?? 0n) - first) + 1;
    const place = rowCount;
    rowCount += rowsMax;
    if (!isWanted(walletId)) return [];
    const rows = await reader.page({ lane, walletId, after: first - 1n, rowsMax, wanted });
    return rows.map((row, offset) => ({ row, place: place + offset }));
  });
  return { lane, number, rows: (await Promise.all(pages)).flat(), rowCount };
}

/** The rows of a unit that this process committed, in the same order as they would be read. */
export function arrangeUnit(unit: UnitNumbers & { readonly rows: readonly ChainedRow[] }): ReadUnit {
  const { lane, number } = unit;
  const byWallet = Map.groupBy(unit.rows, (row) => row.walletId);
  const rows = unit.walletIds.flatMap((walletId) => byWallet.get(walletId) ?? []);
  return { lane, number, rows: rows.map((row, place) => ({ row, place })), rowCount: rows.length };
}

export function everyLane(numbers: ReadonlyMap<number, bigint>): LaneNumbers {
  return Array.from({ length: LANE_COUNT }, (_, lane) => numbers.get(lane) ?? 0n);
}

/** @returns whether every lane is at least as far as asked */
export function hasReached(numbers: LaneNumbers, asked: LaneNumbers): boolean {
  return asked.every((number, lane) => number <= (numbers[lane] ?? 0n));
}

/** The units that a position has anything of. */
export function touchedBy({ numbers, within }: PostedPosition): LaneNumbers {
  return within === undefined ? numbers : numbers.with(within.lane, (numbers[within.lane] ?? 0n) + 1n);
}
