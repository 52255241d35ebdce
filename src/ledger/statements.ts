import type { MikroORM } from '@mikro-orm/postgresql';
import { Callback, LedgerTransaction, UnitOfWork } from '../entities/index.js';
import type { ChainedRow } from './chain.js';
import type { LinkedRow } from './decide.js';
import { type Flag, type PlayerLimits, playerStatuses, type WalletLimits } from './commands.js';
import type { Statement } from './connection.js';
import { StoredPlayerLimits, StoredWalletLimits } from './limits.js';
import { elementLiteral, insertSet } from './row-sets.js';
import type { StoredStatus } from './status.js';

/** The hot path's SQL: what a unit of work asks and writes, in sets. All of it is here. */

export interface WalletRow {
  readonly lane: number;
  readonly playerId: bigint;
  readonly status: StoredStatus;
  /** Null when nothing limits the player, which is nearly always. */
  readonly limits: PlayerLimits | null;
  /** Undefined when the player has no wallet at all. */
  readonly wallet:
    | { id: bigint; currency: string; balance: bigint; sequence: bigint; head: Buffer; limits: WalletLimits | null }
    | undefined;
}

export interface StoredRow extends LinkedRow {
  readonly lane: number;
  readonly walletId: bigint;
  readonly playerId: bigint;
  readonly createdAt: Date;
  /** Sequence of the rollback that undid it. */
  readonly undoneBy: bigint | null;
}

/** A new ledger row, ready to be written. */
export interface HashedRow extends ChainedRow {
  readonly hash: Buffer;
}

export interface KeyQuery {
  readonly lane: number;
  readonly playerId: bigint;
  readonly integration: string;
  readonly externalKey: string;
}

export interface RoundQuery {
  readonly lane: number;
  readonly playerId: bigint;
  readonly integration: string;
  readonly round: string;
}

export interface MovedWallet {
  readonly lane: number;
  readonly id: bigint;
  readonly balance: bigint;
  readonly sequence: bigint;
  readonly head: Buffer;
  /** Its limits as JSON; null when nothing limits the wallet. */
  readonly limitsText: string | null;
}

export interface UnitRow {
  readonly lane: number;
  readonly number: bigint;
  readonly walletIds: readonly bigint[];
  readonly firstSequences: readonly bigint[];
  readonly sequences: readonly bigint[];
  readonly createdAt: Date;
}

/** A journal row; the database gives its id. */
export interface CallbackRow {
  readonly lane: number;
  readonly receivedAt: Date;
  readonly integration: string;
  readonly name: string | null;
  readonly path: string;
  readonly body: Buffer;
  readonly verdict: string;
  readonly flags: readonly Flag[];
  readonly status: number | null;
  readonly answer: string | null;
  readonly durationUs: number;
  readonly walletId: bigint | null;
  readonly sequence: bigint | null;
}

export type Statements = ReturnType<typeof createStatements>;

export const commit: Statement = { text: 'commit' };
export const rollback: Statement = { text: 'rollback' };

const ledgerProperties = [
  'lane',
  'walletId',
  'sequence',
  'playerId',
  'integration',
  'externalKey',
  'kind',
  'effect',
  'stated',
  'rest',
  'balanceAfter',
  'target',
  'undoes',
  'resolves',
  'round',
  'game',
  'flags',
  'createdAt',
  'displayAt',
  'hash',
] as const satisfies readonly (keyof HashedRow)[];

const unitProperties = [
  'lane',
  'number',
  'walletIds',
  'firstSequences',
  'sequences',
  'createdAt',
] as const satisfies readonly (keyof UnitRow)[];

const callbackProperties = [
  'lane',
  'receivedAt',
  'integration',
  'name',
  'path',
  'body',
  'verdict',
  'flags',
  'status',
  'answer',
  'durationUs',
  'walletId',
  'sequence',
] as const satisfies readonly (keyof CallbackRow)[];

