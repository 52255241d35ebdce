import { chainHashSql } from './chain.js';

/**
 * What must be true of the books, as SQL that finds what is not. Several invariants share a pass over the same rows, so a
 * ledger of millions is read four times, not twenty. A condition that answers null counts as broken.
 */
export interface AuditPass {
  readonly invariants: readonly InvariantName[];
  /** Set on the one pass that sees every ledger row once. */
  readonly countsLedgerRows?: boolean;
  /** One row, `checked`. `lanes` is a list of lane numbers for `in (…)`. */
  count(lanes: string): string;
  /** Rows of invariant, lane, player_id, wallet_id, sequence, what. */
  violations(lanes: string): string;
}

export const invariantNames = [
  'schema-is-in-place',
  'app-role-only-adds',
  'player-is-in-its-lane',
  'wallet-is-of-a-known-player-and-currency',
  'wallet-balance-is-the-sum-of-its-rows',
  'wallet-sequence-counts-its-rows',
  'wallet-head-is-the-last-hash',
  'feed-reaches-every-row-once',
  'feed-numbers-are-dense',
  'sequences-are-dense',
  'balances-add-up',
  'hash-chain-is-unbroken',
  'debit-is-covered',
  'row-is-of-its-wallets-player',
  'row-is-of-its-players-brand',
  'external-key-is-unique',
  'rollback-mirrors-its-target',
  'rollback-is-the-only-one',
  'win-pays-a-bet-before-it',
  'rollback-without-effect-has-a-reason',
  'tombstone-keeps-its-key-empty',
  'journal-points-to-rows',
  'limits-count-what-was-played',
  'reports-count-what-was-played',
  'session-and-adjustment-have-their-wallet',
  'session-is-of-its-players-brand',
] as const;
export type InvariantName = (typeof invariantNames)[number];

/** An invariant over the rows of one relation `r`: when it is broken, and how to say so. Both are SQL. */
interface Check {
  readonly name: InvariantName;
  readonly broken: string;
  readonly what: string;
}

interface RowPass {
  readonly countsLedgerRows?: boolean;
  readonly rows: (lanes: string) => string;
  readonly counted: (lanes: string) => string;
  /** Expressions over `r` that say where the row is. */
  readonly subject: { playerId?: string; walletId?: string; sequence?: string };
  readonly checks: readonly Check[];
}

export function rowPass({ rows, counted, subject, checks, countsLedgerRows = false }: RowPass): AuditPass {
  const broken = (check: Check): string => `coalesce(${check.broken}, true)`;
  const values = checks.map((check) => `('${check.name}', ${broken(check)}, ${check.what})`);
  return {
    invariants: checks.map((check) => check.name),
    countsLedgerRows,
    count: (lanes) => `select count(*)::text as checked from ${counted(lanes)}`,
    // The filter first: on sound books no row reaches the part that puts words together.
    violations: (lanes) =>
      `select v.invariant, r.lane, ${subject.playerId ?? 'null::bigint'} as player_id, ` +
      `${subject.walletId ?? 'null::bigint'} as wallet_id, ${subject.sequence ?? 'null::bigint'} as sequence, v.what ` +
      `from (${rows(lanes)}) r cross join lateral (values ${values.join(', ')}) v(invariant, broken, what) ` +
      `where (${checks.map(broken).join(' or ')}) and v.broken`,
  };
}

