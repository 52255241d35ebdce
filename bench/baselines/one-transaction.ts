import { setTimeout as delay } from 'node:timers/promises';
import { LockMode, type MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import { Callback, Lane, LedgerTransaction, Player, UnitOfWork, Wallet } from '../../src/entities/index.js';
import { chainHash } from '../../src/ledger/chain.js';
import type { Balance, Movement, Outcome, WalletCommand } from '../../src/ledger/commands.js';
import { decide, type Decision, type KnownRow, type LinkedRow } from '../../src/ledger/decide.js';
import { type Execution, refusal } from '../../src/ledger/lane-set.js';
import type { ExecuteOptions, Ledger, LedgerOptions } from '../../src/ledger/ledger.js';
import { balanceOf, receiptOf } from '../../src/ledger/receipt.js';
import { settledPlayerLimits, settledWalletLimits, withPlay, withRow } from '../../src/ledger/limits.js';
import type { CallbackRow, HashedRow } from '../../src/ledger/statements.js';
import { changedStatus, statusAt } from '../../src/ledger/status.js';
import type { CommittedUnit } from '../../src/ledger/unit-of-work.js';

/**
 * The obvious design, as a baseline: one MikroORM transaction per command, plain entities, the same rules, rows and hashes
 * as the ledger. It is written to be fast: reads that a command does not need are not made, and one flush writes all.
 * Give it an ORM with a pool of 10 to 20 connections; beyond that two cores only wait for each other.
 */
export type OneTransactionOptions = Pick<
  LedgerOptions,
  'currencies' | 'brandCurrencies' | 'integrationCurrencies' | 'findPlayer' | 'committed' | 'failed'
>;

const ATTEMPTS_MAX = 4;

interface Work {
  readonly command: WalletCommand;
  readonly options: ExecuteOptions;
  readonly player: { readonly lane: number; readonly id: bigint };
  readonly receivedAt: Date;
  readonly deadlineAt: number;
}

interface Done {
  readonly outcome: Outcome;
  readonly unit: CommittedUnit | undefined;
}

export function createOneTransactionLedger(
  orm: MikroORM,
  ledger: OneTransactionOptions,
): Pick<Ledger, 'execute' | 'close'> {
  const underWay = new Set<Promise<Execution>>();
  let closing = false;

  async function run(work: Work): Promise<Execution> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // A fork of its own for each attempt: what one could not write must not be written by the next.
        const { outcome, unit } = await orm.em.fork().transactional((em) => applyCommand(em, ledger, work));
        if (unit !== undefined) ledger.committed([unit]);
        return { outcome, journaled: work.options.journal !== undefined };
      } catch (error) {
        ledger.failed(`A ${work.command.kind} did not commit`, error);
        if (attempt === ATTEMPTS_MAX) return refusal('INTERNAL');
        if (performance.now() > work.deadlineAt) return refusal('UNAVAILABLE');
        await delay(10 * 2 ** attempt * Math.random());
      }
    }
  }

  async function start(command: WalletCommand, options: ExecuteOptions): Promise<Execution> {
    if (closing) return refusal('OVERLOADED');
    const receivedAt = new Date();
    const deadlineAt = performance.now() + options.deadlineMs;
    let player;
    try {
      player = await ledger.findPlayer(command.brand, command.player);
    } catch (error) {
      ledger.failed('A player could not be looked up', error);
      return refusal('UNAVAILABLE');
    }
    if (player === undefined) {
      const flags = ['player-unknown'] as const;
      return { outcome: { type: 'refused', code: 'PLAYER_UNKNOWN', balance: undefined, flags }, journaled: false };
    }
    return run({ command, options, player, receivedAt, deadlineAt });
  }

  return {
    execute(command, options) {
      const execution = start(command, options);
      underWay.add(execution);
      return execution.finally(() => underWay.delete(execution));
    },
    async close() {
      closing = true;
      await Promise.allSettled(underWay);
    },
  };
}

