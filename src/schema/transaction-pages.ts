import type { PreparedRead } from '../database/reads.js';
import { ADJUSTMENT, CASHIER, type Flag, type TransactionKind } from '../ledger/commands.js';
import { UNITS_MAX } from '../ledger/money.js';
import type { GraphqlContext } from './context.js';
import type { HistoryScope, UnitRange } from './history-filter.js';
import { type HistoryReader, historyReader, type PageRequest, readHistory, toHistoryPage } from './history-pages.js';
import {
  bothWays,
  type Integrations,
  type Listed,
  ofBrand,
  ofCurrency,
  orderBy,
  parameters,
  timeCursors,
  timeParameters,
  timeValues,
  withinTimes,
} from './merged-ranges.js';
import { type CursorFormat, type PageOfRows, readPage } from './paging.js';
import { type LedgerColumns, ledgerColumns, transactionOf } from './row-columns.js';
import type { TransactionRow } from './rows.js';

/** What a list of transactions is narrowed to, beside whose they are. */
export interface TransactionSearch {
  /** Any of them; undefined for all. */
  readonly kinds: readonly TransactionKind[] | undefined;
  readonly game: string | undefined;
  /** Of what the wallet gained or lost. */
  readonly amounts: UnitRange;
  /** Whether a person should look at it; undefined for both. */
  readonly flagged: boolean | undefined;
  /** Any of them; undefined whatever the flags. */
  readonly flags: readonly Flag[] | undefined;
  readonly round: string | undefined;
}

const CONDITIONS = `($1::text[] is null or t.kind = any($1)) and ($2::text is null or t.game = $2)
  and ($3::bigint is null or abs(t.effect) >= $3) and ($4::bigint is null or abs(t.effect) <= $4)
  and ($5::boolean is null or (t.flags <> '{}') = $5) and ($6::text[] is null or t.flags && $6)
  and ($7::text is null or t.integration = $7)
  and ($8::text is null or ${ofCurrency('$8')})`;
const CONDITION_COUNT = 8;

function conditionValues(
  { kinds, game, amounts, flagged, flags }: TransactionSearch,
  integration: string | undefined,
  currency: string | undefined,
): unknown[] {
  const wanted = [kinds, game, amounts.min, amounts.max, flagged, flags, integration, currency];
  return wanted.map((each) => each ?? null);
}

const listed: Listed = {
  name: 'history',
  table: 'ledger_transaction',
  columns: ledgerColumns('t'),
  time: 'created_at',
  place: 'sequence',
  conditions: CONDITIONS,
  conditionCount: CONDITION_COUNT,
};

function reader(list: Listed): HistoryReader<TransactionRow> {
  return historyReader<LedgerColumns, TransactionRow>({
    listed: list,
    rowOf: transactionOf,
    timeOf: ({ createdAt }) => createdAt,
    placeOf: ({ sequence }) => sequence,
  });
}

const all = reader(listed);
/** Few rows are flagged, and they have an index of their own. */
const flaggedOnly = reader({ ...listed, name: 'flagged_history', only: "t.flags <> '{}'" });

/** Reserved integrations have their own kinds; all others are for providers. */
const houseOf: Readonly<Partial<Record<TransactionKind, string>>> = {
  deposit: CASHIER,
  withdrawal: CASHIER,
  adjustment: ADJUSTMENT,
};
const houses: readonly string[] = [CASHIER, ADJUSTMENT];

/** The integrations that rows of these kinds can be of. */
function integrationsOf(
  kinds: readonly TransactionKind[] | undefined,
  only: string | undefined,
): Omit<Integrations, 'brand'> {
  const possible =
    kinds === undefined ? houses : houses.filter((house) => kinds.some((kind) => houseOf[kind] === house));
  return {
    only,
    providers: kinds === undefined || kinds.some((kind) => houseOf[kind] === undefined),
    houses: possible.filter((house) => only === undefined || only === house),
  };
}

/**
 * A page of transactions, newest first, in one query: a round's by the index of rounds, a player's by wallet, a brand's by
 * integration.
 * @param ofOnePlayer whether the filter names one player's rows, even where the token may not see them
 */
