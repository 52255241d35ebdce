import { describe, expect, test } from 'vitest';
import { parseDecimal } from '../../src/ledger/money.js';
import { matches, playMatch, selections } from '../../src/simulator/games/bet-slip.js';
import { crashPoint, flight } from '../../src/simulator/games/flight.js';
import { parseStake, payoutOf, type Round } from '../../src/simulator/games/game.js';
import { games } from '../../src/simulator/games/games.js';
import { mines, multiplierAfter } from '../../src/simulator/games/mines.js';
import { multiplierOf } from '../../src/simulator/games/slot.js';
import { seededRandom } from '../../src/simulator/random.js';

describe('stakes and payouts', () => {
  test.each([
    ['10', '1.85', '18.50'],
    ['0.01', '1.85', '0.01'],
    ['3.33', '3.40', '11.32'],
    ['0.07', '1.10', '0.07'],
    ['999999.99', '9.50', '9499999.90'],
    ['0.00012345', '4.20', '0.00051849'],
  ])('%s at %s pays %s', (stake, multiplier, payout) => {
    expect(payoutOf(parseDecimal(stake) ?? { digits: 0n, decimals: 0 }, multiplier)).toBe(payout);
  });

  test.each(['', '0', '0.00', '-1', '1e3', '1,5', ' 1', '1000000.01', '0.000000001', '١'])('%j is no stake', (text) => {
    expect(parseStake(text)).toBeUndefined();
  });

  test.each(Object.entries(games))('the %s takes no bet without a stake', (_kind, game) => {
    const bet = { match: 'm1', selection: '1' };
    for (const stake of ['0', '-5', '1e3', 5, undefined]) expect(game.open({ ...bet, stake }, () => 0)).toBeUndefined();
    for (const wish of [[], null, 'stake']) expect(game.open(wish, () => 0)).toBeUndefined();
    expect(game.open({ ...bet, stake: '5' }, () => 0)).toBeDefined();
  });
});

describe('a match', () => {
  test.each(selections)('that ends %s has the score of it', (winner) => {
    const starts = { '1': 0, X: 0.6, '2': 0.99 };
    let first = true;
    const course = playMatch(matches[0], () => {
      const drawn = first ? starts[winner] : 0.5;
      first = false;
      return drawn;
    });
    const difference = course.homeGoals.length - course.awayGoals.length;
    expect([course.winner, Math.sign(difference)]).toEqual([winner, { '1': 1, X: 0, '2': -1 }[winner]]);
  });
});

/** Begins a round, and keeps what it ends with. */
function begin(round: Round | undefined) {
  const ended: string[] = [];
  if (round === undefined) throw new Error('There is no round.');
  round.begin({ speed: 1, show: () => undefined, end: (payout) => ended.push(payout) });
  return { round, ended };
}

describe('a field of mines', () => {
  // Drawn by 0, the first three cells are mined.
  const open = () => begin(mines.open({ stake: '10' }, () => 0));

  test('tells where the mines are when it is over, and not before', () => {
    const { round, ended } = open();
    round.act?.({ reveal: 24 });
    expect(JSON.stringify(round.face())).not.toContain('[0,1,2]');
    round.act?.({ reveal: 1 });
    expect(round.face()).toMatchObject({ mines: [0, 1, 2], opened: [24, 1] });
    expect(ended).toEqual(['0.00']);
  });

  test('pays what the safe cells are worth, once', () => {
    const { round, ended } = open();
    expect(round.act?.({ take: true })).toBe(false);
    round.act?.({ reveal: 24 });
    round.act?.({ reveal: 23 });
    expect(round.act?.({ take: true })).toBe(true);
    expect(round.act?.({ take: true })).toBe(false);
    expect(round.act?.({ reveal: 22 })).toBe(false);
    expect(ended).toEqual([payoutOf({ digits: 10n, decimals: 0 }, multiplierAfter(2))]);
  });

  test.each([[{ reveal: -1 }], [{ reveal: 25 }], [{ reveal: 1.5 }], [{}], [null]])('takes no %j', (action) => {
    expect(open().round.act?.(action)).toBe(false);
  });
});

test('a flight can be left once, for what it is worth', () => {
  const { round, ended } = begin(flight.open({ stake: '10' }, () => 0.99));
  expect(round.act?.({ take: true })).toBe(true);
  expect(round.act?.({ take: true })).toBe(false);
  expect(ended).toEqual(['10.00']);
});

test('no game of the simulator gives back more than it takes', () => {
  const random = seededRandom(7);
  const rounds = 20_000;
  // Whoever leaves a flight at twice the stake wins so often.
  const flights = Array.from({ length: rounds }, () => crashPoint(random)).filter((point) => point > 200).length;
  expect((flights * 2) / rounds).toBeLessThan(1);
  const symbols = ['♣', '♦', '♥', '♠', '★'] as const;
  const spins = symbols.flatMap((a) => symbols.flatMap((b) => symbols.map((c) => Number(multiplierOf([a, b, c])))));
  expect(spins.reduce((sum, each) => sum + each, 0) / spins.length).toBeLessThan(1);
  expect((Number(multiplierAfter(1)) * 22) / 25).toBeLessThan(1);
});
