import { describe, expect, test } from 'vitest';
import type { Win } from '../../src/ledger/commands.js';
import { decide, type Known, type LinkedRow } from '../../src/ledger/decide.js';
import { UNITS_MAX } from '../../src/ledger/money.js';
import type { Policy } from '../../src/ledger/policy.js';
import { bet, decimal, policy as gentle, rollback, times, win } from './commands.js';
import { alice, decided, linked, nothing, stored, tombstone, wallet } from './deciding.js';

/** Wins that say which bets they pay. */

const named = { pays: { bet: 'b1' } } as const;
const oldest = { pays: 'oldest-of-round', round: 'r' } as const;
const whole = { pays: 'round', round: 'r' } as const;

/** What the ledger holds of the bet that a win names, or of its round. */
const target = (row: LinkedRow | undefined): Known => ({ ...nothing, target: row });
const round = (...rows: readonly LinkedRow[]): Known => ({ ...nothing, round: rows });

const inRound = (more: Partial<LinkedRow> = {}): LinkedRow => linked({ round: 'r', ...more });
const stake = (sequence: bigint, units: bigint, more: Partial<LinkedRow> = {}): LinkedRow =>
  inRound({ sequence, externalKey: `b${sequence}`, stated: units, effect: -units, ...more });

/** The row that a win posts. */
function posted(known: Known, more: Partial<Win>, policy: Partial<Policy> = {}) {
  const decision = decide(wallet(), known, win(alice, 'w', '5', more), { ...gentle, ...policy });
  if (decision.type !== 'post') throw new Error(`It was not posted: ${JSON.stringify(decision.type)}`);
  return decision.rows[0];
}

type Answers = Partial<Record<'accept' | 'refuse' | 'quarantine', string>>;

interface Question {
  readonly question: 'winWithoutBet' | 'winOfRolledBackBet' | 'secondWin';
  readonly known: { readonly named: Known; readonly round: Known };
  readonly answers: Answers;
}

const questions: readonly Question[] = [
  {
    question: 'winWithoutBet',
    known: { named: nothing, round: round() },
    answers: {
      accept: 'post win w 5 → 105 [win-without-bet]',
      refuse: 'refuse BET_UNKNOWN [win-without-bet]',
      quarantine: 'refuse BET_UNKNOWN [win-without-bet quarantined]',
    },
  },
  {
    question: 'winOfRolledBackBet',
    known: { named: target(linked({ rolledBack: true })), round: round(inRound({ rolledBack: true })) },
    answers: {
      accept: 'post win w 5 → 105 [win-of-rolled-back-bet]',
      refuse: 'refuse BET_ROLLED_BACK [win-of-rolled-back-bet]',
      quarantine: 'refuse BET_ROLLED_BACK [win-of-rolled-back-bet quarantined]',
    },
  },
  {
    question: 'secondWin',
    known: { named: target(linked({ wins: 1 })), round: round(inRound({ wins: 1 })) },
    answers: { accept: 'post win w 5 → 105 [second-win]', refuse: 'refuse BET_RESOLVED [second-win]' },
  },
];

