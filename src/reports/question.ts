import type { ReportGrain } from '../entities/report-bucket.js';
import { ReportError } from './errors.js';

/** What a report can be told apart by. Currency always is, because nothing is ever converted. */
export const reportDimensions = ['day', 'hour', 'integration', 'game', 'currency', 'brand', 'player'] as const;
export type ReportDimension = (typeof reportDimensions)[number];

export const REPORT_DAYS_MAX = 400;
export const REPORT_DAYS_HOURLY_MAX = 62;
export const REPORT_ROWS_MAX = 10_000;
/** Names in one list of a filter. */
export const REPORT_NAMES_MAX = 200;

/** A report as it is asked for. */
export interface ReportRequest {
  /** Whose play; nothing of another brand is ever read. */
  readonly brand: string;
  readonly by: readonly ReportDimension[];
  /** Inclusive, on a whole hour of UTC. */
  readonly from: Date;
  /** Exclusive, on a whole hour of UTC. */
  readonly to: Date;
  readonly filter: ReportFilter;
}

export interface ReportFilter {
  readonly integrations?: readonly string[] | undefined;
  /** The providers' ids, of whichever integration. */
  readonly games?: readonly string[] | undefined;
  readonly currencies?: readonly string[] | undefined;
  readonly player?: { readonly lane: number; readonly id: bigint } | undefined;
}

/** A request that was found in order, with what it takes to answer it. */
export interface ReportQuestion extends ReportRequest {
  readonly by: readonly ReportDimension[];
  /** The coarsest buckets that answer it. */
  readonly grain: ReportGrain;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** @throws ReportError */
export function readQuestion(request: ReportRequest): ReportQuestion {
  const { from, to, filter } = request;
  if (!isWhole(from, HOUR_MS) || !isWhole(to, HOUR_MS)) {
    throw new ReportError(
      'RANGE_NOT_WHOLE',
      '"from" and "to" must be whole hours of UTC, such as "2027-01-31T13:00:00Z".',
    );
  }
  if (from >= to) throw new ReportError('RANGE_REVERSED', '"from" must be before "to".');
  const days = (to.getTime() - from.getTime()) / DAY_MS;
  if (days > REPORT_DAYS_MAX) {
    throw new ReportError('RANGE_TOO_LONG', `A report covers ${REPORT_DAYS_MAX} days at most; ask for a shorter time.`);
  }
  const wholeDays = isWhole(from, DAY_MS) && isWhole(to, DAY_MS);
  const grain = wholeDays && !request.by.includes('hour') ? 'day' : 'hour';
  if (grain === 'hour' && days > REPORT_DAYS_HOURLY_MAX) {
    throw new ReportError(
      'RANGE_TOO_LONG',
      `A report by the hour, or one that does not begin and end at midnight UTC, covers ${REPORT_DAYS_HOURLY_MAX} days at most.`,
    );
  }
  for (const names of [filter.integrations, filter.games, filter.currencies]) {
    if (names === undefined || names.length <= REPORT_NAMES_MAX) continue;
    throw new ReportError('FILTER_TOO_LONG', `A list of the filter names ${REPORT_NAMES_MAX} at most.`);
  }
  return { ...request, by: withImplied(request.by), grain };
}

/** In one order, each once: a game's id means nothing without its integration, nor an amount without its currency. */
function withImplied(by: readonly ReportDimension[]): ReportDimension[] {
  const wanted = new Set<ReportDimension>([
    ...by,
    'currency',
    ...(by.includes('game') ? (['integration'] as const) : []),
  ]);
  return reportDimensions.filter((each) => wanted.has(each));
}

function isWhole(moment: Date, unitMs: number): boolean {
  return moment.getTime() % unitMs === 0;
}
