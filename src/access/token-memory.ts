import { hash } from 'node:crypto';
import type { Principal } from '../auth.js';

const TOKENS_MAX = 10_000;
const AGE_MAX_MS = 60_000;
/** How exactly it is known which token was not asked for longest: to move one at every use costs as much as to find it. */
const MOVE_MS = 1_000;

interface Remembered {
  readonly principal: Principal;
  /** Of a clock that never steps back. */
  readonly since: number;
  /** When it was last put at the end of the queue. */
  movedAt: number;
}

/**
 * Tokens that were found good a moment ago: to check one again costs more than many a query. Kept by their hash, so that a
 * dump of the memory holds no token; for a minute at most and never past their own end.
 */
export interface TokenMemory {
  /** @param nowMs the wall clock, which tokens end by */
  find(token: string, nowMs: number): Principal | undefined;
  keep(token: string, principal: Principal): void;
  forget(isMeant: (principal: Principal) => boolean): void;
  readonly size: number;
}

export function createTokenMemory(
  options: { tokensMax?: number | undefined; elapsedMs?: (() => number) | undefined } = {},
): TokenMemory {
  const { tokensMax = TOKENS_MAX, elapsedMs = () => performance.now() } = options;
  // A map keeps its order of insertion: the first entry is the one not asked for longest.
  const tokens = new Map<string, Remembered>();
  return {
    find(token, nowMs) {
      const name = nameOf(token);
      const found = tokens.get(name);
      if (found === undefined) return undefined;
      const { principal, since, movedAt } = found;
      const now = elapsedMs();
      const ended = principal.expiresAt !== undefined && nowMs >= principal.expiresAt.getTime();
      if (ended || now - since >= AGE_MAX_MS) {
        tokens.delete(name);
        return undefined;
      }
      if (now - movedAt >= MOVE_MS) {
        found.movedAt = now;
        tokens.delete(name);
        tokens.set(name, found);
      }
      return principal;
    },
    keep(token, principal) {
      const now = elapsedMs();
      tokens.set(nameOf(token), { principal, since: now, movedAt: now });
      if (tokens.size <= tokensMax) return;
      for (const oldest of tokens.keys()) {
        tokens.delete(oldest);
        return;
      }
    },
    forget(isMeant) {
      for (const [name, { principal }] of tokens) if (isMeant(principal)) tokens.delete(name);
    },
    get size() {
      return tokens.size;
    },
  };
}

function nameOf(token: string): string {
  return hash('sha256', token, 'base64');
}
