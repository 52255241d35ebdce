import { describe, expect, test } from 'vitest';
import { type Movement, playerStatuses, type PlayerStatus } from '../../src/ledger/commands.js';
import { decide, type Known, type KnownRow, type WalletState } from '../../src/ledger/decide.js';
import { UNITS_MAX } from '../../src/ledger/money.js';
import type { Policy } from '../../src/ledger/policy.js';
import { bet, deposit, policy as gentle, rollback, win, withdrawal } from './commands.js';
import { alice, decided, linked, nothing, stored, summary, tombstone, wallet } from './deciding.js';

const storedWin = stored({ kind: 'win', externalKey: 'w1', effect: 10_000_000n });
const storedRollback = stored({
  kind: 'rollback',
  externalKey: 'x1',
  target: 'b1',
  undoes: 3n,
  effect: 10_000_000n,
  stated: null,
});

describe('a new debit', () => {
  test.for([
    ['the whole balance', bet(alice, 'b', '100'), {}, 'post bet b -100 → 0'],
    ['one unit more than the balance', bet(alice, 'b', '100.000001'), {}, 'refuse INSUFFICIENT_FUNDS'],
    ['nothing', bet(alice, 'b', '0'), {}, 'post bet b 0 → 100'],
    ['nothing from nothing', bet(alice, 'b', '0'), { balance: 0n }, 'post bet b 0 → 0'],
    ['more decimals than the currency has', bet(alice, 'b', '1.0000001'), {}, 'refuse AMOUNT_INVALID'],
    ['more decimals, all zero', bet(alice, 'b', '1.0000000'), {}, 'post bet b -1 → 99'],
    ['a negative amount', bet(alice, 'b', '-1'), {}, 'refuse AMOUNT_INVALID'],
    ['an amount beyond the range', bet(alice, 'b', '9'.repeat(40)), {}, 'refuse AMOUNT_INVALID'],
    ['a wallet in debt', bet(alice, 'b', '1'), { balance: -1n }, 'refuse WALLET_IN_DEBT'],
    ['nothing from a wallet in debt', bet(alice, 'b', '0'), { balance: -1n }, 'refuse WALLET_IN_DEBT'],
    ['a withdrawal', withdrawal(alice, 'o', '100'), {}, 'post withdrawal o -100 → 0'],
    ['a withdrawal beyond the balance', withdrawal(alice, 'o', '101'), {}, 'refuse INSUFFICIENT_FUNDS'],
    ['a withdrawal from a wallet in debt', withdrawal(alice, 'o', '1'), { balance: -1n }, 'refuse WALLET_IN_DEBT'],
    ['a withdrawal of nothing', withdrawal(alice, 'o', '0'), {}, 'refuse AMOUNT_INVALID'],
  ] as const)('of %s', ([, command, state, expected]) => {
    expect(decided(command, nothing, state)).toBe(expected);
  });

  test.for(playerStatuses)('of a player who is %s: only the active may bet, everybody may withdraw', (playerStatus) => {
    const allowed = playerStatus === 'ACTIVE';
    expect(decided(bet(alice, 'b', '1'), nothing, { playerStatus })).toBe(
      allowed ? 'post bet b -1 → 99' : 'refuse PLAYER_NOT_ACTIVE',
    );
    expect(decided(withdrawal(alice, 'o', '1'), nothing, { playerStatus })).toBe('post withdrawal o -1 → 99');
  });
});

describe('a free bet', () => {
  const free = (amount = '5') => bet(alice, 'b', amount, { free: true });

  test.for([
    ['is recorded and moves nothing', free(), {}, 'post bet b 0 → 100 [free-bet]'],
    ['asks for no funds', free('1000'), { balance: 0n }, 'post bet b 0 → 0 [free-bet]'],
    ['waits for the debt to be covered', free(), { balance: -1n }, 'refuse WALLET_IN_DEBT'],
    ['is for players who may bet', free(), { playerStatus: 'SUSPENDED' }, 'refuse PLAYER_NOT_ACTIVE'],
    ['is exact', free('1.0000001'), {}, 'refuse AMOUNT_INVALID'],
    ['is not negative', free('-1'), {}, 'refuse AMOUNT_INVALID'],
  ] as const)('%s', ([, command, state, expected]) => {
    expect(decided(command, nothing, state)).toBe(expected);
  });

  test('keeps the stake that the provider paid', () => {
    expect(decide(wallet(), nothing, free(), gentle)).toMatchObject({ rows: [{ effect: 0n, stated: 5_000_000n }] });
  });

  test('is another movement than one that is paid for, under the same key', () => {
    const own = stored({ effect: 0n, flags: ['free-bet'] });
    const known = (row: KnownRow): Known => ({ ...nothing, own: row });
    expect(decided(bet(alice, 'b1', '10', { free: true }), known(own))).toBe('replay 3');
    expect(decided(bet(alice, 'b1', '10'), known(own))).toBe('refuse KEY_CONFLICT [key-conflict]');
    expect(decided(bet(alice, 'b1', '10', { free: false }), known(stored()))).toBe('replay 3');
    expect(decided(bet(alice, 'b1', '10', { free: true }), known(stored()))).toBe('refuse KEY_CONFLICT [key-conflict]');
  });

  test('is rolled back without an effect, and the amount is compared with its stake', () => {
    const target = linked({ effect: 0n, flags: ['free-bet'] });
    const undo = (amount: bigint) => rollback(alice, 'x', 'b1', { amount: { digits: amount, decimals: 0 } });
    expect(decided(undo(10n), { ...nothing, target })).toBe('post rollback x 0 → 100');
    expect(decided(undo(0n), { ...nothing, target })).toBe('post rollback x 0 → 100 [amount-differs]');
    expect(decide(wallet(), { ...nothing, target }, undo(10n), gentle)).toMatchObject({ rows: [{ undoes: 3n }] });
  });
});