describe.for([
  { how: 'the bet it names', link: named, where: 'named' },
  { how: 'the oldest of its round', link: oldest, where: 'round' },
  { how: 'its round', link: whole, where: 'round' },
] as const)('a win that pays $how', ({ link, where }) => {
  test('is credited and linked, and nothing is flagged', () => {
    const known = where === 'named' ? target(linked()) : round(inRound());
    expect(decided(win(alice, 'w', '5', link), known)).toBe('post win w 5 → 105');
    expect(posted(known, link)).toMatchObject({ resolves: 3n, target: where === 'named' ? 'b1' : null });
  });

  const cases = questions.flatMap(({ question, known, answers }) =>
    Object.entries(answers).map(([answer, expected]) => ({ question, known: known[where], answer, expected })),
  );
  test.for(cases)('$question: $answer', ({ question, known, answer, expected }) => {
    expect(decided(win(alice, 'w', '5', link), known, {}, { [question]: answer })).toBe(expected);
  });

  test('finds a tombstone: the bet was rolled back before it came', () => {
    const early = linked({ ...tombstone, round: 'r' });
    const known = where === 'named' ? target(early) : round(early);
    expect(decided(win(alice, 'w', '5', link), known, {}, { winOfRolledBackBet: 'refuse' })).toBe(
      'refuse BET_ROLLED_BACK [win-of-rolled-back-bet]',
    );
    expect(posted(known, link).resolves).toBeNull();
  });

  test('finds no bet where there is one in another currency, or something that is no bet', () => {
    const others = [
      inRound({ currency: 'USD' }),
      inRound({ kind: 'win', effect: 10_000_000n }),
      inRound({ kind: 'rollback', effect: 10_000_000n, stated: null, target: 'b0' }),
    ];
    for (const other of others) {
      const known = where === 'named' ? target(other) : round(other);
      expect(decided(win(alice, 'w', '5', link), known, {}, { winWithoutBet: 'refuse' })).toBe(
        'refuse BET_UNKNOWN [win-without-bet]',
      );
      expect(posted(known, link).resolves).toBeNull();
    }
  });

  test('for a player who may not bet, both reasons are flagged', () => {
    const state = { playerStatus: 'CLOSED' } as const;
    expect(decided(win(alice, 'w', '5', link), nothing, state)).toBe(
      'post win w 5 → 105 [win-of-inactive-player win-without-bet]',
    );
  });

  test('a loss pays its bet, so that a win after it is a second one', () => {
    const known = where === 'named' ? target(linked()) : round(inRound());
    expect(decided(win(alice, 'w', '0', link), known)).toBe('post win w 0 → 100');
    const decision = decide(wallet(), known, win(alice, 'w', '0', link), gentle);
    expect(decision).toMatchObject({ rows: [{ effect: 0n, resolves: 3n }] });
  });
});

test('a win that is not linked to bets asks none of the questions, whatever its round holds', () => {
  const refusing = { winWithoutBet: 'refuse', winOfRolledBackBet: 'refuse', secondWin: 'refuse' } as const;
  const command = win(alice, 'w', '5', { round: 'r' });
  expect(decided(command, nothing, {}, refusing)).toBe('post win w 5 → 105');
  expect(posted(nothing, { round: 'r' })).toMatchObject({ resolves: null, target: null });
});

describe('a round with several bets', () => {
  const three = round(stake(2n, 1_000_000n), stake(3n, 2_000_000n), stake(4n, 4_000_000n));

  test('its oldest that no win has paid yet is paid', () => {
    expect(posted(three, oldest).resolves).toBe(2n);
    expect(posted(round(stake(2n, 1n, { wins: 1 }), stake(3n, 1n)), oldest).resolves).toBe(3n);
    expect(posted(round(stake(2n, 1n, { rolledBack: true }), stake(3n, 1n)), oldest).resolves).toBe(3n);
  });

  test('the oldest may be paid in a round of which others are paid: that is no second win', () => {
    const known = round(stake(2n, 1n, { wins: 1 }), stake(3n, 1n));
    expect(decided(win(alice, 'w', '5', oldest), known, {}, { secondWin: 'refuse' })).toBe('post win w 5 → 105');
  });

  test('where all are paid, a further win is one of the latest', () => {
    const known = round(stake(2n, 1n, { wins: 1 }), stake(3n, 1n, { wins: 1 }));
    expect(posted(known, oldest)).toMatchObject({ resolves: 3n, flags: ['second-win'] });
  });

  test('a win of the whole round has paid them all: the next one is a second', () => {
    const known = round(stake(2n, 1_000_000n, { wins: 1 }), stake(3n, 1_000_000n));
    expect(decided(win(alice, 'w', '5', whole), known, {}, { secondWin: 'refuse' })).toBe(
      'refuse BET_RESOLVED [second-win]',
    );
    expect(decided(win(alice, 'w', '5', whole), known)).toBe('post win w 5 → 105 [second-win]');
  });

  test('bets that were rolled back do not spoil it for the others', () => {
    const known = round(stake(2n, 1n, { rolledBack: true }), stake(3n, 1n), linked({ ...tombstone, sequence: 4n }));
    const refusing = { winOfRolledBackBet: 'refuse', winWithoutBet: 'refuse' } as const;
    for (const link of [oldest, whole]) {
      expect(decided(win(alice, 'w', '5', link), known, {}, refusing)).toBe('post win w 5 → 105');
    }
  });
});