export function readTransactions(
  context: GraphqlContext,
  request: PageRequest,
  scope: HistoryScope | undefined,
  search: TransactionSearch,
  ofOnePlayer: boolean,
): Promise<PageOfRows<TransactionRow>> {
  if (search.round !== undefined) return readOfRound(context, request, scope, search, search.round);
  const { integration, currency } = scope ?? {};
  if (ofOnePlayer) return all.byWallet(context, request, scope, conditionValues(search, integration, undefined));
  const integrations = integrationsOf(search.kinds, integration);
  if (search.flagged !== true && search.flags === undefined) {
    return all.byTime(context, request, scope, conditionValues(search, integration, currency), integrations);
  }
  // That they are flagged is in the statement; said twice, PostgreSQL would take them for far fewer than they are.
  const conditions = conditionValues({ ...search, flagged: undefined }, integration, currency);
  return flaggedOnly.byTime(context, request, scope, conditions, integrations);
}

/**
 * SQL of the keys of all that belongs to a round: what names it, wins that pay its bets without naming it, and rollbacks of any
 * of these, which often name nothing but their target.
 * @param where tells the rows that name the round; the alias is `t`
 */
export function ofRound(where: string): string {
  const same = (one: string, other: string) => `${one}.lane = ${other}.lane and ${one}.wallet_id = ${other}.wallet_id`;
  return `with named as materialized (select t.lane, t.wallet_id, t.sequence from ledger_transaction t where ${where}),
    paid as materialized (
      select * from named union
      select w.lane, w.wallet_id, w.sequence from named n
      join ledger_transaction w on ${same('w', 'n')} and w.resolves = n.sequence and w.round is null)
    select * from paid union
    select u.lane, u.wallet_id, u.sequence from paid p
    join ledger_transaction u on ${same('u', 'p')} and u.undoes = p.sequence`;
}

const roundOrder = ['created_at', 'lane', 'wallet_id', 'sequence'] as const;
const time = timeParameters(CONDITION_COUNT, 3);
const its = parameters(time.next, ['round', 'brand', 'lane', 'player', 'wallet']);
const ofRounds = bothWays(
  'history_of_round',
  (direction) => `
  with keys as materialized (${ofRound(`t.round = ${its.round} and (${its.player}::bigint is null or (t.lane = ${its.lane}::smallint and t.player_id = ${its.player}))`)})
  select ${ledgerColumns('t')} from keys k
  join ledger_transaction t on t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence = k.sequence
  where ${withinTimes('t', roundOrder, time.names, direction)} and ${CONDITIONS} and ${ofBrand(its.brand)}
    and (${its.wallet}::bigint is null or t.wallet_id = ${its.wallet})
  ${orderBy(roundOrder, direction, 't')} limit ${time.names.limit}::bigint`,
);

async function readOfRound(
  context: GraphqlContext,
  { args, scope: name }: PageRequest,
  scope: HistoryScope | undefined,
  search: TransactionSearch,
  round: string,
): Promise<PageOfRows<TransactionRow>> {
  const cursors = timeCursors(name, 3);
  const page = readPage(args, cursors);
  const { player, wallet } = scope?.wallets ?? {};
  const found =
    scope === undefined
      ? []
      : await readHistory<LedgerColumns>(context, ofRounds[page.direction], [
          ...conditionValues(search, scope.integration, scope.currency),
          ...timeValues(scope.span, page, 3),
          round,
          context.principal.brand,
          player?.lane ?? null,
          player?.id ?? null,
          wallet ?? null,
        ]);
  const rows = found.map(transactionOf).map((row) => ({
    row,
    position: { time: row.createdAt, key: [BigInt(row.lane), row.walletId, row.sequence] },
  }));
  return toHistoryPage(context, rows, page, cursors);
}

/** The newest transaction of the brand under a provider's id, which several players may have. */
export const newestByKey: PreparedRead = {
  name: 'newest_by_key',
  text: `select ${ledgerColumns('t')} from ledger_transaction t
    where t.external_key = $1 and t.integration = $2 and ${ofBrand('$3')}
    ${orderBy(roundOrder, 'forward', 't')} limit 1`,
};

/** Cursors of one wallet's transactions: their sequence. */
export function sequenceCursors(scope: string): CursorFormat<bigint> {
  return {
    scope,
    write: (sequence) => sequence.toString(),
    read(text) {
      const sequence = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
      return sequence !== undefined && sequence <= UNITS_MAX ? sequence : undefined;
    },
  };
}
