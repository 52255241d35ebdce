import type { PreparedRead } from '../database/reads.js';
import type { Round } from '../entities/index.js';
import type { GraphqlContext } from './context.js';
import type { HistoryScope, UnitRange } from './history-filter.js';
import { type HistoryReader, historyReader, type PageRequest } from './history-pages.js';
import { type Listed, ofBrand, ofCurrency } from './merged-ranges.js';
import type { PageOfRows } from './paging.js';

/** The parts of a round that the API shows. */
export interface RoundRow {
  readonly lane: number;
  readonly walletId: bigint;
  readonly firstSequence: bigint;
  readonly playerId: bigint;
  readonly integration: string;
  readonly externalId: string;
  readonly game: string | null;
  readonly bets: number;
  readonly wins: number;
  readonly rollbacks: number;
  /** Ledger units. */
  readonly stakes: bigint;
  readonly payouts: bigint;
  readonly state: Round['state'];
  readonly startedAt: Date;
  readonly lastAt: Date;
  readonly closedAt: Date | null;
}

export interface RoundColumns {
  readonly lane: number;
  readonly wallet_id: string;
  readonly first_sequence: string;
  readonly player_id: string;
  readonly integration: string;
  readonly external_id: string;
  readonly game: string | null;
  readonly bets: number;
  readonly wins: number;
  readonly rollbacks: number;
  readonly stakes: string;
  readonly payouts: string;
  readonly state: Round['state'];
  readonly started_at: Date;
  readonly last_at: Date;
  readonly closed_at: Date | null;
}

export function roundColumns(t: string): string {
  const key = ['lane', 'wallet_id', 'first_sequence', 'player_id', 'integration', 'external_id', 'game'];
  const sums = ['bets', 'wins', 'rollbacks', 'stakes', 'payouts', 'state'];
  return [...key, ...sums, 'started_at', 'last_at', 'closed_at'].map((column) => `${t}.${column}`).join(', ');
}

export function roundOf(row: RoundColumns): RoundRow {
  const { lane, integration, game, bets, wins, rollbacks, state } = row;
  return {
    lane,
    integration,
    game,
    bets,
    wins,
    rollbacks,
    state,
    walletId: BigInt(row.wallet_id),
    firstSequence: BigInt(row.first_sequence),
    playerId: BigInt(row.player_id),
    externalId: row.external_id,
    stakes: BigInt(row.stakes),
    payouts: BigInt(row.payouts),
    startedAt: row.started_at,
    lastAt: row.last_at,
    closedAt: row.closed_at,
  };
}

/** What a list of rounds is narrowed to, beside whose they are. */
export interface RoundSearch {
  readonly game: string | undefined;
  readonly state: Round['state'] | undefined;
  readonly stakes: UnitRange;
}

const CONDITIONS = `($1::text is null or t.game = $1) and ($2::text is null or t.state = $2)
  and ($3::bigint is null or t.stakes >= $3) and ($4::text is null or t.integration = $4)
  and ($5::text is null or ${ofCurrency('$5')})`;

const listed: Listed = {
  name: 'rounds',
  table: 'round',
  columns: roundColumns('t'),
  time: 'started_at',
  place: 'first_sequence',
  conditions: CONDITIONS,
  conditionCount: 5,
};

function reader(list: Listed): HistoryReader<RoundRow> {
  return historyReader<RoundColumns, RoundRow>({
    listed: list,
    rowOf: roundOf,
    timeOf: ({ startedAt }) => startedAt,
    placeOf: ({ firstSequence }) => firstSequence,
  });
}

const all = reader(listed);
/** Few rounds are open, and they have an index of their own, whose condition says the same as the state. */
const openOnly = reader({
  ...listed,
  name: 'open_rounds',
  only: 't.bets > 0 and t.wins = 0 and t.closed_at is null',
});

/**
 * A page of rounds by their start, newest first, in one query.
 * @param ofOnePlayer whether the filter names one player's rounds, even where the token may not see them
 */
export function readRounds(
  context: GraphqlContext,
  request: PageRequest,
  scope: HistoryScope | undefined,
  { game, state, stakes }: RoundSearch,
  ofOnePlayer: boolean,
): Promise<PageOfRows<RoundRow>> {
  const conditions = [game, state, stakes.min, scope?.integration].map((each) => each ?? null);
  if (ofOnePlayer) return all.byWallet(context, request, scope, [...conditions, null]);
  return (state === 'open' ? openOnly : all).byTime(context, request, scope, [...conditions, scope?.currency ?? null], {
    only: scope?.integration,
    providers: true,
    houses: [],
  });
}

/** The newest round of the brand, or of one player of it, under a provider's id. */
export const newestRound: PreparedRead = {
  name: 'newest_round',
  text: `select ${roundColumns('t')} from round t
    where t.external_id = $1 and t.integration = $2 and ${ofBrand('$3')}
      and ($5::bigint is null or (t.lane = $4::smallint and t.player_id = $5))
    order by t.started_at desc, t.lane desc, t.wallet_id desc, t.first_sequence desc limit 1`,
};

export const roundById: PreparedRead = {
  name: 'round_by_id',
  text: `select ${roundColumns('t')} from round t where t.lane = $1 and t.wallet_id = $2 and t.first_sequence = $3`,
};
