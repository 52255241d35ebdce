import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome, WalletCommand } from '../../src/ledger/commands.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { Policy } from '../../src/ledger/policy.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
} from '../support/database.js';
import { bet, decimal, lookup, policy, rollback, said, strictPolicy, times, win } from './commands.js';

/** Wins that are linked to bets: what comes before them may be in the ledger, or in the same unit of work. */

let db: TestDatabase;
let ledger: Ledger;
let alice: TestPlayer;
let failures: string[];

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

beforeEach(async () => {
  failures = [];
  alice = await createTestPlayer(db);
  const directory = createPlayerDirectory(db.orm);
  await directory.find('demo', alice.externalId);
  ledger = createTestLedger(db, {
    laneSets: 1,
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    failed: (message) => failures.push(message),
  });
});
afterEach(async () => {
  await ledger.close();
  expect(failures).toEqual([]);
});

type Asked = WalletCommand | readonly [WalletCommand, Policy];

async function ask(asked: Asked): Promise<Outcome> {
  const [command, rules] = 'kind' in asked ? [asked, policy] : asked;
  return (await ledger.execute(command, { policy: rules, deadlineMs: 20_000 })).outcome;
}

/** In as many units as there are commands, or all in one. */
type Way = (asked: readonly Asked[]) => Promise<Outcome[]>;

const oneAfterTheOther: Way = async (asked) => {
  const before = ledger.stats.units;
  const outcomes: Outcome[] = [];
  for (const each of asked) outcomes.push(await ask(each));
  expect(ledger.stats.units - before).toBe(asked.length);
  return outcomes;
};
const allAtOnce: Way = async (asked) => {
  const before = ledger.stats.units;
  const outcomes = await Promise.all(asked.map(ask));
  expect(ledger.stats.units - before).toBe(1);
  return outcomes;
};

const whole = { pays: 'round', round: 'r' } as const;
const oldest = { pays: 'oldest-of-round', round: 'r' } as const;
const pays = (key: string) => ({ pays: { bet: key } });

