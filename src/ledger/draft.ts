import type { LookUp, Movement, PlayerLimits, WalletCommand, WalletLimits } from './commands.js';
import type { LedgerConnection, Statement } from './connection.js';
import type { Currency } from './money.js';
import type { Pending } from './pending.js';
import {
  type HashedRow,
  type KeyQuery,
  lockLanes,
  openWallets,
  readKeys,
  readRounds,
  readWallets,
  type RoundQuery,
  type Statements,
  type StoredRow,
  storedRow,
  type WalletRow,
  walletRow,
} from './statements.js';
import type { StoredStatus } from './status.js';

export interface UnitContext {
  readonly statements: Statements;
  readonly currencies: ReadonlyMap<string, Currency>;
  /** Currencies of each brand: a credit may open a wallet in these. */
  readonly brandCurrencies: ReadonlyMap<string, ReadonlySet<string>>;
  /** Currencies of each integration: a bet in any other is refused. */
  readonly integrationCurrencies: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The state a unit works on: read under the locks, changed command by command, then written once. */
export interface Draft {
  readonly context: UnitContext;
  readonly laneNumbers: Map<number, bigint>;
  readonly players: Map<string, PlayerDraft>;
  /** By player and currency. */
  readonly wallets: Map<string, WalletDraft>;
  /** By key of the movement. */
  readonly known: Map<string, StoredRow>;
  /** Key of the movement at a sequence of a wallet. */
  readonly places: Map<string, string>;
  /** Keys of the movements in the rounds that were asked for, in the wallets' order. */
  readonly rounds: Map<string, string[]>;
  readonly rows: HashedRow[];
}

export interface PlayerDraft {
  readonly lane: number;
  readonly id: bigint;
  status: StoredStatus;
  limits: PlayerLimits | null;
  statusChanged: boolean;
  limitsChanged: boolean;
}

export interface WalletDraft {
  readonly lane: number;
  readonly id: bigint;
  readonly playerId: bigint;
  readonly currency: Currency;
  balance: bigint;
  sequence: bigint;
  head: Buffer;
  limits: WalletLimits | null;
  /** As it will be written. */
  limitsText: string | null;
  limitsChanged: boolean;
  moved: boolean;
  /** Opened by this unit, and nothing posted to it yet. */
  openedNow: boolean;
}

/** Takes the lanes' locks and reads under them. Nothing is written, and all of it is sent at once. */
export async function readDraft(
  connection: LedgerConnection,
  context: UnitContext,
  pending: readonly Pending[],
): Promise<Draft> {
  const lanes = [...new Set(pending.map((each) => each.player.lane))].sort((a, b) => a - b);
  const players = [...new Map(pending.map((each) => [playerKey(each.player), each.player])).values()];
  const keys = pending.flatMap(keysOf);
  const rounds = roundsOf(pending);
  const reads: Statement[] = [lockLanes(lanes), readWallets(players)];
  if (keys.length > 0 || rounds.size > 0) reads.push(readKeys(keys));
  if (rounds.size > 0) reads.push(readRounds([...rounds.values()]));
  const [locked, wallets, known, inRounds] = await connection.open(reads);
  const draft: Draft = {
    context,
    laneNumbers: new Map(locked?.rows.map(([lane, number]) => [Number(lane), BigInt(String(number))])),
    players: new Map(),
    wallets: new Map(),
    known: new Map(),
    places: new Map(),
    rounds: new Map([...rounds.keys()].map((round) => [round, []])),
    rows: [],
  };
  for (const row of wallets?.rows ?? []) addWallet(draft, walletRow(row));
  for (const row of known?.rows ?? []) {
    know(draft, storedRow(row));
  }
  for (const row of inRounds?.rows ?? []) {
    const stored = storedRow(row);
    know(draft, stored);
    addToRound(draft, stored);
  }
  return draft;
}

function addWallet(draft: Draft, { lane, playerId, status, limits, wallet }: WalletRow): void {
  const player = { lane, id: playerId, status, limits, statusChanged: false, limitsChanged: false };
  draft.players.set(playerKey(player), player);
  if (wallet === undefined) return;
  const currency = draft.context.currencies.get(wallet.currency);
  // A currency that has left the configuration: its wallet stays as it is, and out of reach.
  if (currency === undefined) return;
  draft.wallets.set(walletKey({ lane, id: playerId }, wallet.currency), {
    ...wallet,
    lane,
    playerId,
    currency,
    limitsText: null,
    limitsChanged: false,
    moved: false,
    openedNow: false,
  });
}

/** A credit, the rollback of something unknown, or a limit may find no wallet in its currency: it opens one if the brand lists it. */
export async function openMissingWallets(
  connection: LedgerConnection,
  draft: Draft,
  pending: readonly Pending[],
): Promise<void> {
  const missing = new Map<string, { lane: number; playerId: bigint; currency: string }>();
  for (const each of pending) {
    const { command, player } = each;
    if (!mayOpenWallet(command)) continue;
    // A repeat has its wallet, and so has what a rollback undoes; a win goes to the currency it states, whatever it pays.
    const posting = command.kind === 'rollback' ? keysOf(each) : keysOf(each).slice(0, 1);
    if (posting.some((key) => draft.known.has(movementKey(key)))) continue;
    const currency = currencyToOpen(draft, each, command);
    if (currency === undefined) continue;
    const key = walletKey(player, currency);
    if (draft.wallets.has(key) || !draft.players.has(playerKey(player))) continue;
    missing.set(key, { lane: player.lane, playerId: player.id, currency });
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
      limits: null,
      limitsText: null,
      limitsChanged: false,
      moved: false,
      openedNow: true,
    });
  }
}