const ledgerRows = rowPass({
  countsLedgerRows: true,
  counted: (lanes) => `ledger_transaction where lane in (${lanes})`,
  rows: (lanes) => `
    select t.lane, t.wallet_id, t.sequence, t.player_id, t.kind, t.effect, t.balance_after, t.integration, t.hash,
      ${chainHashSql("coalesce(lag(t.hash) over before, ''::bytea)")} as expected_hash,
      lag(t.sequence, 1, 0::bigint) over before as previous_sequence,
      lag(t.balance_after, 1, 0::bigint) over before as previous_balance,
      w.player_id as wallet_player_id, p.brand_id, i.id as integration_id, i.brand_id as integration_brand_id
    from ledger_transaction t
    left join wallet w on w.lane = t.lane and w.id = t.wallet_id
    left join player p on p.lane = t.lane and p.id = t.player_id
    left join integration i on i.id = t.integration
    where t.lane in (${lanes})
    window before as (partition by t.lane, t.wallet_id order by t.sequence)`,
  subject: { playerId: 'r.player_id', walletId: 'r.wallet_id', sequence: 'r.sequence' },
  checks: [
    {
      name: 'sequences-are-dense',
      broken: 'r.sequence <> r.previous_sequence + 1',
      what: "'follows sequence ' || r.previous_sequence",
    },
    {
      name: 'balances-add-up',
      broken: 'r.balance_after <> r.previous_balance::numeric + r.effect',
      what: "'balance ' || r.previous_balance || ' and effect ' || r.effect || ' do not make ' || r.balance_after",
    },
    {
      name: 'hash-chain-is-unbroken',
      broken: 'r.hash <> r.expected_hash',
      what: "'the row, or the one before it, is not as it was written'",
    },
    {
      name: 'debit-is-covered',
      broken: "r.kind in ('bet', 'withdrawal', 'adjustment') and r.effect <= 0 and r.balance_after < 0",
      what: "r.kind || ' left a balance of ' || r.balance_after",
    },
    {
      name: 'row-is-of-its-wallets-player',
      broken: 'r.player_id <> r.wallet_player_id',
      what: "coalesce('the wallet is of player ' || r.wallet_player_id, 'there is no such wallet')",
    },
    {
      name: 'row-is-of-its-players-brand',
      // The cashier and adjustments have no brand and serve all, but nobody plays through them.
      broken: `r.brand_id is null or r.integration_id is null or case r.integration
        when 'cashier' then r.kind not in ('deposit', 'withdrawal') when 'adjustment' then r.kind <> 'adjustment'
        else r.integration_brand_id is distinct from r.brand_id end`,
      what: `case when r.brand_id is null or r.integration_id is null
          then 'integration ' || r.integration || ' or the player is not known'
        when r.integration in ('cashier', 'adjustment') then r.kind || ' of integration ' || r.integration
        else 'integration ' || r.integration || ' of ' || coalesce('brand ' || r.integration_brand_id, 'no brand') ||
          ', player of ' || r.brand_id end`,
    },
  ],
});

/** Ledger rows, each with its kind as `play` where it is a play that the reports have taken in. */
const playInReports = (lanes: string): string => `
  select t.lane, t.wallet_id, t.sequence, t.effect, t.undoes,
    case when t.kind in ('bet', 'win', 'rollback') and coalesce(t.sequence < n.first, true) then t.kind end as play
  from ledger_transaction t
  left join (
    select u.lane, m.wallet_id, min(m.first) as first
    from unit_of_work u
    left join projection_cursor c on c.projection = 'reports' and c.lane = u.lane
    cross join unnest(u.wallet_ids, u.first_sequences) m(wallet_id, first)
    where u.lane in (${lanes}) and u.number > coalesce(c.number, 0) group by u.lane, m.wallet_id
  ) n on n.lane = t.lane and n.wallet_id = t.wallet_id
  where t.lane in (${lanes})`;

/**
 * Wallets against what their rows, the feed and the reports say of them. No row names its currency; the reports hold the one
 * that the wallet had when they took the row in. The lists of brands and integrations cannot say which currencies are right:
 * they are as configured now, and the wallets of a currency that has left them stay, with their rows.
 */
