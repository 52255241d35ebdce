import { type Gathered, gather } from '../database/gather.js';
import type { PreparedRead } from '../database/reads.js';
import type { GraphqlContext } from './context.js';
import type { Loaders } from './loaders.js';
import { bothWays } from './merged-ranges.js';
import type { Page } from './paging.js';
import { type LedgerColumns, ledgerColumns, transactionOf } from './row-columns.js';
import { type RoundColumns, roundColumns, roundOf, type RoundRow } from './round-pages.js';
import { nameOfTransaction, type TransactionKey, type TransactionRow } from './rows.js';
import { ofRound } from './transaction-pages.js';

/** What one operation asks of rounds: what its fields ask in the same turn is one statement. */
export interface RoundLoaders {
  /** The round that a transaction belongs to. */
  readonly ofTransaction: Gathered<TransactionKey, RoundRow | undefined>;
  /** A round's transactions from the first on, and one more than the page holds. */
  readonly transactions: Gathered<RoundPage, readonly TransactionRow[]>;
}

export interface RoundPage {
  readonly round: RoundRow;
  /** Oldest first, by sequence. */
  readonly page: Page<bigint>;
}

// By the loaders, which every copy of the context shares, and which are new after a change.
const byOperation = new WeakMap<Loaders, RoundLoaders>();

export function roundLoaders(context: GraphqlContext): RoundLoaders {
  const known = byOperation.get(context.loaders);
  if (known !== undefined) return known;
  const made = createRoundLoaders(context);
  byOperation.set(context.loaders, made);
  return made;
}

/** A win may leave its round to its bet, and a rollback to what it undoes; the projection reads them so, too. */
const roundsOfTransactions: PreparedRead = {
  name: 'rounds_of_transactions',
  text: `select t.sequence as of_sequence, ${roundColumns('r')}
    from unnest($1::smallint[], $2::bigint[], $3::bigint[]) k (lane, wallet_id, sequence)
    join ledger_transaction t on t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence = k.sequence
    left join ledger_transaction u on t.undoes is not null
      and u.lane = t.lane and u.wallet_id = t.wallet_id and u.sequence = t.undoes
    left join ledger_transaction b on b.lane = t.lane and b.wallet_id = t.wallet_id
      and b.sequence = coalesce(t.resolves, u.resolves)
    join round r on r.external_id = case when t.kind = 'rollback' then coalesce(u.round, b.round, t.round)
        else coalesce(t.round, b.round) end
      and r.integration = t.integration and r.wallet_id = t.wallet_id and r.lane = t.lane`,
};

const pagesOfRounds = bothWays('transactions_of_rounds', (direction) => {
  // A round is told from its beginning, so forward is upward here.
  const [compare, order] = direction === 'forward' ? ['>', 'asc'] : ['<', 'desc'];
  const named =
    't.round = k.external_id and t.player_id = k.player_id and t.integration = k.integration and t.lane = k.lane and t.wallet_id = k.wallet_id';
  return `select k.place, t.*
    from unnest($1::int[], $2::smallint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::int[])
      k (place, lane, wallet_id, player_id, integration, external_id, start, size)
    cross join lateral (
      select ${ledgerColumns('t')} from (${ofRound(named)}) n
      join ledger_transaction t on t.lane = n.lane and t.wallet_id = n.wallet_id and t.sequence = n.sequence
      where k.start is null or t.sequence ${compare} k.start
      order by t.sequence ${order} limit k.size) t`;
});

function createRoundLoaders({ services, signal }: GraphqlContext): RoundLoaders {
  const options = { signal, from: 'history' } as const;
  return {
    ofTransaction: gather(async (keys) => {
      const values = [
        keys.map(({ lane }) => lane),
        keys.map(({ walletId }) => walletId),
        keys.map(({ sequence }) => sequence),
      ];
      const found = new Map<string, RoundRow>();
      const rows = await services.reads.query<RoundColumns & { of_sequence: string }>(
        roundsOfTransactions,
        values,
        options,
      );
      for (const row of rows) {
        const round = roundOf(row);
        found.set(nameOfTransaction({ ...round, sequence: BigInt(row.of_sequence) }), round);
      }
      return keys.map((key) => found.get(nameOfTransaction(key)));
    }),
    transactions: gather(async (asked) => {
      const pages: TransactionRow[][] = asked.map(() => []);
      const places = asked.map((each, place) => ({ ...each, place }));
      const groups = [...Map.groupBy(places, ({ page }) => page.direction)];
      const read = await Promise.all(
        groups.map(([direction, group]) =>
          services.reads.query<LedgerColumns & { place: number }>(pagesOfRounds[direction], valuesOf(group), options),
        ),
      );
      for (const row of read.flat()) pages[row.place]?.push(transactionOf(row));
      return pages;
    }),
  };
}

function valuesOf(group: readonly (RoundPage & { readonly place: number })[]): unknown[] {
  return [
    group.map(({ place }) => place),
    group.map(({ round }) => round.lane),
    group.map(({ round }) => round.walletId),
    group.map(({ round }) => round.playerId),
    group.map(({ round }) => round.integration),
    group.map(({ round }) => round.externalId),
    group.map(({ page }) => page.from ?? null),
    group.map(({ page }) => page.size + 1),
  ];
}
