import type { PreparedRead, ReadOptions, Reads } from '../database/reads.js';
import type { AdjustmentKey } from './adjustments.js';

/** What became of an adjustment. */
export const adjustmentStates = ['proposed', 'approved', 'applied'] as const;
export type AdjustmentState = (typeof adjustmentStates)[number];

export interface AdjustmentRow extends AdjustmentKey {
  readonly playerId: bigint;
  readonly currency: string;
  /** Signed ledger units. */
  readonly amount: bigint;
  readonly reason: string;
  readonly proposedBy: string;
  readonly proposedAt: Date;
  readonly approvedBy: string | null;
  readonly approvedAt: Date | null;
  readonly state: AdjustmentState;
}

export interface AdjustmentSearch {
  readonly brand: string;
  readonly player: AdjustmentKey | undefined;
  readonly state: AdjustmentState | undefined;
}

/** An adjustment stands in every list by its proposal; the key decides between those of one millisecond. */
export interface AdjustmentPosition extends AdjustmentKey {
  readonly proposedAt: Date;
}

interface AdjustmentPage {
  /** Newest first when it reads forward, oldest first backward. */
  readonly direction: 'forward' | 'backward';
  readonly from: AdjustmentPosition | undefined;
  /** Rows to read. */
  readonly count: number;
}

/** The public id as SQL; a test holds it equal to `formatId`. */
export function adjustmentIdSql(lane: string, id: string): string {
  return `'ad_' || lpad(${base36Sql(lane)}, 2, '0') || ${base36Sql(id)}`;
}

function base36Sql(value: string): string {
  // Thirteen digits hold every bigint.
  const powers = Array.from({ length: 13 }, (_, place) => 36n ** BigInt(12 - place));
  const digits = `'0123456789abcdefghijklmnopqrstuvwxyz'`;
  return `coalesce(nullif(ltrim(${powers
    .map((power) => `substr(${digits}, (${value}::bigint / ${power} % 36)::int + 1, 1)`)
    .join(' || ')}, '0'), ''), '0')`;
}

/** Applied is what has its row in the ledger, whatever was to happen after that. */
const adjustmentsWithState = `select a.lane, a.id, a.player_id, a.currency, a.amount, a.reason, a.proposed_by, a.proposed_at,
    a.approved_by, a.approved_at, p.brand_id,
    case when a.approved_by is null then 'proposed'
      when exists (select from ledger_transaction t
        where t.external_key = ${adjustmentIdSql('a.lane', 'a.id')} and t.integration = 'adjustment'
          and t.player_id = a.player_id and t.lane = a.lane) then 'applied'
      else 'approved' end as state
  from adjustment a join player p on p.lane = a.lane and p.id = a.player_id`;

const byKey: PreparedRead = {
  name: 'adjustment_by_key',
  text: `${adjustmentsWithState} where a.lane = $1 and a.id = $2 and p.brand_id = $3`,
};

const pageOf = (direction: AdjustmentPage['direction']): PreparedRead => {
  const [compare, order] = direction === 'forward' ? ['<', 'desc'] : ['>', 'asc'];
  return {
    name: `adjustments_${direction}`,
    text: `select * from (${adjustmentsWithState}
        where p.brand_id = $1 and ($2::smallint is null or (a.lane = $2 and a.player_id = $3::bigint))
          and ($5::timestamptz is null or (a.proposed_at, a.lane, a.id) ${compare} ($5, $6::smallint, $7::bigint))) found
      where $4::text is null or found.state = $4
      order by found.proposed_at ${order}, found.lane ${order}, found.id ${order} limit $8::bigint`,
  };
};
const pages = { forward: pageOf('forward'), backward: pageOf('backward') };

interface AdjustmentColumns {
  readonly lane: number;
  readonly id: string;
  readonly player_id: string;
  readonly currency: string;
  readonly amount: string;
  readonly reason: string;
  readonly proposed_by: string;
  readonly proposed_at: Date;
  readonly approved_by: string | null;
  readonly approved_at: Date | null;
  readonly state: AdjustmentState;
}

/** @returns undefined for what is not of the brand */
export async function readAdjustment(
  reads: Pick<Reads, 'query'>,
  brand: string,
  { lane, id }: AdjustmentKey,
  options: ReadOptions = {},
): Promise<AdjustmentRow | undefined> {
  const [row] = await reads.query<AdjustmentColumns>(byKey, [lane, id, brand], options);
  return row && rowOf(row);
}

/** One statement. */
export async function readAdjustments(
  reads: Pick<Reads, 'query'>,
  { brand, player, state }: AdjustmentSearch,
  { direction, from, count }: AdjustmentPage,
  options: ReadOptions = {},
): Promise<readonly AdjustmentRow[]> {
  const values = [
    brand,
    player?.lane ?? null,
    player?.id ?? null,
    state ?? null,
    from?.proposedAt.toISOString() ?? null,
    from?.lane ?? null,
    from?.id ?? null,
    count,
  ];
  return (await reads.query<AdjustmentColumns>(pages[direction], values, options)).map(rowOf);
}

function rowOf(row: AdjustmentColumns): AdjustmentRow {
  return {
    lane: row.lane,
    id: BigInt(row.id),
    playerId: BigInt(row.player_id),
    currency: row.currency,
    amount: BigInt(row.amount),
    reason: row.reason,
    proposedBy: row.proposed_by,
    proposedAt: row.proposed_at,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
    state: row.state,
  };
}
