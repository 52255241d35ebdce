import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audit, type AuditReport } from '../../src/ledger/audit.js';
import { type InvariantName, invariantNames } from '../../src/ledger/audit-invariants.js';
import { formatId, formatTransactionId } from '../../src/ledger/ids.js';
import { laneOf } from '../../src/ledger/lanes.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { CallbackRow } from '../../src/ledger/statements.js';
import { rebuildReports } from '../../src/reports/rebuild.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, limit, policy, rollback, win } from './commands.js';

let db: TestDatabase;
let ledger: Ledger;
let alice: TestPlayer;
let bob: TestPlayer;
let walletId: bigint;

/** Alice's ledger rows, one unit of work each but for the tombstone, which shares that of its rollback. */
const sequences = {
  deposit: 1n,
  bet1: 2n,
  win1: 3n,
  bet2: 4n,
  undo: 5n,
  early: 6n,
  tombstone: 7n,
  again: 8n,
  bet3: 9n,
};

beforeEach(async () => {
  db = await createTestDatabase({ audited: false });
  ledger = createTestLedger(db);
  alice = await createTestPlayer(db, { externalId: 'alice', balances: { EUR: '100' } });
  bob = await createTestPlayer(db, { externalId: nameInLane(alice.lane), balances: { EUR: '10' } });
  walletId = alice.wallets.get('EUR') ?? 0n;
  const commands = [
    bet(alice, 'b1', '10'),
    win(alice, 'w1', '15', { pays: { bet: 'b1' } }),
    bet(alice, 'b2', '7'),
    rollback(alice, 'r2', 'b2'),
    rollback(alice, 'r9', 'b9'),
    rollback(alice, 'r2-again', 'b2'),
    bet(alice, 'b3', '1'),
  ];
  for (const command of commands) {
    const journaled = command.key === 'b1' && { journal: () => journalRow(sequences.bet1) };
    const { outcome } = await ledger.execute(command, { policy, deadlineMs: 5_000, ...journaled });
    expect(outcome.type).toBe('applied');
  }
  await ledger.execute(limit(bob, 'deposit', 'day', '20'), { policy, deadlineMs: 5_000 });
  await db.owner.query(
    "insert into game_session (lane, player_id, integration, currency) values ($1, $2, 'igpx-demo', 'EUR')",
    [alice.lane, alice.id],
  );
  await db.owner.query(
    "insert into adjustment (lane, player_id, currency, amount, reason, proposed_by) values ($1, $2, 'EUR', 1, 'because', 'sam')",
    [bob.lane, bob.id],
  );
  const client = await db.owner.connect();
  await rebuildReports(client).finally(() => client.release(true));
});

afterEach(async () => {
  await ledger.close();
  await db.close();
});

function nameInLane(lane: number): string {
  for (let count = 0; ; count += 1) if (laneOf('demo', `bob-${count}`) === lane) return `bob-${count}`;
}

function journalRow(sequence: bigint): CallbackRow {
  return {
    lane: alice.lane,
    receivedAt: new Date(),
    integration: 'igpx-demo',
    name: 'bet',
    path: '/transaction',
    body: Buffer.from('{}'),
    verdict: 'ok',
    flags: [],
    status: 200,
    answer: '{}',
    durationUs: 1,
    walletId,
    sequence,
  };
}

/** As the superuser whom no trigger stops, which is the one the audit is for. */
async function asIntruder(work: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await db.owner.connect();
  try {
    await client.query('set session_replication_role = replica');
    await work(client);
    await client.query('reset session_replication_role');
  } finally {
    client.release();
  }
}

/** Changes one ledger row of Alice. */
function rewrite(sequence: bigint, assignment: string): (client: pg.PoolClient) => Promise<unknown> {
  return (client) =>
    client.query(`update ledger_transaction set ${assignment} where lane = $1 and wallet_id = $2 and sequence = $3`, [
      alice.lane,
      walletId,
      sequence,
    ]);
}

const dropConstraint = (name: string) => `alter table ledger_transaction drop constraint ${name}`;
const txId = (sequence: bigint) => formatTransactionId({ lane: alice.lane, walletId, sequence });
const walletIdText = () => formatId('wallet', { lane: alice.lane, id: walletId });