/** The one that the command states, if the brand lists it. The trace of a rollback lies in any wallet, if there is one. */
function currencyToOpen(
  draft: Draft,
  { player }: Pending,
  { kind, brand, currency }: OpeningCommand,
): string | undefined {
  const listed = draft.context.brandCurrencies.get(brand);
  if (listed?.has(currency) === true) return currency;
  if (kind !== 'rollback' || oldestWallet(draft, player) !== undefined) return undefined;
  return listed?.values().next().value;
}

/** The player's oldest wallet. */
export function oldestWallet(draft: Draft, player: { lane: number; id: bigint }): WalletDraft | undefined {
  let oldest: WalletDraft | undefined;
  for (const wallet of draft.wallets.values()) {
    if (wallet.lane !== player.lane || wallet.playerId !== player.id) continue;
    if (oldest === undefined || wallet.id < oldest.id) oldest = wallet;
  }
  return oldest;
}

type OpeningCommand = Extract<WalletCommand, { kind: 'win' | 'deposit' | 'rollback' | 'wallet-limit' }>;

function mayOpenWallet(command: WalletCommand): command is OpeningCommand {
  const { kind } = command;
  return kind === 'win' || kind === 'deposit' || kind === 'rollback' || kind === 'wallet-limit';
}

/** The keys a command asks for: its own, and that of the movement it names. */
export function keysOf(pending: Pending): KeyQuery[] {
  const { command, player } = pending;
  if (!('key' in command)) return [];
  const own = { lane: player.lane, playerId: player.id, integration: command.integration, externalKey: command.key };
  const named = namedKey(command);
  return named === undefined ? [own] : [own, { ...own, externalKey: named }];
}

/** The key of the movement that a command names beside its own. */
export function namedKey(command: Movement | LookUp): string | undefined {
  if (command.kind === 'rollback') return command.target;
  return command.kind === 'win' && typeof command.pays === 'object' ? command.pays.bet : undefined;
}

/** The rounds whose bets are paid by what is pending. */
function roundsOf(pending: readonly Pending[]): Map<string, RoundQuery> {
  const rounds = new Map<string, RoundQuery>();
  for (const { command, player } of pending) {
    if (command.kind !== 'win' || typeof command.pays !== 'string' || command.round === undefined) continue;
    const { integration, round } = command;
    const query = { lane: player.lane, playerId: player.id, integration, round };
    rounds.set(roundKey(query), query);
  }
  return rounds;
}

export function know(draft: Draft, row: StoredRow): void {
  const key = movementKey(row);
  draft.known.set(key, row);
  draft.places.set(placeKey(row.lane, row.walletId, row.sequence), key);
}

/** The row at a sequence of a wallet, if the unit has read or written it. */
export function rowAt(draft: Draft, wallet: { lane: number; id: bigint }, sequence: bigint): StoredRow | undefined {
  return draft.known.get(draft.places.get(placeKey(wallet.lane, wallet.id, sequence)) ?? '');
}

/** Keeps a row among those of its round, if that was asked for. */
export function addToRound(draft: Draft, row: StoredRow): void {
  if (row.round !== null) draft.rounds.get(roundKey({ ...row, round: row.round }))?.push(movementKey(row));
}

export function roundRows(draft: Draft, round: RoundQuery): StoredRow[] {
  const keys = draft.rounds.get(roundKey(round)) ?? [];
  return keys.flatMap((key) => draft.known.get(key) ?? []);
}

export function playerKey({ lane, id }: { lane: number; id: bigint }): string {
  return `${lane}|${id}`;
}

export function walletKey(player: { lane: number; id: bigint }, currency: string): string {
  return `${player.lane}|${player.id}|${currency}`;
}

export function movementKey(row: KeyQuery): string {
  return `${row.lane}|${row.playerId}|${row.integration}|${row.externalKey}`;
}

function placeKey(lane: number, walletId: bigint, sequence: bigint): string {
  return `${lane}|${walletId}|${sequence}`;
}

function roundKey(row: RoundQuery): string {
  return `${row.lane}|${row.playerId}|${row.integration}|${row.round}`;
}
