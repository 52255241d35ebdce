import { isUtf8 } from 'node:buffer';
import { LosslessNumber, parse, stringify } from 'lossless-json';

/** Why a body was refused as JSON. For logs; a provider is told nothing but its own word for a bad request. */
export type JsonFault = 'NOT_UTF8' | 'BOM' | 'TOO_DEEP' | 'TOO_MANY_KEYS' | 'SYNTAX' | 'REPEATED_KEY' | 'FORBIDDEN_KEY';

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: JsonFault };

const DEPTH_MAX = 32;
const KEYS_MAX = 1_000;

/** Names that mean something to JavaScript objects; no provider's field is called so. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses JSON that somebody else wrote. Numbers stay `LosslessNumber`s with the digits as written; strings may still hold
 * lone surrogates written as escapes. Never throws.
 * @param keysMax beyond so many keys it is refused before it is parsed
 */
export function parseJson(bytes: Buffer, keysMax: number = KEYS_MAX): JsonResult {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return refused('BOM');
  if (!isUtf8(bytes)) return refused('NOT_UTF8');
  // Depth and keys are counted before parsing: the parser recurses, and its work must be bounded beforehand.
  const keysWritten = countKeys(bytes, keysMax);
  if (typeof keysWritten === 'string') return refused(keysWritten);
  let value: unknown;
  try {
    value = parse(bytes.toString('utf8'), undefined, options);
  } catch (error) {
    if (error === REPEATED_KEY) return refused('REPEATED_KEY');
    if (error instanceof SyntaxError) return refused('SYNTAX');
    throw error;
  }
  const keysRead = visitKeys(value);
  if (keysRead === undefined) return refused('FORBIDDEN_KEY');
  // The parser lets a key pass that is repeated with an equal value; then fewer keys come out than were written.
  if (keysRead !== keysWritten) return refused('REPEATED_KEY');
  return { ok: true, value };
}

function refused(fault: JsonFault): JsonResult {
  return { ok: false, fault };
}

const REPEATED_KEY = new SyntaxError('A key is repeated.');
const options = {
  onDuplicateKey: () => {
    throw REPEATED_KEY;
  },
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

/** Counts the colons outside strings: in valid JSON that is the number of keys. Bytes suffice, as UTF-8 hides no ASCII. */
function countKeys(bytes: Buffer, keysMax: number): number | 'TOO_DEEP' | 'TOO_MANY_KEYS' {
  let keys = 0;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === COLON) {
      if (++keys > keysMax) return 'TOO_MANY_KEYS';
    } else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) {
      if (++depth > DEPTH_MAX) return 'TOO_DEEP';
    } else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
      depth--;
    }
  }
  return keys;
}

/** Counts the keys of a parsed value. @returns undefined when one of them is forbidden. */
function visitKeys(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || value instanceof LosslessNumber) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      const inner = visitKeys(item);
      if (inner === undefined) return undefined;
      count += inner;
    }
    return count;
  }
  for (const [key, item] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) return undefined;
    const inner = visitKeys(item);
    if (inner === undefined) return undefined;
    count += 1 + inner;
  }
  return count;
}

/** JSON text of an answer. `exactNumber`s keep their digits; fields that are undefined are left out. */
export function jsonText(value: Readonly<Record<string, unknown>>): string {
  return stringify(value) ?? '{}';
}

/** Decimal text as a JSON number with exactly these digits. */
export function exactNumber(text: string): LosslessNumber {
  return new LosslessNumber(text);
}