function brokenNames(report: AuditReport): InvariantName[] {
  return report.invariants.filter((each) => each.violations.length > 0).map((each) => each.name);
}

/** Ledger rows that an audit saw. */
function rowsOf(report: AuditReport): number {
  return report.invariants.find((each) => each.name === 'sequences-are-dense')?.checked ?? 0;
}

function violationsOf(report: AuditReport, name: string) {
  return report.invariants.find((each) => each.name === name)?.violations ?? [];
}

interface Breakage {
  readonly how: (client: pg.PoolClient) => Promise<unknown>;
  /** Public ids that the audit must name, and no others. */
  readonly named: () => (string | null)[];
  readonly what?: RegExp;
  /** Invariants that the same deed breaks as well. */
  readonly also?: readonly InvariantName[];
}

const breakages: Record<InvariantName, Breakage> = {
  'schema-is-in-place': {
    how: (client) => client.query(dropConstraint('ledger_debit_covered')),
    named: () => [null],
    what: /ledger_debit_covered is missing/,
  },
  'app-role-only-adds': {
    how: (client) => client.query('grant update (flags) on ledger_transaction to croupier_app'),
    named: () => [null],
    what: /croupier_app may UPDATE ledger_transaction/,
  },
  'player-is-in-its-lane': {
    how: (client) =>
      client.query("insert into player (lane, id, brand_id, external_id) values ($1, 77, 'demo', 'alice')", [
        (alice.lane + 1) % 64,
      ]),
    named: () => [formatId('player', { lane: (alice.lane + 1) % 64, id: 77n })],
  },
  'wallet-is-of-a-known-player-and-currency': {
    how: (client) =>
      client.query("insert into wallet (lane, id, player_id, currency) values ($1, 88, 99, 'EUR')", [alice.lane]),
    named: () => [formatId('wallet', { lane: alice.lane, id: 88n })],
  },
  'wallet-balance-is-the-sum-of-its-rows': {
    how: (client) => client.query('update wallet set balance = balance + 1 where id = $1', [walletId]),
    named: () => [walletIdText()],
    what: /balance 104000001, rows add up to 104000000, the last one says 104000000/,
  },
  'wallet-sequence-counts-its-rows': {
    how: (client) => client.query('update wallet set sequence = sequence + 1 where id = $1', [walletId]),
    named: () => [walletIdText()],
    also: ['feed-reaches-every-row-once'],
  },
  'wallet-head-is-the-last-hash': {
    how: (client) => client.query("update wallet set head = sha256('other') where id = $1", [walletId]),
    named: () => [walletIdText()],
  },
  'feed-reaches-every-row-once': {
    how: (client) =>
      client.query(
        'update unit_of_work set sequences[1] = 1 where lane = $1 and wallet_ids = array[$2::bigint] and sequences = array[4::bigint]',
        [alice.lane, walletId],
      ),
    named: () => [walletIdText()],
    what: /not rising/,
  },
  'feed-numbers-are-dense': {
    how: (client) => client.query('delete from unit_of_work where lane = $1 and number = 3', [alice.lane]),
    named: () => [null],
    what: /unit 4 follows 2/,
    also: ['feed-reaches-every-row-once'],
  },
  'sequences-are-dense': {
    how: (client) =>
      client.query('delete from ledger_transaction where wallet_id = $1 and sequence = $2', [walletId, sequences.bet1]),
    named: () => [txId(sequences.win1)],
    what: /follows sequence 1/,
    also: [
      'balances-add-up',
      'hash-chain-is-unbroken',
      'wallet-balance-is-the-sum-of-its-rows',
      'wallet-sequence-counts-its-rows',
      'journal-points-to-rows',
      'win-pays-a-bet-before-it',
      'reports-count-what-was-played',
    ],
  },
  'balances-add-up': {
    how: rewrite(sequences.win1, 'effect = effect + 1, stated = stated + 1'),
    named: () => [txId(sequences.win1)],
    also: ['hash-chain-is-unbroken', 'wallet-balance-is-the-sum-of-its-rows', 'reports-count-what-was-played'],
  },
  'hash-chain-is-unbroken': {
    how: rewrite(sequences.bet1, "round = 'another'"),
    named: () => [txId(sequences.bet1)],
  },
  'debit-is-covered': {
    how: async (client) => {
      await client.query(dropConstraint('ledger_debit_covered'));
      await rewrite(sequences.bet3, 'balance_after = -1')(client);
    },
    named: () => [txId(sequences.bet3)],
    also: ['schema-is-in-place', 'balances-add-up', 'hash-chain-is-unbroken', 'wallet-balance-is-the-sum-of-its-rows'],
  },
  'row-is-of-its-wallets-player': {
    how: (client) => rewrite(sequences.bet1, `player_id = ${bob.id}`)(client),
    named: () => [txId(sequences.bet1)],
    also: ['hash-chain-is-unbroken'],
  },
  'row-is-of-its-players-brand': {
    how: rewrite(sequences.bet1, "integration = 'igpx-other'"),
    named: () => [txId(sequences.bet1)],
    what: /integration igpx-other of brand other, player of demo/,
    also: ['hash-chain-is-unbroken', 'win-pays-a-bet-before-it'],
  },
  'external-key-is-unique': {
    how: async (client) => {
      await client.query(dropConstraint('ledger_external_key_unique'));
      await rewrite(sequences.bet3, "external_key = 'b1'")(client);
    },
    named: () => [txId(sequences.bet1), txId(sequences.bet3)],
    also: ['schema-is-in-place', 'hash-chain-is-unbroken'],
  },
  'rollback-mirrors-its-target': {
    how: rewrite(sequences.undo, 'undoes = 2'),
    named: () => [txId(sequences.undo)],
    also: ['hash-chain-is-unbroken', 'rollback-without-effect-has-a-reason'],
  },
  'rollback-is-the-only-one': {
    how: async (client) => {
      await client.query('drop index ledger_undoes_unique');
      await rewrite(sequences.again, 'undoes = 4')(client);
    },
    named: () => [txId(sequences.again)],
    also: [
      'schema-is-in-place',
      'hash-chain-is-unbroken',
      'rollback-mirrors-its-target',
      'reports-count-what-was-played',
    ],
  },
  'win-pays-a-bet-before-it': {
    how: rewrite(sequences.win1, 'resolves = 1'),
    named: () => [txId(sequences.win1)],
    what: /it pays deposit /,
    also: ['hash-chain-is-unbroken'],
  },
  'rollback-without-effect-has-a-reason': {
    how: rewrite(sequences.tombstone, "external_key = 'elsewhere'"),
    named: () => [txId(sequences.early)],
    also: ['hash-chain-is-unbroken'],
  },
  'tombstone-keeps-its-key-empty': {
    how: async (client) => {
      await client.query(dropConstraint('ledger_external_key_unique'));
      await rewrite(sequences.bet3, "external_key = 'b9'")(client);
    },
    named: () => [txId(sequences.tombstone)],
    also: ['schema-is-in-place', 'external-key-is-unique', 'hash-chain-is-unbroken'],
  },
  'journal-points-to-rows': {
    how: (client) => client.query('update callback set sequence = 99'),
    named: () => [txId(99n)],
  },
  'limits-count-what-was-played': {
    how: (client) =>
      client.query(
        `update wallet set limits = jsonb_set(limits, '{counted,week,deposit}', '"9999999"') where limits is not null`,
      ),
    named: () => [formatId('wallet', { lane: bob.lane, id: bob.wallets.get('EUR') ?? 0n })],
    what: /^the week from .* counts 0, 0, 9999999 of .* from sequence 1 say 0, 0, 10000000$/,
  },
  'reports-count-what-was-played': {
    how: async (client) => {
      await client.query('delete from game_session');
      await client.query("update wallet set currency = 'USD' where id = $1", [walletId]);
    },
    named: () => [walletIdText()],
    what: /^in USD the reports count 0 bets and wins, 0 rollbacks, an effect of 0; the rows say 3, 3, 4000000$/,
  },
  'session-and-adjustment-have-their-wallet': {
    how: async (client) => {
      await client.query('truncate player_bucket');
      await client.query("update wallet set currency = 'USD'");
    },
    named: () => [formatId('player', alice), formatId('player', bob)],
    what: /^session \d+ is in EUR, in which the player has no wallet$/,
  },
  'session-is-of-its-players-brand': {
    how: (client) => client.query("update game_session set integration = 'igpx-other'"),
    named: () => [formatId('player', alice)],
    what: /^session \d+ is of integration igpx-other of brand other, player of demo$/,
  },
};

