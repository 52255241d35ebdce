import type { Position } from './cursor.js';
import { openCursor, readMoment, scopeOf } from './cursor.js';
import { base36Sql, currencySql, decimalSql, laneSql, literal, timeSql } from './expressions.js';
import type { Column, List, OrderColumn } from './list.js';
import { parseTransactionId } from '../ledger/ids.js';

/** Lists of what happened in wallets: transactions and rounds. */

export interface PlayerKey {
  readonly lane: number;
  readonly id: bigint;
}

/** What is asked for, with everything in it known to be the brand's. */
export interface WalletSearch {
  readonly brand: string;
  /** Inclusive. */
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  /** Those that rows may be of, the reserved ones too; none when what is asked for cannot be. */
  readonly integrations: readonly string[];
  /** Whether an integration was asked for. */
  readonly oneIntegration: boolean;
  readonly player: { readonly key: PlayerKey; readonly walletIds: readonly bigint[] } | undefined;
  /** Of transactions their kind, of rounds their state. */
  readonly only: string | undefined;
  /** Whether the reader is a player, who is not shown what is for staff. */
  readonly asPlayer: boolean;
  /** Decimals of each currency's unit. */
  readonly scales: ReadonlyMap<string, number>;
}

/** A list, and what its cursors mean. */
export interface PlacedList {
  readonly list: List;
  /** @returns undefined for a cursor of another list */
  readonly readCursor: (cursor: string) => Position | undefined;
}

interface Kind {
  readonly name: string;
  readonly table: string;
  readonly time: string;
  /** With lane and wallet, the key of a row. */
  readonly place: string;
  /** The column that a search may confine. */
  readonly only: string;
  readonly read: readonly string[];
  readonly columns: (search: WalletSearch) => readonly Column[];
}

const whose: readonly Column[] = [
  { name: 'walletId', type: 'code', sql: `'wa_' || r.wallet_part` },
  { name: 'playerId', type: 'code', sql: `'pl_' || ${laneSql('r.lane')} || ${base36Sql('r.player_id')}` },
  { name: 'playerExternalId', type: 'name', sql: 'r.player_external_id' },
];
const amount = (name: string, units: string, { scales }: WalletSearch): Column => ({
  name,
  type: 'amount',
  sql: decimalSql(units, currencySql('r.currency', scales)),
});
/** The id of another row of the same wallet. */
const neighbour = (sequence: string): string =>
  `case when ${sequence} is not null then 'tx_' || r.wallet_part || '_' || ${base36Sql(sequence)} end`;

export const transactions: Kind = {
  name: 'transactions',
  table: 'ledger_transaction',
  time: 'created_at',
  place: 'sequence',
  only: 'kind',
  read: [
    'player_id',
    'kind',
    'integration',
    'external_key',
    'round',
    'game',
    'target',
    'effect',
    'balance_after',
    'flags',
    'undoes',
    'resolves',
    'display_at',
  ],
  columns: (search) => [
    { name: 'id', type: 'code', sql: `'tx_' || r.key_part` },
    { name: 'sequence', type: 'place', sql: 'r.sequence' },
    { name: 'kind', type: 'code', sql: `upper(r.kind collate "C")` },
    ...whose,
    { name: 'integration', type: 'code', sql: 'r.integration' },
    { name: 'externalKey', type: 'name', sql: 'r.external_key' },
    { name: 'externalRound', type: 'name', optional: true, sql: 'r.round' },
    { name: 'game', type: 'name', optional: true, sql: 'r.game' },
    { name: 'target', type: 'name', optional: true, sql: 'r.target' },
    { name: 'undoes', type: 'code', optional: true, sql: neighbour('r.undoes') },
    { name: 'pays', type: 'code', optional: true, sql: neighbour('r.resolves') },
    { name: 'currency', type: 'code', sql: 'r.currency' },
    amount('amount', 'r.effect', search),
    amount('balanceAfter', 'r.balance_after', search),
    { name: 'flags', type: 'words', sql: search.asPlayer ? `''` : flagsSql },
    { name: 'createdAt', type: 'moment', sql: 'r.time_part' },
    { name: 'displayAt', type: 'moment', optional: true, sql: timeSql('r.display_at') },
  ],
};

/** In the words of the API. Nearly no row has any. */
const flagsSql = `case when r.flags = '{}' then '' else upper(replace(array_to_string(r.flags, ' '), '-', '_') collate "C") end`;

