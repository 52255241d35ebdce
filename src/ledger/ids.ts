import { LANE_COUNT } from './lanes.js';

/**
 * Public ids. They carry the lane, so a look-up by id goes to one shard, and they are derived, so they cost no index:
 * `pl_0f3k9`, `wa_0f3k9`, `se_0f3k9` (lane, id) and `tx_0f3k9_1a` (lane, wallet, sequence), digits in base 36.
 * Clients must treat them as opaque.
 */
const prefixes = { player: 'pl', wallet: 'wa', session: 'se', transaction: 'tx' } as const;
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
  const match = /^tx_([0-9a-z]{2})([1-9a-z][0-9a-z]{0,12})_([1-9a-z][0-9a-z]{0,12})$/.exec(text);
  const lane = parseLane(match?.[1]);
  const walletId = parseBase36(match?.[2]);
  const sequence = parseBase36(match?.[3]);
  if (lane === undefined || walletId === undefined || sequence === undefined) return undefined;
  return { lane, walletId, sequence };
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