const wallets = rowPass({
  counted: (lanes) => `wallet where lane in (${lanes})`,
  rows: (lanes) => `
    select w.lane, w.id, w.player_id, w.balance, w.sequence, w.head, w.currency,
      p.id as known_player, c.code as known_currency,
      coalesce(s.rows, 0) as rows, coalesce(s.last, 0) as last, coalesce(s.total, 0) as total,
      coalesce(l.balance_after, 0) as last_balance, coalesce(l.hash, ''::bytea) as last_hash,
      coalesce(u.last, 0) as reached, coalesce(u.in_order, true) as in_order,
      coalesce(s.plays, 0) as plays, coalesce(s.rollbacks, 0) as rollbacks, coalesce(s.net, 0) as net, k.reported,
      coalesce(b.plays, 0) as reported_plays, coalesce(b.rollbacks, 0) as reported_rollbacks, coalesce(b.net, 0) as reported_net
    from wallet w
    left join player p on p.lane = w.lane and p.id = w.player_id
    left join currency c on c.code = w.currency
    left join (
      select lane, wallet_id, count(*) as rows, max(sequence) as last, sum(effect) as total,
        count(*) filter (where play in ('bet', 'win')) - count(undoes) filter (where play = 'rollback') as plays,
        count(*) filter (where play = 'rollback') as rollbacks, sum(effect) filter (where play is not null) as net
      from (${playInReports(lanes)}) t group by lane, wallet_id
    ) s on s.lane = w.lane and s.wallet_id = w.id
    left join ledger_transaction l on l.lane = w.lane and l.wallet_id = w.id and l.sequence = s.last
    left join (
      select lane, wallet_id, max(sequence) as last, bool_and(sequence > previous and first = previous + 1) as in_order from (
        select m.lane, m.wallet_id, m.sequence, m.first,
          lag(m.sequence, 1, 0::bigint) over (partition by m.lane, m.wallet_id order by m.number) as previous
        from (select lane, number, unnest(wallet_ids) as wallet_id, unnest(first_sequences) as first,
                unnest(sequences) as sequence
              from unit_of_work where lane in (${lanes})) m
      ) moves group by lane, wallet_id
    ) u on u.lane = w.lane and u.wallet_id = w.id
    left join (
      select lane, player_id, brand_id, currency, sum(bets + wins) as plays, sum(rollbacks) as rollbacks,
        sum(payouts - stakes) as net
      from player_bucket where lane in (${lanes}) and grain = 'day' group by lane, player_id, brand_id, currency
    ) b on b.lane = w.lane and b.player_id = w.player_id and b.brand_id = p.brand_id and b.currency = w.currency
    cross join (select exists (select from player_bucket) as reported) k
    where w.lane in (${lanes})`,
  subject: { playerId: 'r.player_id', walletId: 'r.id' },
  checks: [
    {
      name: 'wallet-balance-is-the-sum-of-its-rows',
      broken: 'r.balance <> r.total or r.balance <> r.last_balance',
      what: "'balance ' || r.balance || ', rows add up to ' || r.total || ', the last one says ' || r.last_balance",
    },
    {
      name: 'wallet-sequence-counts-its-rows',
      broken: 'r.sequence <> r.rows or r.sequence <> r.last',
      what: "'sequence ' || r.sequence || ' with ' || r.rows || ' rows, the last ' || r.last",
    },
    {
      name: 'wallet-head-is-the-last-hash',
      broken: 'r.head <> r.last_hash',
      what: "'head ' || encode(r.head, 'hex') || ', last row ' || encode(r.last_hash, 'hex')",
    },
    {
      name: 'wallet-is-of-a-known-player-and-currency',
      broken: 'r.known_player is null or r.known_currency is null',
      what: "'player ' || r.player_id || ', currency ' || r.currency",
    },
    {
      // Ranges that follow each other and end at the wallet's own sequence cut its rows into units without a gap or an overlap.
      name: 'feed-reaches-every-row-once',
      broken: 'r.reached <> r.sequence or not r.in_order',
      what: "'units reach sequence ' || r.reached || ' of ' || r.sequence || case when r.in_order then '' else ', not rising' end",
    },
    {
      // Empty reports say nothing: a rebuild empties them in older snapshots too.
      name: 'reports-count-what-was-played',
      broken: `r.reported and (r.plays, r.rollbacks, r.net) <> (r.reported_plays, r.reported_rollbacks, r.reported_net)`,
      what: `'in ' || r.currency || ' the reports count ' || r.reported_plays || ' bets and wins, ' || r.reported_rollbacks ||
        ' rollbacks, an effect of ' || r.reported_net || '; the rows say ' || r.plays || ', ' || r.rollbacks || ', ' || r.net`,
    },
  ],
});

const players = rowPass({
  counted: (lanes) => `player where lane in (${lanes})`,
  rows: (lanes) => `select lane, id, brand_id, external_id from player where lane in (${lanes})`,
  subject: { playerId: 'r.id' },
  checks: [
    {
      // ledger/lanes.ts in SQL. In two lanes the same external id would be two players.
      name: 'player-is-in-its-lane',
      broken: `r.lane <> get_byte(sha256(convert_to(r.brand_id, 'UTF8') || '\\x00'::bytea || convert_to(r.external_id, 'UTF8')), 0) % 64`,
      what: "'external id ' || r.external_id || ' of brand ' || r.brand_id || ' belongs to another lane'",
    },
  ],
});