describe.for([
  { how: 'each in a unit of its own', run: oneAfterTheOther },
  { how: 'all in one unit', run: allAtOnce },
])('$how:', ({ run }) => {
  const answers = async (...asked: readonly Asked[]): Promise<string[]> => (await run(asked)).map(said);
  const flags = (outcomes: readonly Outcome[]) => outcomes.map((each) => each.flags.join(' '));

  test('a bet, its win, the rollback of the bet, and a win that comes too late', async () => {
    const outcomes = await run([
      bet(alice, 'b', '5', { round: 'r' }),
      [win(alice, 'w', '8', oldest), strictPolicy],
      [rollback(alice, 'x', 'b'), strictPolicy],
      rollback(alice, 'x', 'b'),
      [win(alice, 'late', '8', oldest), strictPolicy],
      [win(alice, 'late', '8', pays('b')), { ...strictPolicy, winOfRolledBackBet: 'quarantine' }],
      win(alice, 'late', '8', oldest),
    ]);
    expect(outcomes.map(said)).toEqual([
      'applied 95000000',
      'applied 103000000',
      'refused BET_RESOLVED',
      'applied 108000000',
      'refused BET_ROLLED_BACK',
      'refused BET_ROLLED_BACK',
      'applied 116000000',
    ]);
    expect(flags(outcomes)).toEqual([
      '',
      '',
      'rollback-after-win',
      'rollback-after-win',
      'win-of-rolled-back-bet',
      'win-of-rolled-back-bet quarantined',
      'win-of-rolled-back-bet',
    ]);
  });

  test('a second win of a bet is found, and the undo of the first opens the bet again', async () => {
    expect(
      await answers(
        bet(alice, 'b', '5'),
        [win(alice, 'w1', '8', pays('b')), strictPolicy],
        [win(alice, 'w2', '8', pays('b')), strictPolicy],
        rollback(alice, 'x1', 'w1'),
        [win(alice, 'w2', '8', pays('b')), strictPolicy],
        [win(alice, 'w3', '8', pays('b')), strictPolicy],
        win(alice, 'w3', '8', pays('b')),
        rollback(alice, 'x2', 'w2'),
        [rollback(alice, 'x-b', 'b'), strictPolicy],
        rollback(alice, 'x3', 'w3'),
        [rollback(alice, 'x-b', 'b'), strictPolicy],
      ),
    ).toEqual([
      'applied 95000000',
      'applied 103000000',
      'refused BET_RESOLVED',
      'applied 95000000',
      'applied 103000000',
      'refused BET_RESOLVED',
      'applied 111000000',
      'applied 103000000',
      'refused BET_RESOLVED',
      'applied 95000000',
      'applied 100000000',
    ]);
  });

  test('each win takes the oldest bet of the round that is still open', async () => {
    const outcomes = await run([
      bet(alice, 'b1', '1', { round: 'r' }),
      bet(alice, 'b2', '2', { round: 'r' }),
      bet(alice, 'b3', '4', { round: 'other' }),
      [win(alice, 'w1', '1', { ...oldest, stake: decimal('1') }), strictPolicy],
      [win(alice, 'w2', '1', { ...oldest, stake: decimal('1') }), strictPolicy],
      [win(alice, 'w3', '1', oldest), strictPolicy],
      bet(alice, 'b4', '1', { round: 'r' }),
      [win(alice, 'w3', '1', oldest), strictPolicy],
      [rollback(alice, 'x', 'b4'), strictPolicy],
      [rollback(alice, 'x3', 'b3'), strictPolicy],
    ]);
    expect(outcomes.map((each) => each.type).join(' ')).toBe(
      'applied applied applied applied applied refused applied applied refused applied',
    );
    expect(flags(outcomes)).toEqual(['', '', '', '', 'stake-differs', 'second-win', '', '', 'rollback-after-win', '']);
    expect(await resolved()).toEqual(['w1 pays b1', 'w2 pays b2', 'w3 pays b4']);
  });

  test('a win of a whole round multiplies what is staked in it, once', async () => {
    const outcomes = await run([
      bet(alice, 'b1', '1.000001', { round: 'r' }),
      bet(alice, 'b2', '2', { round: 'r' }),
      bet(alice, 'b3', '10', { round: 'r' }),
      bet(alice, 'free', '1', { round: 'r', free: true }),
      rollback(alice, 'x', 'b3'),
      [win(alice, 'w1', '0', { ...whole, ...times('1.5') }), strictPolicy],
      [win(alice, 'w2', '0', { ...whole, ...times('1.5') }), strictPolicy],
      bet(alice, 'b4', '50', { round: 'r' }),
      win(alice, 'w1', '0', { ...whole, ...times('1.50') }),
      win(alice, 'w1', '0', { ...whole, ...times('1.6') }),
    ]);
    expect(outcomes.map(said)).toEqual([
      'applied 98999999',
      'applied 96999999',
      'applied 86999999',
      'applied 86999999',
      'applied 96999999',
      'applied 103000000',
      'refused BET_RESOLVED',
      'applied 53000000',
      'replayed 103000000',
      'refused KEY_CONFLICT',
    ]);
    expect(flags(outcomes.slice(5, 7))).toEqual(['credit-rounded-down', 'second-win']);
    expect(outcomes[8]).toMatchObject({ balance: { balanceUnits: 53_000_000n } });
  });

  test('the repeat of a multiplied win is one, although its bets were rolled back since', async () => {
    expect(
      await answers(
        bet(alice, 'b1', '1', { round: 'r' }),
        bet(alice, 'b2', '2', { round: 'r' }),
        rollback(alice, 'x2', 'b2'),
        win(alice, 'w', '0', { ...whole, ...times('3') }),
        win(alice, 'named', '0', { ...pays('b1'), ...times('2') }),
        rollback(alice, 'x1', 'b1'),
        win(alice, 'w', '0', { ...whole, ...times('3') }),
        win(alice, 'named', '0', { ...pays('b1'), ...times('2') }),
        win(alice, 'w', '0', { ...whole, ...times('2') }),
      ),
    ).toEqual([
      'applied 99000000',
      'applied 97000000',
      'applied 99000000',
      'applied 102000000',
      'applied 104000000',
      'applied 105000000',
      'replayed 102000000',
      'replayed 104000000',
      'refused KEY_CONFLICT',
    ]);
  });

  test('a win that is not linked leaves the bets of its round open, whoever else asks for the round', async () => {
    const outcomes = await run([
      bet(alice, 'b', '1', { round: 'r' }),
      [win(alice, 'free-standing', '1', { round: 'r', stake: decimal('9') }), strictPolicy],
      [win(alice, 'w', '1', oldest), strictPolicy],
    ]);
    expect(outcomes.map(said)).toEqual(['applied 99000000', 'applied 100000000', 'applied 101000000']);
    expect(flags(outcomes)).toEqual(['', '', '']);
    expect(await resolved()).toEqual(['w pays b']);
  });

  test('a win before its bet is the policy’s to take, and the tombstone of a bet says that it was rolled back', async () => {
    const outcomes = await run([
      [win(alice, 'w1', '1', pays('later')), strictPolicy],
      [win(alice, 'w1', '1', pays('later')), { ...strictPolicy, winWithoutBet: 'quarantine' }],
      win(alice, 'w1', '1', pays('later')),
      bet(alice, 'later', '2'),
      [win(alice, 'w2', '1', pays('later')), strictPolicy],
      rollback(alice, 'x', 'never', { round: 'r' }),
      [win(alice, 'w3', '1', pays('never')), strictPolicy],
      [win(alice, 'w3', '1', oldest), strictPolicy],
    ]);
    expect(outcomes.map(said)).toEqual([
      'refused BET_UNKNOWN',
      'refused BET_UNKNOWN',
      'applied 101000000',
      'applied 99000000',
      'applied 100000000',
      'applied 100000000',
      'refused BET_ROLLED_BACK',
      'refused BET_ROLLED_BACK',
    ]);
    expect(await resolved()).toEqual(['w2 pays later']);
  });

  test('a bet in another currency, of another integration or of another player is not the one', async () => {
    const bob = await createTestPlayer(db);
    await ask(bet(bob, 'bobs', '1', { round: 'r' }));
    const outcomes = await run([
      bet(alice, 'b', '1', { round: 'r' }),
      [win(alice, 'w', '1', { ...pays('b'), currency: 'USD' }), strictPolicy],
      [win(alice, 'w', '1', { ...oldest, currency: 'USD' }), strictPolicy],
      [win(alice, 'w', '1', { ...pays('b'), integration: 'igpx-second' }), strictPolicy],
      [win(alice, 'w', '1', { ...whole, integration: 'igpx-second' }), strictPolicy],
      [win(alice, 'w', '1', pays('bobs')), strictPolicy],
    ]);
    expect(outcomes.map(said)).toEqual(['applied 99000000', ...Array.from({ length: 5 }, () => 'refused BET_UNKNOWN')]);
  });

  test('a free bet moves nothing, needs no funds, and is another movement than a paid one', async () => {
    const outcomes = await run([
      bet(alice, 'free', '500', { free: true }),
      bet(alice, 'free', '500', { free: true }),
      bet(alice, 'free', '500'),
      [win(alice, 'w', '3', { ...pays('free'), stake: decimal('500') }), strictPolicy],
      rollback(alice, 'x', 'free'),
    ]);
    expect(outcomes.map(said)).toEqual([
      'applied 100000000',
      'replayed 100000000',
      'refused KEY_CONFLICT',
      'applied 103000000',
      'applied 103000000',
    ]);
    expect(flags(outcomes)).toEqual(['free-bet', '', 'key-conflict', '', 'rollback-after-win']);
  });

  test('a free bet of a wallet in debt is refused, and nobody else in the unit is', async () => {
    expect(
      await answers(
        win(alice, 'w', '5'),
        bet(alice, 'all', '105'),
        rollback(alice, 'x', 'w'),
        bet(alice, 'free', '1', { free: true }),
        win(alice, 'cover', '5'),
        bet(alice, 'free', '1', { free: true }),
      ),
    ).toEqual([
      'applied 105000000',
      'applied 0',
      'applied -5000000',
      'refused WALLET_IN_DEBT',
      'applied 0',
      'applied 0',
    ]);
  });

  test('a look-up finds a movement, its rollback, and nothing on the key of a tombstone', async () => {
    const outcomes = await run([
      lookup(alice, 'b'),
      bet(alice, 'b', '5'),
      lookup(alice, 'b'),
      win(alice, 'w', '1'),
      lookup(alice, 'b'),
      rollback(alice, 'x', 'b'),
      lookup(alice, 'b'),
      lookup(alice, 'x'),
      rollback(alice, 'early', 'never'),
      lookup(alice, 'never'),
      lookup(alice, 'b', { integration: 'igpx-second' }),
      lookup(alice, 'b', { currency: 'USD' }),
      lookup(alice, 'none', { currency: 'USD' }),
    ]);
    expect(outcomes.map(said)).toEqual([
      'refused TARGET_UNKNOWN',
      'applied 95000000',
      'found bet 95000000',
      'applied 96000000',
      'found bet 95000000',
      'applied 101000000',
      'found bet 95000000 rolled back',
      'found rollback 101000000',
      'applied 101000000',
      'refused TARGET_UNKNOWN',
      'refused TARGET_UNKNOWN',
      'found bet 95000000 rolled back',
      'refused CURRENCY_NOT_ALLOWED',
    ]);
    const [unknown, , , , found] = outcomes;
    expect(unknown).toMatchObject({ balance: { balanceUnits: 100_000_000n } });
    expect(found).toMatchObject({ type: 'done', balance: { balanceUnits: 96_000_000n } });
    expect(found).toMatchObject({ found: { receipt: { effectUnits: -5_000_000n } } });
  });

  test('an answer tells the balance after its own movement and the balance as it stands', async () => {
    const [first, , repeat] = await run([bet(alice, 'b', '5'), win(alice, 'w', '2'), bet(alice, 'b', '5')]);
    expect(first).toMatchObject({ balance: { balanceUnits: 95_000_000n, sequence: 2n } });
    expect(repeat).toMatchObject({
      type: 'replayed',
      receipt: { balanceAfterUnits: 95_000_000n },
      balance: { balanceUnits: 97_000_000n, sequence: 3n },
    });
  });

  test('a repeat opens no wallet, whatever currency it states', async () => {
    expect(
      await answers(win(alice, 'w', '1', pays('b')), win(alice, 'w', '1', { ...pays('b'), currency: 'BTC' })),
    ).toEqual(['applied 101000000', 'refused KEY_CONFLICT']);
    if (run === allAtOnce) return;
    const { rows } = await db.owner.query('select currency from wallet where player_id = $1', [alice.id]);
    expect(rows).toEqual([{ currency: 'EUR' }]);
  });
});

