import { type AuditPass, rowPass } from './audit-invariants.js';

/** What SQL promises by itself, as long as nobody took it away: constraints by name, and unique keys by their columns too. */
const constraints: Readonly<Record<string, readonly string[]>> = {
  adjustment: [
    'adjustment_pkey',
    'adjustment_player_fk',
    'adjustment_currency_fk',
    'adjustment_amount_not_zero',
    'adjustment_reason_size',
    'adjustment_approved_at_a_time',
    'adjustment_two_people',
  ],
  brand: ['brand_pkey'],
  callback: ['callback_pkey'],
  currency: ['currency_pkey', 'currency_scale_range'],
  game: [
    'game_pkey',
    'game_integration_fk',
    'game_id_size',
    'game_name_not_empty',
    'game_delay_not_negative',
    'game_status_known',
    'game_withdrawn_at_a_time',
  ],
  game_session: [
    'game_session_pkey',
    'game_session_platform_known',
    'game_session_device_size',
    'game_session_token_unique',
    'game_session_player_fk',
    'game_session_integration_fk',
    'game_session_currency_fk',
  ],
  integration: ['integration_pkey', 'integration_brand_fk'],
  lane: ['lane_pkey', 'lane_range', 'lane_number_not_negative'],
  player: [
    'player_pkey',
    'player_lane_fk',
    'player_brand_fk',
    'player_external_id_unique',
    'player_external_id_size',
    'player_status_known',
    'player_status_until_of_exclusion',
    'player_limits_object',
  ],
  wallet: [
    'wallet_pkey',
    'wallet_player_fk',
    'wallet_currency_fk',
    'wallet_currency_unique',
    'wallet_sequence_not_negative',
    'wallet_head_size',
    'wallet_empty_without_rows',
    'wallet_limits_object',
  ],
  ledger_transaction: [
    'ledger_transaction_pkey',
    'ledger_undoes_fk',
    'ledger_resolves_is_win',
    'ledger_external_key_unique',
    'ledger_sequence_positive',
    'ledger_kind_known',
    'ledger_effect_direction',
    'ledger_debit_covered',
    'ledger_stated_not_negative',
    'ledger_effect_as_stated',
    'ledger_undo_is_rollback',
    'ledger_rollback_effect_undoes',
    'ledger_rollback_names_target',
    'ledger_external_key_size',
    'ledger_hash_size',
  ],
  player_bucket: ['player_bucket_pkey', 'player_bucket_grain_known'],
  projection_cursor: ['projection_cursor_pkey', 'projection_cursor_not_negative'],
  report_bucket: ['report_bucket_pkey', 'report_bucket_grain_known'],
  round: ['round_pkey', 'round_external_id_unique', 'round_sequences_ordered'],
  round_closure: ['round_closure_pkey'],
  token_cutoff: ['token_cutoff_pkey', 'token_cutoff_brand_fk', 'token_cutoff_subject_size'],
  unit_of_work: ['unit_of_work_pkey', 'unit_of_work_lane_range', 'unit_of_work_number_positive', 'unit_of_work_pairs'],
};

/** Indexes that hold the rules "once", whatever created them, with their columns and condition. */
const uniques: readonly (readonly [index: string, columns: string, condition: string])[] = [
  ['ledger_transaction_pkey', 'lane, wallet_id, sequence', ''],
  ['ledger_external_key_unique', 'external_key, integration, player_id, lane', ''],
  ['ledger_undoes_unique', 'lane, wallet_id, undoes', '(undoes IS NOT NULL)'],
  ['unit_of_work_pkey', 'lane, number', ''],
  ['wallet_pkey', 'lane, id', ''],
  ['wallet_currency_unique', 'player_id, currency, lane', ''],
  ['player_pkey', 'lane, id', ''],
  ['player_external_id_unique', 'brand_id, external_id, lane', ''],
];

/** What the gateway's role must not be able to do, whoever granted it. */
const forbidden: Readonly<Record<string, readonly string[]>> = {
  ledger_transaction: ['UPDATE', 'DELETE', 'TRUNCATE'],
  unit_of_work: ['UPDATE', 'DELETE', 'TRUNCATE'],
  wallet: ['DELETE', 'TRUNCATE'],
  player: ['DELETE', 'TRUNCATE'],
  lane: ['INSERT', 'DELETE', 'TRUNCATE'],
  adjustment: ['DELETE', 'TRUNCATE'],
  callback: ['UPDATE', 'DELETE', 'TRUNCATE'],
  game: ['DELETE', 'TRUNCATE'],
};

const expectedConstraints = Object.entries(constraints)
  .flatMap(([table, names]) => names.map((name) => `('${table}', '${name}')`))
  .join(', ');
