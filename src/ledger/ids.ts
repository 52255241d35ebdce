import { LANE_COUNT } from './lanes.js';

/**
 * Public ids. They carry the lane, so a look-up by id goes to one shard, and they are derived, so they cost no index:
 * `pl_0f3k9`, `wa_0f3k9`, `se_0f3k9`, `ad_0f3k9` (lane, id), `tx_0f3k9_1a` (lane, wallet, sequence) and others like it, digits
 * in base 36.
 * Clients must treat them as opaque.
 */
const prefixes = { player: 'pl', wallet: 'wa', session: 'se', adjustment: 'ad', transaction: 'tx' } as const;
type EntityKind = Exclude<keyof typeof prefixes, 'transaction'>;

export interface EntityId {
  readonly lane: number;
  readonly id: bigint;
}

export interface TransactionId {
  readonly lane: number;
  readonly walletId: bigint;
  readonly sequence: bigint;
}

/** By the first of its ledger rows. */
export interface RoundId {
  readonly lane: number;
  readonly walletId: bigint;
  readonly firstSequence: bigint;
}

/** A row of the journal. */
export interface CallbackId {
  readonly lane: number;
  readonly receivedAt: Date;
  readonly id: bigint;
}

export function formatId(kind: EntityKind, { lane, id }: EntityId): string {
  return `${prefixes[kind]}_${formatLane(lane)}${id.toString(36)}`;
}

export function formatTransactionId({ lane, walletId, sequence }: TransactionId): string {
  return `tx_${formatLane(lane)}${walletId.toString(36)}_${sequence.toString(36)}`;
}

/** @returns undefined for anything but exactly what `formatId` makes. */
export function parseId(kind: EntityKind, text: string): EntityId | undefined {
  const match = /^([a-z]{2})_([0-9a-z]{2})([1-9a-z][0-9a-z]{0,12})$/.exec(text);
  if (match?.[1] !== prefixes[kind]) return undefined;
  const lane = parseLane(match[2]);
  const id = parseBase36(match[3]);
  return lane === undefined || id === undefined ? undefined : { lane, id };
}

/** @returns undefined for anything but exactly what `formatTransactionId` makes. */
export function parseTransactionId(text: string): TransactionId | undefined {
  const parts = parsePair('tx', text);
  return parts && { lane: parts.lane, walletId: parts.first, sequence: parts.second };
}

/** `rd_0f3k9_1a`: lane, wallet, first sequence. */
export function formatRoundId({ lane, walletId, firstSequence }: RoundId): string {
  return `rd_${formatLane(lane)}${walletId.toString(36)}_${firstSequence.toString(36)}`;
}

/** @returns undefined for anything but exactly what `formatRoundId` makes. */
export function parseRoundId(text: string): RoundId | undefined {
  const parts = parsePair('rd', text);
  return parts && { lane: parts.lane, walletId: parts.first, firstSequence: parts.second };
}

/** `cb_0fm3k9x2a1_1a`: lane, milliseconds since 1970, number in the journal. */
export function formatCallbackId({ lane, receivedAt, id }: CallbackId): string {
  return `cb_${formatLane(lane)}${receivedAt.getTime().toString(36)}_${id.toString(36)}`;
}

/** @returns undefined for anything but exactly what `formatCallbackId` makes. */
export function parseCallbackId(text: string): CallbackId | undefined {
  const parts = parsePair('cb', text);
  if (parts === undefined || parts.first > MILLISECONDS_MAX) return undefined;
  return { lane: parts.lane, receivedAt: new Date(Number(parts.first)), id: parts.second };
}

/** Beyond this, dates are written in another form; it is the end of the year 9999. */
const MILLISECONDS_MAX = 253_402_300_799_999n;

function parsePair(prefix: string, text: string): { lane: number; first: bigint; second: bigint } | undefined {
  const match = /^([a-z]{2})_([0-9a-z]{2})([1-9a-z][0-9a-z]{0,12})_([1-9a-z][0-9a-z]{0,12})$/.exec(text);
  const lane = parseLane(match?.[2]);
  const first = parseBase36(match?.[3]);
  const second = parseBase36(match?.[4]);
  if (match?.[1] !== prefix || lane === undefined || first === undefined || second === undefined) return undefined;
  return { lane, first, second };
}

function formatLane(lane: number): string {
  return lane.toString(36).padStart(2, '0');
}

function parseLane(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const lane = Number.parseInt(text, 36);
  return lane < LANE_COUNT ? lane : undefined;
}

const BIGINT_MAX = 9_223_372_036_854_775_807n;

function parseBase36(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value > BIGINT_MAX ? undefined : value;
}
