import { z } from 'zod';

/**
 * What a provider's protocol wants where protocols differ. Data, not code: `decide` is its only reader. An adapter states
 * the whole row; an integration may override parts of it in the configuration.
 */
export const Policy = z.strictObject({
  /** A repeated key with the same facts: the first answer again, or a refusal that says so. */
  duplicate: z.enum(['first-answer', 'refuse']),
  /** A rollback whose target is not known. Either way a tombstone keeps the late bet out. */
  rollbackOfUnknown: z.enum(['accept', 'refuse']),
  /** A second rollback of the same target under another key; it never moves money. */
  secondRollback: z.enum(['accept', 'refuse']),
  /** Which movements a rollback may undo. */
  rollbackTargets: z.array(z.enum(['bet', 'win'])).min(1),
  /** A win for a player who may not bet. Refusing it loses money the player is owed. */
  inactiveWin: z.enum(['accept', 'refuse']),
});
export type Policy = z.infer<typeof Policy>;

/** The parts of its adapter's row that an integration states itself. */
export type PolicyOverrides = { readonly [Question in keyof Policy]?: Policy[Question] | undefined };

export function withOverrides(policy: Policy, overrides: PolicyOverrides = {}): Policy {
  return Policy.parse({
    ...policy,
    ...Object.fromEntries(Object.entries(overrides).filter(([, answer]) => answer !== undefined)),
  });
}
