import type { Position } from './cursor.js';
import type { Format } from './question.js';
import type { List, Stretch } from './list.js';
import { createParquetFile } from './parquet.js';
import type { Lines } from './connection.js';
import type { ExportSession } from './sessions.js';

/** A piece of the file. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** Rows that it completes. */
  readonly count: number;
}

export interface Reading {
  readonly list: List;
  readonly format: Format;
  readonly after: { readonly cursor: string; readonly position: Position } | undefined;
  /** At most; undefined for all. */
  readonly rows: number | undefined;
}

/** What is known when the last chunk was read. */
export interface End {
  /** Of the last row; where none was read, the one that the reading began after. */
  readonly next: string | undefined;
  /** False when the number of rows asked for ended it: there may be more. */
  readonly complete: boolean;
}

/** Rows looked at in one statement: a few megabytes, a tenth of a second. */
const CHUNK_ROWS = 10_000;
/** A parquet file is read by groups of rows, each a whole with its statistics. */
const GROUP_ROWS = 10_000;

/** The file piece by piece. Each piece is read whole, so the database never waits for the client. */
export function readChunks(session: ExportSession, reading: Reading): AsyncGenerator<Chunk, End> {
  return reading.format === 'parquet' ? parquetChunks(session, reading) : lineChunks(session, reading, reading.format);
}

async function* lineChunks(
  session: ExportSession,
  { list, after, rows }: Reading,
  format: 'csv' | 'ndjson',
): AsyncGenerator<Chunk, End> {
  let next = after?.cursor;
  let left = rows ?? Infinity;
  // With the first rows, not before them: what fails until then is still answered in words.
  let head = format === 'csv' ? `${list.columns.map(({ name }) => name).join(',')}\n` : '';
  const read = (stretch: Stretch): Promise<Lines> => session.lines(list, stretch, format, limitOf(left));
  // How many rows a chunk may have follows from those before it, where their number is limited; otherwise two are read at once.
  if (rows === undefined) await session.widen();
  for await (const { bytes, count } of inOrder(stretches(session, list, after?.position), read, rows ? 1 : 2)) {
    left -= count;
    next = lastCursor(bytes) ?? next;
    const piece = head === '' ? bytes : Buffer.concat([Buffer.from(head), bytes]);
    head = '';
    if (piece.length > 0) yield { bytes: piece, count };
    if (left === 0) return { next, complete: false };
  }
  if (head !== '') yield { bytes: Buffer.from(head), count: 0 };
  return { next, complete: true };
}

async function* parquetChunks(session: ExportSession, reading: Reading): AsyncGenerator<Chunk, End> {
  const file = createParquetFile(reading.list.columns);
  // The database and the thread that encodes work at the same time, on one group each.
  const groups = ahead(readGroups(session, reading));
  try {
    for (;;) {
      const { done, value } = await groups.next();
      if (!done) {
        yield { bytes: await file.append(value.map((each) => each.bytes)), count: sizeOf(value) };
        continue;
      }
      const { next, complete } = value;
      // Readers of such files see no trailers, so the footer says the same.
      const metadata = { 'croupier.complete': `${complete}`, ...(next !== undefined && { 'croupier.next': next }) };
      yield { bytes: await file.finish(metadata), count: 0 };
      return value;
    }
  } finally {
    await groups.return(nowhere);
    await file.close();
  }
}

async function* readGroups(
  session: ExportSession,
  { list, after, rows }: Reading,
): AsyncGenerator<readonly Lines[], End> {
  let next = after?.cursor;
  let left = rows ?? Infinity;
  let group: Lines[] = [];
  for await (const stretch of stretches(session, list, after?.position)) {
    const lines = await session.lines(list, stretch, 'columns', limitOf(left));
    left -= lines.count;
    next = lastCursor(lines.bytes) ?? next;
    group.push(lines);
    if (sizeOf(group) >= GROUP_ROWS) {
      yield group;
      group = [];
    }
    if (left === 0) break;
  }
  if (sizeOf(group) > 0) yield group;
  return { next, complete: left > 0 };
}

function sizeOf(group: readonly Lines[]): number {
  return group.reduce((sum, { count }) => sum + count, 0);
}

/** Cuts the list where its index says, so every stretch holds as many rows, however few of them a filter lets through. */
async function* stretches(
  session: ExportSession,
  list: List,
  start: Position | undefined,
): AsyncGenerator<Stretch, void> {
  if (list.ranges.length === 0) return;
  let after = start;
  for (;;) {
    const upTo = await session.boundary(list, after, CHUNK_ROWS);
    yield { after, upTo };
    if (upTo === undefined) return;
    after = upTo;
  }
}

/** What is read of each stretch, in their order, so many at once. */
async function* inOrder(
  stretchesToRead: AsyncGenerator<Stretch>,
  read: (stretch: Stretch) => Promise<Lines>,
  atOnce: number,
): AsyncGenerator<Lines, void> {
  const underWay: Promise<Lines>[] = [];
  for await (const stretch of stretchesToRead) {
    const lines = read(stretch);
    // Whoever comes for it gets the error; until then it is nobody's.
    lines.catch(() => undefined);
    underWay.push(lines);
    const [oldest] = underWay;
    if (oldest === undefined || underWay.length < atOnce) continue;
    yield await oldest;
    void underWay.shift();
  }
  for (const lines of underWay) yield await lines;
}

function limitOf(left: number): number | undefined {
  return left === Infinity ? undefined : left;
}

const LINE_END_BYTES = 1_100;
/** The cursor is the last column, and holds nothing that CSV or JSON would quote. */
const LAST_CURSOR = /([\w.:-]+)(?:"\})?\n$/;

function lastCursor(lines: Buffer): string | undefined {
  return LAST_CURSOR.exec(lines.toString('latin1', Math.max(0, lines.length - LINE_END_BYTES)))?.[1];
}

/** The end of what nobody reads on. */
const nowhere: End = { next: undefined, complete: false };

/** Reads the next piece while the one before it is used. */
export async function* ahead<Piece>(pieces: AsyncGenerator<Piece, End>): AsyncGenerator<Piece, End> {
  let following = pieces.next();
  try {
    for (;;) {
      const { done, value } = await following;
      if (done) return value;
      following = pieces.next();
      // Whoever comes for it gets the error; until then it is nobody's.
      following.catch(() => undefined);
      yield value;
    }
  } finally {
    await following.catch(() => undefined);
    await pieces.return(nowhere);
  }
}
