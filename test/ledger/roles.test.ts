import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, policy, rollback } from './commands.js';

let db: TestDatabase;
let app: pg.Client;
let ledger: Ledger;
let alice: TestPlayer;
let walletId: bigint;

beforeAll(async () => {
  db = await createTestDatabase();
  app = new pg.Client({ connectionString: db.url });
  await app.connect();
  ledger = createTestLedger(db);
  alice = await createTestPlayer(db);
  walletId = alice.wallets.get('EUR') ?? 0n;
  for (const command of [bet(alice, 'b1', '1'), bet(alice, 'b2', '1'), rollback(alice, 'x1', 'b1')]) {
    await ledger.execute(command, { policy, deadlineMs: 5_000 });
  }
  await db.owner.query(
    `insert into game_session (lane, player_id, integration, currency, token_hash)
     values ($1, $2, 'igpx-demo', 'EUR', sha256('used'))`,
    [alice.lane, alice.id],
  );
});
afterAll(async () => {
  await ledger.close();
  await app.end();
  await db.close();
});

/** The statement's SQLSTATE, and the constraint that refused it; nothing it does stays. */
async function refusalOf(client: pg.Client | pg.PoolClient, sql: string): Promise<string> {
  await client.query('begin');
  try {
    await client.query(sql);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return error.constraint ?? error.code ?? 'unknown';
  } finally {
    await client.query('rollback');
  }
}

test('the gateway works as croupier_app, whatever its login may do', async () => {
  const { rows } = await app.query<{ current_user: string }>('select current_user');
  expect(rows).toEqual([{ current_user: 'croupier_app' }]);
});

describe("the gateway's role", () => {
  test.for([
    'update ledger_transaction set effect = 0',
    'update ledger_transaction set flags = flags',
    'delete from ledger_transaction',
    'truncate ledger_transaction',
    'truncate ledger_transaction, wallet cascade',
    'select from ledger_transaction for update',
    'insert into ledger_transaction (lane) values (1) on conflict (lane, wallet_id, sequence) do update set effect = 1',
    'alter table ledger_transaction disable trigger all',
    'alter table ledger_transaction drop constraint ledger_debit_covered',
    'drop table ledger_transaction',
    'drop index ledger_undoes_unique',
    'update unit_of_work set number = number + 1',
    'delete from unit_of_work',
    'truncate unit_of_work',
    'delete from wallet',
    'truncate wallet cascade',
    'update wallet set player_id = 1',
    "update wallet set currency = 'USD'",
    'delete from player',
    "update game_session set token_hash = sha256('')",
    'update game_session set player_id = 1',
    'update game_session set created_at = now()',
    'delete from game_session',
    "update player set external_id = 'another'",
    'update player set lane = 0',
    'insert into lane (lane) values (1)',
    'delete from lane',
    'update lane set lane = 1',
    'update callback set answer = null',
    'delete from callback',
    'truncate callback',
    'delete from currency',
    'delete from integration',
    'delete from mikro_orm_migrations',
    'create table mine (id int)',
    'set session_replication_role = replica',
    "copy ledger_transaction to program 'cat'",
    'create function f() returns int language sql as $$ select 1 $$',
  ])('may not %s', async (sql) => {
    expect(await refusalOf(app, sql)).toMatch(/^42501$/);
  });

  test('may do what a unit of work does', async () => {
    const statements = [
      'select number from lane where lane = 1 for update',
      'update lane set number = number + 1 where lane = 1',
      "update player set status = 'SUSPENDED'",
      'update game_session set redeemed_at = now(), failed = true',
      'update wallet set balance = balance',
      "insert into player (lane, brand_id, external_id) values (1, 'demo', 'new')",
      `insert into wallet (lane, player_id, currency) values (${alice.lane}, ${alice.id}, 'BTC')`,
      'select keep_callback_partitions(2, 30)',
    ];
    const refusals: string[] = [];
    for (const sql of statements) refusals.push(`${sql}: ${await refusalOf(app, sql)}`);
    expect(refusals).toEqual(statements.map((sql) => `${sql}: accepted`));
  });
});

