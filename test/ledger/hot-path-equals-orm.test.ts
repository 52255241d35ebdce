import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createOneTransactionLedger } from '../../bench/baselines/one-transaction.js';
import { audit } from '../../src/ledger/audit.js';
import type { Outcome, WalletCommand, WalletLimits, Win } from '../../src/ledger/commands.js';
import { laneOf } from '../../src/ledger/lanes.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { Policy } from '../../src/ledger/policy.js';
import type { CallbackRow } from '../../src/ledger/statements.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { createTestDatabase, createTestLedger, type TestDatabase, testWorld } from '../support/database.js';
import { bet, decimal, deposit, policy, rollback, strictPolicy as strict, times, win, withdrawal } from './commands.js';

const alice = { brand: 'demo', externalId: 'alice' };
const bob = { brand: 'demo', externalId: 'bob' };
const carol = { brand: 'demo', externalId: 'carol' };
const dave = { brand: 'demo', externalId: 'dave' };

const b = (bet: string): Pick<Win, 'pays'> => ({ pays: { bet } });
const oldest = (round: string): Pick<Win, 'pays' | 'round'> => ({ pays: 'oldest-of-round', round });
const whole = (round: string): Pick<Win, 'pays' | 'round'> => ({ pays: 'round', round });

/** Wins that are linked to bets, in every way there is. */
const linked: readonly (readonly [WalletCommand, Policy])[] = [
  [deposit(carol, 'd1', '100'), policy],
  [bet(carol, 'l1', '10', { round: 'one' }), policy],
  [win(carol, 'lw1', '15', b('l1')), strict],
  [win(carol, 'lw1', '15', b('l1')), policy],
  [win(carol, 'lw1', '15', b('l2')), policy],
  [win(carol, 'lw1-second', '15', b('l1')), strict],
  [win(carol, 'lw1-second', '2', b('l1')), policy],
  [rollback(carol, 'lx1', 'l1'), strict],
  [rollback(carol, 'lx-w1', 'lw1'), policy],
  [rollback(carol, 'lx-w2', 'lw1-second'), policy],
  [win(carol, 'lw1-again', '3', { ...b('l1'), stake: decimal('9') }), strict],
  [rollback(carol, 'lx1', 'l1'), policy],
  [win(carol, 'lw-late', '4', b('l1')), strict],
  [win(carol, 'lw-late', '4', b('l1')), { ...strict, winOfRolledBackBet: 'quarantine' }],
  [win(carol, 'lw-late', '4', b('l1')), policy],
  [win(carol, 'lw-none', '4', b('never')), strict],
  [win(carol, 'lw-none', '4', b('never')), { ...strict, winWithoutBet: 'quarantine' }],
  [win(carol, 'lw-none', '4', b('never')), policy],
  [bet(carol, 'l2', '10', { round: 'two', free: true }), policy],
  [bet(carol, 'l2', '10', { round: 'two', free: true }), policy],
  [bet(carol, 'l2', '10', { round: 'two' }), policy],
  [bet(carol, 'l3', '2.5', { round: 'two', displayAt: new Date(Date.UTC(2026, 5, 1)) }), policy],
  [bet(carol, 'l4', '1', { round: 'two', integration: 'igpx-second' }), policy],
  [win(carol, 'lw2', '1', oldest('two')), strict],
  [win(carol, 'lw3', '1', { ...oldest('two'), stake: decimal('2.5') }), strict],
  [win(carol, 'lw4', '1', oldest('two')), policy],
  [rollback(carol, 'lx2', 'l2', { amount: decimal('10') }), policy],
  [bet(carol, 'l5', '0.000003', { round: 'three' }), policy],
  [bet(carol, 'l6', '0.000004', { round: 'three' }), policy],
  [win(carol, 'lw5', '0', { ...whole('three'), ...times('1.5'), displayAt: new Date(Date.UTC(2026, 5, 2)) }), strict],
  [win(carol, 'lw5', '0', { ...whole('three'), ...times('1.50') }), policy],
  [win(carol, 'lw5', '0', { ...whole('three'), ...times('1.6') }), policy],
  [win(carol, 'lw6', '0', { ...whole('three'), ...times('1.5') }), strict],
  [win(carol, 'lw6', '0', { ...whole('three'), ...times('1.5') }), policy],
  [win(carol, 'lw7', '5', whole('never')), strict],
  [win(carol, 'lw8', '5', { ...whole('three'), currency: 'USD' }), policy],
];