export function createStatements(orm: MikroORM) {
  const walletParameters = 6;
  const ledger = insertSet<HashedRow>(orm, LedgerTransaction, ledgerProperties, walletParameters + 1);
  const before = walletParameters + ledger.parameters;
  const units = insertSet<UnitRow>(orm, UnitOfWork, unitProperties, before + 1);
  const callbacks = insertSet<CallbackRow>(orm, Callback, callbackProperties);
  // One statement for all that moves with money: what each costs the server besides its rows is as much as several rows.
  const postText =
    'with moved as (update wallet w set balance = u.balance, sequence = u.sequence, head = u.head, limits = u.limits::jsonb ' +
    'from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::text[]) ' +
    'u(lane, id, balance, sequence, head, limits) ' +
    `where w.lane = u.lane and w.id = u.id), posted as (${ledger.text}), numbered as (${units.text} returning lane) ` +
    'update lane l set number = l.number + 1 from numbered n where l.lane = n.lane';

  return {
    /** Writes ledger rows, moves their wallets, writes the units' rows and gives each lane its new number. */
    post: (wallets: readonly MovedWallet[], rows: readonly HashedRow[], unitRows: readonly UnitRow[]): Statement => ({
      name: 'post',
      text: postText,
      values: [
        array(wallets.map((each) => each.lane)),
        array(wallets.map((each) => each.id)),
        array(wallets.map((each) => each.balance)),
        array(wallets.map((each) => each.sequence)),
        array(wallets.map((each) => each.head)),
        array(wallets.map((each) => each.limitsText)),
        ...ledger.values(rows),
        ...units.values(unitRows),
      ],
    }),
    insertCallbacks: (rows: readonly CallbackRow[]): Statement => ({
      name: callbacks.name,
      text: callbacks.text,
      values: callbacks.values(rows),
    }),
  };
}

/** Locks the lanes in one order; answers each one's last unit number. */
export function lockLanes(lanes: readonly number[]): Statement {
  return {
    name: 'lock_lanes',
    text: 'select lane, number from lane where lane = any($1::smallint[]) order by lane for update',
    values: [array(lanes)],
  };
}

export function readWallets(players: readonly { lane: number; id: bigint }[]): Statement {
  return {
    name: 'read_wallets',
    text:
      'select p.lane, p.id, p.status, p.status_until, p.status_changed_at, p.limits, ' +
      'w.id, w.currency, w.balance, w.sequence, w.head, w.limits ' +
      'from unnest($1::smallint[], $2::bigint[]) k(lane, id) ' +
      'join player p on p.lane = k.lane and p.id = k.id ' +
      'left join wallet w on w.lane = p.lane and w.player_id = p.id',
    values: [array(players.map((each) => each.lane)), array(players.map((each) => each.id))],
  };
}

export function walletRow(row: readonly unknown[]): WalletRow {
  const [lane, playerId, status, statusUntil, statusChangedAt, playerLimits] = row as [
    number,
    bigint,
    string,
    Date | null,
    Date | null,
    unknown,
  ];
  const [id, currency, balance, sequence, head, limits] = row.slice(6) as [
    bigint | null,
    string,
    bigint,
    bigint,
    Buffer,
    unknown,
  ];
  const known = playerStatuses.find((each) => each === status);
  if (known === undefined) throw new Error(`Player ${playerId} has the unknown status ${status}`);
  return {
    lane,
    playerId,
    status: { status: known, statusUntil, statusChangedAt },
    limits: playerLimits === null ? null : StoredPlayerLimits.parse(playerLimits),
    wallet:
      id === null
        ? undefined
        : {
            id,
            currency,
            balance,
            sequence,
            head,
            limits: limits === null ? null : StoredWalletLimits.parse(limits),
          },
  };
}

