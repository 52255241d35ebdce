import type { ProviderMovement } from '../../../src/adapters/provider-side.js';
import type { Policy, PolicyOverrides } from '../../../src/ledger/policy.js';
import type { Random } from '../../support/random.js';
import { said, understand } from './line.js';
import { type Channel, type Dialect, openChannel } from './providers.js';
import { gameOf } from './world.js';

/**
 * The events that orders are made of. One that stands in an order twice is the same bytes again; a bet behind its rollback is
 * a late one. So every repeat and every late arrival is among the orders by itself.
 */
export const basicEvents = [
  'bet',
  'win',
  'rollback',
  'second win',
  'second rollback',
  'rollback of the win',
  'bet of another amount',
] as const;
/** What makes debts, empty wallets and players who may not play. */
const furtherEvents = ['other bet', 'win of another amount', 'late win without its bet', 'suspension'] as const;

export type OrderEvent = (typeof basicEvents)[number] | (typeof furtherEvents)[number];
export type Order = readonly OrderEvent[];

/** Funds for the bet and half of the other: what comes first decides what is left. */
export const OPENING = '30.00';

/** What an event says, for one player and ids that are fresh. @returns undefined for what no provider says */
export function messageOf(event: OrderEvent, play: Play): ProviderMovement | undefined {
  const { ids, ...facts } = play;
  const of = (
    kind: ProviderMovement['kind'],
    id: keyof Play['ids'],
    amount: string,
    target?: ProviderMovement,
  ): ProviderMovement => ({ kind, ...facts, id: ids[id], amount, target });
  const bet = of('bet', 'bet', '10.00');
  const win = of('win', 'win', '25.00', bet);
  switch (event) {
    case 'bet':
      return bet;
    case 'win':
      return win;
    case 'rollback':
      return of('rollback', 'rollback', '10.00', bet);
    case 'second win':
      return of('win', 'secondWin', '5.00', bet);
    case 'second rollback':
      return of('rollback', 'secondRollback', '10.00', bet);
    case 'rollback of the win':
      return of('rollback', 'rollbackOfWin', '25.00', win);
    case 'bet of another amount':
      return { ...bet, amount: '11.00' };
    case 'other bet':
      return of('bet', 'otherBet', '40.00');
    case 'win of another amount':
      return { ...win, amount: '26.00' };
    case 'late win without its bet':
      return of('win', 'strayWin', '7.00', of('bet', 'strayBet', '7.00'));
    case 'suspension':
      return undefined;
  }
}

export interface Play extends Pick<ProviderMovement, 'player' | 'currency' | 'round' | 'game' | 'session'> {
  readonly ids: Readonly<Record<(typeof idNames)[number], string>>;
}

const idNames = [
  'bet',
  'win',
  'rollback',
  'secondWin',
  'secondRollback',
  'rollbackOfWin',
  'otherBet',
  'strayWin',
  'strayBet',
] as const;

/** @param number unique among the plays of a channel */
export function playOf(channel: Channel, number: number, player: string, currency: string): Play {
  const id = (index: number): string => channel.voice.newId(number * 16 + index + 1);
  return {
    player,
    currency,
    round: String(1_000 + number),
    game: gameOf(channel),
    session: `s${number}`,
    ids: {
      bet: id(0),
      win: id(1),
      rollback: id(2),
      secondWin: id(3),
      secondRollback: id(4),
      rollbackOfWin: id(5),
      otherBet: id(6),
      strayWin: id(7),
      strayBet: id(8),
    },
  };
}

/** The events that the voice can say, and the adapter understands. */
export function sayable<Event extends OrderEvent>(
  channel: Channel,
  events: readonly Event[],
  currency: string,
): Event[] {
  const play = playOf(channel, 0, 'somebody', currency);
  return events.filter((event) => {
    const message = messageOf(event, play);
    if (message === undefined) return true;
    if (!channel.voice.speaks.includes(message.kind)) return false;
    return understand(channel, said(channel, message)) !== undefined;
  });
}

export function everyEvent(channel: Channel, currency: string): OrderEvent[] {
  return sayable(channel, [...basicEvents, ...furtherEvents], currency);
}

/** Every order of the events, from one up to so many of them. */
export function* ordersOf(events: readonly OrderEvent[], lengthMax: number): Generator<Order> {
  let shorter: Order[] = [[]];
  for (let length = 1; length <= lengthMax; length += 1) {
    const orders: Order[] = [];
    for (const start of shorter) {
      for (const event of events) {
        const order = [...start, event];
        yield order;
        if (length < lengthMax) orders.push(order);
      }
    }
    shorter = orders;
  }
}

/** So many orders by chance, each once: three to five events long. */
export function sampleOf(events: readonly OrderEvent[], count: number, random: Random): Order[] {
  const found = new Map<string, Order>();
  const [first, ...others] = events;
  if (first === undefined) return [];
  for (let tries = 0; found.size < count && tries < count * 4; tries += 1) {
    const order = Array.from({ length: random.between(3, 5) }, () => random.pick([first, ...others]));
    found.set(order.join(), order);
  }
  return [...found.values()];
}

/** Every answer to every question of a policy. */
const answers: { readonly [Question in keyof Policy]: readonly Policy[Question][] } = {
  duplicate: ['first-answer', 'refuse'],
  inactiveCheck: ['after-key', 'before-key'],
  rollbackOfUnknown: ['accept', 'refuse'],
  secondRollback: ['accept', 'refuse'],
  rollbackTargets: [['bet', 'win'], ['bet'], ['win'], []],
  rollbackAfterWin: ['reverse', 'refuse'],
  winWithoutBet: ['accept', 'refuse', 'quarantine'],
  winOfRolledBackBet: ['accept', 'refuse', 'quarantine'],
  secondWin: ['accept', 'refuse'],
  inactiveWin: ['accept', 'refuse'],
};

export interface PolicyVariant {
  readonly name: string;
  readonly overrides: PolicyOverrides;
}

/** The adapter's row with one answer changed, wherever that does not contradict the others. */
export function policyVariants(dialect: Dialect): PolicyVariant[] {
  const { policy } = openChannel(dialect).adapter;
  return Object.entries(answers).flatMap(([question, each]) =>
    each.flatMap((answer): PolicyVariant[] => {
      const overrides: PolicyOverrides = { [question]: answer };
      const row: Readonly<Record<string, unknown>> = policy;
      if (String(row[question]) === String(answer) || !isConsistent(dialect, overrides)) return [];
      return [{ name: `${question}: ${String(answer) || 'none'}`, overrides }];
    }),
  );
}

function isConsistent(dialect: Dialect, overrides: PolicyOverrides): boolean {
  try {
    openChannel(dialect, { policy: overrides });
    return true;
  } catch {
    return false;
  }
}

/** The currency that a channel plays in: its own where callbacks name none. */
export function currencyOf(dialect: Dialect): string {
  const channel = openChannel(dialect);
  const play = playOf(channel, 0, 'somebody', 'EUR');
  const bet = messageOf('bet', play);
  const command = bet === undefined ? undefined : understand(channel, said(channel, bet))?.command;
  return typeof command === 'object' && 'currency' in command ? command.currency : 'EUR';
}
