import type { MikroORM } from '@mikro-orm/postgresql';
import { Player } from '../entities/index.js';
import { parseId } from '../ledger/ids.js';
import { laneOf } from '../ledger/lanes.js';
import { isName } from '../ledger/names.js';

export interface PlayerKey {
  readonly lane: number;
  readonly id: bigint;
}

/** Which player an external id means. Runs before every callback's unit of work, so nearly always from memory. */
export interface PlayerDirectory {
  /**
   * Finds a player by brand and external id, and never creates one. Who is remembered needs no waiting for.
   * @throws when the database cannot be asked; an unknown player is undefined, not an error
   */
  find(brand: string, externalId: string): PlayerKey | Promise<PlayerKey | undefined>;
  /** The same by public id; a player of another brand is unknown. */
  findByPublicId(brand: string, publicId: string): Promise<PlayerKey | undefined>;
}

/** Some 20 MB; beyond it the player seen longest ago is asked for again. */
const CACHED_MAX = 100_000;
/** Players asked for in one query. */
const BATCH_SIZE_MAX = 1_000;

interface Lookup {
  readonly brand: string;
  readonly externalId: string;
  readonly resolve: (player: PlayerKey | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A brand's external id means the same player for ever, so what was found once is kept; that somebody is unknown is not,
 * because the operator may create the player the next moment. Look-ups of one turn of the event loop share a query.
 */
export function createPlayerDirectory(orm: MikroORM): PlayerDirectory {
  // A map keeps its order of insertion: the first entry is the one not asked for longest.
  const cached = new Map<string, PlayerKey>();
  const underWay = new Map<string, Promise<PlayerKey | undefined>>();
  let waiting: Lookup[] = [];

  function remember(key: string, player: PlayerKey): void {
    cached.set(key, player);
    if (cached.size <= CACHED_MAX) return;
    for (const oldest of cached.keys()) {
      cached.delete(oldest);
      return;
    }
  }

  function flush(): void {
    const lookups = waiting;
    waiting = [];
    for (let start = 0; start < lookups.length; start += BATCH_SIZE_MAX) {
      void answer(lookups.slice(start, start + BATCH_SIZE_MAX));
    }
  }

  async function answer(lookups: readonly Lookup[]): Promise<void> {
    try {
      const found = await readPlayers(orm, lookups);
      for (const { brand, externalId, resolve } of lookups) {
        const key = keyOf(brand, externalId);
        const player = found.get(key);
        if (player !== undefined) remember(key, player);
        resolve(player);
      }
    } catch (error) {
      for (const { reject } of lookups) reject(error);
    }
  }

  return {
    async findByPublicId(brand, publicId) {
      const id = parseId('player', publicId);
      if (id === undefined) return undefined;
      const key = publicKeyOf(brand, publicId);
      const hit = cached.get(key);
      if (hit !== undefined) return hit;
      const player = await orm.em.fork().findOne(Player, { ...id, brandId: brand }, { fields: ['lane', 'id'] });
      if (player !== null) remember(key, id);
      return player === null ? undefined : id;
    },
    find(brand, externalId) {
      const key = keyOf(brand, externalId);
      const hit = cached.get(key);
      if (hit !== undefined) {
        cached.delete(key);
        cached.set(key, hit);
        return hit;
      }
      // No such player can exist, and the text would spoil the query for everybody in it.
      if (!isName(externalId)) return Promise.resolve(undefined);
      const shared = underWay.get(key);
      if (shared !== undefined) return shared;
      const lookup = new Promise<PlayerKey | undefined>((resolve, reject) => {
        if (waiting.push({ brand, externalId, resolve, reject }) === 1) setImmediate(flush);
      }).finally(() => underWay.delete(key));
      underWay.set(key, lookup);
      return lookup;
    },
  };
}

async function readPlayers(orm: MikroORM, lookups: readonly Lookup[]): Promise<Map<string, PlayerKey>> {
  const byBrand = Map.groupBy(lookups, (each) => each.brand);
  const players = await orm.em.fork().find(
    Player,
    {
      // The lane follows from the rest; naming it keeps the query on its shards.
      $or: [...byBrand].map(([brandId, group]) => ({
        brandId,
        externalId: { $in: group.map((each) => each.externalId) },
        lane: { $in: [...new Set(group.map((each) => laneOf(brandId, each.externalId)))] },
      })),
    },
    { fields: ['lane', 'id', 'brandId', 'externalId'] },
  );
  return new Map(players.map(({ lane, id, brandId, externalId }) => [keyOf(brandId, externalId), { lane, id }]));
}

/** No external id begins with a NUL. */
function publicKeyOf(brand: string, publicId: string): string {
  return `${brand}\0\0${publicId}`;
}

/** A slug holds no NUL, so the pair cannot be read in two ways. */
function keyOf(brand: string, externalId: string): string {
  return `${brand}\0${externalId}`;
}
