import type { Balance, LookUp, Movement, Outcome } from './commands.js';
import { chainHash, type ChainedRow } from './chain.js';
import type { LedgerConnection, Statement } from './connection.js';
import { decide, type Decision, type Known, type LedgerRow, type LinkedRow, type WalletState } from './decide.js';
import {
  addToRound,
  oldestWallet,
  type Draft,
  keysOf,
  know,
  movementKey,
  openMissingWallets,
  type PlayerDraft,
  playerKey,
  roundRows,
  rowAt,
  type WalletDraft,
  walletKey,
} from './draft.js';
import type { WalletErrorCode } from './errors.js';
import { type Limited, withPlay, withRow } from './limits.js';
import { isOpen, type Pending } from './pending.js';
import { applyPlayerChange, openCounters, playerWrites, settleLimits } from './player-changes.js';
import type { Policy } from './policy.js';
import { balanceOf, receiptOf } from './receipt.js';
import { type CallbackRow, commit, type HashedRow, type StoredRow, type UnitRow } from './statements.js';
import { statusAt } from './status.js';

/** What one lane committed, for the feed: the unit's row and the ledger rows behind it. */
export interface CommittedUnit extends UnitRow {
  readonly rows: readonly HashedRow[];
}

/**
 * One unit of work over what was read under its lanes' locks: decides every command in its order of arrival, writes in sets,
 * commits. Whoever was refused while it was waited for is left out. Nothing is answered here: the outcomes may be told only by
 * whoever saw this function return.
 * @param sent called once everything is on its way to the database, COMMIT included
 * @throws when the unit did not commit, or it is not known whether it did.
 */
export async function runUnit(
  connection: LedgerConnection,
  draft: Draft,
  pending: readonly Pending[],
  sent: () => void,
): Promise<{ told: readonly (readonly [Pending, Outcome])[]; units: readonly CommittedUnit[] }> {
  await openMissingWallets(connection, draft, pending);
  await openCounters(connection, draft, pending);
  // From here to their way to the database nobody else has a turn, so nobody can be refused meanwhile.
  const open = pending.filter(isOpen);
  // What an earlier attempt committed has been read now; what was not found will not come any more, the lock saw to that.
  for (const each of open) each.inDoubt = false;
  const now = performance.now();
  const told: [Pending, Outcome][] = [];
  const callbacks: CallbackRow[] = [];
  for (const each of open) {
    const outcome = applyCommand(draft, each, now > each.deadlineAt);
    told.push([each, outcome]);
    if (each.journal !== undefined) callbacks.push(each.journal(outcome));
  }
  const units = unitsOf(draft);
  for (const each of open) each.inDoubt = true;
  const written = connection.send(writesOf(draft, units, callbacks));
  sent();
  await written;
  return { told, units };
}

function applyCommand(draft: Draft, pending: Pending, expired: boolean): Outcome {
  const { command, player } = pending;
  const known = draft.players.get(playerKey(player));
  if (known === undefined) return refused('PLAYER_UNKNOWN');
  switch (command.kind) {
    case 'status':
    case 'wallet-limit':
    case 'session-limit':
      return applyPlayerChange(draft, pending, known, command);
    case 'balance': {
      const wallet = draft.wallets.get(walletKey(player, command.currency));
      if (wallet === undefined) return refused('CURRENCY_NOT_ALLOWED');
      return { type: 'done', balance: balanceOf(wallet, wallet.currency), flags: [] };
    }
    case 'lookup':
      return applyLookUp(draft, pending, command);
    default:
      return applyMovement(draft, pending, command, known, expired);
  }
}

function applyLookUp(draft: Draft, pending: Pending, command: LookUp): Outcome {
  const [key] = keysOf(pending).map(movementKey);
  const row = draft.known.get(key ?? '');
  const wallet = draft.wallets.get(walletKey(pending.player, row?.currency ?? command.currency));
  if (wallet === undefined) return refused('CURRENCY_NOT_ALLOWED');
  const balance = balanceOf(wallet, wallet.currency);
  // A tombstone is the trace of a movement that never was.
  if (row === undefined || row.kind === 'tombstone') return refused('TARGET_UNKNOWN', balance);
  return {
    type: 'done',
    balance,
    found: { receipt: receiptOf(row, wallet, wallet.currency), rolledBack: row.rolledBack },
    flags: [],
  };
}

