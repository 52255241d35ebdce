import type { Reads } from '../database/reads.js';
import { ReportError } from './errors.js';
import {
  type MoneyAtRisk,
  OPEN_STAKES,
  type OpenStakes,
  type OpenStakesColumns,
  openStakesOf,
} from './money-at-risk.js';
import { READ_FRESHNESS } from './projection-sql.js';
import { readQuestion, type ReportQuestion, type ReportRequest, REPORT_ROWS_MAX } from './question.js';
import {
  isPerBucket,
  playersStatement,
  type ReportColumns,
  type ReportKey,
  reportStatement,
  valuesOf,
} from './report-sql.js';

export type { OpenStakes } from './money-at-risk.js';

/** One line of a report. What was not asked to be told apart is undefined. */
export interface ReportRow {
  readonly day: Date | undefined;
  readonly hour: Date | undefined;
  readonly integration: string | undefined;
  /** The provider's id; empty for play without a game. */
  readonly game: string | undefined;
  readonly currency: string;
  readonly player: { readonly lane: number; readonly id: bigint } | undefined;
  /** Ledger units, after rollbacks. */
  readonly stakes: bigint;
  readonly payouts: bigint;
  readonly bets: number;
  readonly wins: number;
  readonly rollbacks: number;
  readonly rounds: number;
  /** Read when it is asked for. */
  readonly players: () => Promise<number>;
}

interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Reads what the projections hold. */
export interface Reports extends MoneyAtRisk {
  /** In the order of the dimensions: time, integration, game, currency, player. @throws ReportError */
  read(request: ReportRequest, options?: ReadOptions): Promise<ReportRow[]>;
  /** Everything posted before is in the reports. */
  freshness(options?: ReadOptions): Promise<Date>;
}

export function createReports(reads: Pick<Reads, 'query'>): Reports {
  return {
    async read(request, { signal } = {}) {
      const question = readQuestion(request);
      const options = { signal, from: 'history' } as const;
      const found = await reads.query<ReportColumns>(reportStatement(question), valuesOf(question), options);
      if (found.length > REPORT_ROWS_MAX) {
        throw new ReportError(
          'TOO_MANY_ROWS',
          `The report has more than ${REPORT_ROWS_MAX} rows; narrow the time or the filter, or ask for fewer dimensions.`,
        );
      }
      let counted: Promise<ReadonlyMap<string, number>> | undefined;
      const count = (): Promise<ReadonlyMap<string, number>> => (counted ??= countPlayers(question, options));
      const perBucket = isPerBucket(question);
      return found.map((row) =>
        rowOf(row, async () => (perBucket ? Number(row.players) : ((await count()).get(keyOf(row)) ?? 0))),
      );
    },
    async freshness({ signal } = {}) {
      const [row] = await reads.query<{ fresh_at: Date }>({ name: 'report_freshness', text: READ_FRESHNESS }, [], {
        signal,
        from: 'history',
      });
      if (row === undefined) throw new Error('The freshness of the reports was not answered');
      return row.fresh_at;
    },
    async openStakes(brand, { signal } = {}): Promise<OpenStakes[]> {
      const rows = await reads.query<OpenStakesColumns>(OPEN_STAKES, [brand], { signal });
      return rows.map(openStakesOf);
    },
  };

  async function countPlayers(
    question: ReportQuestion,
    options: { readonly signal: AbortSignal | undefined; readonly from: 'history' },
  ): Promise<ReadonlyMap<string, number>> {
    const rows = await reads.query<ReportKey & { players: string }>(
      playersStatement(question),
      valuesOf(question),
      options,
    );
    return new Map(rows.map((row) => [keyOf(row), Number(row.players)]));
  }
}

function keyOf(row: ReportKey): string {
  const { day, hour, integration, game, currency } = row;
  return JSON.stringify([day?.getTime(), hour?.getTime(), integration, game, currency]);
}

/** Counts stay far below what a number holds exactly; money does not, and stays text until it is a bigint. */
function rowOf(row: ReportColumns, players: () => Promise<number>): ReportRow {
  const { lane, player_id: playerId } = row;
  return {
    day: row.day ?? undefined,
    hour: row.hour ?? undefined,
    integration: row.integration ?? undefined,
    game: row.game ?? undefined,
    currency: row.currency,
    player: lane == null || playerId == null ? undefined : { lane, id: BigInt(playerId) },
    stakes: BigInt(row.stakes),
    payouts: BigInt(row.payouts),
    bets: Number(row.bets),
    wins: Number(row.wins),
    rollbacks: Number(row.rollbacks),
    rounds: Number(row.rounds),
    players,
  };
}