/** A stored row, which rollback undid it, and how many wins that still stand pay it. In the order `storedRow` reads. */
const linkedRow = [
  't.lane, t.wallet_id, t.player_id, t.sequence, t.integration, t.external_key, t.kind, t.effect, t.stated, t.rest',
  't.balance_after, t.target, t.undoes, t.resolves, t.round, t.game, t.flags, w.currency, t.created_at, t.display_at',
  '(select u.sequence from ledger_transaction u where u.lane = t.lane and u.wallet_id = t.wallet_id and u.undoes = t.sequence)',
  "case when t.kind = 'bet' then (select count(*)::int from ledger_transaction s where s.lane = t.lane " +
    'and s.wallet_id = t.wallet_id and s.resolves = t.sequence and not exists (select from ledger_transaction v ' +
    'where v.lane = s.lane and v.wallet_id = s.wallet_id and v.undoes = s.sequence)) else 0 end',
].join(', ');

/** Finds the ledger rows under external keys. */
export function readKeys(keys: readonly KeyQuery[]): Statement {
  return {
    name: 'read_keys',
    text:
      `select ${linkedRow} ` +
      'from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[]) k(lane, player_id, integration, external_key) ' +
      'join ledger_transaction t on t.external_key = k.external_key and t.integration = k.integration ' +
      'and t.player_id = k.player_id and t.lane = k.lane ' +
      'join wallet w on w.lane = t.lane and w.id = t.wallet_id',
    values: [
      array(keys.map((each) => each.lane)),
      array(keys.map((each) => each.playerId)),
      array(keys.map((each) => each.integration)),
      array(keys.map((each) => each.externalKey)),
    ],
  };
}

/** Finds all ledger rows of rounds, each wallet's in their order. */
export function readRounds(rounds: readonly RoundQuery[]): Statement {
  return {
    name: 'read_rounds',
    text:
      `select ${linkedRow} ` +
      'from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[]) k(lane, player_id, integration, round) ' +
      'join ledger_transaction t on t.round = k.round and t.integration = k.integration ' +
      'and t.player_id = k.player_id and t.lane = k.lane ' +
      'join wallet w on w.lane = t.lane and w.id = t.wallet_id order by t.wallet_id, t.sequence',
    values: [
      array(rounds.map((each) => each.lane)),
      array(rounds.map((each) => each.playerId)),
      array(rounds.map((each) => each.integration)),
      array(rounds.map((each) => each.round)),
    ],
  };
}

export function storedRow(row: readonly unknown[]): StoredRow {
  const [lane, walletId, playerId, sequence, integration, externalKey, kind, effect, stated, rest] = row;
  const [balanceAfter, target, undoes, resolves, round, game, flags, currency, createdAt, displayAt] = row.slice(10);
  const [undoneBy, wins] = row.slice(20);
  return {
    lane,
    walletId,
    playerId,
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
    flags,
    currency,
    createdAt,
    displayAt,
    rolledBack: undoneBy !== null,
    undoneBy,
    wins,
  } as StoredRow;
}

/** Opens empty wallets for players who have none in a currency yet. */
export function openWallets(wallets: readonly { lane: number; playerId: bigint; currency: string }[]): Statement {
  return {
    name: 'open_wallets',
    text:
      'insert into wallet (lane, player_id, currency) ' +
      'select * from unnest($1::smallint[], $2::bigint[], $3::text[]) returning lane, player_id, id, currency',
    values: [
      array(wallets.map((each) => each.lane)),
      array(wallets.map((each) => each.playerId)),
      array(wallets.map((each) => each.currency)),
    ],
  };
}

export function setStatuses(players: readonly { lane: number; id: bigint; status: StoredStatus }[]): Statement {
  return {
    name: 'set_statuses',
    text:
      'update player p set status = u.status, status_until = u.until, status_changed_at = u.changed_at ' +
      'from unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[]) ' +
      'u(lane, id, status, until, changed_at) where p.lane = u.lane and p.id = u.id',
    values: [
      array(players.map((each) => each.lane)),
      array(players.map((each) => each.id)),
      array(players.map((each) => each.status.status)),
      array(players.map((each) => each.status.statusUntil)),
      array(players.map((each) => each.status.statusChangedAt)),
    ],
  };
}

/** The literal of an array parameter. */
export function array(elements: readonly unknown[]): string {
  return `{${elements.map(elementLiteral).join(',')}}`;
}