function applyMovement(draft: Draft, pending: Pending, command: Movement, by: PlayerDraft, expired: boolean): Outcome {
  const { player } = pending;
  const [ownKey, targetKey] = keysOf(pending).map(movementKey);
  const own = draft.known.get(ownKey ?? '');
  const target = draft.known.get(targetKey ?? '');
  // A repeat, and the rollback of something known, post where that is; a win goes to the currency it states.
  const at = own ?? (command.kind === 'rollback' ? target : undefined);
  const wallet =
    draft.wallets.get(walletKey(player, at?.currency ?? command.currency)) ?? traceWallet(draft, pending, at);
  if (wallet === undefined) {
    const owed = command.kind === 'win' || command.kind === 'rollback';
    return { type: 'refused', code: 'CURRENCY_NOT_ALLOWED', balance: undefined, flags: owed ? ['quarantined'] : [] };
  }
  // Past its deadline nothing new may start; but what an earlier attempt committed must still be found.
  if (expired && own === undefined) return refused('DEADLINE_EXCEEDED', balanceOf(wallet, wallet.currency));
  if (command.kind === 'bet' && own === undefined && !isPlayedIn(draft, command))
    return refused('CURRENCY_NOT_ALLOWED');

  const playerStatus = statusAt(by.status, pending.receivedAt);
  const state: WalletState = { ...wallet, playerStatus, limited: limitedBy(wallet, by, pending.receivedAt) };
  const round = roundOf(draft, pending);
  const known = own === undefined ? { own, target, round } : knownBefore(own, target, round);
  const decision = decide(state, known, command, policyFor(pending, own));
  if (decision.type === 'replay' && own !== undefined) {
    return {
      type: 'replayed',
      receipt: receiptOf(own, { lane: own.lane, id: own.walletId }, wallet.currency),
      balance: balanceOf(wallet, wallet.currency),
      flags: [],
    };
  }
  const outcome = postDecision(draft, pending, wallet, target, decision);
  if (command.kind === 'bet' && command.free !== true && outcome.type === 'applied') play(by, pending.receivedAt);
  return outcome;
}

/** Where the rollback of something unknown leaves its trace, when it states a currency that the player has no wallet in. */
function traceWallet(draft: Draft, { command, player }: Pending, at: StoredRow | undefined): WalletDraft | undefined {
  return command.kind === 'rollback' && at === undefined ? oldestWallet(draft, player) : undefined;
}

/** Whether the integration takes bets in the currency. What was posted before it stopped to is still known by its key. */
function isPlayedIn({ context }: Draft, { integration, currency }: Movement): boolean {
  return context.integrationCurrencies.get(integration)?.has(currency) === true;
}

/** Nearly nobody is limited, and who is not shall cost nothing. */
function limitedBy(wallet: WalletDraft, player: PlayerDraft, at: Date): Limited | undefined {
  if (wallet.limits === null && player.limits === null) return undefined;
  return { wallet: wallet.limits, player: player.limits, at };
}

function play(player: PlayerDraft, at: Date): void {
  if (player.limits === null) return;
  player.limits = withPlay(player.limits, at);
  player.limitsChanged = true;
}

function roundOf(draft: Draft, { command, player }: Pending): readonly StoredRow[] {
  // Others in the unit may have asked for the round; to a win that is not linked to bets it must not matter.
  if (command.kind !== 'win' || typeof command.pays !== 'string' || command.round === undefined) return [];
  const { integration, round } = command;
  return roundRows(draft, { lane: player.lane, playerId: player.id, integration, round });
}

/** What a repeat is compared with: the bets as they stood when its first was decided, whatever was undone since. */
function knownBefore(own: StoredRow, target: StoredRow | undefined, round: readonly StoredRow[]): Known {
  const asItWas = (row: StoredRow): LinkedRow => ({
    ...row,
    rolledBack: row.undoneBy !== null && row.undoneBy < own.sequence,
  });
  return { own, target: target === undefined ? undefined : asItWas(target), round: round.map(asItWas) };
}