const empty = { since: '1', stake: '0', loss: '0', deposit: '0' };
const limitsOfDave: WalletLimits = {
  limits: {
    'stake-day': { max: '10000000' },
    'loss-week': { max: '1', next: { max: '8000000', from: '2026-01-01T12:00:00.000Z' } },
    'deposit-month': { max: '100000000' },
  },
  counted: {
    day: { from: '2025-12-31', ...empty },
    week: { from: '2025-12-29', ...empty },
    month: { from: '2025-12-01', ...empty },
  },
};

/** A player with limits of every kind. */
const limited: readonly (readonly [WalletCommand, Policy])[] = [
  [deposit(dave, 'd1', '100'), policy],
  [deposit(dave, 'd2', '0.01'), policy],
  [bet(dave, 'b1', '5'), policy],
  [bet(dave, 'b1', '5'), policy],
  [bet(dave, 'b2', '4'), policy],
  [win(dave, 'w1', '2'), policy],
  [bet(dave, 'b3', '5'), policy],
  [rollback(dave, 'x3', 'b3'), policy],
  [rollback(dave, 'x1', 'w1'), policy],
  [bet(dave, 'free', '50', { free: true }), policy],
  [bet(dave, 'b4', '4'), policy],
  [withdrawal(dave, 'out', '1'), policy],
  [{ kind: 'status', brand: 'demo', player: 'dave', status: 'SELF_EXCLUDED', until: new Date('2026-02-01') }, policy],
  [{ kind: 'status', brand: 'demo', player: 'dave', status: 'ACTIVE' }, policy],
  [bet(dave, 'b5', '1'), policy],
  [win(dave, 'w2', '1'), policy],
];

/** One of everything the rules distinguish, with both policies. */
const commands: readonly (readonly [WalletCommand, Policy])[] = [
  [deposit(alice, 'd1', '100'), policy],
  [bet(alice, 'b1', '10', { round: 'r1', game: 'g1' }), policy],
  [bet(alice, 'b1', '10', { round: 'r1', game: 'g1' }), policy],
  [bet(alice, 'b1', '10', { round: 'r1', game: 'g1' }), strict],
  [bet(alice, 'b1', '11', { round: 'r1', game: 'g1' }), policy],
  [bet(alice, 'too-much', '1000'), policy],
  [bet(alice, 'free', '0'), policy],
  [win(alice, 'w1', '12.3456789', { round: 'r1' }), policy],
  [win(alice, 'w1', '12.3456789', { round: 'r1' }), policy],
  [win(alice, 'lost', '0', { round: 'r2' }), policy],
  [rollback(alice, 'x1', 'b1', { amount: { digits: 10n, decimals: 0 } }), policy],
  [rollback(alice, 'x1', 'b1', { amount: { digits: 10n, decimals: 0 } }), policy],
  [rollback(alice, 'x1-again', 'b1'), policy],
  [rollback(alice, 'x1-strict', 'b1'), strict],
  [rollback(alice, 'x-unknown', 'b-late', { round: 'Runde "5", \\ {ä}' }), policy],
  [bet(alice, 'b-late', '1'), policy],
  [rollback(alice, 'x-strict', 'b-never'), strict],
  [rollback(alice, 'x-x', 'x1'), policy],
  [rollback(alice, 'x-w1', 'w1', { currency: 'USD' }), policy],
  [win(alice, 'usd', '3', { currency: 'USD' }), policy],
  [rollback(alice, 'btc', 'nothing', { currency: 'BTC' }), policy],
  [win(alice, 'gbp', '3', { currency: 'GBP' }), policy],
  [withdrawal(alice, 'out', '5'), policy],
  [{ kind: 'balance', brand: 'demo', player: 'alice', currency: 'EUR' }, policy],
  [{ kind: 'status', brand: 'demo', player: 'bob', status: 'SUSPENDED' }, policy],
  [bet(bob, 'b1', '1'), policy],
  [win(bob, 'w1', '7'), policy],
  [win(bob, 'w2', '7'), strict],
  [deposit(bob, 'd1', '1'), policy],
  [rollback(bob, 'x-w1', 'w1'), policy],
  [{ kind: 'status', brand: 'demo', player: 'bob', status: 'ACTIVE' }, policy],
  [withdrawal(bob, 'out', '1'), policy],
  [bet({ brand: 'demo', externalId: 'nobody' }, 'b', '1'), policy],
  ...linked,
  ...limited,
];

