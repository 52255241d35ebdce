import { stringify } from 'lossless-json';
import { randomInt } from 'node:crypto';
import type { WireRequest } from '../contract.js';
import type { WireAnswer } from '../provider-side.js';
import { parseJson } from './json.js';

/** Pieces of a provider's own cases for the certification. */

/** Digits that no earlier case used. */
export function freshDigits(): string {
  return String(randomInt(1, 2 ** 40));
}

export function jsonRequest(path: string, fields: unknown): WireRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', path, query: '', headers, body: Buffer.from(JSON.stringify(fields)) };
}

/** An answer is right with this status and, where given, with these fields; a field may be a test of its text. */
export function answersWith(
  status: number,
  fields: Readonly<Record<string, string | RegExp>> = {},
): (answer: WireAnswer) => string | undefined {
  return (answer) => {
    if (answer.status !== status) return `the status must be ${status}`;
    const json = parseJson(Buffer.from(answer.body));
    for (const [path, wanted] of Object.entries(fields)) {
      const found = valueAt(json.ok ? json.value : undefined, path.split('.'));
      const fits = typeof wanted === 'string' ? found === wanted : wanted.test(found);
      if (!fits) return `"${path}" must be ${wanted}, and is ${found}`;
    }
    return undefined;
  };
}

/** The text of a field, of a number its digits. */
function valueAt(value: unknown, path: readonly string[]): string {
  const [first, ...rest] = path;
  if (first === undefined) return typeof value === 'string' ? value : (stringify(value) ?? '(nothing)');
  return valueAt(typeof value === 'object' && value !== null ? Reflect.get(value, first) : undefined, rest);
}
