import { z } from 'zod';
import type { Decimal } from '../../ledger/money.js';
import { pick, type Random } from '../random.js';
import { type Game, parseStake, payoutOf, type Round } from './game.js';

const symbols = ['♣', '♦', '♥', '♠', '★'] as const;
type Symbol = (typeof symbols)[number];

/** What three of a kind pay; any two pay `TWO`. Together they give back about 97 of 100. */
const THREE: Record<Symbol, string> = { '♣': '5.00', '♦': '7.00', '♥': '9.00', '♠': '14.00', '★': '26.00' };
const TWO = '1.00';

const SPIN_MS = 900;

const Wish = z.object({ stake: z.string().max(40) });

export const slot: Game = {
  rules: { symbols, three: THREE, two: TWO },
  oneAtATime: true,
  open(wish, random) {
    const bet = Wish.safeParse(wish).data;
    const stake = bet && parseStake(bet.stake);
    return stake === undefined ? undefined : openSpin(stake, random);
  },
};

export function multiplierOf(reels: readonly Symbol[]): string {
  const [first] = reels;
  const kinds = new Set(reels).size;
  if (first === undefined || kinds === 3) return '0.00';
  return kinds === 1 ? THREE[first] : TWO;
}

function openSpin(stake: Decimal, random: Random): Round {
  const reels = Array.from({ length: 3 }, () => pick(symbols, random));
  let stopped = false;
  let clock: NodeJS.Timeout | undefined;
  return {
    stake,
    face: () => ({ reels: stopped ? reels : undefined }),
    begin({ speed, show, end }) {
      clock = setTimeout(() => {
        stopped = true;
        show();
        end(payoutOf(stake, multiplierOf(reels)));
      }, SPIN_MS / speed);
      clock.unref();
    },
    stop: () => clearTimeout(clock),
  };
}