/** A lane's units are 1, 2, 3 … up to the lane's own number, and name wallets that exist. */
const feed: AuditPass = {
  invariants: ['feed-numbers-are-dense'],
  count: (lanes) => `select count(*)::text as checked from unit_of_work where lane in (${lanes})`,
  violations: (lanes) => `
    select 'feed-numbers-are-dense' as invariant, lane, null::bigint as player_id, wallet_id, null::bigint as sequence, what
    from (
      select lane, null::bigint as wallet_id, 'unit ' || number || ' follows ' || previous as what
      from (select lane, number, lag(number, 1, 0::bigint) over (partition by lane order by number) as previous
            from unit_of_work where lane in (${lanes})) numbered
      where number <> previous + 1
      union all
      select l.lane, null, 'the lane is at ' || l.number || ', its last unit is ' || coalesce(u.last, 0)
      from lane l
      left join (select lane, max(number) as last from unit_of_work where lane in (${lanes}) group by lane) u using (lane)
      where l.lane in (${lanes}) and l.number <> coalesce(u.last, 0)
      union all
      select m.lane, m.wallet_id, 'unit ' || m.number || ' names a wallet that does not exist'
      from (select lane, number, unnest(wallet_ids) as wallet_id from unit_of_work where lane in (${lanes})) m
      left join wallet w on w.lane = m.lane and w.id = m.wallet_id
      where w.id is null
    ) broken`,
};

const keys: AuditPass = {
  invariants: ['external-key-is-unique'],
  count: (lanes) => `select count(*)::text as checked from ledger_transaction where lane in (${lanes})`,
  violations: (lanes) => `
    select 'external-key-is-unique' as invariant, t.lane, t.player_id, t.wallet_id, t.sequence,
      'key ' || t.external_key || ' of ' || t.integration || ' was used ' || d.times || ' times' as what
    from (
      select lane, player_id, integration, external_key, count(*) as times
      from ledger_transaction where lane in (${lanes})
      group by lane, player_id, integration, external_key having count(*) > 1
    ) d
    join ledger_transaction t using (lane, player_id, integration, external_key)`,
};

const sameKey = 'x.lane = t.lane and x.player_id = t.player_id and x.integration = t.integration';

const rollbacks = rowPass({
  counted: (lanes) =>
    `ledger_transaction where lane in (${lanes})
      and (kind in ('rollback', 'tombstone') or undoes is not null or resolves is not null)`,
  rows: (lanes) => `
    select t.*, u.kind as undone_kind, u.effect as undone_effect, u.external_key as undone_key,
      u.integration as undone_integration, u.player_id as undone_player_id,
      b.kind as paid_kind, b.integration as paid_integration, b.external_key as paid_key,
      case when t.undoes is not null then exists (
        select from ledger_transaction x
        where x.lane = t.lane and x.wallet_id = t.wallet_id and x.undoes = t.undoes and x.sequence < t.sequence)
      end as undone_before,
      case when t.kind = 'rollback' and t.undoes is null then exists (
        select from ledger_transaction x where ${sameKey} and x.external_key = t.target and (x.kind = 'tombstone' or exists (
          select from ledger_transaction y
          where y.lane = x.lane and y.wallet_id = x.wallet_id and y.undoes = x.sequence)))
      end as has_reason,
      case when t.kind = 'tombstone' then exists (
        select from ledger_transaction x where ${sameKey} and x.external_key = t.external_key
          and (x.wallet_id, x.sequence) <> (t.wallet_id, t.sequence))
      end as key_is_used
    from ledger_transaction t
    left join ledger_transaction u on u.lane = t.lane and u.wallet_id = t.wallet_id and u.sequence = t.undoes
    left join ledger_transaction b on b.lane = t.lane and b.wallet_id = t.wallet_id and b.sequence = t.resolves
    where t.lane in (${lanes})
      and (t.kind in ('rollback', 'tombstone') or t.undoes is not null or t.resolves is not null)`,
  subject: { playerId: 'r.player_id', walletId: 'r.wallet_id', sequence: 'r.sequence' },
  checks: [
    {
      name: 'rollback-mirrors-its-target',
      broken: `r.undoes is not null and not coalesce(r.kind = 'rollback' and r.undoes < r.sequence
        and r.undone_kind in ('bet', 'win') and r.effect = -r.undone_effect and r.target = r.undone_key
        and r.integration = r.undone_integration and r.player_id = r.undone_player_id, false)`,
      what: `coalesce('effect ' || r.effect || ' on ' || r.target || ' undoes ' || r.undone_kind || ' ' || r.undone_key ||
        ' of effect ' || r.undone_effect, 'sequence ' || r.undoes || ' cannot be undone by it')`,
    },
    {
      name: 'rollback-is-the-only-one',
      broken: 'r.undoes is not null and r.undone_before',
      what: "'sequence ' || r.undoes || ' had been undone before'",
    },
    {
      name: 'win-pays-a-bet-before-it',
      broken: `r.resolves is not null and not coalesce(r.kind = 'win' and r.resolves < r.sequence and r.paid_kind = 'bet'
        and r.integration = r.paid_integration and coalesce(r.target, r.paid_key) = r.paid_key, false)`,
      what: `coalesce('it pays ' || r.paid_kind || ' ' || r.paid_key, 'sequence ' || r.resolves || ' is no bet of this wallet')`,
    },
    {
      // The bet stands, and yet its rollback was acknowledged: the one thing a tombstone is there to prevent.
      name: 'rollback-without-effect-has-a-reason',
      broken: "r.kind = 'rollback' and r.undoes is null and (r.effect <> 0 or not r.has_reason)",
      what: "'effect ' || r.effect || ', and ' || r.target || ' is neither a tombstone nor undone by another rollback'",
    },
    {
      name: 'tombstone-keeps-its-key-empty',
      broken: "r.kind = 'tombstone' and (r.effect <> 0 or r.key_is_used)",
      what: "'key ' || r.external_key || ' holds a movement, or the tombstone an effect of ' || r.effect",
    },
  ],
});

