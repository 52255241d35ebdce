import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { Flag } from '../ledger/commands.js';

/** The journal: one row per request of a provider, refused ones included. Partitioned by day of `receivedAt`. */
export const Callback = defineEntity({
  name: 'Callback',
  tableName: 'callback',
  properties: {
    lane: p.smallint().primary(),
    receivedAt: p.datetime(3).primary(),
    id: p.bigint().primary(),
    integration: p.text(),
    /** Name of the callback in the adapter ("bet"); null when the request was refused before that was known. */
    name: p.text().nullable(),
    /** Path below the integration's callback URL. */
    path: p.text(),
    /** Request body as received, cut at 64 KiB. */
    body: p.blob(),
    /** `ok`, `repeat`, or the WalletErrorCode of the refusal. */
    verdict: p.text(),
    flags: p.array().columnType('text[]').$type<Flag[]>(),
    /** HTTP status of the answer; null when the connection was closed without one. */
    status: p.smallint().nullable(),
    answer: p.text().nullable(),
    /** From the last byte of the request to the decision, in microseconds. */
    durationUs: p.integer(),
    /** The ledger row that the answer speaks of, with the lane. */
    walletId: p.bigint().nullable(),
    sequence: p.bigint().nullable(),
  },
});
export type Callback = InferEntity<typeof Callback>;