describe('a payout of so many times the stakes', () => {
  const stakes = round(stake(2n, 1_000_003n), stake(3n, 2_000_004n));
  const multiplied = (text: string) => win(alice, 'w', '0', { ...whole, ...times(text) });

  test.for([
    ['nothing', '0', 'post win w 0 → 100'],
    ['once', '1', 'post win w 3.000007 → 103.000007'],
    ['one and a half, rounded down', '1.5', 'post win w 4.50001 → 104.50001 [credit-rounded-down]'],
    ['many decimals', '0.333333333333333333', 'post win w 1.000002 → 101.000002 [credit-rounded-down]'],
    ['beyond the range', '9'.repeat(20), 'refuse AMOUNT_INVALID'],
    ['less than nothing', '-1', 'refuse AMOUNT_INVALID'],
  ] as const)('%s', ([, text, expected]) => {
    expect(decided(multiplied(text), stakes)).toBe(expected);
  });

  test('what was cut off is kept', () => {
    expect(posted(stakes, { ...whole, ...times('1.5') })).toMatchObject({ stated: 4_500_010n, rest: '0.0000005' });
    expect(posted(stakes, { ...whole, ...times('1.00000000000001') }).rest).toBe('0.00000000000003000007');
    expect(posted(stakes, { ...whole, ...times('2.00') }).rest).toBeNull();
  });

  test('a stake that was rolled back, came in another currency, or never, does not count', () => {
    const known = round(
      stake(2n, 7_000_000n, { rolledBack: true }),
      stake(3n, 7_000_000n, { currency: 'USD' }),
      linked({ ...tombstone, sequence: 4n, round: 'r' }),
      stake(5n, 2_000_000n),
    );
    expect(decided(multiplied('3'), known)).toBe('post win w 6 → 106');
  });

  test('of the bet it names', () => {
    const command = win(alice, 'w', '0', { ...named, ...times('3') });
    expect(decided(command, target(linked()))).toBe('post win w 30 → 130');
  });

  test('a stake that the provider paid counts as well', () => {
    const free = stake(2n, 5_000_000n, { effect: 0n, flags: ['free-bet'] });
    expect(decided(multiplied('2'), round(free))).toBe('post win w 10 → 110');
  });

  test('without a bet it is nothing, and flagged', () => {
    expect(decided(multiplied('3'), nothing)).toBe('post win w 0 → 100 [win-without-bet]');
  });

  test('that would burst the balance is refused', () => {
    expect(decided(multiplied('1'), stakes, { balance: UNITS_MAX })).toBe('refuse AMOUNT_INVALID');
  });
});

describe('a repeat of such a payout', () => {
  const own = stored({
    kind: 'win',
    externalKey: 'w',
    sequence: 4n,
    effect: 4_500_010n,
    stated: 4_500_010n,
    rest: '0.0000005',
    resolves: 2n,
    round: 'r',
  });
  const before = [stake(2n, 1_000_003n, { wins: 1 }), stake(3n, 2_000_004n)];
  const known = (...later: readonly LinkedRow[]): Known => ({ ...nothing, own, round: [...before, ...later] });
  const again = (text: string, more: Partial<Win> = {}) => win(alice, 'w', '0', { ...whole, ...times(text), ...more });

  test('is compared by what came of it, whatever the policy says of second wins', () => {
    for (const secondWin of ['accept', 'refuse'] as const) {
      expect(decided(again('1.5'), known(), {}, { secondWin })).toBe('replay 4');
      expect(decided(again('1.50'), known(), {}, { secondWin })).toBe('replay 4');
      expect(decided(again('1.6'), known(), {}, { secondWin })).toBe('refuse KEY_CONFLICT [key-conflict]');
    }
  });

  test('is compared with the stakes as they were: a bet that came later is not among them', () => {
    expect(decided(again('1.5'), known(stake(5n, 9_000_000n)))).toBe('replay 4');
  });

  test('may state the amount itself', () => {
    expect(decided(win(alice, 'w', '4.5000105', { ...whole }), known())).toBe('replay 4');
  });

  test('of another round, or of a bet by its name, is another movement', () => {
    expect(decided(again('1.5', { round: 'r2' }), known())).toBe('refuse KEY_CONFLICT [key-conflict]');
    expect(decided(again('1.5', named), known())).toBe('refuse KEY_CONFLICT [key-conflict]');
  });
});

