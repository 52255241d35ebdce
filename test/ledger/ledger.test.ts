import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome, WalletCommand } from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { Policy } from '../../src/ledger/policy.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, deposit, policy, rollback, said, win } from './commands.js';
import { holdLane, untilWaiting } from './interruption.js';

let db: TestDatabase;
/** Two gateway processes on one database. */
let first: Ledger;
let second: Ledger;
let alice: TestPlayer;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

beforeEach(async () => {
  first = createTestLedger(db);
  second = createTestLedger(db);
  alice = await createTestPlayer(db);
});
afterEach(async () => {
  await Promise.all([first.close(), second.close()]);
});

async function execute(ledger: Ledger, command: WalletCommand, overrides: Partial<Policy> = {}): Promise<Outcome> {
  const { outcome } = await ledger.execute(command, { policy: { ...policy, ...overrides }, deadlineMs: 10_000 });
  return outcome;
}

async function answers(ledger: Ledger, ...commands: WalletCommand[]): Promise<string[]> {
  const given: string[] = [];
  for (const command of commands) given.push(said(await execute(ledger, command)));
  return given;
}

async function balanceOf(player: TestPlayer, currency = 'EUR'): Promise<string> {
  return said(await execute(first, { kind: 'balance', brand: player.brand, player: player.externalId, currency }));
}

async function rowCount(player: TestPlayer, key: string): Promise<number> {
  const { rows } = await db.owner.query<{ count: string }>(
    'select count(*) from ledger_transaction where lane = $1 and player_id = $2 and external_key = $3',
    [player.lane, player.id, key],
  );
  return Number(rows[0]?.count);
}

describe('1: the same bet 16 times at once, through two gateways', () => {
  test('is one debit, and everybody gets the first answer', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, count) => execute(count % 2 === 0 ? first : second, bet(alice, 'b', '30'))),
    );
    expect(outcomes.filter((each) => each.type === 'applied')).toHaveLength(1);
    expect(outcomes.filter((each) => each.type === 'replayed')).toHaveLength(15);
    const receipts = outcomes.map((each) => ('receipt' in each ? each.receipt : undefined));
    expect(new Set(receipts.map((each) => each?.transactionId)).size).toBe(1);
    expect(new Set(receipts.map((each) => each?.balanceAfterUnits))).toEqual(new Set([70_000_000n]));
    expect(await balanceOf(alice)).toBe('done 70000000');
  });

  test('is one debit, and everybody else is told so where the policy wants that', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, count) =>
        execute(count % 2 === 0 ? first : second, bet(alice, 'b', '30'), { duplicate: 'refuse' }),
      ),
    );
    expect(outcomes.map(said).sort()).toEqual(['applied 70000000', ...Array<string>(15).fill('refused DUPLICATE')]);
  });
});

test('2: a retry with the same facts written otherwise gets the first answer, whatever has happened since', async () => {
  expect(await answers(first, bet(alice, 'b', '5'), win(alice, 'w', '50'), bet(alice, 'b', '5.000000'))).toEqual([
    'applied 95000000',
    'applied 145000000',
    'replayed 95000000',
  ]);
  expect(await answers(second, bet(alice, 'b', '5.00', { game: 'another' }))).toEqual(['replayed 95000000']);
});

test('rule 3: the same key with other facts is refused and flagged, and the first stays', async () => {
  await execute(first, bet(alice, 'b', '5', { round: 'r1' }));
  for (const command of [
    bet(alice, 'b', '6', { round: 'r1' }),
    bet(alice, 'b', '5', { round: 'r2' }),
    bet(alice, 'b', '5', { round: 'r1', currency: 'USD' }),
    win(alice, 'b', '5', { round: 'r1' }),
    rollback(alice, 'b', 'b0', { round: 'r1' }),
  ]) {
    expect(await execute(first, command)).toMatchObject({
      type: 'refused',
      code: 'KEY_CONFLICT',
      flags: ['key-conflict'],
    });
  }
  expect(await balanceOf(alice)).toBe('done 95000000');
});

