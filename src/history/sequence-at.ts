/**
 * Where a moment stands in a wallet. Rows of a wallet are nearly in the order of their times, but not exactly: several gateways
 * write them, each with a clock of its own, and a clock may be set back. So a moment is found by halving the sequences, which
 * costs as much for a million rows as for ten, and what lies around the place found is looked at row by row.
 */

/** How much earlier than a row before it a row may say that it was received. */
export const CLOCK_STEP = "interval '1 minute'";

/**
 * SQL of a sequence with this property: every row after it was received later than the moment less `CLOCK_STEP`, and every row
 * up to it not later than the moment plus `CLOCK_STEP`. 0 when no row was received by then.
 * @param head the wallet's last sequence; all four are SQL expressions
 */
export function sequenceAtSql(lane: string, wallet: string, head: string, moment: string): string {
  return `(with recursive search (low, high) as (
      select 0::bigint, ${head} + 1
      union all
      select case when middle.created_at <= ${moment} then middle.sequence else search.low end,
        case when middle.created_at <= ${moment} then search.high else middle.sequence end
      from search cross join lateral (
        select probe.sequence, probe.created_at from ledger_transaction probe
        where probe.lane = ${lane} and probe.wallet_id = ${wallet} and probe.sequence = (search.low + search.high) / 2 limit 1) middle
      where search.high - search.low > 1)
    select max(low) from search)`;
}