test('when a player may see a movement is stored with it', async () => {
  const displayAt = new Date('2026-05-01T10:00:05.678Z');
  await ask(bet(alice, 'b', '5'));
  await ask(win(alice, 'w', '5', { ...pays('b'), displayAt }));
  const { rows } = await db.owner.query(
    "select external_key, display_at from ledger_transaction where player_id = $1 and kind <> 'deposit' order by sequence",
    [alice.id],
  );
  expect(rows).toEqual([
    { external_key: 'b', display_at: null },
    { external_key: 'w', display_at: displayAt },
  ]);
});

test.for([
  ['the bet a win names', (name: string) => win(alice, 'w', '1', pays(name))],
  ['the round of a win', (name: string) => win(alice, 'w', '1', { pays: 'round', round: name })],
  ['the key of a look-up', (name: string) => lookup(alice, name)],
] as const)('%s, in text that cannot be stored: only it is refused, before the unit begins', async ([, poison]) => {
  for (const name of ['a\0b', 'a\ud800', '', 'ä'.repeat(128)]) {
    const outcomes = await allAtOnce([bet(alice, `b${name.length}`, '1'), poison(name)]);
    expect(outcomes.map(said)).toEqual([expect.stringMatching(/^applied/), 'refused MALFORMED']);
  }
});

/** Which bet each win pays. */
async function resolved(): Promise<string[]> {
  const { rows } = await db.owner.query<{ link: string }>(
    `select w.external_key || ' pays ' || b.external_key as link from ledger_transaction w
     join ledger_transaction b on b.lane = w.lane and b.wallet_id = w.wallet_id and b.sequence = w.resolves
     where w.player_id = $1 order by w.sequence`,
    [alice.id],
  );
  return rows.map(({ link }) => link);
}