/** A journal row points at the ledger row its answer speaks of; a refusal moved nothing and points at the wallet only. */
const journal = rowPass({
  counted: (lanes) => `callback where lane in (${lanes}) and (wallet_id is not null or sequence is not null)`,
  rows: (lanes) => `
    select c.lane, c.id, c.received_at, c.wallet_id, c.sequence, w.id as known_wallet, t.sequence as known_sequence
    from callback c
    left join wallet w on w.lane = c.lane and w.id = c.wallet_id
    left join ledger_transaction t on t.lane = c.lane and t.wallet_id = c.wallet_id and t.sequence = c.sequence
    where c.lane in (${lanes}) and (c.wallet_id is not null or c.sequence is not null)`,
  subject: { walletId: 'r.wallet_id', sequence: 'r.sequence' },
  checks: [
    {
      name: 'journal-points-to-rows',
      broken: 'r.known_wallet is null or r.known_sequence is distinct from r.sequence',
      what: "'callback ' || r.id || ' of ' || r.received_at || ' speaks of a row that does not exist'",
    },
  ],
});

/** Each of a limited wallet's periods again from the rows that stand: what a player may still do hangs on it. */
const limits = rowPass({
  counted: (lanes) => `wallet where lane in (${lanes}) and limits is not null`,
  rows: (lanes) => `
    select w.lane, w.id, w.player_id, k.period, p.day, p.since, p.stake, p.loss, p.deposit,
      s.stake as real_stake, s.loss as real_loss, s.deposit as real_deposit,
      exists (select from ledger_transaction e where e.lane = w.lane and e.wallet_id = w.id and e.sequence < p.since
        and e.created_at >= p.day::timestamp at time zone 'UTC') as begins_late
    from wallet w
    cross join unnest(array['day', 'week', 'month']) k(period)
    left join lateral (
      select (c ->> 'from')::date as day, (c ->> 'since')::bigint as since, (c ->> 'stake')::numeric as stake,
        (c ->> 'loss')::numeric as loss, (c ->> 'deposit')::numeric as deposit
      from (values (w.limits -> 'counted' -> k.period)) v(c)
    ) p on true
    left join lateral (
      select coalesce(sum(-t.effect) filter (where t.kind = 'bet'), 0) as stake,
        coalesce(sum(-t.effect) filter (where t.kind in ('bet', 'win')), 0) as loss,
        coalesce(sum(t.effect) filter (where t.kind = 'deposit'), 0) as deposit
      from ledger_transaction t
      where t.lane = w.lane and t.wallet_id = w.id and t.sequence >= p.since and not exists (
        select from ledger_transaction u where u.lane = t.lane and u.wallet_id = t.wallet_id and u.undoes = t.sequence)
    ) s on true
    where w.lane in (${lanes}) and w.limits is not null`,
  subject: { playerId: 'r.player_id', walletId: 'r.id' },
  checks: [
    {
      name: 'limits-count-what-was-played',
      broken: 'r.stake <> r.real_stake or r.loss <> r.real_loss or r.deposit <> r.real_deposit or r.begins_late',
      what: `coalesce('the ' || r.period || ' from ' || r.day || ' counts ' || r.stake || ', ' || r.loss || ', ' || r.deposit ||
        ' of stakes, losses, deposits; its rows from sequence ' || r.since || ' say ' || r.real_stake || ', ' || r.real_loss ||
        ', ' || r.real_deposit || case when r.begins_late then '; rows before them belong to it too' else '' end,
        'the ' || r.period || ' is not counted')`,
    },
  ],
});

export const lanePasses: readonly AuditPass[] = [players, ledgerRows, wallets, feed, keys, rollbacks, journal, limits];