/** One command in one transaction: lock, read, decide, persist; `transactional` flushes and commits. */
async function applyCommand(em: SqlEntityManager, ledger: OneTransactionOptions, work: Work): Promise<Done> {
  const { command, player, options } = work;
  const lane = await em.findOneOrFail(Lane, { lane: player.lane }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  const found = await em.findOne(Player, { lane: player.lane, id: player.id });
  let done: Done;
  if (found === null) done = { outcome: refusal('PLAYER_UNKNOWN').outcome, unit: undefined };
  else if (command.kind === 'status') {
    const changed = changedStatus(found, command, work.receivedAt);
    if (typeof changed === 'object') Object.assign(found, changed);
    const declined = typeof changed === 'string' ? { declined: changed } : {};
    done = { outcome: { type: 'done', balance: undefined, ...declined, flags: [] }, unit: undefined };
  } else if (command.kind === 'lookup' || command.kind === 'wallet-limit' || command.kind === 'session-limit') {
    throw new Error('The baseline looks nothing up, and sets no limits');
  } else if (command.kind === 'balance') {
    done = { outcome: inquire(ledger, await findWallets(em, work), command.currency), unit: undefined };
  } else done = await move(em, ledger, work, command, { lane, player: found });
  const journal = options.journal?.(done.outcome);
  if (journal !== undefined) await insertCallback(em, journal);
  return done;
}

function findWallets(em: SqlEntityManager, { player }: Work): Promise<Wallet[]> {
  return em.find(Wallet, { lane: player.lane, playerId: player.id });
}

function inquire(ledger: OneTransactionOptions, wallets: readonly Wallet[], code: string): Outcome {
  const wallet = wallets.find((each) => each.currency === code);
  const currency = ledger.currencies.get(code);
  if (wallet === undefined || currency === undefined) return refusal('CURRENCY_NOT_ALLOWED').outcome;
  return { type: 'done', balance: balanceOf(wallet, currency), flags: [] };
}

async function move(
  em: SqlEntityManager,
  ledger: OneTransactionOptions,
  work: Work,
  command: Movement,
  locked: { lane: Lane; player: Player },
): Promise<Done> {
  const { player } = work;
  const wallets = await findWallets(em, work);
  const namedKey = command.kind === 'rollback' ? command.target : betNamedBy(command);
  const keys = namedKey === undefined ? [command.key] : [command.key, namedKey];
  const rows = await em.find(LedgerTransaction, {
    externalKey: { $in: keys },
    integration: command.integration,
    playerId: player.id,
    lane: player.lane,
  });
  const known = rows.map((row) => knownRow(row, wallets));
  const own = known.find((each) => each.externalKey === command.key);
  const named = known.find((each) => each.externalKey === namedKey);
  const code = (own ?? (command.kind === 'rollback' ? named : undefined))?.currency ?? command.currency;
  const existing = wallets.find((each) => each.currency === code);
  const opened = existing ?? (await openWallet(em, ledger, work, command));
  const wallet = opened ?? (command.kind === 'rollback' && known.length === 0 ? traceWallet(wallets) : undefined);
  const currency = ledger.currencies.get(wallet?.currency ?? code);
  if (wallet === undefined || currency === undefined) {
    const flags = command.kind === 'win' || command.kind === 'rollback' ? (['quarantined'] as const) : [];
    return { outcome: { type: 'refused', code: 'CURRENCY_NOT_ALLOWED', balance: undefined, flags }, unit: undefined };
  }
  if (performance.now() > work.deadlineAt && own === undefined) {
    return { outcome: refusedWith('DEADLINE_EXCEEDED', balanceOf(wallet, currency)), unit: undefined };
  }
  if (own === undefined && !isPlayedIn(ledger, command)) {
    return { outcome: refusal('CURRENCY_NOT_ALLOWED').outcome, unit: undefined };
  }
  const target = named === undefined ? undefined : await linkedRow(em, player.lane, named);
  const round = await roundOf(em, work, command, wallets);
  const at = work.receivedAt;
  const state = {
    currency,
    playerStatus: statusAt(locked.player, at),
    balance: wallet.balance,
    sequence: wallet.sequence,
    limited: { wallet: wallet.limits ?? null, player: locked.player.limits ?? null, at },
  };
  const decision = decide(state, { own, target, round }, command, work.options.policy);
  if (decision.type === 'replay' && own !== undefined) {
    const balance = balanceOf(wallet, currency);
    return {
      outcome: { type: 'replayed', receipt: receiptOf(own, wallet, currency), balance, flags: [] },
      unit: undefined,
    };
  }
  const posted = post(em, work, wallet, decision, named);
  if (locked.player.limits != null && decision.type === 'post' && command.kind === 'bet' && command.free !== true) {
    locked.player.limits = settledPlayerLimits(withPlay(locked.player.limits, at), new Date());
  }
  const unit = posted.length === 0 ? undefined : persistUnit(em, locked.lane, wallet, posted);
  const flags =
    existing === undefined && unit !== undefined
      ? [...decision.flags, 'wallet-opened-by-credit' as const]
      : decision.flags;
  if (decision.type === 'refuse') {
    return { outcome: { type: 'refused', code: decision.code, balance: balanceOf(wallet, currency), flags }, unit };
  }
  const [first] = posted;
  if (first === undefined) throw new Error('A decision to post had no rows');
  const receipt = receiptOf(first, wallet, currency);
  return { outcome: { type: 'applied', receipt, balance: balanceOf(wallet, currency), flags }, unit };
}

function isPlayedIn({ integrationCurrencies }: OneTransactionOptions, command: Movement): boolean {
  return command.kind !== 'bet' || integrationCurrencies.get(command.integration)?.has(command.currency) === true;
}

/** Where the rollback of something unknown leaves its trace; the baseline's players have a wallet. */
function traceWallet(wallets: readonly Wallet[]): Wallet | undefined {
  return wallets.toSorted((a, b) => Number(a.id - b.id))[0];
}

function betNamedBy(command: Movement): string | undefined {
  return command.kind === 'win' && typeof command.pays === 'object' ? command.pays.bet : undefined;
}

async function roundOf(
  em: SqlEntityManager,
  { player }: Work,
  command: Movement,
  wallets: readonly Wallet[],
): Promise<LinkedRow[]> {
  if (command.kind !== 'win' || typeof command.pays !== 'string' || command.round === undefined) return [];
  const { integration, round } = command;
  const where = { lane: player.lane, playerId: player.id, integration, round };
  const rows = await em.find(LedgerTransaction, where, { orderBy: { walletId: 'asc', sequence: 'asc' } });
  return Promise.all(rows.map((row) => linkedRow(em, player.lane, knownRow(row, wallets))));
}

function knownRow(row: LedgerTransaction, wallets: readonly Wallet[]): KnownRow & { walletId: bigint } {
  const wallet = wallets.find((each) => each.id === row.walletId);
  if (wallet === undefined)
    throw new Error(`Ledger row ${row.sequence} is of wallet ${row.walletId}, which is not there`);
  const { walletId, sequence, integration, externalKey, kind, effect, balanceAfter, flags } = row;
  const { stated = null, rest = null, target = null, undoes = null, resolves = null } = row;
  const { round = null, game = null, displayAt = null } = row;
  return {
    walletId,
    sequence,
    integration,
    externalKey,
    kind,
    effect,
    stated,
    rest,
    balanceAfter,
    target,
    undoes,
    resolves,
    round,
    game,
    displayAt,
    flags,
    currency: wallet.currency,
  };
}

async function linkedRow<Row extends KnownRow & { walletId: bigint }>(em: SqlEntityManager, lane: number, row: Row) {
  const { walletId, sequence } = row;
  const rolledBack = (await em.count(LedgerTransaction, { lane, walletId, undoes: sequence })) > 0;
  const paying = await em.find(LedgerTransaction, { lane, walletId, resolves: sequence });
  const undone = await em.count(LedgerTransaction, {
    lane,
    walletId,
    undoes: { $in: paying.map((each) => each.sequence) },
  });
  return { ...row, rolledBack, wins: paying.length - undone };
}

/** A credit, or a rollback of something unknown, opens a wallet in a currency that the brand lists. */
async function openWallet(
  em: SqlEntityManager,
  ledger: OneTransactionOptions,
  { player }: Work,
  command: Movement,
): Promise<Wallet | undefined> {
  if (command.kind === 'bet' || command.kind === 'withdrawal') return undefined;
  if (ledger.brandCurrencies.get(command.brand)?.has(command.currency) !== true) return undefined;
  // The database gives the id, and the hash of the first row covers it.
  await em.execute('insert into wallet (lane, player_id, currency) values (?, ?, ?)', [
    player.lane,
    player.id.toString(),
    command.currency,
  ]);
  return em.findOneOrFail(Wallet, { lane: player.lane, playerId: player.id, currency: command.currency });
}

function post(
  em: SqlEntityManager,
  work: Work,
  wallet: Wallet,
  decision: Decision,
  named: KnownRow | undefined,
): HashedRow[] {
  if (decision.type === 'replay') return [];
  return decision.rows.map((row) => {
    const place = { lane: wallet.lane, walletId: wallet.id, playerId: wallet.playerId, createdAt: work.receivedAt };
    const hash = chainHash(Buffer.from(wallet.head), { ...row, ...place });
    em.create(LedgerTransaction, { ...row, ...place, flags: [...row.flags], hash }, { persist: true, partial: true });
    wallet.balance = row.balanceAfter;
    wallet.sequence = row.sequence;
    wallet.head = hash;
    if (wallet.limits != null) {
      const counted = withRow(wallet.limits, row, row.undoes === null ? undefined : named, work.receivedAt);
      wallet.limits = settledWalletLimits(counted, new Date());
    }
    return { ...row, ...place, hash };
  });
}

function persistUnit(em: SqlEntityManager, lane: Lane, wallet: Wallet, rows: readonly HashedRow[]): CommittedUnit {
  lane.number += 1n;
  const unit = {
    lane: lane.lane,
    number: lane.number,
    walletIds: [wallet.id],
    firstSequences: [rows[0]?.sequence ?? wallet.sequence],
    sequences: [wallet.sequence],
    createdAt: new Date(),
  };
  em.create(UnitOfWork, unit, { persist: true });
  return { ...unit, rows };
}

async function insertCallback(em: SqlEntityManager, row: CallbackRow): Promise<void> {
  await em
    .createQueryBuilder(Callback)
    .insert({ ...row, flags: [...row.flags] })
    .execute('run');
}

function refusedWith(code: 'DEADLINE_EXCEEDED', balance: Balance): Outcome {
  return { type: 'refused', code, balance, flags: [] };
}