const expectedUniques = uniques
  .map(([index, columns, condition]) => `('${index}', '${columns}', '${condition}')`)
  .join(', ');
const forbiddenRights = Object.entries(forbidden)
  .flatMap(([table, rights]) => rights.map((right) => `('${table}', '${right}')`))
  .join(', ');

/** Exported for the test that holds the list above complete. */
export const missingConstraints = `
  select 'schema-is-in-place' as invariant, e.relation || ': constraint ' || e.name || ' is missing or not validated' as what
  from (values ${expectedConstraints}) e(relation, name)
  where not exists (
    select from pg_constraint c where c.conrelid = to_regclass(e.relation) and c.conname = e.name and c.convalidated)`;

const missingUniques = `
  select 'schema-is-in-place', 'unique index ' || e.name || ' over (' || e.columns || ') is missing or not valid'
  from (values ${expectedUniques}) e(name, columns, condition)
  where not exists (
    select from pg_index x
    where x.indexrelid = to_regclass(e.name) and x.indisunique and x.indisvalid and x.indisready
      and coalesce(pg_get_expr(x.indpred, x.indrelid), '') = e.condition
      and (select string_agg(a.attname, ', ' order by k.place)
           from unnest(x.indkey) with ordinality k(attnum, place)
           join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum) = e.columns)`;

/** A foreign key is kept by triggers, which a table's owner can switch off without dropping it. */
const disabledTriggers = `
  select 'schema-is-in-place', t.tgrelid::regclass || ': trigger ' || t.tgname || ' is switched off'
  from pg_trigger t
  where t.tgrelid in (${Object.keys(constraints)
    .map((table) => `to_regclass('${table}')`)
    .join(', ')}) and t.tgenabled not in ('O', 'A')`;

/** Superusers may do everything, owners and members of the owner too: has_*_privilege knows all three. */
const excessiveRights = `
  select 'app-role-only-adds', 'croupier_app may ' || f.privilege || ' ' || f.relation
  from (values ${forbiddenRights}) f(relation, privilege)
  join pg_roles r on r.rolname = 'croupier_app'
  where has_table_privilege(r.oid, to_regclass(f.relation), f.privilege)
    or (f.privilege = 'UPDATE' and has_any_column_privilege(r.oid, to_regclass(f.relation), 'UPDATE'))
  union all
  select 'app-role-only-adds', 'the role croupier_app does not exist'
  where not exists (select from pg_roles where rolname = 'croupier_app')`;

export const schemaPass: AuditPass = {
  invariants: ['schema-is-in-place', 'app-role-only-adds'],
  count: () => `select (${expectedCount()})::text as checked`,
  violations: () =>
    'select invariant, null::smallint as lane, null::bigint as player_id, null::bigint as wallet_id, ' +
    `null::bigint as sequence, what from (${missingConstraints} union all ${missingUniques} union all ${disabledTriggers} union all ${excessiveRights}) s`,
};

/** What no foreign key says of launches and adjustments: each is for a wallet that the player has by then, and wallets stay. */
export const referencePass = rowPass({
  counted: (lanes) =>
    `(select lane from game_session union all select lane from adjustment) k where lane in (${lanes})`,
  rows: (lanes) => `
    select k.*, w.id as known_wallet, p.brand_id, i.brand_id as integration_brand_id
    from (
      select lane, player_id, currency, integration, 'session ' || id as record from game_session where lane in (${lanes})
      union all
      select lane, player_id, currency, null, 'adjustment ' || id from adjustment where lane in (${lanes})
    ) k
    left join wallet w on w.lane = k.lane and w.player_id = k.player_id and w.currency = k.currency
    left join player p on p.lane = k.lane and p.id = k.player_id
    left join integration i on i.id = k.integration`,
  subject: { playerId: 'r.player_id' },
  checks: [
    {
      name: 'session-and-adjustment-have-their-wallet',
      broken: 'r.known_wallet is null',
      what: "r.record || ' is in ' || r.currency || ', in which the player has no wallet'",
    },
    {
      name: 'session-is-of-its-players-brand',
      broken: 'r.integration is not null and r.integration_brand_id is distinct from r.brand_id',
      what: `r.record || ' is of integration ' || r.integration || ' of ' ||
        coalesce('brand ' || r.integration_brand_id, 'no brand') || ', player of ' || r.brand_id`,
    },
  ],
});

function expectedCount(): number {
  const listed = [...Object.values(constraints), ...Object.values(forbidden)].reduce(
    (sum, each) => sum + each.length,
    0,
  );
  return listed + uniques.length;
}