describe('a repeat of a win that names its bet', () => {
  const own = stored({
    kind: 'win',
    externalKey: 'w',
    sequence: 4n,
    effect: 5_000_000n,
    stated: 5_000_000n,
    target: 'b1',
  });

  test('is the same only if it names the same', () => {
    const known: Known = { ...nothing, own, target: linked({ wins: 1 }) };
    expect(decided(win(alice, 'w', '5', named), known, {}, { secondWin: 'refuse' })).toBe('replay 4');
    expect(decided(win(alice, 'w', '5', { pays: { bet: 'b2' } }), known)).toBe('refuse KEY_CONFLICT [key-conflict]');
    expect(decided(win(alice, 'w', '5'), known)).toBe('refuse KEY_CONFLICT [key-conflict]');
  });

  test('is the same although its bet was rolled back since, and whatever else it says of the stake', () => {
    const known: Known = { ...nothing, own, target: linked({ wins: 1, rolledBack: true }) };
    const command = win(alice, 'w', '5', { ...named, stake: decimal('99') });
    expect(decided(command, known, {}, { winOfRolledBackBet: 'refuse' })).toBe('replay 4');
  });
});

describe('the stake that a win states', () => {
  const stakes = round(stake(2n, 1_000_000n), stake(3n, 2_000_000n));
  const states = (text: string, link: Partial<Win>) => win(alice, 'w', '5', { ...link, stake: decimal(text) });

  test.for([
    ['that of the bet it names', states('10', named), target(linked()), 'post win w 5 → 105'],
    ['written otherwise', states('10.00', named), target(linked()), 'post win w 5 → 105'],
    ['another than that of the bet', states('11', named), target(linked()), 'post win w 5 → 105 [stake-differs]'],
    ['finer than the currency', states('10.0000001', named), target(linked()), 'post win w 5 → 105 [stake-differs]'],
    ['that of the whole round', states('3', whole), stakes, 'post win w 5 → 105'],
    ['that of a part of the round', states('1', whole), stakes, 'post win w 5 → 105 [stake-differs]'],
    ['that of the oldest', states('1', oldest), stakes, 'post win w 5 → 105'],
    ['that of the round for the oldest', states('3', oldest), stakes, 'post win w 5 → 105 [stake-differs]'],
    ['one of a bet that is not known', states('3', named), nothing, 'post win w 5 → 105 [win-without-bet]'],
    ['one, but not of which bet', states('3', {}), nothing, 'post win w 5 → 105'],
  ] as const)('%s', ([, command, known, expected]) => {
    expect(decided(command, known)).toBe(expected);
  });
});

describe('the rollback of a bet that a win has paid', () => {
  const undo = rollback(alice, 'x', 'b1');

  test('gives the bet back and flags it, or is refused', () => {
    const known = target(linked({ wins: 1 }));
    expect(decided(undo, known)).toBe('post rollback x 10 → 110 [rollback-after-win]');
    expect(decided(undo, known, {}, { rollbackAfterWin: 'refuse' })).toBe('refuse BET_RESOLVED [rollback-after-win]');
  });

  test('is like any other once the win was undone', () => {
    expect(decided(undo, target(linked()), {}, { rollbackAfterWin: 'refuse' })).toBe('post rollback x 10 → 110');
  });

  test('a second time is a second rollback, not one after a win', () => {
    const known = target(linked({ wins: 1, rolledBack: true }));
    expect(decided(undo, known, {}, { rollbackAfterWin: 'refuse' })).toBe('post rollback x 0 → 100 [second-rollback]');
  });
});

test('when a player may see a movement is kept with it, and no fact of it', () => {
  const displayAt = new Date('2026-05-01T10:00:05Z');
  expect(posted(target(linked()), { ...named, displayAt })).toMatchObject({ displayAt });
  expect(posted(target(linked()), named)).toMatchObject({ displayAt: null });
  expect(decided(bet(alice, 'b1', '10', { displayAt }), { ...nothing, own: stored() })).toBe('replay 3');
});
