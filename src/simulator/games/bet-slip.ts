import { z } from 'zod';
import type { Decimal } from '../../ledger/money.js';
import type { Random } from '../random.js';
import { type Game, parseStake, payoutOf, type Round } from './game.js';

/** Home win, draw, away win, as betting slips call them. */
export const selections = ['1', 'X', '2'] as const;
export type Selection = (typeof selections)[number];

export interface Match {
  readonly id: string;
  readonly home: string;
  readonly away: string;
  /** Decimal odds as text. */
  readonly odds: Readonly<Record<Selection, string>>;
}

/** Made-up teams, so that nobody mistakes the page for a real bookmaker's. */
export const matches: readonly [Match, ...Match[]] = [
  { id: 'm1', home: 'Harbour Rovers', away: 'Mill Town', odds: { '1': '1.85', X: '3.40', '2': '4.20' } },
  { id: 'm2', home: 'Northgate United', away: 'Old Quarry', odds: { '1': '2.60', X: '3.10', '2': '2.75' } },
  { id: 'm3', home: 'Lantern City', away: 'Saltmarsh Athletic', odds: { '1': '1.33', X: '5.00', '2': '9.50' } },
];

/** Minutes of the goals, and so the score at any minute. */
export interface Course {
  readonly winner: Selection;
  readonly homeGoals: readonly number[];
  readonly awayGoals: readonly number[];
}

/** Plays a match in advance; the odds decide how likely each end is. */
export function playMatch({ odds }: Match, random: Random): Course {
  const weights = selections.map((selection) => ({ selection, weight: 1 / Number(odds[selection]) }));
  let drawn = random() * weights.reduce((sum, { weight }) => sum + weight, 0);
  const winner = weights.find(({ weight }) => (drawn -= weight) < 0)?.selection ?? 'X';
  const fewer = Math.floor(random() * 3);
  const more = fewer + 1 + Math.floor(random() * 2);
  const goals = (count: number) => Array.from({ length: count }, () => 1 + Math.floor(random() * 90));
  return {
    winner,
    homeGoals: goals(winner === '1' ? more : fewer),
    awayGoals: goals(winner === '2' ? more : fewer),
  };
}

function scoreAt({ homeGoals, awayGoals }: Course, minute: number): string {
  const count = (goals: readonly number[]) => goals.filter((goal) => goal <= minute).length;
  return `${count(homeGoals)}:${count(awayGoals)}`;
}

const Wish = z.object({ match: z.string(), selection: z.enum(selections), stake: z.string().max(40) });

export const betSlip: Game = {
  rules: { matches },
  oneAtATime: false,
  open(wish, random) {
    const bet = Wish.safeParse(wish).data;
    const match = matches.find(({ id }) => id === bet?.match);
    const stake = bet && parseStake(bet.stake);
    if (bet === undefined || match === undefined || stake === undefined) return undefined;
    return openMatch(match, bet.selection, stake, playMatch(match, random));
  },
};

const STEPS = 15;
const MATCH_MS = 6_000;

function openMatch({ id, odds }: Match, selection: Selection, stake: Decimal, course: Course): Round {
  const pays = payoutOf(stake, odds[selection]);
  let minute = 0;
  let clock: NodeJS.Timeout | undefined;
  return {
    stake,
    face: () => ({ match: id, selection, odds: odds[selection], pays, minute, score: scoreAt(course, minute) }),
    begin({ speed, show, end }) {
      clock = setInterval(
        () => {
          minute = Math.min(90, minute + 90 / STEPS);
          show();
          if (minute < 90) return;
          clearInterval(clock);
          end(course.winner === selection ? pays : '0.00');
        },
        MATCH_MS / STEPS / speed,
      );
      clock.unref();
    },
    stop: () => clearInterval(clock),
  };
}
