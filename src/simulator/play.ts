import { randomUUID } from 'node:crypto';
import type { ProviderMovement, SimulatedGame } from '../adapters/provider-side.js';
import type { FaultKind } from './faults.js';
import { type Game, type Round, stakeText } from './games/game.js';
import type { Random } from './random.js';
import { type Delivery, type Exchange, isSettled, type Sender } from './sender.js';

type TicketStatus = 'placing' | 'running' | 'settling' | 'won' | 'lost' | 'refused' | 'voiding' | 'void' | 'unanswered';

/** A placed bet as the page shows it. */
interface Ticket {
  readonly id: string;
  readonly status: TicketStatus;
  readonly stake: string;
  /** What it paid; empty until it is decided. */
  readonly payout: string;
  readonly voidable: boolean;
  /** What happened, in words; empty while there is nothing to say. */
  readonly note: string;
  /** As the game shows it. */
  readonly face: Readonly<Record<string, unknown>>;
}

export interface PlayState {
  /** Newest first. */
  readonly tickets: readonly Ticket[];
  /** As the operator told it last; null where the dialect has not. */
  readonly balance: string | null;
  readonly mishap: FaultKind | null;
}

/** An exchange as the page lists it. */
export interface TrafficRecord {
  readonly number: number;
  readonly what: string;
  readonly attempt: number;
  readonly request: string;
  readonly answer: string;
  /** The answer's body, or why there is none. */
  readonly short: string;
  readonly meaning: string;
  readonly fault: FaultKind | null;
  readonly durationMs: number;
}

export interface PlayOptions extends SimulatedGame {
  readonly plays: Game;
  readonly sender: Sender;
  /** The provider's id of the game; what messages name. */
  readonly gameId: string;
  /** Whether bets can be taken back by hand. */
  readonly canVoid: boolean;
  readonly speed: number;
  readonly random: Random;
  readonly onChange: () => void;
  readonly onTraffic: (record: TrafficRecord) => void;
}

/** One player's open page: its rounds, and the callbacks they cause. */
export interface Play {
  state(): PlayState;
  /** Newest first. */
  traffic(): readonly TrafficRecord[];
  record(exchange: Exchange): void;
  bet(wish: unknown): Ticket | 'no-bet' | 'too-many';
  /** @returns false when this cannot be done now */
  act(ticketId: string, action: unknown): boolean;
  /** Takes a bet back, and its payout where there is one. @returns false when it cannot be voided now */
  void(ticketId: string): boolean;
  /** What happens to the callbacks of this page from now on. */
  setMishap(fault: FaultKind | null): void;
  close(): void;
}

const TICKETS_MAX = 30;
const TRAFFIC_MAX = 60;

/** What is kept of a ticket beside its face. */
interface Slip {
  readonly id: string;
  readonly round: Round;
  readonly bet: ProviderMovement;
  status: TicketStatus;
  payout: string;
  note: string;
  win: ProviderMovement | undefined;
}

const running: ReadonlySet<TicketStatus> = new Set(['placing', 'running', 'settling', 'voiding']);
const voidable: ReadonlySet<TicketStatus> = new Set(['running', 'won', 'lost']);

export function createPlay(options: PlayOptions): Play {
  const { plays, sender, canVoid, random, onChange, onTraffic } = options;
  const slips = new Map<string, Slip>();
  const traffic: TrafficRecord[] = [];
  let recordCount = 0;
  let balance: string | null = null;
  let mishap: FaultKind | null = null;

  function record(exchange: Exchange): void {
    const { verdict } = exchange;
    if (typeof verdict === 'object' && 'balance' in verdict) balance = verdict.balance ?? balance;
    const written = recordOf(exchange, ++recordCount);
    traffic.unshift(written);
    traffic.splice(TRAFFIC_MAX);
    onTraffic(written);
    onChange();
  }

  const course = createCourse(options, {
    show(slip, change) {
      Object.assign(slip, change);
      onChange();
    },
    send: (message) =>
      sender.deliver(message, {
        onExchange: record,
        // The player's wish goes before what the simulator was started with.
        ...(mishap !== null && { fault: mishap }),
      }),
  });

  function ticketOf({ id, round, status, payout, note }: Slip): Ticket {
    const face = round.face();
    return { id, status, stake: stakeText(round.stake), payout, note, face, voidable: canVoid && voidable.has(status) };
  }

  return {
    state: () => ({ tickets: [...slips.values()].map(ticketOf).reverse(), balance, mishap }),
    traffic: () => traffic,
    record,
    bet(wish) {
      const round = plays.open(wish, random);
      if (round === undefined) return 'no-bet';
      const all = [...slips.values()];
      if (plays.oneAtATime && all.some(({ status }) => running.has(status))) return 'too-many';
      if (slips.size >= TICKETS_MAX) {
        const ended = all.find(({ status }) => !running.has(status));
        if (ended === undefined) return 'too-many';
        slips.delete(ended.id);
      }
      const slip = newSlip(round, options);
      slips.set(slip.id, slip);
      onChange();
      void course.place(slip);
      return ticketOf(slip);
    },
    act: (ticketId, action) => slips.get(ticketId)?.round.act?.(action) ?? false,
    void(ticketId) {
      const slip = slips.get(ticketId);
      if (slip === undefined || !ticketOf(slip).voidable) return false;
      void course.undo(slip);
      return true;
    },
    setMishap(fault) {
      mishap = fault;
      onChange();
    },
    close: () => course.close(slips.values()),
  };
}