export const rounds: Kind = {
  name: 'rounds',
  table: 'round',
  time: 'started_at',
  place: 'first_sequence',
  only: 'state',
  read: [
    'last_sequence',
    'player_id',
    'integration',
    'external_id',
    'game',
    'bets',
    'wins',
    'rollbacks',
    'stakes',
    'payouts',
    'last_at',
    'closed_at',
    'state',
  ],
  columns: (search) => [
    { name: 'id', type: 'code', sql: `'rd_' || r.key_part` },
    { name: 'externalId', type: 'name', sql: 'r.external_id' },
    { name: 'integration', type: 'code', sql: 'r.integration' },
    { name: 'game', type: 'name', optional: true, sql: 'r.game' },
    ...whose,
    { name: 'state', type: 'code', sql: `upper(replace(r.state, '-', '_') collate "C")` },
    { name: 'currency', type: 'code', sql: 'r.currency' },
    amount('stakes', 'r.stakes', search),
    amount('payouts', 'r.payouts', search),
    amount('ggr', 'r.stakes::numeric - r.payouts', search),
    { name: 'betCount', type: 'count', sql: 'r.bets' },
    { name: 'winCount', type: 'count', sql: 'r.wins' },
    { name: 'rollbackCount', type: 'count', sql: 'r.rollbacks' },
    { name: 'firstTransactionId', type: 'code', sql: `'tx_' || r.key_part` },
    { name: 'lastTransactionId', type: 'code', sql: neighbour('r.last_sequence') },
    { name: 'startedAt', type: 'moment', sql: 'r.time_part' },
    { name: 'lastAt', type: 'moment', sql: timeSql('r.last_at') },
    { name: 'closedAt', type: 'moment', optional: true, sql: timeSql('r.closed_at') },
  ],
};

/**
 * A brand's rows by time, its integrations merged; a player's wallet by wallet, each in its own order, which is also the order
 * that an index has them in.
 */
export function walletList(kind: Kind, search: WalletSearch): PlacedList {
  const scope = scopeOf([
    kind.name,
    search.brand,
    search.asPlayer ? 'player' : 'staff',
    search.player && `${search.player.key.lane}.${search.player.key.id}`,
    search.oneIntegration ? search.integrations.join() : undefined,
    search.only,
  ]);
  const byTime = search.player === undefined;
  const key: OrderColumn[] = [
    { name: 'lane', type: 'smallint' },
    { name: 'wallet_id', type: 'bigint' },
    { name: kind.place, type: 'bigint' },
  ];
  const list: List = {
    table: kind.table,
    ranges: rangesOf(kind, search),
    order: byTime ? [{ name: kind.time, type: 'timestamptz' }, ...key] : key,
    read: [kind.time, ...kind.read],
    joins: joinsOf(kind, search),
    joined: ['w.currency', 'w.external_id as player_external_id'],
    derived: [
      [`${laneSql('r.lane')} || ${base36Sql('r.wallet_id')} as wallet_part`],
      [
        `r.wallet_part || '_' || ${base36Sql(`r.${kind.place}`)} as key_part`,
        `${timeSql(`r.${kind.time}`)} as time_part`,
      ],
    ],
    columns: [
      ...kind.columns(search),
      { name: 'cursor', type: 'code', sql: `'${scope}.' || r.time_part || '.' || r.key_part` },
    ],
  };
  return { list, readCursor: (cursor) => readCursor(openCursor(cursor, scope), byTime) };
}

function readCursor(text: string | undefined, byTime: boolean): Position | undefined {
  // A moment of 24 characters, then the row's key as public ids write it.
  const moment = readMoment(text?.slice(0, 24) ?? '');
  const key = text?.[24] === '.' ? parseTransactionId(`tx_${text.slice(25)}`) : undefined;
  if (moment === undefined || key === undefined) return undefined;
  const position = [key.lane, key.walletId, key.sequence].map(String);
  return byTime ? [moment, ...position] : position;
}

function rangesOf({ time }: Kind, { from, to, integrations, player: one, oneIntegration }: WalletSearch): string[] {
  const within = `t.${time} >= ${literal(from.toISOString())} and t.${time} < ${literal(to.toISOString())}`;
  if (integrations.length === 0) return [];
  if (one === undefined) return integrations.map((id) => `t.integration = ${literal(id)} and ${within}`);
  const among = oneIntegration ? ` and t.integration in (${integrations.map(literal).join(', ')})` : '';
  return one.walletIds.map((id) => `t.lane = ${one.key.lane} and t.wallet_id = ${id}::bigint and ${within}${among}`);
}

/**
 * The wallet knows the currency, its player the brand: whatever led here, a row of another brand's player is left out. Rows of
 * one moment are of few wallets, so PostgreSQL remembers those it has looked up; the offset of nothing lets it.
 */
function joinsOf({ only }: Kind, search: WalletSearch): string {
  const confined = search.only === undefined ? '' : ` where t.${only} = ${literal(search.only)}`;
  return (
    `cross join lateral (select w.currency, p.external_id from wallet w ` +
    `join player p on p.lane = w.lane and p.id = w.player_id and p.brand_id = ${literal(search.brand)} ` +
    `where w.lane = t.lane and w.id = t.wallet_id offset 0) w${confined}`
  );
}
