import type { Balance, Movement, Outcome, PlayerStatus, StatusChange, WalletCommand } from './commands.js';
import { chainHash, type ChainedRow } from './chain.js';
import type { LedgerConnection, Statement } from './connection.js';
import { decide, type Decision, type LedgerRow, type WalletState } from './decide.js';
import type { WalletErrorCode } from './errors.js';
import type { Currency } from './money.js';
import type { Policy } from './policy.js';
import { balanceOf, receiptOf } from './receipt.js';
import {
  type CallbackRow,
  commit,
  type HashedRow,
  type KeyQuery,
  lockLanes,
  openWallets,
  readKeys,
  readWallets,
  setStatuses,
  type Statements,
  type StoredRow,
  storedRow,
  type UnitRow,
  type WalletRow,
  walletRow,
} from './statements.js';

/** A command that waits for its unit of work. */
export interface Pending {
  readonly command: WalletCommand;
  readonly policy: Policy;
  readonly player: { readonly lane: number; readonly id: bigint };
  /** Stamps the row; kept over every attempt. */
  readonly receivedAt: Date;
  /** `performance.now()` after which the command may no longer take effect. */
  readonly deadlineAt: number;
  /** Writes the journal in the same unit; called once per attempt with the outcome. */
  readonly journal: ((outcome: Outcome) => CallbackRow) | undefined;
  attempts: number;
  /** True while an attempt may have committed without our knowing: only its keys can tell, under the lane's lock. */
  inDoubt: boolean;
  settled: boolean;
  /** Told once: after COMMIT (then with the journal row, if any, committed too), or when the gateway gives up. */
  readonly settle: (outcome: Outcome, committed: boolean) => void;
}

/** What one lane committed, for the feed: the unit's row and the ledger rows behind it. */
export interface CommittedUnit extends UnitRow {
  readonly rows: readonly HashedRow[];
}

