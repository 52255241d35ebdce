import { createHash } from 'node:crypto';
import type { PostedPosition } from '../events/brand-feed.js';
import { LANE_COUNT } from '../ledger/lanes.js';
import { badInput } from './errors.js';

/** Whose cursors they are, and for one who sees a single player, the lane of that player: the others are nobody's business. */
export interface CursorScope {
  readonly name: string;
  readonly lane: number | undefined;
}

const CHECK_BYTES = 9;
const BYTES_MAX = 900;
const NUMBER_MAX = 2n ** 63n - 1n;

/**
 * A place in the stream of transactions as text: for each lane the number of its last unit, seven bits to a byte, and where the
 * stream stands inside a unit, the lane and how many of its rows have come. The check binds it to who looks. It is no secret:
 * what is seen from there on is decided by who asks, not by the cursor.
 */
export function writePostedCursor({ numbers, within }: PostedPosition, scope: CursorScope): string {
  const bytes: number[] = [];
  const lanes = lanesOf(scope);
  for (const lane of lanes) writeNumber(bytes, numbers[lane] ?? 0n);
  if (within !== undefined && lanes.includes(within.lane)) {
    bytes.push(within.lane);
    writeNumber(bytes, BigInt(within.rows));
  }
  const body = Buffer.from(bytes);
  return Buffer.concat([checkOf(scope, body), body]).toString('base64url');
}

/** @throws BAD_USER_INPUT for what `writePostedCursor` did not make for this scope */
export function readPostedCursor(cursor: string, scope: CursorScope): PostedPosition {
  const bytes = cursor.length <= BYTES_MAX * 2 ? Buffer.from(cursor, 'base64url') : Buffer.alloc(0);
  const body = bytes.subarray(CHECK_BYTES);
  const isOurs = bytes.toString('base64url') === cursor && checkOf(scope, body).equals(bytes.subarray(0, CHECK_BYTES));
  const position = isOurs ? readBody(body, scope) : undefined;
  // Written again it must be the same: there is one way to write a position.
  if (position !== undefined && writePostedCursor(position, scope) === cursor) return position;
  throw badInput('"after" is not a cursor of this stream for this token.');
}

function readBody(body: Buffer, scope: CursorScope): PostedPosition | undefined {
  const reader = { body, offset: 0 };
  const numbers = Array.from({ length: LANE_COUNT }, () => 0n);
  for (const lane of lanesOf(scope)) {
    const number = readNumber(reader);
    if (number === undefined) return undefined;
    numbers[lane] = number;
  }
  if (reader.offset === body.length) return { numbers };
  const lane = body[reader.offset] ?? 0;
  reader.offset += 1;
  const rows = readNumber(reader);
  if (rows === undefined || rows < 1n || rows > 1_000_000n || lane >= LANE_COUNT) return undefined;
  return reader.offset === body.length ? { numbers, within: { lane, rows: Number(rows) } } : undefined;
}

function lanesOf({ lane }: CursorScope): readonly number[] {
  return lane === undefined ? Array.from({ length: LANE_COUNT }, (_, each) => each) : [lane];
}

function checkOf({ name, lane }: CursorScope, body: Buffer): Buffer {
  const hash = createHash('sha256').update(`transactionPosted\0${name}\0${lane ?? ''}\0`);
  return hash.update(body).digest().subarray(0, CHECK_BYTES);
}

function writeNumber(bytes: number[], value: bigint): void {
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
}

function readNumber(reader: { readonly body: Buffer; offset: number }): bigint | undefined {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.body[reader.offset];
    if (byte === undefined) return undefined;
    reader.offset += 1;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value <= NUMBER_MAX ? value : undefined;
  }
  return undefined;
}
