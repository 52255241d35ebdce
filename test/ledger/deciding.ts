import type { Movement } from '../../src/ledger/commands.js';
import {
  decide,
  type Decision,
  type Known,
  type KnownRow,
  type LinkedRow,
  type WalletState,
} from '../../src/ledger/decide.js';
import type { Policy } from '../../src/ledger/policy.js';
import { policy as gentle } from './commands.js';

/** What the tests of `decide` start from, and how they read what it says. */

export const alice = { brand: 'demo', externalId: 'alice' };
export const nothing: Known = { own: undefined, target: undefined, round: [] };

export function wallet(more: Partial<WalletState> = {}): WalletState {
  return { currency: { code: 'EUR', scale: 6 }, playerStatus: 'ACTIVE', balance: 100_000_000n, sequence: 5n, ...more };
}

/** A row that is in the ledger already: a bet of 10, unless told otherwise. */
export function stored(more: Partial<KnownRow> = {}): KnownRow {
  return {
    sequence: 3n,
    integration: 'igpx-demo',
    externalKey: 'b1',
    kind: 'bet',
    effect: -10_000_000n,
    stated: 10_000_000n,
    rest: null,
    balanceAfter: 100_000_000n,
    target: null,
    undoes: null,
    resolves: null,
    round: null,
    game: null,
    displayAt: null,
    flags: [],
    currency: 'EUR',
    ...more,
  };
}

/** The same with what later rows made of it. */
export function linked(more: Partial<LinkedRow> = {}): LinkedRow {
  const { rolledBack = false, wins = 0, ...row } = more;
  return { ...stored(row), rolledBack, wins };
}

export const tombstone = stored({ kind: 'tombstone', effect: 0n, stated: null });

/** A decision in a line: `post bet -10 → 90`, `replay 3`, `refuse CODE + tombstone`, and its flags. */
export function summary(decision: Decision): string {
  const money = (units: bigint): string => String(Number(units) / 1e6);
  const rows = 'rows' in decision ? decision.rows : [];
  const text = rows.map((row) => `${row.kind} ${row.externalKey} ${money(row.effect)} → ${money(row.balanceAfter)}`);
  const flags = decision.flags.length === 0 ? '' : ` [${decision.flags.join(' ')}]`;
  switch (decision.type) {
    case 'post':
      return `post ${text.join(', ')}${flags}`;
    case 'replay':
      return `replay ${decision.row.sequence}${flags}`;
    case 'refuse':
      return `refuse ${decision.code}${text.length === 0 ? '' : ` + ${text.join(', ')}`}${flags}`;
  }
}

/** By the forgiving policy but for what is told. */
export function decided(
  command: Movement,
  known: Known = nothing,
  state: Partial<WalletState> = {},
  policy: Partial<Policy> = {},
): string {
  return summary(decide(wallet(state), known, command, { ...gentle, ...policy }));
}