describe('a new credit', () => {
  test.for([
    ['a win', win(alice, 'w', '5'), {}, 'post win w 5 → 105'],
    ['a loss', win(alice, 'w', '0'), {}, 'post win w 0 → 100'],
    [
      'a win with more decimals, rounded down',
      win(alice, 'w', '1.0000009'),
      {},
      'post win w 1 → 101 [credit-rounded-down]',
    ],
    ['a win below one unit', win(alice, 'w', '0.0000009'), {}, 'post win w 0 → 100 [credit-rounded-down]'],
    ['a negative win', win(alice, 'w', '-1'), {}, 'refuse AMOUNT_INVALID'],
    ['a win that would burst the balance', win(alice, 'w', '1'), { balance: UNITS_MAX }, 'refuse AMOUNT_INVALID'],
    ['a win into debt', win(alice, 'w', '5'), { balance: -10_000_000n }, 'post win w 5 → -5'],
    ['a deposit', deposit(alice, 'd', '5'), {}, 'post deposit d 5 → 105'],
    ['a deposit of nothing', deposit(alice, 'd', '0'), {}, 'refuse AMOUNT_INVALID'],
  ] as const)('%s', ([, command, state, expected]) => {
    expect(decided(command, nothing, state)).toBe(expected);
  });

  const inactive: PlayerStatus[] = ['SUSPENDED', 'SELF_EXCLUDED', 'CLOSED'];
  test.for(inactive)('of a player who is %s lands, flagged, unless the policy is literal', (playerStatus) => {
    expect(decided(win(alice, 'w', '5'), nothing, { playerStatus })).toBe(
      'post win w 5 → 105 [win-of-inactive-player]',
    );
    expect(decided(win(alice, 'w', '5'), nothing, { playerStatus }, { inactiveWin: 'refuse' })).toBe(
      'refuse PLAYER_NOT_ACTIVE [win-of-inactive-player]',
    );
    expect(decided(deposit(alice, 'd', '5'), nothing, { playerStatus }, { inactiveWin: 'refuse' })).toBe(
      'post deposit d 5 → 105',
    );
  });
});