function newSlip(round: Round, { sender, player, currency, session, gameId }: PlayOptions): Slip {
  const bet: ProviderMovement = {
    kind: 'bet',
    id: sender.newId(),
    player,
    currency,
    amount: stakeText(round.stake),
    round: sender.newNumber(),
    game: gameId,
    session,
  };
  return { id: randomUUID(), round, bet, status: 'placing', payout: '', note: '', win: undefined };
}

interface Stage {
  readonly show: (slip: Slip, change: Partial<Pick<Slip, 'status' | 'payout' | 'note' | 'win'>>) => void;
  readonly send: (message: ProviderMovement) => Promise<Delivery<ProviderMovement>>;
}

/** What becomes of a ticket, and the callbacks on the way. */
function createCourse({ sender, speed }: PlayOptions, { show, send }: Stage) {
  let closed = false;

  async function settle(slip: Slip, payout: string): Promise<void> {
    const win: ProviderMovement = { ...slip.bet, kind: 'win', id: sender.newId(), amount: payout, target: slip.bet };
    show(slip, { status: 'settling', note: 'Sending the result.', win });
    const { result, attempts } = await send(win);
    const decided = /[1-9]/.test(payout) ? ('won' as const) : ('lost' as const);
    if (isSettled(result, attempts)) return show(slip, { status: decided, payout, note: '' });
    const note = `The result was ${inWords(result)}, in ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}.`;
    show(slip, { status: 'unanswered', note });
  }

  return {
    async place(slip: Slip): Promise<void> {
      const { result, undone } = await send(slip.bet);
      if (undone !== undefined) {
        const why = isAnswered(result) ? 'Its rollback came first' : 'The bet was not answered';
        return show(slip, afterRollback(undone, `${why}: it was taken back.`));
      }
      if (!isAnswered(result)) return show(slip, { status: 'unanswered', note: `The bet was ${inWords(result)}.` });
      if (result.type !== 'accepted') {
        return show(slip, { status: 'refused', note: `The operator declined: ${inWords(result)}.` });
      }
      show(slip, { status: 'running' });
      if (closed) return;
      slip.round.begin({ speed, show: () => show(slip, {}), end: (payout) => void settle(slip, payout) });
    },
    async undo(slip: Slip): Promise<void> {
      slip.round.stop();
      show(slip, { status: 'voiding', note: 'Sending the rollback.' });
      // The payout goes back before the stake does.
      if (slip.win !== undefined) {
        const undone = await send(sender.rollbackOf(slip.win));
        if (!isSettled(undone.result, undone.attempts)) return show(slip, afterRollback(undone, ''));
      }
      show(slip, afterRollback(await send(sender.rollbackOf(slip.bet)), 'The stake went back to the player.'));
    },
    close(slips: Iterable<Slip>): void {
      closed = true;
      for (const { round } of slips) round.stop();
    },
  };
}

function afterRollback({ result, attempts }: Delivery, note: string): Pick<Slip, 'status' | 'note'> {
  const known =
    isSettled(result, attempts) || (isAnswered(result) && result.type === 'refused' && result.why === 'unknown');
  if (known) return { status: 'void', note };
  return { status: 'unanswered', note: `The rollback was ${inWords(result)}.` };
}

function isAnswered(
  result: Delivery['result'],
): result is Extract<Delivery['result'], { type: 'accepted' | 'refused' }> {
  return result !== 'no-answer' && (result.type === 'accepted' || result.type === 'refused');
}

const reasons = {
  funds: 'not enough funds',
  duplicate: 'known already',
  unknown: 'what it is about is not known',
  authentication: 'the signature does not fit',
  other: 'no reason the protocol has a word for',
} as const;

function inWords(result: Delivery['result']): string {
  if (result === 'no-answer') return 'not answered';
  switch (result.type) {
    case 'accepted':
      return 'accepted';
    case 'refused':
      return `refused, ${reasons[result.why]}`;
    case 'failed':
      return 'met by a passing failure';
    case 'unreadable':
      return `answered in a way the protocol does not have: ${result.what}`;
  }
}

function recordOf(
  { message, attempt, request, outcome, verdict, fault, durationMs }: Exchange,
  number: number,
): TrafficRecord {
  const { method, path, query, headers, body } = request;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const target = path + (query === '' ? '' : `?${query}`);
  const answer = 'fault' in outcome ? `no answer: ${outcome.fault}` : `HTTP ${outcome.status}\n\n${outcome.body}`;
  return {
    number,
    what: message?.kind ?? 'call',
    attempt,
    request: [`${method} …${target}`, ...lines, '', body.toString()].join('\n'),
    answer,
    short: 'fault' in outcome ? answer : outcome.body,
    meaning: verdict === undefined ? '' : inWords(verdict),
    fault: fault ?? null,
    durationMs,
  };
}