test('sound books pass every invariant, and each saw rows', async () => {
  const report = await audit(db.orm);
  expect(brokenNames(report)).toEqual([]);
  expect(report.ok).toBe(true);
  expect(report.invariants.map((each) => each.name).sort()).toEqual([...invariantNames].sort());
  expect(report.invariants.filter((each) => each.checked === 0)).toEqual([]);
});

describe('the audit names the row that breaks an invariant, and no other', () => {
  test.for(Object.entries(breakages))('%s', async ([name, { how, named, what, also = [] }]) => {
    await asIntruder(how);
    const report = await audit(db.orm);
    const violations = violationsOf(report, name);
    expect(violations.map((each) => each.id)).toEqual(named());
    if (what !== undefined) expect(violations[0]?.what).toMatch(what);
    expect(brokenNames(report).toSorted()).toEqual([name, ...also].toSorted());
    expect(report.ok).toBe(false);
  });
});

test.for([
  ['under another key than it says', "target = 'b2'", /it pays bet b1/],
  ['that is not there', 'resolves = 0', /sequence 0 is no bet of this wallet/],
  ['of another integration', "integration = 'igpx-second'", /it pays bet b1/],
] as const)('a win that pays a bet %s is found', async ([, assignment, what]) => {
  await asIntruder(rewrite(sequences.win1, assignment));
  const found = violationsOf(await audit(db.orm), 'win-pays-a-bet-before-it');
  expect(found).toEqual([expect.objectContaining({ id: txId(sequences.win1), what: expect.stringMatching(what) })]);
});

