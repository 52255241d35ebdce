import type { BoundAdapter, BoundCallback } from '../adapters/contract.js';

/** Finds which callback a request is: by its path, and where the provider says so by fields of the body. */
export function dispatch(adapter: BoundAdapter, path: string, body: unknown): BoundCallback | undefined {
  return adapter.callbacks.find((each) => each.on.path === path && matches(each.on.where, body));
}

function matches(where: Readonly<Record<string, string>> | undefined, body: unknown): boolean {
  if (where === undefined) return true;
  if (typeof body !== 'object' || body === null) return false;
  return Object.entries(where).every(([field, text]) => Reflect.get(body, field) === text);
}
