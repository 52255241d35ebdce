import type { PreparedRead, ReadOptions, Reads } from '../database/reads.js';
import { CLOCK_STEP, sequenceAtSql } from './sequence-at.js';

export interface BalanceMoment {
  readonly lane: number;
  readonly walletId: bigint;
  readonly time: Date;
}

/**
 * The balance after the highest sequence that was received at or before a moment; 0 before the first. A later moment than now
 * is as good as now.
 */
const balancesAt: PreparedRead = {
  name: 'balances_at',
  text: `select coalesce(last.balance_after, 0) as balance
    from unnest($1::smallint[], $2::bigint[], $3::timestamptz[]) with ordinality k (lane, wallet_id, moment, place)
    join wallet w on w.lane = k.lane and w.id = k.wallet_id
    cross join lateral (
      select ${sequenceAtSql('k.lane', 'k.wallet_id', 'w.sequence', `k.moment + ${CLOCK_STEP}`)} as sequence) latest
    left join lateral (
      select t.balance_after from ledger_transaction t
      where t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence <= latest.sequence and t.created_at <= k.moment
      order by t.sequence desc limit 1) last on true
    order by k.place`,
};

/** @returns ledger units, each in its place. One statement. */
export async function readBalancesAt(
  reads: Pick<Reads, 'query'>,
  moments: readonly BalanceMoment[],
  options: ReadOptions = {},
): Promise<readonly bigint[]> {
  const rows = await reads.query<{ balance: string }>(
    balancesAt,
    [
      moments.map(({ lane }) => lane),
      moments.map(({ walletId }) => walletId),
      moments.map(({ time }) => time.toISOString()),
    ],
    options,
  );
  if (rows.length !== moments.length) throw new Error('A balance was asked of a wallet that does not exist');
  return rows.map(({ balance }) => BigInt(balance));
}
