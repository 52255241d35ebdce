import type { ProviderMessage } from '../adapters/provider-side.js';
import type { Random } from './random.js';

/** What can go wrong between a provider and the gateway; none of it is either side's mistake. */
export const faultKinds = ['lose-answer', 'delay', 'duplicate', 'reorder', 'rollback-first'] as const;
export type FaultKind = (typeof faultKinds)[number];

export const faultWords: Record<FaultKind, string> = {
  'lose-answer': 'the answer is lost on its way',
  delay: 'it comes late',
  duplicate: 'it comes twice at once',
  reorder: 'it is held back behind the next movement',
  'rollback-first': 'its rollback overtakes it',
};

export interface Faults {
  /** How likely each message meets one, from 0 to 1. */
  readonly rate: number;
  /** Which; all unless told. */
  readonly kinds?: readonly FaultKind[] | undefined;
}

export const noFaults: Faults = { rate: 0 };

/** What happens to one message. The draw takes as many numbers from `random` whatever comes of it. */
export function drawFault(
  { rate, kinds = faultKinds }: Faults,
  kind: ProviderMessage['kind'],
  speaks: readonly ProviderMessage['kind'][],
  random: Random,
): FaultKind | undefined {
  const meets = random() < rate;
  const which = random();
  const possible = kinds.filter((each) => canMeet(each, kind, speaks));
  return meets ? possible[Math.floor(which * possible.length)] : undefined;
}

function canMeet(fault: FaultKind, kind: ProviderMessage['kind'], speaks: readonly string[]): boolean {
  switch (fault) {
    case 'lose-answer':
    case 'delay':
      return true;
    case 'duplicate':
    case 'reorder':
      return kind !== 'balance';
    case 'rollback-first':
      return kind === 'bet' && speaks.includes('rollback');
  }
}
