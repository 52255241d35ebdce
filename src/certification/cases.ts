import type { ProviderCase, ProviderVoice } from '../adapters/provider-side.js';
import type { Policy } from '../ledger/policy.js';
import type { Case } from './case.js';
import { hostileCases } from './cases-hostile.js';
import { movementCases } from './cases-movements.js';
import { orderCases } from './cases-orders.js';
import { ownCases } from './cases-own.js';

/** Every case that a protocol allows: what it can say decides which there are, and its policy what is right. */
export function casesFor(voice: ProviderVoice, policy: Policy, own: readonly ProviderCase[]): readonly Case[] {
  return [...movementCases(voice), ...orderCases(voice, policy), ...hostileCases(voice), ...ownCases(own)];
}
