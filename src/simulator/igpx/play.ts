import { randomUUID } from 'node:crypto';
import type { Decimal } from '../../ledger/money.js';
import type { Delivery, Exchange, IgpxProvider } from './callbacks.js';
import { type Course, type Match, payoutOf, playMatch, scoreAt, type Selection, stakeText } from './matches.js';

type TicketStatus = 'placing' | 'running' | 'settling' | 'won' | 'lost' | 'refused' | 'voiding' | 'void' | 'unanswered';

/** A placed bet as the page shows it. */
interface Ticket {
  readonly id: string;
  readonly match: string;
  readonly selection: Selection;
  readonly odds: string;
  readonly stake: string;
  /** What it pays when it wins. */
  readonly payout: string;
  readonly status: TicketStatus;
  readonly minute: number;
  readonly score: string;
  /** What happened, in words; empty while there is nothing to say. */
  readonly note: string;
}

interface TrafficRecord extends Exchange {
  readonly number: number;
  readonly ticket: string;
  readonly what: 'bet' | 'result' | 'rollback';
}

interface PlayState {
  readonly tickets: readonly Ticket[];
  readonly traffic: readonly TrafficRecord[];
}

export interface PlayOptions {
  readonly player: string;
  readonly currency: string;
  readonly provider: IgpxProvider;
  /** How long a match takes. */
  readonly matchMs: number;
  readonly random: () => number;
  readonly onChange: () => void;
}

/** One player's open betting page: tickets, their matches, and the callbacks they cause. */
export interface Play {
  state(): PlayState;
  /** @returns undefined when too many bets are under way */
  bet(match: Match, selection: Selection, stake: Decimal): Ticket | undefined;
  /** Takes a bet back, and its result where there is one. @returns false when the bet cannot be voided now */
  void(ticketId: string): boolean;
  close(): void;
}

const TICKETS_MAX = 30;
const TRAFFIC_MAX = 60;
const STEPS = 15;

/** What is kept of a ticket beside its face. */
interface Slip {
  ticket: Ticket;
  betId: string;
  match: Course;
  result: { id: string; amount: string } | undefined;
  timer: NodeJS.Timeout | undefined;
}

export function createPlay(options: PlayOptions): Play {
  const { onChange, random } = options;
  const slips = new Map<string, Slip>();
  const traffic: TrafficRecord[] = [];
  let recordCount = 0;
  const course = createCourse({
    ...options,
    show(slip, change) {
      slip.ticket = { ...slip.ticket, ...change };
      onChange();
    },
    record(slip, what, exchange) {
      traffic.unshift({ ...exchange, number: ++recordCount, ticket: slip.ticket.id, what });
      traffic.splice(TRAFFIC_MAX);
      onChange();
    },
  });

  return {
    state: () => ({ tickets: [...slips.values()].map(({ ticket }) => ticket).reverse(), traffic }),
    bet(match, selection, stake) {
      if (slips.size >= TICKETS_MAX) {
        const ended = [...slips.values()].find(({ ticket }) => endStatuses.has(ticket.status));
        if (ended === undefined) return undefined;
        slips.delete(ended.ticket.id);
      }
      const slip = newSlip(match, selection, stake, random);
      slips.set(slip.ticket.id, slip);
      onChange();
      void course.place(slip);
      return slip.ticket;
    },
    void(ticketId) {
      const slip = slips.get(ticketId);
      if (slip === undefined || !voidable.has(slip.ticket.status)) return false;
      void course.undo(slip);
      return true;
    },
    close: () => course.close(slips.values()),
  };
}

function newSlip(match: Match, selection: Selection, stake: Decimal, random: () => number): Slip {
  const odds = match.odds[selection];
  return {
    ticket: {
      id: randomUUID(),
      match: match.id,
      selection,
      odds,
      stake: stakeText(stake),
      payout: payoutOf(stake, odds),
      status: 'placing',
      minute: 0,
      score: '0:0',
      note: '',
    },
    betId: randomUUID(),
    match: playMatch(match, random),
    result: undefined,
    timer: undefined,
  };
}

