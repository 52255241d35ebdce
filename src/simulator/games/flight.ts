import { z } from 'zod';
import type { Decimal } from '../../ledger/money.js';
import type { Random } from '../random.js';
import { type Game, hundredths, parseStake, payoutOf, RETURN_TO_PLAYER, type Round, type Table } from './game.js';

const TICK_MS = 100;
/** A tenth of a second makes the multiplier so much larger. */
const GROWTH = 1.012;
/** In hundredths: no flight is longer. */
const CRASH_MAX = 5_000;

const Wish = z.object({ stake: z.string().max(40) });
const Action = z.object({ take: z.literal(true) });

/** Something rises until it does not, and is worth more the longer it does: the rocket and the crash game. */
export const flight: Game = {
  rules: {},
  oneAtATime: true,
  open(wish, random) {
    const bet = Wish.safeParse(wish).data;
    const stake = bet && parseStake(bet.stake);
    return stake === undefined ? undefined : openFlight(stake, crashPoint(random));
  },
};

/** In hundredths. Each further hundredth is reached as often as pays for it, less the house's edge. */
export function crashPoint(random: Random): number {
  return Math.max(100, Math.min(CRASH_MAX, Math.floor((RETURN_TO_PLAYER * 100) / (1 - random()))));
}

function openFlight(stake: Decimal, crashAt: number): Round {
  let ticks = 0;
  let state: 'waiting' | 'flying' | 'taken' | 'crashed' = 'waiting';
  let taken: number | undefined;
  let table: Table | undefined;
  let clock: NodeJS.Timeout | undefined;
  const reached = (): number => Math.floor(100 * GROWTH ** ticks);

  function finish(how: 'taken' | 'crashed', payout: string): void {
    state = how;
    clearInterval(clock);
    table?.show();
    table?.end(payout);
  }

  return {
    stake,
    face: () => ({ state, multiplier: hundredths(taken ?? (state === 'crashed' ? crashAt : reached())), ticks }),
    begin(given) {
      table = given;
      state = 'flying';
      clock = setInterval(() => {
        ticks += 1;
        if (reached() >= crashAt) finish('crashed', '0.00');
        else given.show();
      }, TICK_MS / given.speed);
      clock.unref();
    },
    act(wish) {
      if (!Action.safeParse(wish).success || state !== 'flying') return false;
      taken = reached();
      finish('taken', payoutOf(stake, hundredths(taken)));
      return true;
    },
    stop: () => clearInterval(clock),
  };
}