test('3: two integrations, brands or players use the same id independently', async () => {
  const bob = await createTestPlayer(db);
  const namesake = await createTestPlayer(db, { brand: 'other', externalId: alice.externalId });
  const outcomes = await Promise.all([
    execute(first, bet(alice, 'same', '1')),
    execute(second, bet(alice, 'same', '2', { integration: 'igpx-second' })),
    execute(first, bet(bob, 'same', '3')),
    execute(second, bet(namesake, 'same', '4', { integration: 'igpx-other' })),
  ]);
  expect(outcomes.map((each) => each.type)).toEqual(['applied', 'applied', 'applied', 'applied']);
  expect(await balanceOf(alice)).toBe('done 97000000');
  expect(await balanceOf(bob)).toBe('done 97000000');
  expect(await balanceOf(namesake)).toBe('done 96000000');
});

test('4: a bet that comes after its rollback is refused without money, for ever', async () => {
  expect(await answers(first, rollback(alice, 'x', 'b'), bet(alice, 'b', '5'), bet(alice, 'b', '5'))).toEqual([
    'applied 100000000',
    'refused BET_ROLLED_BACK',
    'refused BET_ROLLED_BACK',
  ]);
  expect(await answers(second, rollback(alice, 'x', 'b'), bet(alice, 'b', '5'), bet(alice, 'b', '7'))).toEqual([
    'replayed 100000000',
    'refused BET_ROLLED_BACK',
    'refused BET_ROLLED_BACK',
  ]);
});

test('4: it is refused for ever too where the rollback itself was refused as unknown', async () => {
  const strict = { rollbackOfUnknown: 'refuse' } as const;
  expect(said(await execute(first, rollback(alice, 'x', 'b'), strict))).toBe('refused TARGET_UNKNOWN');
  expect(said(await execute(first, bet(alice, 'b', '5'), strict))).toBe('refused BET_ROLLED_BACK');
  // Rule 2: the first answer was a refusal, so the repeat's is the same one.
  expect(said(await execute(second, rollback(alice, 'x', 'b'), strict))).toBe('refused TARGET_UNKNOWN');
});

describe('5: a rollback while its bet is not yet committed', () => {
  test('waits for the bet and refunds it', async () => {
    const lane = await holdLane(db, alice.lane);
    const betting = execute(first, bet(alice, 'b', '5'));
    await untilWaiting(db.owner, 1);
    const undoing = execute(second, rollback(alice, 'x', 'b'));
    await untilWaiting(db.owner, 2);
    await lane.release();
    expect(said(await betting)).toBe('applied 95000000');
    expect(said(await undoing)).toBe('applied 100000000');
    expect(await rowCount(alice, 'b')).toBe(1);
  });

  test('never ends with both a committed bet and a tombstone, however they race', async () => {
    for (let round = 0; round < 40; round += 1) {
      const [betting, undoing] = await Promise.all([
        execute(first, bet(alice, `b${round}`, '5')),
        execute(second, rollback(alice, `x${round}`, `b${round}`)),
      ]);
      expect(undoing.type).toBe('applied');
      const late = betting.type === 'refused';
      if (late) expect(betting.code).toBe('BET_ROLLED_BACK');
      expect(await balanceOf(alice)).toBe('done 100000000');
      expect(await rowCount(alice, `b${round}`)).toBe(1);
    }
  });
});

test('6: the rollback of a bet that was refused for funds is accepted, and nothing moves', async () => {
  expect(await answers(first, bet(alice, 'b', '500'), rollback(alice, 'x', 'b'), bet(alice, 'b', '500'))).toEqual([
    'refused INSUFFICIENT_FUNDS',
    'applied 100000000',
    'refused BET_ROLLED_BACK',
  ]);
});

