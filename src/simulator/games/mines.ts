import { z } from 'zod';
import type { Decimal } from '../../ledger/money.js';
import type { Random } from '../random.js';
import { type Game, hundredths, parseStake, payoutOf, RETURN_TO_PLAYER, type Round, type Table } from './game.js';

const CELLS = 25;
const MINES = 3;

const Wish = z.object({ stake: z.string().max(40) });
const Action = z.union([
  z.object({
    reveal: z
      .int()
      .min(0)
      .max(CELLS - 1),
  }),
  z.object({ take: z.literal(true) }),
]);

export const mines: Game = {
  rules: { cells: CELLS, mines: MINES },
  oneAtATime: true,
  open(wish, random) {
    const bet = Wish.safeParse(wish).data;
    const stake = bet && parseStake(bet.stake);
    return stake === undefined ? undefined : openField(stake, lay(random));
  },
};

function lay(random: Random): ReadonlySet<number> {
  const free = Array.from({ length: CELLS }, (_, cell) => cell);
  return new Set(Array.from({ length: MINES }, () => free.splice(Math.floor(random() * free.length), 1)).flat());
}

/** What so many safe cells pay: the fair odds of having found them, less the house's edge. */
export function multiplierAfter(safe: number): string {
  let odds = RETURN_TO_PLAYER;
  for (let opened = 0; opened < safe; opened++) odds *= (CELLS - opened) / (CELLS - MINES - opened);
  return safe === 0 ? '1.00' : hundredths(Math.floor(odds * 100));
}

function openField(stake: Decimal, laid: ReadonlySet<number>): Round {
  const opened = new Set<number>();
  let table: Table | undefined;
  let over = false;

  function finish(payout: string): void {
    over = true;
    table?.show();
    table?.end(payout);
  }

  return {
    stake,
    face: () => ({
      opened: [...opened],
      // Where they lie is told when it no longer helps.
      mines: over ? [...laid] : undefined,
      multiplier: multiplierAfter(opened.size),
      next: multiplierAfter(opened.size + 1),
    }),
    begin(given) {
      table = given;
    },
    act(wish) {
      const action = Action.safeParse(wish).data;
      if (action === undefined || over || table === undefined) return false;
      if ('take' in action) {
        if (opened.size === 0) return false;
        finish(payoutOf(stake, multiplierAfter(opened.size)));
        return true;
      }
      if (opened.has(action.reveal)) return false;
      opened.add(action.reveal);
      if (laid.has(action.reveal)) finish('0.00');
      else if (opened.size === CELLS - MINES) finish(payoutOf(stake, multiplierAfter(opened.size)));
      else table.show();
      return true;
    },
    stop: () => {
      over = true;
    },
  };
}
