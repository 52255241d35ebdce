import type { ProviderMessage } from '../../../src/adapters/provider-side.js';
import { said, understand } from './line.js';
import type { Channel } from './providers.js';
import { gameOf } from './world.js';

/** One message of every kind that the voice can say, of fresh ids. */

export interface Speech {
  readonly player: string;
  readonly currency: string;
  /** Unique among the speeches of a channel. */
  readonly number: number;
  readonly amount?: string;
}

/** A bet, a win of it, its rollback, and a question for the balance: those of them that the protocol has. */
export function messagesOf(
  channel: Channel,
  { player, currency, number, amount = '10.00' }: Speech,
): ProviderMessage[] {
  const id = (index: number): string => channel.voice.newId(number * 8 + index + 1);
  const who = { player, currency, session: `s${number}` };
  const play = { ...who, amount, round: String(100_000 + number), game: gameOf(channel) };
  const bet = { kind: 'bet', id: id(0), ...play } as const;
  const all: ProviderMessage[] = [
    bet,
    { kind: 'win', id: id(1), ...play, target: bet },
    { kind: 'rollback', id: id(2), ...play, target: bet },
    { kind: 'balance', id: id(3), ...who },
  ];
  return all.filter(({ kind }) => channel.voice.speaks.includes(kind));
}

/** Name of the callback that a message arrives at. */
export function callbackOf(channel: Channel, message: ProviderMessage): string | undefined {
  return understand(channel, said(channel, message))?.callback;
}
