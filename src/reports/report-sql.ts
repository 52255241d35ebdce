import type { PreparedRead } from '../database/reads.js';
import { type ReportDimension, type ReportQuestion, reportDimensions, REPORT_ROWS_MAX } from './question.js';

/** What a row of the answer is told apart by. */
export interface ReportKey {
  readonly day: Date | null;
  readonly hour: Date | null;
  readonly integration: string | null;
  /** Empty for play without a game. */
  readonly game: string | null;
  readonly currency: string;
  readonly lane: number | null;
  readonly player_id: string | null;
}

/** As pg gives it. */
export interface ReportColumns extends ReportKey {
  readonly stakes: string;
  readonly payouts: string;
  readonly bets: string;
  readonly wins: string;
  readonly rollbacks: string;
  readonly rounds: string;
  readonly players: string;
}

const columnsOf: Readonly<Record<ReportDimension, readonly { readonly name: string; readonly sql: string }[]>> = {
  day: [{ name: 'day', sql: `date_trunc('day', starts_at, 'UTC')` }],
  hour: [{ name: 'hour', sql: 'starts_at' }],
  integration: [{ name: 'integration', sql: 'integration' }],
  game: [{ name: 'game', sql: 'game' }],
  currency: [{ name: 'currency', sql: 'currency' }],
  // A question is always about one brand.
  brand: [],
  player: [
    { name: 'lane', sql: 'lane' },
    { name: 'player_id', sql: 'player_id' },
  ],
};

const ofBrand = 'brand_id = $1 and grain = $2 and starts_at >= $3 and starts_at < $4';
const ofNames =
  'and ($5::text[] is null or integration = any($5)) and ($6::text[] is null or game = any($6)) ' +
  'and ($7::text[] is null or currency = any($7))';
const ofPlayer = 'and lane = $8 and player_id = $9';

/** The sums. A player is found in the players' own buckets only. */
export function reportStatement(question: ReportQuestion): PreparedRead {
  const columns = selected(question);
  const perPlayer = question.by.includes('player') || question.filter.player !== undefined;
  return {
    name: nameOf('report', question),
    text: `select ${columns.text},
        sum(stakes)::text as stakes, sum(payouts)::text as payouts, sum(bets)::text as bets, sum(wins)::text as wins,
        sum(rollbacks)::text as rollbacks, sum(rounds)::text as rounds, ${perPlayer ? "'1'" : 'sum(players)::text'} as players
      from ${perPlayer ? 'player_bucket' : 'report_bucket'}
      where ${ofBrand} ${ofNames} ${question.filter.player === undefined ? '' : ofPlayer}
      group by ${columns.places} order by ${columns.places} limit ${REPORT_ROWS_MAX + 1}`,
  };
}

/** Who played, each once: a player of two games or two days is one player of both. */
export function playersStatement(question: ReportQuestion): PreparedRead {
  const columns = selected(question);
  return {
    name: nameOf('players', question),
    text: `select ${columns.names}, count(*)::text as players from (
        select distinct ${columns.text}, lane as of_lane, player_id as of_player from player_bucket
        where ${ofBrand} ${ofNames}) each
      group by ${columns.places}`,
  };
}

/** @returns whether the sum of the buckets' players counts nobody twice: then each row of the answer is one bucket. */
export function isPerBucket({ by, grain, filter }: ReportQuestion): boolean {
  return filter.player !== undefined || by.includes('player') || (by.includes('game') && by.includes(grain));
}

export function valuesOf({ brand, grain, from, to, filter }: ReportQuestion): unknown[] {
  const { integrations, games, currencies, player } = filter;
  const common = [brand, grain, from, to, integrations ?? null, games ?? null, currencies ?? null];
  return player === undefined ? common : [...common, player.lane, String(player.id)];
}

function selected({ by }: ReportQuestion): { text: string; names: string; places: string } {
  const all = reportDimensions.flatMap((dimension) =>
    columnsOf[dimension].map((column) => ({ ...column, asked: by.includes(dimension) })),
  );
  const asked = all.filter((column) => column.asked);
  return {
    text: asked.map(({ name, sql }) => `${sql} as ${name}`).join(', '),
    names: asked.map(({ name }) => name).join(', '),
    places: asked.map((_, index) => index + 1).join(', '),
  };
}

/** One name for one text: what is asked, and whether for one player. */
function nameOf(kind: string, { by, filter }: ReportQuestion): string {
  return [kind, ...by, ...(filter.player === undefined ? [] : ['of_one'])].join('_');
}
