import {
  type Outcome,
  type PlayerChange,
  type SessionLimitChange,
  type StatusChange,
  type WalletLimitChange,
} from './commands.js';
import type { LedgerConnection, Statement } from './connection.js';
import { type Draft, type PlayerDraft, playerKey, type WalletDraft, walletKey } from './draft.js';
import { countPeriods, periodRow, playRow, readPlay, setPlayerLimits, setWalletLimits } from './limit-statements.js';
import {
  SESSION_MINUTES_MAX,
  settledPlayerLimits,
  settledWalletLimits,
  withSessionLimit,
  withWalletLimit,
} from './limits.js';
import { unitsFloor, UNITS_MAX } from './money.js';
import type { Pending } from './pending.js';
import { setStatuses } from './statements.js';
import { changedStatus } from './status.js';

/** The commands that change what a player may do, and what they leave to be written. */

const done = { type: 'done', balance: undefined, flags: [] } as const;

/**
 * A first limit finds what the running periods hold already, and the play under way: read before the unit's first command,
 * and counted on by all of them.
 */
export async function openCounters(
  connection: LedgerConnection,
  draft: Draft,
  pending: readonly Pending[],
): Promise<void> {
  const wallets = new Map<string, { wallet: WalletDraft; at: Date }>();
  const players = new Map<string, { player: PlayerDraft; at: Date }>();
  for (const { command, player, receivedAt } of pending) {
    if (command.kind === 'wallet-limit') {
      const wallet = draft.wallets.get(walletKey(player, command.currency));
      if (wallet?.limits === null) wallets.set(walletKey(player, command.currency), { wallet, at: receivedAt });
    } else if (command.kind === 'session-limit') {
      const known = draft.players.get(playerKey(player));
      if (known?.limits === null) players.set(playerKey(player), { player: known, at: receivedAt });
    }
  }
  if (wallets.size === 0 && players.size === 0) return;
  const [counted, played] = await connection.send([
    countPeriods([...wallets.values()].map(({ wallet: { lane, id }, at }) => ({ lane, id, at }))),
    readPlay([...players.values()].map(({ player: { lane, id }, at }) => ({ lane, id, at }))),
  ]);
  for (const { wallet } of wallets.values()) wallet.limits = { limits: {}, counted: {} };
  for (const { player } of players.values()) player.limits = {};
  const byId = new Map([...wallets.values()].map(({ wallet }) => [playerKey(wallet), wallet]));
  for (const row of counted?.rows ?? []) {
    const { period, counted: running, ...place } = periodRow(row);
    const wallet = byId.get(playerKey(place));
    if (wallet?.limits != null)
      wallet.limits = { limits: {}, counted: { ...wallet.limits.counted, [period]: running } };
  }
  for (const row of played?.rows ?? []) {
    const { play, ...place } = playRow(row);
    const player = draft.players.get(playerKey(place));
    if (player !== undefined) player.limits = { play };
  }
}

export function applyPlayerChange(
  draft: Draft,
  { player, receivedAt }: Pending,
  known: PlayerDraft,
  command: PlayerChange,
): Outcome {
  switch (command.kind) {
    case 'status':
      return applyStatus(known, command, receivedAt);
    case 'wallet-limit':
      return applyWalletLimit(draft.wallets.get(walletKey(player, command.currency)), command, receivedAt);
    case 'session-limit':
      return applySessionLimit(known, command, receivedAt);
  }
}

function applyStatus(player: PlayerDraft, command: StatusChange, at: Date): Outcome {
  const status = changedStatus(player.status, command, at);
  if (status === undefined) return done;
  if (typeof status === 'string') return { ...done, declined: status };
  player.status = status;
  player.statusChanged = true;
  return done;
}

function applyWalletLimit(wallet: WalletDraft | undefined, command: WalletLimitChange, at: Date): Outcome {
  if (wallet === undefined) return { type: 'refused', code: 'CURRENCY_NOT_ALLOWED', balance: undefined, flags: [] };
  const { limit, period, max: stated } = command;
  const max = stated === null ? { units: null } : unitsFloor(stated, wallet.currency.scale);
  if (max.units !== null && (max.units < 0n || max.rest !== undefined || max.units > UNITS_MAX)) {
    return { type: 'refused', code: 'AMOUNT_INVALID', balance: undefined, flags: [] };
  }
  if (wallet.limits === null) throw new Error('The counters of a wallet were not opened');
  wallet.limits = withWalletLimit(wallet.limits, { limit, period, max: max.units }, at);
  wallet.limitsChanged = true;
  // No credit opened it.
  wallet.openedNow = false;
  return done;
}

function applySessionLimit(player: PlayerDraft, { minutes }: SessionLimitChange, at: Date): Outcome {
  if (minutes !== null && !(Number.isInteger(minutes) && minutes >= 1 && minutes <= SESSION_MINUTES_MAX)) {
    return { type: 'refused', code: 'AMOUNT_INVALID', balance: undefined, flags: [] };
  }
  player.limits = withSessionLimit(player.limits, minutes, at);
  player.limitsChanged = true;
  return done;
}

/** Makes the limits of wallets ready to be written. */
export function settleLimits(wallets: readonly WalletDraft[], at: Date): void {
  for (const wallet of wallets) {
    if (wallet.limits === null) continue;
    const settled = settledWalletLimits(wallet.limits, at);
    wallet.limitsText = settled === null ? null : JSON.stringify(settled);
  }
}

/** What changed without a movement; the limits of wallets that moved are written with them. */
export function playerWrites(draft: Draft, at: Date): Statement[] {
  const players = [...draft.players.values()];
  const statuses = players.filter((each) => each.statusChanged);
  const limited = players.filter((each) => each.limitsChanged);
  const wallets = [...draft.wallets.values()].filter((each) => each.limitsChanged && !each.moved);
  const writes: Statement[] = [];
  if (statuses.length > 0) writes.push(setStatuses(statuses));
  if (limited.length > 0) {
    writes.push(
      setPlayerLimits(
        limited.map(({ lane, id, limits }) => {
          const settled = limits === null ? null : settledPlayerLimits(limits, at);
          return { lane, id, limits: settled === null ? null : JSON.stringify(settled) };
        }),
      ),
    );
  }
  if (wallets.length > 0) {
    settleLimits(wallets, at);
    writes.push(setWalletLimits(wallets.map(({ lane, id, limitsText }) => ({ lane, id, limits: limitsText }))));
  }
  return writes;
}