interface CourseOptions extends PlayOptions {
  readonly show: (slip: Slip, change: Partial<Ticket>) => void;
  readonly record: (slip: Slip, what: TrafficRecord['what'], exchange: Exchange) => void;
}

/** What becomes of a ticket, and the callbacks on the way. */
function createCourse({ player, currency, provider, matchMs, show, record }: CourseOptions) {
  let closed = false;

  function recording(slip: Slip, what: TrafficRecord['what']) {
    return { onExchange: (exchange: Exchange) => record(slip, what, exchange) };
  }

  function rollback(slip: Slip, target: string, amount: string): Promise<Delivery> {
    return provider.rollback({ player, currency, amount, target }, recording(slip, 'rollback'));
  }

  function kickOff(slip: Slip): void {
    if (closed) return;
    slip.timer = setInterval(() => {
      const minute = Math.min(90, slip.ticket.minute + 90 / STEPS);
      show(slip, { minute, score: scoreAt(slip.match, minute) });
      if (minute === 90) void settle(slip);
    }, matchMs / STEPS);
    slip.timer.unref();
  }

  async function settle(slip: Slip): Promise<void> {
    clearInterval(slip.timer);
    const won = slip.match.winner === slip.ticket.selection;
    const amount = won ? slip.ticket.payout : '0.00';
    slip.result = { id: randomUUID(), amount };
    show(slip, { status: 'settling', note: 'Sending the result.' });
    const movement = { player, currency, amount, transactionId: slip.result.id };
    const { answer, attempts } = await provider.result(movement, recording(slip, 'result'));
    if (answer === undefined) {
      show(slip, { status: 'unanswered', note: `The result was not answered in ${attempts} attempts.` });
    } else {
      const note = answer.error === null ? '' : `The operator answered ${answer.error}.`;
      show(slip, { status: won ? 'won' : 'lost', note });
    }
  }

  return {
    async place(slip: Slip): Promise<void> {
      const { stake } = slip.ticket;
      const movement = { player, currency, amount: stake, transactionId: slip.betId };
      const { answer } = await provider.bet(movement, recording(slip, 'bet'));
      if (answer === undefined) {
        // Nobody knows whether the stake was taken. The provider's document does not say what happens then; taking the
        // bet back leaves the player whole either way.
        show(slip, { status: 'voiding', note: 'The bet was not answered; taking it back.' });
        const undone = await rollback(slip, slip.betId, stake);
        show(slip, afterRollback(undone, 'The bet was not answered and was taken back.'));
      } else if (answer.error !== null) {
        show(slip, { status: 'refused', note: `The operator declined: ${answer.error}` });
      } else {
        show(slip, { status: 'running' });
        kickOff(slip);
      }
    },
    async undo(slip: Slip): Promise<void> {
      const { result, ticket } = slip;
      clearInterval(slip.timer);
      show(slip, { status: 'voiding', note: 'Sending the rollback.' });
      if (result !== undefined) {
        const undone = await rollback(slip, result.id, result.amount);
        if (undone.answer?.error !== null) return show(slip, afterRollback(undone, ''));
      }
      const undone = await rollback(slip, slip.betId, ticket.stake);
      show(slip, afterRollback(undone, 'The stake went back to the player.'));
    },
    close(slips: Iterable<Slip>): void {
      closed = true;
      for (const { timer } of slips) clearInterval(timer);
    },
  };
}

const endStatuses: ReadonlySet<TicketStatus> = new Set(['won', 'lost', 'refused', 'void', 'unanswered']);
const voidable: ReadonlySet<TicketStatus> = new Set(['running', 'won', 'lost']);

function afterRollback({ answer, attempts }: Delivery, note: string): Pick<Ticket, 'status' | 'note'> {
  if (answer === undefined) {
    return { status: 'unanswered', note: `The rollback was not answered in ${attempts} attempts.` };
  }
  if (answer.error !== null) return { status: 'unanswered', note: `The rollback was answered with ${answer.error}.` };
  return { status: 'void', note };
}
