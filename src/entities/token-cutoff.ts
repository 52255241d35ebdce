import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Calls back the tokens of a subject that were issued before a moment, whatever they say of their own end. */
export const TokenCutoff = defineEntity({
  name: 'TokenCutoff',
  tableName: 'token_cutoff',
  properties: {
    brandId: p.text().primary(),
    subject: p.text().primary(),
    issuedBefore: p.datetime(3),
    reason: p.text(),
    changedAt: p.datetime(3),
  },
  checks: [{ name: 'token_cutoff_subject_size', expression: 'octet_length(subject) between 1 and 1020' }],
  indexes: [{ name: 'token_cutoff_changed_at', properties: ['changedAt'] }],
});
export type TokenCutoff = InferEntity<typeof TokenCutoff>;