export interface UnitContext {
  readonly statements: Statements;
  readonly currencies: ReadonlyMap<string, Currency>;
  /** Currencies of each brand: a credit may open a wallet in these. */
  readonly brandCurrencies: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * One unit of work: takes the lanes' locks, reads, decides every command in its order of arrival, writes in sets, commits.
 * Nothing is answered here: the outcomes may be told only by whoever saw this function return.
 * @throws when the unit did not commit, or it is not known whether it did.
 */
export async function runUnit(
  connection: LedgerConnection,
  context: UnitContext,
  pending: readonly Pending[],
): Promise<{ outcomes: readonly Outcome[]; units: readonly CommittedUnit[] }> {
  const lanes = [...new Set(pending.map((each) => each.player.lane))].sort((a, b) => a - b);
  const draft = await openDraft(connection, context, pending, lanes);
  // What an earlier attempt committed has been read now; what was not found will not come any more, the lock saw to that.
  for (const each of pending) each.inDoubt = false;
  const now = performance.now();
  const outcomes: Outcome[] = [];
  const callbacks: CallbackRow[] = [];
  for (const each of pending) {
    const outcome = applyCommand(draft, each, now > each.deadlineAt);
    outcomes.push(outcome);
    if (each.journal !== undefined) callbacks.push(each.journal(outcome));
  }
  const units = unitsOf(draft);
  for (const each of pending) each.inDoubt = true;
  await connection.send(writesOf(draft, context.statements, units, callbacks));
  return { outcomes, units };
}

/** The state a unit works on: read under the locks, changed command by command, then written once. */
interface Draft {
  readonly context: UnitContext;
  readonly laneNumbers: Map<number, bigint>;
  readonly statuses: Map<string, PlayerStatus>;
  readonly statusChanges: Map<string, { lane: number; id: bigint; status: PlayerStatus }>;
  /** By player and currency. */
  readonly wallets: Map<string, WalletDraft>;
  /** By key of the movement. */
  readonly known: Map<string, StoredRow>;
  readonly rows: HashedRow[];
}

interface WalletDraft {
  readonly lane: number;
  readonly id: bigint;
  readonly playerId: bigint;
  readonly currency: Currency;
  balance: bigint;
  sequence: bigint;
  head: Buffer;
  moved: boolean;
  /** Opened by this unit, and nothing posted to it yet. */
  openedNow: boolean;
}

async function openDraft(
  connection: LedgerConnection,
  context: UnitContext,
  pending: readonly Pending[],
  lanes: readonly number[],
): Promise<Draft> {
  const players = [...new Map(pending.map((each) => [playerKey(each.player), each.player])).values()];
  const keys = pending.flatMap(keysOf);
  const reads: Statement[] = [lockLanes(lanes), readWallets(players)];
  if (keys.length > 0) reads.push(readKeys(keys));
  const [locked, wallets, known] = await connection.open(reads);
  const draft: Draft = {
    context,
    laneNumbers: new Map(locked?.rows.map(([lane, number]) => [Number(lane), BigInt(String(number))])),
    statuses: new Map(),
    statusChanges: new Map(),
    wallets: new Map(),
    known: new Map(),
    rows: [],
  };
  for (const row of wallets?.rows ?? []) addWallet(draft, walletRow(row));
  for (const row of known?.rows ?? []) {
    const stored = storedRow(row);
    draft.known.set(movementKey(stored), stored);
  }
  await openMissingWallets(connection, draft, pending);
  return draft;
}

function addWallet(draft: Draft, { lane, playerId, status, wallet }: WalletRow): void {
  draft.statuses.set(playerKey({ lane, id: playerId }), status);
  if (wallet === undefined) return;
  const currency = draft.context.currencies.get(wallet.currency);
  // A currency that has left the configuration: its wallet stays as it is, and out of reach.
  if (currency === undefined) return;
  draft.wallets.set(walletKey({ lane, id: playerId }, wallet.currency), {
    ...wallet,
    lane,
    playerId,
    currency,
    moved: false,
    openedNow: false,
  });
}

/** A credit, or the rollback of something unknown, may find no wallet in its currency: it opens one if the brand lists it. */
async function openMissingWallets(
  connection: LedgerConnection,
  draft: Draft,
  pending: readonly Pending[],
): Promise<void> {
  const missing = new Map<string, { lane: number; playerId: bigint; currency: string }>();
  for (const each of pending) {
    const { command, player } = each;
    if (command.kind !== 'win' && command.kind !== 'deposit' && command.kind !== 'rollback') continue;
    // What is known has its wallet; a rollback of it posts there, whatever currency it states.
    if (keysOf(each).some((key) => draft.known.has(movementKey(key)))) continue;
    if (draft.context.brandCurrencies.get(command.brand)?.has(command.currency) !== true) continue;
    const key = walletKey(player, command.currency);
    if (draft.wallets.has(key) || !draft.statuses.has(playerKey(player))) continue;
    missing.set(key, { lane: player.lane, playerId: player.id, currency: command.currency });
  }
  if (missing.size === 0) return;
  const [opened] = await connection.send([openWallets([...missing.values()])]);
  for (const row of opened?.rows ?? []) {
    const [lane, playerId, id, code] = row as [number, bigint, bigint, string];
    const currency = draft.context.currencies.get(code);
    if (currency === undefined) continue;
    draft.wallets.set(walletKey({ lane, id: playerId }, code), {
      lane,
      id,
      playerId,
      currency,
      balance: 0n,
      sequence: 0n,
      head: Buffer.alloc(0),
      moved: false,
      openedNow: true,
    });
  }
}

function applyCommand(draft: Draft, pending: Pending, expired: boolean): Outcome {
  const { command, player } = pending;
  const status = draft.statuses.get(playerKey(player));
  if (status === undefined) return refused('PLAYER_UNKNOWN');
  switch (command.kind) {
    case 'status':
      return applyStatus(draft, player, command);
    case 'balance': {
      const wallet = draft.wallets.get(walletKey(player, command.currency));
      if (wallet === undefined) return refused('CURRENCY_NOT_ALLOWED');
      return { type: 'done', balance: balanceOf(wallet, wallet.currency), flags: [] };
    }
    default:
      return applyMovement(draft, pending, command, status, expired);
  }
}

function applyStatus(draft: Draft, player: { lane: number; id: bigint }, command: StatusChange): Outcome {
  draft.statuses.set(playerKey(player), command.status);
  draft.statusChanges.set(playerKey(player), { ...player, status: command.status });
  return { type: 'done', balance: undefined, flags: [] };
}

function applyMovement(
  draft: Draft,
  pending: Pending,
  command: Movement,
  playerStatus: PlayerStatus,
  expired: boolean,
): Outcome {
  const { player } = pending;
  const [ownKey, targetKey] = keysOf(pending).map(movementKey);
  const own = draft.known.get(ownKey ?? '');
  const target = draft.known.get(targetKey ?? '');
  const wallet = draft.wallets.get(walletKey(player, (own ?? target)?.currency ?? command.currency));
  if (wallet === undefined) {
    const owed = command.kind === 'win' || command.kind === 'rollback';
    return { type: 'refused', code: 'CURRENCY_NOT_ALLOWED', balance: undefined, flags: owed ? ['quarantined'] : [] };
  }
  // Past its deadline nothing new may start; but what an earlier attempt committed must still be found.
  if (expired && own === undefined) return refused('DEADLINE_EXCEEDED', balanceOf(wallet, wallet.currency));

  const state: WalletState = { ...wallet, playerStatus };
  const decision = decide(state, { own, target }, command, policyFor(pending, own));
  if (decision.type === 'replay' && own !== undefined) {
    return {
      type: 'replayed',
      receipt: receiptOf(own, { lane: own.lane, id: own.walletId }, wallet.currency),
      flags: [],
    };
  }
  return postDecision(draft, pending, wallet, target, decision);
}

/** A row that an earlier attempt of this very command wrote is its first answer, even where repeats are refused. */
function policyFor({ policy, attempts, receivedAt }: Pending, own: StoredRow | undefined): Policy {
  const isOurs = attempts > 1 && own?.createdAt.getTime() === receivedAt.getTime();
  return isOurs ? { ...policy, duplicate: 'first-answer' } : policy;
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
  for (const row of rows) postRow(draft, wallet, row, pending.receivedAt);
  const [first] = rows;
  if (first?.undoes != null && target !== undefined) {
    draft.known.set(movementKey(target), { ...target, rolledBack: true });
  }
  if (decision.type === 'refuse') {
    return { type: 'refused', code: decision.code, balance: balanceOf(wallet, wallet.currency), flags };
  }
  if (first === undefined) throw new Error('A decision to post had no rows');
  return { type: 'applied', receipt: receiptOf(first, wallet, wallet.currency), flags };
}

function postRow(draft: Draft, wallet: WalletDraft, row: LedgerRow, createdAt: Date): void {
  const chained: ChainedRow = { ...row, lane: wallet.lane, walletId: wallet.id, playerId: wallet.playerId, createdAt };
  const hash = chainHash(wallet.head, chained);
  wallet.balance = row.balanceAfter;
  wallet.sequence = row.sequence;
  wallet.head = hash;
  wallet.moved = true;
  draft.rows.push({ ...chained, hash });
  draft.known.set(movementKey(chained), { ...chained, currency: wallet.currency.code, rolledBack: false });
}

/** One unit row per lane that moved money, under the lane's next number. */
function unitsOf(draft: Draft): CommittedUnit[] {
  const byLane = Map.groupBy(draft.rows, (row) => row.lane);
  return [...byLane].map(([lane, rows]) => {
    const moved = new Map(rows.map((row) => [row.walletId, row.sequence]));
    const last = draft.laneNumbers.get(lane);
    if (last === undefined) throw new Error(`Lane ${lane} was not locked`);
    return {
      lane,
      number: last + 1n,
      walletIds: [...moved.keys()],
      sequences: [...moved.values()],
      createdAt: new Date(),
      rows,
    };
  });
}

function writesOf(
  draft: Draft,
  statements: Statements,
  units: readonly CommittedUnit[],
  callbacks: readonly CallbackRow[],
): Statement[] {
  const writes: Statement[] = [];
  if (draft.rows.length > 0) {
    const moved = [...draft.wallets.values()].filter((each) => each.moved);
    writes.push(statements.post(moved, draft.rows, units));
  }
  if (draft.statusChanges.size > 0) writes.push(setStatuses([...draft.statusChanges.values()]));
  if (callbacks.length > 0) writes.push(statements.insertCallbacks(callbacks));
  writes.push(commit);
  return writes;
}

function refused(code: WalletErrorCode, balance?: Balance): Outcome {
  return { type: 'refused', code, balance, flags: [] };
}

function keysOf(pending: Pending): KeyQuery[] {
  const { command, player } = pending;
  if (command.kind === 'status' || command.kind === 'balance') return [];
  const own = { lane: player.lane, playerId: player.id, integration: command.integration, externalKey: command.key };
  return command.kind === 'rollback' ? [own, { ...own, externalKey: command.target }] : [own];
}

function playerKey({ lane, id }: { lane: number; id: bigint }): string {
  return `${lane}|${id}`;
}

function walletKey(player: { lane: number; id: bigint }, currency: string): string {
  return `${player.lane}|${player.id}|${currency}`;
}

function movementKey(row: KeyQuery): string {
  return `${row.lane}|${row.playerId}|${row.integration}|${row.externalKey}`;
}