/** A row that an earlier attempt of this very command wrote is its first answer, even where repeats are refused. */
function policyFor({ policy, attempts, receivedAt }: Pending, own: StoredRow | undefined): Policy {
  const isOurs = attempts > 1 && own?.createdAt.getTime() === receivedAt.getTime();
  return isOurs ? { ...policy, duplicate: 'first-answer', inactiveCheck: 'after-key' } : policy;
}

function postDecision(
  draft: Draft,
  pending: Pending,
  wallet: WalletDraft,
  target: StoredRow | undefined,
  decision: Decision,
): Outcome {
  const rows = decision.type === 'replay' ? [] : decision.rows;
  const flags =
    wallet.openedNow && rows.length > 0 ? [...decision.flags, 'wallet-opened-by-credit' as const] : decision.flags;
  if (rows.length > 0) wallet.openedNow = false;
  for (const row of rows) postRow(draft, wallet, row, row.undoes === null ? undefined : target, pending.receivedAt);
  const [first] = rows;
  if (first?.undoes != null && target !== undefined) {
    know(draft, { ...target, rolledBack: true, undoneBy: first.sequence });
    // The bet it paid is open again.
    if (target.kind === 'win') addWins(draft, wallet, target.resolves, -1);
  }
  if (first?.kind === 'win') addWins(draft, wallet, first.resolves, 1);
  if (decision.type === 'refuse') {
    return { type: 'refused', code: decision.code, balance: balanceOf(wallet, wallet.currency), flags };
  }
  if (first === undefined) throw new Error('A decision to post had no rows');
  return {
    type: 'applied',
    receipt: receiptOf(first, wallet, wallet.currency),
    balance: balanceOf(wallet, wallet.currency),
    flags,
  };
}

function addWins(draft: Draft, wallet: WalletDraft, bet: bigint | null, count: number): void {
  const row = bet === null ? undefined : rowAt(draft, wallet, bet);
  if (row !== undefined) know(draft, { ...row, wins: row.wins + count });
}

function postRow(
  draft: Draft,
  wallet: WalletDraft,
  row: LedgerRow,
  undone: StoredRow | undefined,
  createdAt: Date,
): void {
  const chained: ChainedRow = { ...row, lane: wallet.lane, walletId: wallet.id, playerId: wallet.playerId, createdAt };
  const hash = chainHash(wallet.head, chained);
  wallet.balance = row.balanceAfter;
  wallet.sequence = row.sequence;
  wallet.head = hash;
  wallet.moved = true;
  if (wallet.limits !== null) wallet.limits = withRow(wallet.limits, row, undone, createdAt);
  draft.rows.push({ ...chained, hash });
  const stored: StoredRow = { ...chained, currency: wallet.currency.code, rolledBack: false, undoneBy: null, wins: 0 };
  know(draft, stored);
  addToRound(draft, stored);
}

/** One unit row per lane that moved money, under the lane's next number. */
function unitsOf(draft: Draft): CommittedUnit[] {
  const byLane = Map.groupBy(draft.rows, (row) => row.lane);
  return [...byLane].map(([lane, rows]) => {
    const moved = new Map(rows.map((row) => [row.walletId, row.sequence]));
    const first = new Map(rows.toReversed().map((row) => [row.walletId, row.sequence]));
    const last = draft.laneNumbers.get(lane);
    if (last === undefined) throw new Error(`Lane ${lane} was not locked`);
    return {
      lane,
      number: last + 1n,
      walletIds: [...moved.keys()],
      firstSequences: [...moved.keys()].map((walletId) => first.get(walletId) ?? 0n),
      sequences: [...moved.values()],
      createdAt: new Date(),
      rows,
    };
  });
}

function writesOf(draft: Draft, units: readonly CommittedUnit[], callbacks: readonly CallbackRow[]): Statement[] {
  const { statements } = draft.context;
  const now = new Date();
  const writes: Statement[] = [];
  if (draft.rows.length > 0) {
    const moved = [...draft.wallets.values()].filter((each) => each.moved);
    settleLimits(moved, now);
    writes.push(statements.post(moved, draft.rows, units));
  }
  writes.push(...playerWrites(draft, now));
  if (callbacks.length > 0) writes.push(statements.insertCallbacks(callbacks));
  writes.push(commit);
  return writes;
}

function refused(code: WalletErrorCode, balance?: Balance): Outcome {
  return { type: 'refused', code, balance, flags: [] };
}
