import type { MikroORM } from '@mikro-orm/postgresql';
import { Player, Wallet } from '../entities/index.js';
import type { Declined, LimitKind, LimitPeriod, PlayerChange, PlayerStatus } from '../ledger/commands.js';
import type { WalletErrorCode } from '../ledger/errors.js';
import { laneOf } from '../ledger/lanes.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Decimal } from '../ledger/money.js';
import { isName } from '../ledger/names.js';
import { staffDeadlineMs, staffPolicy } from '../cashier/policy.js';
import type { PlayerKey } from './directory.js';

/** Why a player could not be created or changed. */
const playerErrors = {
  PLAYER_EXISTS: 'The brand has a player with this external id already.',
  EXTERNAL_ID_INVALID:
    'An external id has 1 to 255 bytes of UTF-8, no control characters, and no white space at either end.',
  BRAND_UNKNOWN: 'This brand is not configured.',
  CURRENCY_NOT_ALLOWED: 'The brand does not list this currency.',
  LIMIT_INVALID:
    'A limit of money is 0 or more with no more decimals than the currency; one of time is 1 to 1440 minutes.',
  EXCLUSION_RUNS:
    'The player is self-excluded. That can be made longer, and not lifted or shortened before its end; one without an end can be lifted by staff after 24 hours.',
  PLAYER_SUSPENDED: 'A suspended player can be excluded by their own wish only without an end.',
  PLAYER_CLOSED: 'The account is closed, and stays so.',
  UNAVAILABLE: 'The ledger could not be reached or did not confirm; repeating the same request is safe.',
} as const;
export type PlayerErrorCode = keyof typeof playerErrors;

export class PlayerError extends Error {
  override readonly name = 'PlayerError';
  constructor(
    readonly code: PlayerErrorCode,
    options?: ErrorOptions,
  ) {
    super(playerErrors[code], options);
  }
}

interface NewPlayer {
  readonly brand: string;
  readonly externalId: string;
  /** Currencies to open wallets in; all of the brand's when absent. */
  readonly currencies?: readonly string[] | undefined;
}

/** What a player may do from now on. */
export interface NewStatus {
  readonly status: PlayerStatus;
  /** The end of a self-exclusion. */
  readonly until?: Date | undefined;
  /** Whether it may only take from what the player may do: so with the player's own wish, and with support's. */
  readonly protective: boolean;
}

/** Null removes a limit. */
export type NewLimit =
  | {
      readonly limit: LimitKind;
      readonly period: LimitPeriod;
      readonly currency: string;
      readonly max: Decimal | null;
    }
  | { readonly limit: 'session'; readonly minutes: number | null };

/** A player as it is needed to address a command. */
interface PlayerName {
  readonly brandId: string;
  readonly externalId: string;
}

export interface Players {
  /** Creates the player with an empty wallet in each currency, all or nothing. @throws PlayerError */
  create(player: NewPlayer): Promise<PlayerKey>;
  /**
   * Changes what the player may do, in the order of the player's bets.
   * @throws PlayerError EXCLUSION_RUNS, PLAYER_SUSPENDED, PLAYER_CLOSED, UNAVAILABLE when the ledger did not confirm
   */
  setStatus(player: PlayerName, status: NewStatus): Promise<void>;
  /**
   * Sets, lowers, raises or removes a limit, in the order of the player's bets. A wallet is opened for it where there is none.
   * @throws PlayerError LIMIT_INVALID, CURRENCY_NOT_ALLOWED, UNAVAILABLE when the ledger did not confirm
   */
  setLimit(player: PlayerName, limit: NewLimit): Promise<void>;
}

export interface PlayersOptions {
  readonly orm: MikroORM;
  readonly ledger: Pick<Ledger, 'execute'>;
  /** Currencies of each brand. */
  readonly brandCurrencies: ReadonlyMap<string, ReadonlySet<string>>;
}

export function createPlayers({ orm, ledger, brandCurrencies }: PlayersOptions): Players {
  async function change(command: PlayerChange): Promise<void> {
    const { outcome } = await ledger.execute(command, { policy: staffPolicy, deadlineMs: staffDeadlineMs });
    if (outcome.type === 'done' && outcome.declined !== undefined) throw new PlayerError(declined[outcome.declined]);
    if (outcome.type !== 'refused') return;
    throw new PlayerError(refusalOf(outcome.code), { cause: new Error(outcome.code) });
  }

  return {
    async create({ brand, externalId, currencies }) {
      const allowed = brandCurrencies.get(brand);
      if (allowed === undefined) throw new PlayerError('BRAND_UNKNOWN');
      if (!isName(externalId)) throw new PlayerError('EXTERNAL_ID_INVALID');
      const wanted = new Set(currencies ?? allowed);
      if (!wanted.isSubsetOf(allowed)) throw new PlayerError('CURRENCY_NOT_ALLOWED');
      try {
        return await insertPlayer(orm, brand, externalId, [...wanted]);
      } catch (cause) {
        if (isTaken(cause)) throw new PlayerError('PLAYER_EXISTS', { cause });
        throw cause;
      }
    },
    setStatus: ({ brandId, externalId }, { status, until, protective }) =>
      change({ kind: 'status', brand: brandId, player: externalId, status, until, protective }),
    setLimit({ brandId, externalId }, limit) {
      const addressed = { brand: brandId, player: externalId };
      return change(
        limit.limit === 'session'
          ? { kind: 'session-limit', ...addressed, minutes: limit.minutes }
          : { kind: 'wallet-limit', ...addressed, ...limit },
      );
    },
  };
}

const declined: Record<Declined, PlayerErrorCode> = {
  EXCLUSION_RUNS: 'EXCLUSION_RUNS',
  PLAYER_SUSPENDED: 'PLAYER_SUSPENDED',
  PLAYER_CLOSED: 'PLAYER_CLOSED',
};

function refusalOf(code: WalletErrorCode): PlayerErrorCode {
  if (code === 'CURRENCY_NOT_ALLOWED') return code;
  return code === 'AMOUNT_INVALID' ? 'LIMIT_INVALID' : 'UNAVAILABLE';
}

async function insertPlayer(
  orm: MikroORM,
  brand: string,
  externalId: string,
  currencies: string[],
): Promise<PlayerKey> {
  const lane = laneOf(brand, externalId);
  const createdAt = new Date();
  return orm.em.fork().transactional(async (em) => {
    const [inserted] = await em
      .createQueryBuilder(Player)
      .insert({ lane, brandId: brand, externalId, status: 'ACTIVE', createdAt })
      .returning(['id'])
      .execute('all');
    if (inserted === undefined) throw new Error('The database gave a new player no id');
    const id = BigInt(String(inserted.id));
    if (currencies.length > 0) {
      await em
        .createQueryBuilder(Wallet)
        .insert(currencies.map((currency) => ({ lane, playerId: id, currency, createdAt })))
        .execute('run');
    }
    return { lane, id };
  });
}

function isTaken(cause: unknown): boolean {
  return cause instanceof Error && 'constraint' in cause && cause.constraint === 'player_external_id_unique';
}
