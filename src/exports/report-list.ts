import type { ReportGrain } from '../entities/report-bucket.js';
import { type Position, openCursor, readMoment, scopeOf } from './cursor.js';
import { currencySql, decimalSql, literal, timeSql } from './expressions.js';
import type { Column } from './list.js';
import type { PlacedList } from './wallet-lists.js';

export interface ReportSearch {
  readonly brand: string;
  readonly grain: ReportGrain;
  /** When a bucket begins; inclusive. */
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly integration: string | undefined;
  readonly scales: ReadonlyMap<string, number>;
}

/** What was played of each game in each currency, hour by hour or day by day, in the order of the buckets' key. */
export function reportList(search: ReportSearch): PlacedList {
  const { brand, grain, from, to, integration, scales } = search;
  const scope = scopeOf(['reports', brand, grain, integration]);
  const currency = currencySql('r.currency', scales);
  const amount = (name: string, units: string): Column => ({ name, type: 'amount', sql: decimalSql(units, currency) });
  const count = (name: string, sql: string): Column => ({ name, type: 'count', sql });
  const among = integration === undefined ? '' : ` and t.integration = ${literal(integration)}`;
  const list: PlacedList['list'] = {
    table: 'report_bucket',
    ranges: [
      `t.brand_id = ${literal(brand)} and t.grain = ${literal(grain)} and t.starts_at >= ${literal(from.toISOString())} ` +
        `and t.starts_at < ${literal(to.toISOString())}${among}`,
    ],
    order: [
      { name: 'starts_at', type: 'timestamptz' },
      { name: 'integration', type: 'text' },
      { name: 'game', type: 'text' },
      { name: 'currency', type: 'text' },
    ],
    read: ['stakes', 'payouts', 'bets', 'wins', 'rollbacks', 'rounds', 'players'],
    joins: '',
    joined: [],
    derived: [[`${timeSql('r.starts_at')} as time_part`]],
    columns: [
      { name: 'startsAt', type: 'moment', sql: 'r.time_part' },
      { name: 'grain', type: 'code', sql: `'${grain.toUpperCase()}'` },
      { name: 'integration', type: 'code', sql: 'r.integration' },
      { name: 'game', type: 'name', optional: true, sql: `nullif(r.game, '')` },
      { name: 'currency', type: 'code', sql: 'r.currency' },
      amount('stakes', 'r.stakes'),
      amount('payouts', 'r.payouts'),
      amount('ggr', 'r.stakes - r.payouts'),
      count('betCount', 'r.bets'),
      count('winCount', 'r.wins'),
      count('rollbackCount', 'r.rollbacks'),
      count('roundCount', 'r.rounds'),
      count('playerCount', 'r.players'),
      {
        name: 'cursor',
        type: 'code',
        // A game's id is text of the provider's: in hexadecimal digits no part of it can be taken for a separator.
        sql: `'${scope}.' || r.time_part || '.' || r.integration || '.' || r.currency || '.' || encode(convert_to(r.game, 'UTF8'), 'hex')`,
      },
    ],
  };
  return { list, readCursor: (cursor) => readCursor(openCursor(cursor, scope)) };
}

const AFTER_MOMENT = /^\.([a-z0-9-]{1,63})\.([A-Z0-9]{1,12})\.((?:[0-9a-f]{2})*)$/;

function readCursor(text: string | undefined): Position | undefined {
  const moment = readMoment(text?.slice(0, 24) ?? '');
  const [, integration, currency, hex] = AFTER_MOMENT.exec(text?.slice(24) ?? '') ?? [];
  if (moment === undefined || integration === undefined || currency === undefined || hex === undefined)
    return undefined;
  const bytes = Buffer.from(hex, 'hex');
  const game = bytes.toString();
  // Bytes that are no text, or hold what PostgreSQL does not store, are of no cursor of ours.
  if (game.includes('\0') || !Buffer.from(game).equals(bytes)) return undefined;
  return [moment, integration, game, currency];
}