test("7: a rollback that names another player's bet moves nobody's money and closes only this player's key", async () => {
  const bob = await createTestPlayer(db);
  await execute(first, bet(bob, 'b', '40'));
  const outcome = await execute(first, rollback(alice, 'x', 'b'));
  expect(outcome).toMatchObject({ type: 'applied', flags: ['rollback-of-unknown'], receipt: { effectUnits: 0n } });
  expect(await balanceOf(alice)).toBe('done 100000000');
  expect(await balanceOf(bob)).toBe('done 60000000');
  expect(await answers(first, bet(alice, 'b', '1'), rollback(bob, 'x', 'b'))).toEqual([
    'refused BET_ROLLED_BACK',
    'applied 100000000',
  ]);
});

test('7: a rollback through another integration does not reach the bet', async () => {
  await execute(first, bet(alice, 'b', '40'));
  const outcome = await execute(first, rollback(alice, 'x', 'b', { integration: 'igpx-second' }));
  expect(outcome).toMatchObject({ flags: ['rollback-of-unknown'] });
  expect(await balanceOf(alice)).toBe('done 60000000');
});

test('8: of many parallel bets exactly those are accepted for which there are funds', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, count) => execute(count % 2 === 0 ? first : second, bet(alice, `b${count}`, '7'))),
  );
  const counts = Map.groupBy(outcomes, (each) => (each.type === 'refused' ? each.code : each.type));
  expect(counts.get('applied')).toHaveLength(14);
  expect(counts.get('INSUFFICIENT_FUNDS')).toHaveLength(36);
  expect(await balanceOf(alice)).toBe('done 2000000');
});

test('9: bet, win and rollback at once: every answer says the balance after its own row', async () => {
  await execute(first, bet(alice, 'undone', '10'));
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, count) => {
      const ledger = count % 2 === 0 ? first : second;
      if (count % 3 === 0) return execute(ledger, bet(alice, `b${count}`, '1'));
      return count % 3 === 1
        ? execute(ledger, win(alice, `w${count}`, '2'))
        : execute(ledger, rollback(alice, `x${count}`, 'undone'));
    }),
  );
  const receipts = outcomes.flatMap((each) => ('receipt' in each ? [each.receipt] : []));
  expect(receipts).toHaveLength(30);
  const bySequence = receipts.toSorted((a, b) => Number(a.sequence - b.sequence));
  // The deposit is row 1 and the first bet row 2: the 30 rows follow without a gap, each on the one before.
  let balance = 90_000_000n;
  for (const [index, receipt] of bySequence.entries()) {
    balance += receipt.effectUnits;
    expect(receipt.sequence).toBe(BigInt(index + 3));
    expect(receipt.balanceAfterUnits).toBe(balance);
  }
  expect(balance).toBe(110_000_000n);
});

test('10: a thousand bets on one hot wallet are few units of work, not a queue of a thousand locks', async () => {
  const before = first.stats.units;
  const outcomes = await Promise.all(
    Array.from({ length: 1_000 }, (_, count) => execute(first, bet(alice, `b${count}`, '0.1'))),
  );
  expect(outcomes.every((each) => each.type === 'applied')).toBe(true);
  expect(first.stats.units - before).toBeLessThanOrEqual(10);
  expect(await balanceOf(alice)).toBe('done 0');
});

test('11: what committed is in the feed even when the gateway died before it could publish', async () => {
  const mute = createTestLedger(db);
  await mute.execute(bet(alice, 'b', '5'), { policy, deadlineMs: 10_000 });
  await mute.close();
  const { rows } = await db.owner.query<{ sequences: string[] }>(
    'select sequences from unit_of_work where lane = $1 and wallet_ids = array[$2::bigint] order by number',
    [alice.lane, alice.wallets.get('EUR')],
  );
  expect(rows.map((each) => each.sequences)).toEqual([['1'], ['2']]);
});

