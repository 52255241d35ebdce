import type { ProviderCase } from '../adapters/provider-side.js';
import { type Case, group } from './case.js';
import { Finding } from './conversation.js';

/** What only this protocol has: its notices, sessions and look-ups. */
export function ownCases(own: readonly ProviderCase[]): readonly Case[] {
  return group(
    "The protocol's own",
    own.map(({ name, steps }) => ({
      name,
      run: async (talk) => {
        const { voice } = talk.examinee;
        for (const step of steps(talk.examinee)) {
          const request = step.signed === false ? step.request : voice.signer.sign(step.request);
          const told = await talk.send(request, talk.movement('bet'), step.what);
          if (told.answer === undefined) throw new Finding(`${step.what}: there was no answer.`);
          const problem = step.problem(told.answer);
          if (problem !== undefined) {
            throw new Finding(`${step.what}: ${problem} (${told.answer.status} ${told.answer.body.slice(0, 200)}).`);
          }
        }
      },
    })),
  );
}
