import { hash } from 'node:crypto';
import { Field, ObjectType } from 'type-graphql';
import { badInput } from './errors.js';

export const PAGE_SIZE_DEFAULT = 20;
export const PAGE_SIZE_MAX = 100;

/** Arguments of every connection. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export const pageArgumentTexts = {
  first: `How many to answer from the start of the list, or after the cursor: 1 to ${PAGE_SIZE_MAX}, ${PAGE_SIZE_DEFAULT} when nothing is said. Not together with "last" or "before".`,
  after: 'Cursor of an edge of the same list with the same filter: answers what comes after it.',
  last: `How many to answer from the end of the list, or before the cursor: 1 to ${PAGE_SIZE_MAX}. Not together with "first" or "after".`,
  before: 'Cursor of an edge of the same list with the same filter: answers what comes before it.',
} as const;

/** A stretch of a list, to be read by position: never by offset, so rows that arrive meanwhile shift nothing. */
export interface Page<Position> {
  readonly direction: 'forward' | 'backward';
  /** Read this many and one more: the one more says whether the list goes on. */
  readonly size: number;
  /** Exclusive; undefined is the list's end on that side. */
  readonly from: Position | undefined;
}

/** How positions of one list are written into cursors. `scope` names the list: a cursor of another one is refused. */
export interface CursorFormat<Position> {
  readonly scope: string;
  readonly write: (position: Position) => string;
  /** @returns undefined for what `write` never makes */
  readonly read: (text: string) => Position | undefined;
}

/** @throws BAD_USER_INPUT */
export function readPage<Position>(args: PageArguments, format: CursorFormat<Position>): Page<Position> {
  const first = args.first ?? undefined;
  const last = args.last ?? undefined;
  const after = args.after ?? undefined;
  const before = args.before ?? undefined;
  const backward = last !== undefined || before !== undefined;
  if (backward && (first !== undefined || after !== undefined)) {
    throw badInput('Use "first" and "after", or "last" and "before", not both.');
  }
  const size = (backward ? last : first) ?? PAGE_SIZE_DEFAULT;
  if (size < 1 || size > PAGE_SIZE_MAX) {
    throw badInput(`"${backward ? 'last' : 'first'}" must be 1 to ${PAGE_SIZE_MAX}.`);
  }
  const cursor = backward ? before : after;
  return {
    direction: backward ? 'backward' : 'forward',
    size,
    from: cursor === undefined ? undefined : readCursor(cursor, format),
  };
}

/** Enough for a place in each of a hundred wallets. */
const CURSOR_SIZE_MAX = 4_000;
const CHECK_CHARACTERS = 12;

/** The check binds a cursor to its list. It is no secret: what a cursor may lead to is decided by the list's own conditions. */
function writeCursor<Position>(position: Position, { scope, write }: CursorFormat<Position>): string {
  const text = write(position);
  return checkOf(scope, text) + Buffer.from(text).toString('base64url');
}

function readCursor<Position>(cursor: string, { scope, read, write }: CursorFormat<Position>): Position {
  if (cursor.length <= CURSOR_SIZE_MAX) {
    const text = Buffer.from(cursor.slice(CHECK_CHARACTERS), 'base64url').toString();
    const position = read(text);
    if (position !== undefined && writeCursor(position, { scope, read, write }) === cursor) return position;
  }
  throw badInput('The cursor is not one of this list with this filter.');
}

function checkOf(scope: string, text: string): string {
  return hash('sha256', `${scope}\0${text}`, 'base64url').slice(0, CHECK_CHARACTERS);
}

@ObjectType('PageInfo', { description: 'Where a page stands in its list.' })
export class PageInfoObject {
  @Field(() => Boolean, { description: 'Whether the list goes on after this page.' })
  readonly hasNextPage: boolean;

  @Field(() => Boolean, { description: 'Whether the list has something before this page.' })
  readonly hasPreviousPage: boolean;

  private readonly first: PageEdge<unknown> | undefined;
  private readonly last: PageEdge<unknown> | undefined;

  constructor(next: boolean, previous: boolean, edges: readonly PageEdge<unknown>[]) {
    this.hasNextPage = next;
    this.hasPreviousPage = previous;
    this.first = edges[0];
    this.last = edges.at(-1);
  }

  @Field(() => String, { nullable: true, description: 'Cursor of the first edge; null on an empty page.' })
  get startCursor(): string | undefined {
    return this.first?.cursor;
  }

  @Field(() => String, { nullable: true, description: 'Cursor of the last edge; null on an empty page.' })
  get endCursor(): string | undefined {
    return this.last?.cursor;
  }
}

/** A row in its page. Its cursor is written when somebody asks for it. */
export interface PageEdge<Row> {
  readonly cursor: string;
  readonly row: Row;
}

export interface PageOfRows<Row> {
  readonly edges: readonly PageEdge<Row>[];
  readonly pageInfo: PageInfoObject;
}

/**
 * Cuts the page out of what was read.
 * @param read up to `size + 1` rows, in the order they were read: away from `from`
 */
export function toPage<Row, Position>(
  read: readonly Row[],
  page: Page<Position>,
  positionOf: (row: Row) => Position,
  format: CursorFormat<Position>,
): PageOfRows<Row> {
  const goesOn = read.length > page.size;
  const rows = read.slice(0, page.size);
  const forward = page.direction === 'forward';
  if (!forward) rows.reverse();
  const edges = rows.map((row) => ({
    row,
    get cursor() {
      return writeCursor(positionOf(row), format);
    },
  }));
  // Rows stay where they are, so the cursor's own row still stands on the other side.
  const cameFrom = page.from !== undefined;
  const [next, previous] = forward ? [goesOn, cameFrom] : [cameFrom, goesOn];
  return { edges, pageInfo: new PageInfoObject(next, previous, edges) };
}