describe('a key that was used before', () => {
  const cases: readonly (readonly [string, Movement, KnownRow, string])[] = [
    ['the same bet', bet(alice, 'b1', '10'), stored(), 'same'],
    ['the same amount written otherwise', bet(alice, 'b1', '10.000'), stored(), 'same'],
    ['the same bet of another game', bet(alice, 'b1', '10', { game: 'g2' }), stored(), 'same'],
    ['another amount', bet(alice, 'b1', '10.000001'), stored(), 'conflict'],
    ['one digit below a unit more', bet(alice, 'b1', '10.0000001'), stored(), 'conflict'],
    ['another currency', bet(alice, 'b1', '10', { currency: 'USD' }), stored(), 'conflict'],
    ['another round', bet(alice, 'b1', '10', { round: 'r2' }), stored({ round: 'r1' }), 'conflict'],
    ['a round where none was', bet(alice, 'b1', '10', { round: 'r1' }), stored(), 'conflict'],
    ['another kind', win(alice, 'b1', '10'), stored(), 'conflict'],
    ['the same win', win(alice, 'w1', '10'), storedWin, 'same'],
    ['the same rounded win', win(alice, 'w1', '10.0000004'), stored({ ...storedWin, rest: '0.0000004' }), 'same'],
    [
      'a win that was rounded otherwise',
      win(alice, 'w1', '10.0000005'),
      stored({ ...storedWin, rest: '0.0000004' }),
      'conflict',
    ],
    ['the same rollback', rollback(alice, 'x1', 'b1'), storedRollback, 'same'],
    ['the same rollback in another currency', rollback(alice, 'x1', 'b1', { currency: 'USD' }), storedRollback, 'same'],
    ['a rollback of something else', rollback(alice, 'x1', 'b2'), storedRollback, 'conflict'],
    ['a rollback of another round', rollback(alice, 'x1', 'b1', { round: 'r2' }), storedRollback, 'conflict'],
    ['a rollback on the key of a bet', rollback(alice, 'b1', 'b0'), stored(), 'conflict'],
    ['a rollback on the key of a tombstone', rollback(alice, 'b1', 'b0'), tombstone, 'conflict'],
    ['a bet on the key of a rollback', bet(alice, 'x1', '10'), storedRollback, 'conflict'],
    ['a bet after its tombstone', bet(alice, 'b1', '10'), tombstone, 'late'],
    ['a win after a tombstone', win(alice, 'b1', '10'), tombstone, 'late'],
  ];
  const answers: Record<string, Record<Policy['duplicate'], string>> = {
    same: { 'first-answer': 'replay 3', refuse: 'refuse DUPLICATE' },
    conflict: { 'first-answer': 'refuse KEY_CONFLICT [key-conflict]', refuse: 'refuse KEY_CONFLICT [key-conflict]' },
    late: { 'first-answer': 'refuse BET_ROLLED_BACK [late-bet]', refuse: 'refuse BET_ROLLED_BACK [late-bet]' },
  };
  const states: readonly Partial<WalletState>[] = [
    {},
    { balance: 0n },
    { balance: -1n },
    { playerStatus: 'CLOSED' },
    { sequence: 900n },
  ];

  test.for(cases)('%s: whatever has happened since, under either policy', ([, command, own, answer]) => {
    for (const state of states) {
      for (const duplicate of ['first-answer', 'refuse'] as const) {
        const decision = decide(wallet(state), { ...nothing, own }, command, { ...gentle, duplicate });
        expect(summary(decision)).toBe(answers[answer]?.[duplicate]);
        if (decision.type === 'replay') expect(decision.row).toBe(own);
      }
    }
  });
});

describe('a player who may not bet', () => {
  const playerStatus = 'SUSPENDED';
  const literal = { inactiveCheck: 'before-key', inactiveWin: 'refuse', duplicate: 'refuse' } as const;
  const repeat = { ...nothing, own: stored() };
  const repeatedWin = { ...nothing, own: storedWin };

  test('gets the answer to a repeat, where the key comes first', () => {
    expect(decided(bet(alice, 'b1', '10'), repeat, { playerStatus })).toBe('replay 3');
    expect(decided(win(alice, 'w1', '10'), repeatedWin, { playerStatus }, { inactiveWin: 'refuse' })).toBe('replay 3');
    expect(decided(bet(alice, 'b1', '11'), repeat, { playerStatus })).toBe('refuse KEY_CONFLICT [key-conflict]');
  });

  test('is refused whatever the key, where the player comes first', () => {
    const late = { ...nothing, own: tombstone };
    for (const known of [repeat, late, nothing]) {
      expect(decided(bet(alice, 'b1', '10'), known, { playerStatus }, literal)).toBe('refuse PLAYER_NOT_ACTIVE');
    }
    expect(decided(win(alice, 'w1', '10'), repeatedWin, { playerStatus }, literal)).toBe(
      'refuse PLAYER_NOT_ACTIVE [win-of-inactive-player]',
    );
    const credited = { ...literal, inactiveWin: 'accept' } as const;
    expect(decided(win(alice, 'w1', '10'), repeatedWin, { playerStatus }, credited)).toBe('refuse DUPLICATE');
  });

  test('a win that is refused is flagged, in either order', () => {
    for (const inactiveCheck of ['before-key', 'after-key'] as const) {
      const policy = { ...literal, inactiveCheck };
      expect(decided(win(alice, 'w', '10'), nothing, { playerStatus }, policy)).toBe(
        'refuse PLAYER_NOT_ACTIVE [win-of-inactive-player]',
      );
    }
  });

  test('is never in the way of a rollback or of the cashier', () => {
    const known = { ...nothing, target: linked() };
    expect(decided(rollback(alice, 'x', 'b1'), known, { playerStatus }, literal)).toBe('post rollback x 10 → 110');
    expect(decided(withdrawal(alice, 'o', '1'), nothing, { playerStatus }, literal)).toBe('post withdrawal o -1 → 99');
    expect(decided(deposit(alice, 'd', '1'), nothing, { playerStatus }, literal)).toBe('post deposit d 1 → 101');
  });

  test('an active one is not asked about', () => {
    expect(decided(bet(alice, 'b1', '10'), repeat, {}, literal)).toBe('refuse DUPLICATE');
  });
});

