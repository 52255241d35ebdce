import { createHash } from 'node:crypto';

/** Where a row stands in its list: the values of the list's order, as text that PostgreSQL reads. */
export type Position = readonly string[];

const SCOPE_CHARACTERS = 8;

/**
 * Names a list, so that a cursor of another one is refused. It is no secret: what a cursor leads to is decided by the list's
 * own conditions, never by the cursor.
 */
export function scopeOf(list: readonly (string | undefined)[]): string {
  const digest = createHash('sha256').update(JSON.stringify(list)).digest('base64url');
  return digest.slice(0, SCOPE_CHARACTERS);
}

const CURSOR_CHARACTERS_MAX = 1_000;

/** @returns what follows the scope, undefined for a cursor of another list */
export function openCursor(cursor: string, scope: string): string | undefined {
  if (cursor.length > CURSOR_CHARACTERS_MAX || !cursor.startsWith(`${scope}.`)) return undefined;
  return cursor.slice(scope.length + 1);
}

/** @returns the moment, when it is written exactly as `toISOString` does */
export function readMoment(text: string): string | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) || date.toISOString() !== text ? undefined : text;
}