describe('SQL itself refuses', () => {
  /** A row that would be accepted as Alice's next one, with changes. */
  const row = (changes: Record<string, string>): string => {
    const columns: Record<string, string> = {
      lane: String(alice.lane),
      wallet_id: String(walletId),
      sequence: '5',
      player_id: String(alice.id),
      integration: "'igpx-demo'",
      external_key: "'b5'",
      kind: "'bet'",
      effect: '-1',
      stated: '1',
      balance_after: '1',
      flags: "'{}'",
      created_at: 'now()',
      hash: "sha256('')",
      ...changes,
    };
    return `insert into ledger_transaction (${Object.keys(columns).join(', ')}) values (${Object.values(columns).join(', ')})`;
  };

  const session = (changes: Record<string, string> = {}): string => {
    const columns: Record<string, string> = {
      lane: String(alice.lane),
      player_id: String(alice.id),
      integration: "'igpx-demo'",
      currency: "'EUR'",
      ...changes,
    };
    return `insert into game_session (${Object.keys(columns).join(', ')}) values (${Object.values(columns).join(', ')})`;
  };

  test('nothing of a sound row', async () => {
    expect(await refusalOf(app, row({}))).toBe('accepted');
  });

  const undo = { kind: "'rollback'", target: "'b2'", effect: '1', stated: 'null', external_key: "'x5'" };
  const paying = { kind: "'win'", effect: '1', resolves: '3' };
  const free = { flags: "'{amount-differs,free-bet}'" };
  test.for<[string, Record<string, string>, string]>([
    ['a sequence twice', { sequence: '4' }, 'ledger_transaction_pkey'],
    ['sequence 0', { sequence: '0' }, 'ledger_sequence_positive'],
    ['a key twice', { external_key: "'b2'" }, 'ledger_external_key_unique'],
    ['a bet on the key of a rollback', { external_key: "'x1'" }, 'ledger_external_key_unique'],
    ['an empty key', { external_key: "''" }, 'ledger_external_key_size'],
    ['a key of 256 bytes', { external_key: "repeat('ä', 128)" }, 'ledger_external_key_size'],
    ['an unknown kind', { kind: "'gift'" }, 'ledger_kind_known'],
    ['a bet that gives', { effect: '1' }, 'ledger_effect_direction'],
    ['a win that takes', { kind: "'win'" }, 'ledger_effect_direction'],
    ['a deposit that takes', { kind: "'deposit'" }, 'ledger_effect_direction'],
    ['a withdrawal that gives', { kind: "'withdrawal'", effect: '1' }, 'ledger_effect_direction'],
    ['a tombstone with an effect', { kind: "'tombstone'" }, 'ledger_effect_direction'],
    ['a bet that is not covered', { balance_after: '-1' }, 'ledger_debit_covered'],
    ['a withdrawal that is not covered', { kind: "'withdrawal'", balance_after: '-1' }, 'ledger_debit_covered'],
    ['a bet of another amount than stated', { stated: '2' }, 'ledger_effect_as_stated'],
    ['a bet that states nothing', { stated: 'null' }, 'ledger_effect_as_stated'],
    ['a negative statement', { ...undo, stated: '-1', undoes: '3' }, 'ledger_stated_not_negative'],
    ['a second undo of the same bet', { ...undo, target: "'b1'", undoes: '2' }, 'ledger_undoes_unique'],
    ['an undo of a row that does not exist', { ...undo, sequence: '9', undoes: '8' }, 'ledger_undoes_fk'],
    ['an undo of a later row', { ...undo, undoes: '6' }, 'ledger_undo_is_rollback'],
    ['an undo by a bet', { undoes: '3' }, 'ledger_undo_is_rollback'],
    ['a rollback that moves without undoing', undo, 'ledger_rollback_effect_undoes'],
    ['a rollback without a target', { ...undo, target: 'null', undoes: '3' }, 'ledger_rollback_names_target'],
    ['a bet with a target', { target: "'b1'" }, 'ledger_rollback_names_target'],
    ['a win that names a bet, and pays it', { ...paying, target: "'b2'" }, 'accepted'],
    ['a win that pays a bet by its round', paying, 'accepted'],
    ['a bet that pays a bet', { resolves: '3' }, 'ledger_resolves_is_win'],
    ['a rollback that pays a bet', { ...undo, undoes: '3', resolves: '3' }, 'ledger_resolves_is_win'],
    ['a win that pays itself', { ...paying, resolves: '5' }, 'ledger_resolves_is_win'],
    ['a win that pays a later row', { ...paying, resolves: '6' }, 'ledger_resolves_is_win'],
    [
      'a deposit with a target',
      { ...paying, kind: "'deposit'", resolves: 'null', target: "'b2'" },
      'ledger_rollback_names_target',
    ],
    ['a free bet', { ...free, effect: '0' }, 'accepted'],
    ['a free bet that takes', free, 'ledger_effect_as_stated'],
    ['a free bet that states nothing', { ...free, effect: '0', stated: 'null' }, 'ledger_effect_as_stated'],
    ['a win that is a free bet', { ...paying, flags: "'{free-bet}'" }, 'ledger_effect_as_stated'],
    ['a bet without effect that is not free', { effect: '0' }, 'ledger_effect_as_stated'],
    ['a hash of another length', { hash: "'\\x00'" }, 'ledger_hash_size'],
    ['a row without a hash', { hash: 'null' }, '23502'],
    ['a chosen counter account', { account: "'cashier'" }, '428C9'],
  ])('%s', async ([, changes, constraint]) => {
    expect(await refusalOf(app, row(changes))).toBe(constraint);
  });

  test.for<[string, () => string, string]>([
    [
      'a second wallet in a currency',
      () => `insert into wallet (lane, player_id, currency) values (${alice.lane}, ${alice.id}, 'EUR')`,
      'wallet_currency_unique',
    ],
    [
      'a wallet in an unknown currency',
      () => `insert into wallet (lane, player_id, currency) values (${alice.lane}, ${alice.id}, 'XXX')`,
      'wallet_currency_fk',
    ],
    [
      'a wallet of nobody',
      () => `insert into wallet (lane, player_id, currency) values (${alice.lane}, 999, 'EUR')`,
      'wallet_player_fk',
    ],
    [
      'a wallet born with money',
      () => `insert into wallet (lane, player_id, currency, balance) values (${alice.lane}, ${alice.id}, 'BTC', 1)`,
      'wallet_empty_without_rows',
    ],
    ['a sequence below zero', () => 'update wallet set sequence = -1, balance = 0', 'wallet_sequence_not_negative'],
    ['a head of another length', () => "update wallet set head = '\\x00'", 'wallet_head_size'],
    [
      'a second player of the same name',
      () => `insert into player (lane, brand_id, external_id) values (${alice.lane}, 'demo', '${alice.externalId}')`,
      'player_external_id_unique',
    ],
    [
      'a player of an unknown brand',
      () => "insert into player (lane, brand_id, external_id) values (1, 'none', 'x')",
      'player_brand_fk',
    ],
    [
      'a player without a name',
      () => "insert into player (lane, brand_id, external_id) values (1, 'demo', '')",
      'player_external_id_size',
    ],
    [
      'a player in lane 64',
      () => "insert into player (lane, brand_id, external_id) values (64, 'demo', 'x')",
      'player_lane_fk',
    ],
    ['an unknown status', () => "update player set status = 'BANNED'", 'player_status_known'],
    [
      'a unit number twice',
      () => `insert into unit_of_work values (${alice.lane}, 1, '{1}', '{1}', now(), '{1}')`,
      'unit_of_work_pkey',
    ],
    [
      'unit number 0',
      () => `insert into unit_of_work values (${alice.lane}, 0, '{1}', '{1}', now(), '{1}')`,
      'unit_of_work_number_positive',
    ],
    [
      'a unit without wallets',
      () => `insert into unit_of_work values (${alice.lane}, 99, '{}', '{}', now(), '{}')`,
      'unit_of_work_pairs',
    ],
    [
      'a unit that is not in pairs',
      () => `insert into unit_of_work values (${alice.lane}, 99, '{1}', '{1,2}', now(), '{1}')`,
      'unit_of_work_pairs',
    ],
    [
      'a unit that does not say where each wallet moved from',
      () => `insert into unit_of_work values (${alice.lane}, 99, '{1}', '{1}', now(), '{}')`,
      'unit_of_work_pairs',
    ],
    ['a session on an unknown platform', () => session({ platform: "'phone'" }), 'game_session_platform_known'],
    ['a launch token twice', () => session({ token_hash: "sha256('used')" }), 'game_session_token_unique'],
    ['a session of nobody', () => session({ player_id: '999' }), 'game_session_player_fk'],
    ['a session in an unknown currency', () => session({ currency: "'XXX'" }), 'game_session_currency_fk'],
    ['a session of an unknown integration', () => session({ integration: "'none'" }), 'game_session_integration_fk'],
    ['nothing of a sound session', () => session({ token_hash: "sha256('fresh')", platform: "'mobile'" }), 'accepted'],
    ['a lane number below zero', () => 'update lane set number = -1', 'lane_number_not_negative'],
  ])('%s', async ([, sql, constraint]) => {
    expect(await refusalOf(app, sql())).toBe(constraint);
  });

  test('a currency with a scale of 19 or below zero', async () => {
    expect(await refusalOf(app, "insert into currency values ('XXX', 19)")).toBe('currency_scale_range');
    expect(await refusalOf(app, "insert into currency values ('XXX', -1)")).toBe('currency_scale_range');
  });
});

describe('the counter account', () => {
  test('is the house of the integration, or the cashier: what the wallets gain the accounts lose', async () => {
    const { rows } = await db.owner.query<{ account: string; total: string }>(
      'select account, -sum(effect) as total from ledger_transaction group by account order by account',
    );
    expect(rows).toEqual([
      { account: 'cashier', total: '-100000000' },
      { account: 'house:igpx-demo', total: '1000000' },
    ]);
  });
});