let hot: TestDatabase;
let plain: TestDatabase;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  [hot, plain] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  for (const { owner } of [hot, plain]) {
    for (const [id, name] of [
      [1, 'alice'],
      [2, 'bob'],
      [3, 'carol'],
      [4, 'dave'],
    ] as const) {
      await owner.query(
        "insert into player (lane, id, brand_id, external_id, created_at) values ($1, $2, 'demo', $3, '2026-01-01')",
        [laneOf('demo', name), id, name],
      );
    }
    const lane = laneOf('demo', 'dave');
    await owner.query("insert into wallet (lane, player_id, currency, limits) values ($1, 4, 'EUR', $2)", [
      lane,
      limitsOfDave,
    ]);
    await owner.query('update player set limits = $2 where lane = $1 and id = 4', [
      lane,
      { sessionMinutes: { max: 60 } },
    ]);
  }
});

afterAll(async () => {
  vi.useRealTimers();
  await Promise.all([hot.close(), plain.close()]);
});

function journalRow(outcome: Outcome, index: number): CallbackRow {
  const money = 'receipt' in outcome ? outcome.receipt : outcome.balance;
  return {
    lane: money?.lane ?? 0,
    receivedAt: new Date(Date.UTC(2026, 0, 1, 0, 0, index)),
    integration: 'igpx-demo',
    name: null,
    path: '/',
    body: Buffer.from([index, 0, 255]),
    verdict: outcome.type,
    flags: outcome.flags,
    status: 200,
    answer: `{"answer": "${index}"}`,
    durationUs: index,
    walletId: money?.walletId ?? null,
    sequence: 'receipt' in outcome ? outcome.receipt.sequence : null,
  };
}

async function play(ledger: Pick<Ledger, 'execute' | 'close'>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, [command, policy]] of commands.entries()) {
    // The row's hash covers its time, so both ledgers are told the same.
    vi.setSystemTime(Date.UTC(2026, 0, 1, 12, 0, index));
    const journal = (outcome: Outcome): CallbackRow => journalRow(outcome, index);
    const { outcome } = await ledger.execute(command, { policy, deadlineMs: 10_000, journal });
    outcomes.push(outcome);
  }
  await ledger.close();
  return outcomes;
}

/** Everything a command leaves behind. */
async function rowsOf({ owner }: TestDatabase): Promise<Record<string, unknown[]>> {
  const tables = {
    ledger:
      'select lane, wallet_id, sequence, player_id, integration, external_key, kind, effect, stated, rest, balance_after, account, ' +
      'target, undoes, resolves, round, game, flags, created_at, display_at, hash from ledger_transaction order by lane, wallet_id, sequence',
    wallets: 'select lane, id, player_id, currency, balance, sequence, head, limits from wallet order by lane, id',
    units: 'select lane, number, wallet_ids, sequences, created_at from unit_of_work order by lane, number',
    lanes: 'select lane, number from lane order by lane',
    players: 'select * from player order by lane, id',
    callbacks:
      'select lane, received_at, integration, name, path, body, verdict, flags, status, answer, duration_us, wallet_id, sequence ' +
      'from callback order by received_at',
  };
  const rows: Record<string, unknown[]> = {};
  for (const [name, sql] of Object.entries(tables)) rows[name] = (await owner.query<Record<string, unknown>>(sql)).rows;
  return rows;
}

test('the set-based hot path leaves the same rows, hashes and answers as one ORM transaction per command', async () => {
  const options = {
    currencies: testWorld.currencies,
    brandCurrencies: new Map(testWorld.brands.map((each) => [each.id, new Set(each.currencies)])),
    integrationCurrencies: new Map(testWorld.integrations.map((each) => [each.id, new Set(each.currencies)])),
    committed: () => undefined,
    failed: (message: string, error: unknown) => {
      throw new Error(message, { cause: error });
    },
  };
  const directory = createPlayerDirectory(plain.orm);
  const findPlayer = (brand: string, externalId: string) => directory.find(brand, externalId);
  const hotOutcomes = await play(createTestLedger(hot, { failed: options.failed }));
  const plainOutcomes = await play(createOneTransactionLedger(plain.orm, { ...options, findPlayer }));

  expect(plainOutcomes).toEqual(hotOutcomes);
  const overLimits = hotOutcomes.filter((each) => each.type === 'refused' && each.code === 'LIMIT_REACHED');
  expect(overLimits).toHaveLength(3);
  const [hotRows, plainRows] = [await rowsOf(hot), await rowsOf(plain)];
  expect(hotRows['ledger']?.length).toBeGreaterThan(35);
  expect(plainRows).toEqual(hotRows);
  for (const { orm } of [hot, plain]) expect((await audit(orm)).ok).toBe(true);
});
