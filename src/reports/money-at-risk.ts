import type { PreparedRead } from '../database/reads.js';

/** How long rounds are open already. */
export const openStakesAges = ['under-minute', 'under-hour', 'under-day', 'older'] as const;
export type OpenStakesAge = (typeof openStakesAges)[number];

/** What is staked in rounds that nothing was paid for yet and nobody has called over. */
export interface OpenStakes {
  readonly integration: string;
  readonly currency: string;
  readonly age: OpenStakesAge;
  /** Ledger units. */
  readonly stakes: bigint;
  readonly rounds: number;
  /** When the first of the rounds began. */
  readonly oldestAt: Date;
}

export interface MoneyAtRisk {
  /** As of now, by integration, currency and age, the youngest first. */
  openStakes(brand: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<OpenStakes[]>;
}

/** As pg gives it. */
export interface OpenStakesColumns {
  readonly integration: string;
  readonly currency: string;
  readonly age: number;
  readonly stakes: string;
  readonly rounds: string;
  readonly oldest_at: Date;
}

/** Open rounds have an index of their own, an integration is of one brand, and so is a player. */
export const OPEN_STAKES: PreparedRead = {
  name: 'open_stakes',
  text: `select r.integration, w.currency,
      case when r.started_at > now() - interval '1 minute' then 0 when r.started_at > now() - interval '1 hour' then 1
        when r.started_at > now() - interval '1 day' then 2 else 3 end as age,
      sum(r.stakes)::text as stakes, count(*)::text as rounds, min(r.started_at) as oldest_at
    from integration i
    join round r on r.integration = i.id and r.bets > 0 and r.wins = 0 and r.closed_at is null
    join wallet w on w.lane = r.lane and w.id = r.wallet_id
    join player p on p.lane = r.lane and p.id = r.player_id
    where i.brand_id = $1 and p.brand_id = $1
    group by 1, 2, 3 order by 1, 2, 3`,
};

export function openStakesOf(row: OpenStakesColumns): OpenStakes {
  return {
    integration: row.integration,
    currency: row.currency,
    age: openStakesAges[row.age] ?? 'older',
    stakes: BigInt(row.stakes),
    rounds: Number(row.rounds),
    oldestAt: row.oldest_at,
  };
}