test('14: a retry that overtakes the first attempt waits for it and executes nothing again', async () => {
  const lane = await holdLane(db, alice.lane);
  const attempt = execute(first, bet(alice, 'b', '5'));
  await untilWaiting(db.owner, 1);
  const retry = execute(second, bet(alice, 'b', '5'));
  await untilWaiting(db.owner, 2);
  await lane.release();
  expect([said(await attempt), said(await retry)]).toEqual(['applied 95000000', 'replayed 95000000']);
});

describe('15: while the player is being banned', () => {
  const ban = () => ({ kind: 'status', brand: 'demo', player: alice.externalId, status: 'SUSPENDED' }) as const;

  test('what came before the ban is decided before it, what came after is decided after it, and every win lands', async () => {
    const outcomes = await Promise.all([
      execute(first, bet(alice, 'b1', '5')),
      execute(first, win(alice, 'w1', '1')),
      execute(first, ban()),
      execute(first, bet(alice, 'b2', '5')),
      execute(first, win(alice, 'w2', '1')),
      execute(first, rollback(alice, 'x1', 'b1')),
    ]);
    expect(outcomes.map(said)).toEqual([
      'applied 95000000',
      'applied 96000000',
      'done nothing',
      'refused PLAYER_NOT_ACTIVE',
      'applied 97000000',
      'applied 102000000',
    ]);
    expect(outcomes[4]).toMatchObject({ flags: ['win-of-inactive-player'] });
  });

  test('a bet through another gateway sees the ban as soon as it was answered', async () => {
    for (let round = 0; round < 10; round += 1) {
      await execute(first, { ...ban(), status: 'ACTIVE' });
      expect(said(await execute(second, bet(alice, `ok${round}`, '0')))).toBe('applied 100000000');
      await execute(first, ban());
      expect(said(await execute(second, bet(alice, `no${round}`, '1')))).toBe('refused PLAYER_NOT_ACTIVE');
    }
  });
});

describe('debts', () => {
  test('rule 6: undoing a win already spent is applied, and the player bets again only when the debt is covered', async () => {
    expect(
      await answers(
        first,
        win(alice, 'w', '50'),
        bet(alice, 'b1', '120'),
        rollback(alice, 'x', 'w'),
        bet(alice, 'b2', '1'),
        deposit(alice, 'd1', '20'),
        bet(alice, 'b2', '0'),
        bet(alice, 'b2', '1'),
      ),
    ).toEqual([
      'applied 150000000',
      'applied 30000000',
      'applied -20000000',
      'refused WALLET_IN_DEBT',
      'applied 0',
      'applied 0',
      'refused KEY_CONFLICT',
    ]);
  });
});

test('rule 14: an unknown player is refused and flagged, and not created', async () => {
  const outcome = await execute(first, win({ brand: 'demo', externalId: 'nobody' }, 'w', '1'));
  expect(outcome).toMatchObject({ type: 'refused', code: 'PLAYER_UNKNOWN', flags: ['player-unknown'] });
  const { rows } = await db.owner.query("select from player where external_id = 'nobody'");
  expect(rows).toEqual([]);
});

test.for([
  'a',
  'A'.repeat(255),
  'ключ-円-🎰',
  `'; drop table wallet; --`,
  '{"a",NULL,\\}',
  ' leading and trailing ',
  'NULL',
  '\\x00',
])('the key %j is stored as it is, and found again', async (key) => {
  expect(await answers(first, bet(alice, key, '1'), bet(alice, key, '1'), rollback(alice, 'x', key))).toEqual([
    'applied 99000000',
    'replayed 99000000',
    'applied 100000000',
  ]);
  const { rows } = await db.owner.query<{ external_key: string }>(
    "select external_key from ledger_transaction where player_id = $1 and kind = 'bet'",
    [alice.id],
  );
  expect(rows).toEqual([{ external_key: key }]);
});

test('keys that differ in case only are two movements', async () => {
  expect(await answers(first, bet(alice, 'Bet', '1'), bet(alice, 'bet', '1'))).toEqual([
    'applied 99000000',
    'applied 98000000',
  ]);
});
