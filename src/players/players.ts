import type { MikroORM } from '@mikro-orm/postgresql';
import { Player, Wallet } from '../entities/index.js';
import type { PlayerStatus } from '../ledger/commands.js';
import { laneOf } from '../ledger/lanes.js';
import type { Ledger } from '../ledger/ledger.js';
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
   * @throws PlayerError UNAVAILABLE when the ledger did not confirm
   */
  setStatus(player: PlayerName, status: PlayerStatus): Promise<void>;
}

export interface PlayersOptions {
  readonly orm: MikroORM;
  readonly ledger: Pick<Ledger, 'execute'>;
  /** Currencies of each brand. */
  readonly brandCurrencies: ReadonlyMap<string, ReadonlySet<string>>;
}

export function createPlayers({ orm, ledger, brandCurrencies }: PlayersOptions): Players {
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
    async setStatus({ brandId, externalId }, status) {
      const { outcome } = await ledger.execute(
        { kind: 'status', brand: brandId, player: externalId, status },
        { policy: staffPolicy, deadlineMs: staffDeadlineMs },
      );
      if (outcome.type === 'refused') throw new PlayerError('UNAVAILABLE', { cause: new Error(outcome.code) });
    },
  };
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
