import { z } from 'zod';

/**
 * What a provider's protocol wants where protocols differ. Data, not code: `decide` is its only reader. An adapter states
 * the whole row; an integration may override parts of it in the configuration. The descriptions are those in the docs.
 */
const questions = z.strictObject({
  duplicate: z
    .enum(['first-answer', 'refuse'])
    .describe('A repeated key with the same facts: the first answer again, or a refusal that says so.'),
  inactiveCheck: z
    .enum(['after-key', 'before-key'])
    .describe(
      'Whether a player who may not bet is refused before the key is looked up, or a repeat is recognised first.',
    ),
  rollbackOfUnknown: z
    .enum(['accept', 'refuse'])
    .describe('A rollback whose target is not known. Either way a tombstone keeps the late bet out.'),
  secondRollback: z
    .enum(['accept', 'refuse'])
    .describe('A second rollback of the same target under another key; it never moves money.'),
  rollbackTargets: z.array(z.enum(['bet', 'win'])).describe('Which movements a rollback may undo.'),
  rollbackAfterWin: z
    .enum(['reverse', 'refuse'])
    .describe('The rollback of a bet that a win has paid: the bet is given back all the same, or it is refused.'),
  winWithoutBet: z
    .enum(['accept', 'refuse', 'quarantine'])
    .describe(
      'A win that names a bet, or a round with one, that is not known: credited and flagged, refused, or held for a person.',
    ),
  winOfRolledBackBet: z
    .enum(['accept', 'refuse', 'quarantine'])
    .describe('A win whose bet was rolled back: credited and flagged, refused, or held for a person.'),
  secondWin: z.enum(['accept', 'refuse']).describe('A further win, under another key, for a bet that a win has paid.'),
  inactiveWin: z
    .enum(['accept', 'refuse'])
    .describe('A win for a player who may not bet. Refusing it loses money the player is owed.'),
});

/** A row that contradicts itself is refused, before any money meets it. */
export const Policy = questions.superRefine((policy, context) => {
  const contradicts = (path: keyof typeof questions.shape, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  if (new Set(policy.rollbackTargets).size !== policy.rollbackTargets.length) {
    contradicts('rollbackTargets', 'names a kind twice');
  }
  if (policy.rollbackTargets.length === 0 && policy.rollbackOfUnknown === 'accept') {
    contradicts('rollbackOfUnknown', 'accepts the rollback of an unknown movement where nothing can be rolled back');
  }
  if (policy.winWithoutBet !== 'accept' && policy.winOfRolledBackBet === 'accept') {
    contradicts('winOfRolledBackBet', 'credits the win of a bet that was rolled back, where one without a bet is not');
  }
  if (policy.inactiveCheck === 'before-key' && policy.duplicate === 'first-answer') {
    contradicts('inactiveCheck', 'would refuse a repeat that is due the first answer');
  }
  if (policy.secondWin === 'accept' && policy.rollbackAfterWin === 'refuse' && policy.rollbackTargets.includes('win')) {
    contradicts('rollbackAfterWin', 'cannot hold where wins are undone and repeated freely');
  }
});
export type Policy = z.infer<typeof Policy>;

/** What an integration may override, as the configuration holds it. */
export const PolicyPart = questions.partial();

/** Every question with what it asks, for the docs and for GraphQL. */
export const policyQuestions: readonly { readonly name: keyof Policy; readonly asks: string }[] = Object.entries(
  questions.shape,
).map(([name, schema]) => ({ name: questions.keyof().parse(name), asks: schema.description ?? '' }));

/** The parts of its adapter's row that an integration states itself. */
export type PolicyOverrides = { readonly [Question in keyof Policy]?: Policy[Question] | undefined };

/** @throws ZodError when the row contradicts itself. */
export function withOverrides(policy: Policy, overrides: PolicyOverrides = {}): Policy {
  return Policy.parse({
    ...policy,
    ...Object.fromEntries(Object.entries(overrides).filter(([, answer]) => answer !== undefined)),
  });
}