test.for(['cashier', 'adjustment'])(
  'a bet through the integration "%s", which is of no brand, is found',
  async (name) => {
    await asIntruder(rewrite(sequences.bet3, `integration = '${name}'`));
    const found = violationsOf(await audit(db.orm), 'row-is-of-its-players-brand');
    expect(found).toEqual([expect.objectContaining({ id: txId(sequences.bet3), what: `bet of integration ${name}` })]);
  },
);

test('a ledger row of a wallet that does not exist is found, as no foreign key forbids it', async () => {
  await asIntruder(rewrite(sequences.bet3, 'wallet_id = 999'));
  const [found] = violationsOf(await audit(db.orm), 'row-is-of-its-wallets-player');
  expect(found?.what).toBe('there is no such wallet');
});

test('at most ten violations are named, and one invariant broken everywhere does not hide another', async () => {
  await asIntruder(async (client) => {
    await client.query("update ledger_transaction set game = 'another'");
    await client.query('update wallet set balance = balance + 1 where id = $1', [walletId]);
  });
  const report = await audit(db.orm);
  const count = (name: InvariantName) => violationsOf(report, name).length;
  expect(count('hash-chain-is-unbroken')).toBe(10);
  expect(count('wallet-balance-is-the-sum-of-its-rows')).toBe(1);
});

test('an audit of some lanes sees only those, and one lane after the other sees what all together see', async () => {
  const whole = await audit(db.orm);
  const only = await audit(db.orm, { lanes: [alice.lane] });
  const others = Array.from({ length: 64 }, (_, lane) => lane).filter((lane) => lane !== alice.lane);
  const rest = await audit(db.orm, { lanes: others });
  expect([rowsOf(only), rowsOf(only) + rowsOf(rest)]).toEqual([10, rowsOf(whole)]);
  const progress: number[] = [];
  await audit(db.orm, { from: alice.lane, onProgress: ({ rows }) => progress.push(rows) });
  expect(progress.at(-1)).toBe(10);
});
