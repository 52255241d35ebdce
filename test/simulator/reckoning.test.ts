import { describe, expect, test } from 'vitest';
import type { ProviderMovement, ProviderVerdict } from '../../src/adapters/provider-side.js';
import { type Account, openReckoning, type Reckoning } from '../../src/simulator/load/reckoning.js';

/** What a load takes for a contradiction, and what not. */

const DEADLINE_MS = 2_000;

function movement(
  kind: ProviderMovement['kind'],
  id: string,
  amount: string,
  target?: ProviderMovement,
): ProviderMovement {
  return { kind, id, player: 'alice', currency: 'EUR', amount, round: '1', game: 'g', session: 's', target };
}

const accepted = (balance?: string, transactionId?: string): ProviderVerdict => ({
  type: 'accepted',
  balance,
  transactionId,
});
const refused = (why: Extract<ProviderVerdict, { type: 'refused' }>['why'], balance?: string): ProviderVerdict => ({
  type: 'refused',
  why,
  balance,
});

/** A wallet of 100.00, and what is told of its movements. */
function table() {
  const reckoning: Reckoning = openReckoning(DEADLINE_MS);
  const account: Account = reckoning.open('alice', 'EUR', 10_000n);
  return {
    reckoning,
    account,
    begin: (...movements: ProviderMovement[]) => reckoning.begin(account, movements),
    hear: (message: ProviderMovement, verdict: ProviderVerdict | 'no-answer', durationMs = 5): void => {
      const request = { method: 'POST', path: '', query: '', headers: {}, body: Buffer.alloc(0) };
      const outcome = { status: 200, body: '' };
      reckoning.hear(account, { message, attempt: 1, request, outcome, verdict, fault: undefined, durationMs });
    },
  };
}

const bet = movement('bet', 'b1', '10.00');
const win = movement('win', 'w1', '25.00', bet);
const rollback = movement('rollback', 'r1', '10.00', bet);

describe('what agrees', () => {
  test('a bet, its repeat and its win move the wallet once each', () => {
    const { reckoning, account, begin, hear } = table();
    hear(bet, 'no-answer');
    expect(reckoning.counts(bet)).toBeUndefined();
    hear(bet, accepted('90.00', 't1'));
    hear(bet, accepted('90.00', 't1'));
    begin();
    hear(win, accepted('115.00', 't2'));
    expect(account.cents).toBe(11_500n);
    expect(reckoning.contradictions).toEqual([]);
  });

  test('a repeat that is refused as known counts, and is not a second movement', () => {
    const { reckoning, account, hear } = table();
    hear(bet, 'no-answer');
    hear(bet, refused('duplicate', '90.00'));
    hear(bet, accepted('90.00'));
    expect(account.cents).toBe(9_000n);
    expect(reckoning.contradictions).toEqual([]);
  });

  test('a bet whose rollback came first is refused for any reason, and moves nothing', () => {
    const { reckoning, account, hear } = table();
    hear(rollback, refused('unknown', '100.00'));
    hear(bet, refused('other', '100.00'));
    expect(reckoning.counts(bet)).toBe(false);
    expect(account.cents).toBe(10_000n);
    expect(reckoning.contradictions).toEqual([]);
  });

  test('two bets at once may be told of in either order', () => {
    const { reckoning, begin, hear } = table();
    const other = movement('bet', 'b2', '20.00');
    begin(bet, other);
    hear(bet, accepted('70.00'));
    hear(other, accepted('80.00'));
    expect(reckoning.contradictions).toEqual([]);
  });

  test('a bet may be declined for want of funds, or of time', () => {
    const { reckoning, hear, begin } = table();
    hear(movement('bet', 'b3', '100.01'), refused('funds', '100.00'));
    begin();
    hear(bet, refused('other'), DEADLINE_MS);
    expect(reckoning.contradictions).toEqual([]);
  });
});

describe('what contradicts', () => {
  type Told = [ProviderMovement, ProviderVerdict][];
  test.each<[string, Told, RegExp]>([
    ["a balance that is not the wallet's", [[bet, accepted('95.00')]], /told the balance 95.00, .* 90.00/],
    [
      'two transactions for one movement',
      [
        [bet, accepted(undefined, 't1')],
        [bet, accepted(undefined, 't2')],
      ],
      /t1 and as t2/,
    ],
    ['a bet beyond the balance', [[movement('bet', 'b4', '100.01'), accepted()]], /beyond the balance/],
    ['a bet declined without a cause', [[bet, refused('other')]], /without a cause/],
    ['a bet declined for funds that are there', [[bet, refused('funds')]], /without a cause/],
    ['a bet refused as known at its first sight', [[bet, refused('duplicate')]], /without a cause/],
    [
      'a bet refused after it was accepted',
      [
        [bet, accepted()],
        [bet, refused('other')],
      ],
      /after it had been accepted/,
    ],
    [
      'a bet accepted after its rollback',
      [
        [rollback, accepted()],
        [bet, accepted()],
      ],
      /after its rollback/,
    ],
    ['a refused win', [[win, refused('other')]], /was refused/],
    [
      'a refused rollback of a bet that counts',
      [
        [bet, accepted()],
        [rollback, refused('unknown')],
      ],
      /was refused/,
    ],
    ['a signature that is not known', [[win, refused('authentication')]], /authentication/],
    ['an answer that the protocol does not have', [[win, { type: 'unreadable', what: 'HTML' }]], /HTML/],
  ])('%s', (_what, told, words) => {
    const { reckoning, hear } = table();
    for (const [message, verdict] of told) hear(message, verdict);
    expect(reckoning.contradictions).toEqual([expect.stringMatching(words)]);
  });
});