describe('a rollback', () => {
  const known = (row: KnownRow, rolledBack = false): Known => ({ ...nothing, target: linked({ ...row, rolledBack }) });
  const undo = (more = {}) => rollback(alice, 'x', 'b1', more);
  const half = { amount: { digits: 5n, decimals: 0 } };

  test.for([
    ['a bet', undo(), known(stored()), {}, {}, 'post rollback x 10 → 110'],
    ['a win', undo(), known(storedWin), {}, {}, 'post rollback x -10 → 90'],
    ['a bet of nothing', undo(), known(stored({ effect: 0n, stated: 0n })), {}, {}, 'post rollback x 0 → 100'],
    [
      'a win already spent',
      undo(),
      known(storedWin),
      { balance: 1n },
      {},
      'post rollback x -10 → -9.999999 [wallet-in-debt]',
    ],
    ['another amount than the bet', undo(half), known(stored()), {}, {}, 'post rollback x 10 → 110 [amount-differs]'],
    [
      'another currency than the bet',
      undo({ currency: 'USD' }),
      known(stored()),
      {},
      {},
      'post rollback x 10 → 110 [currency-differs]',
    ],
    ['the bet of a closed player', undo(), known(stored()), { playerStatus: 'CLOSED' }, {}, 'post rollback x 10 → 110'],
    ['a rollback', undo(), known(storedRollback), {}, {}, 'refuse TARGET_INVALID [rollback-of-rollback]'],
    ['itself', rollback(alice, 'x', 'x'), nothing, {}, {}, 'refuse TARGET_INVALID'],
    [
      'a win where only bets may be',
      undo(),
      known(storedWin),
      {},
      { rollbackTargets: ['bet'] },
      'refuse TARGET_INVALID',
    ],
    ['a deposit', undo(), known(stored({ kind: 'deposit', effect: 10_000_000n })), {}, {}, 'refuse TARGET_INVALID'],
    [
      'a negative amount',
      undo({ amount: { digits: -5n, decimals: 0 } }),
      known(stored()),
      {},
      {},
      'refuse AMOUNT_INVALID',
    ],
    ['a bet a second time', undo(), known(stored(), true), {}, {}, 'post rollback x 0 → 100 [second-rollback]'],
    [
      'a bet a second time, strictly',
      undo(),
      known(stored(), true),
      {},
      { secondRollback: 'refuse' },
      'refuse ALREADY_ROLLED_BACK',
    ],
    ['a tombstone', undo(), known(tombstone), {}, {}, 'post rollback x 0 → 100 [second-rollback]'],
    ['a tombstone, strictly', undo(), known(tombstone), {}, { secondRollback: 'refuse' }, 'refuse ALREADY_ROLLED_BACK'],
    [
      'something unknown',
      undo(),
      nothing,
      {},
      {},
      'post rollback x 0 → 100, tombstone b1 0 → 100 [rollback-of-unknown]',
    ],
    [
      'something unknown, strictly',
      undo(),
      nothing,
      {},
      { rollbackOfUnknown: 'refuse' },
      'refuse TARGET_UNKNOWN + tombstone b1 0 → 100 [rollback-of-unknown]',
    ],
    [
      'something that was refused as unknown before: the same words again',
      undo(),
      known(tombstone),
      {},
      { rollbackOfUnknown: 'refuse' },
      'refuse TARGET_UNKNOWN [rollback-of-unknown]',
    ],
  ] as const)('of %s', ([, command, target, state, policy, expected]) => {
    expect(decided(command, target, state, policy as Partial<Policy>)).toBe(expected);
  });

  test('moves exactly the opposite of its target and names it, and the rows follow the wallet without a gap', () => {
    const decision = decide(wallet(), known(stored({ sequence: 4n })), undo({ round: 'r' }), gentle);
    expect(decision).toMatchObject({
      type: 'post',
      rows: [{ sequence: 6n, undoes: 4n, target: 'b1', effect: 10_000_000n, round: 'r' }],
    });
    const early = decide(wallet(), nothing, undo(), gentle);
    expect(early).toMatchObject({
      rows: [
        { sequence: 6n, undoes: null, target: 'b1' },
        { sequence: 7n, target: null, externalKey: 'b1' },
      ],
    });
  });

  test('a refund that would burst the balance is refused, not a fault', () => {
    expect(decided(undo(), known(stored()), { balance: UNITS_MAX })).toBe('refuse AMOUNT_INVALID');
  });
});
