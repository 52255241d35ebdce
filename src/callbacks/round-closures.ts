import type { MikroORM } from '@mikro-orm/postgresql';
import { isStorableName } from '../ledger/names.js';
import type { PlayerDirectory, PlayerKey } from '../players/directory.js';
import { createWriteBehind } from './write-behind.js';

/** That a provider said a round is over. */
export interface RoundEnd {
  readonly brand: string;
  readonly integration: string;
  /** The provider's id of the round, as the ledger's rows have it. */
  readonly round: string;
  /** External id of the player whose round it is; everybody who played it where none is named. */
  readonly player: string | undefined;
}

/** Keeps what providers say of the end of rounds. It moves nothing, so no answer waits for it. */
export interface RoundClosures {
  append(end: RoundEnd): void;
  close(): Promise<void>;
}

// The first word counts: a repeat changes nothing. The database's clock is one for all gateways, so whoever reads closures
// in the order of their time misses none that was written late.
const OF_PLAYERS = {
  name: 'close_rounds_of_players',
  text:
    'insert into round_closure (lane, player_id, integration, external_id, closed_at) ' +
    'select lane, player_id, integration, round, now() ' +
    'from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[]) k(lane, player_id, integration, round) ' +
    'on conflict do nothing',
};
// Whoever has a movement in the round; `ledger_round` finds them.
const OF_EVERYBODY = {
  name: 'close_rounds_of_everybody',
  text:
    'insert into round_closure (lane, player_id, integration, external_id, closed_at) ' +
    'select distinct t.lane, t.player_id, t.integration, t.round, now() ' +
    'from unnest($1::text[], $2::text[]) k(integration, round) ' +
    'join ledger_transaction t on t.round = k.round and t.integration = k.integration on conflict do nothing',
};

export function createRoundClosures(
  orm: MikroORM,
  directory: Pick<PlayerDirectory, 'find'>,
  failed: (message: string, error?: unknown) => void,
): RoundClosures {
  async function write(ends: readonly RoundEnd[]): Promise<void> {
    const pool = await orm.em.getConnection().getNativeClient();
    const ofPlayers = await findPlayers(
      directory,
      ends.filter(({ player }) => player !== undefined),
    );
    if (ofPlayers.length > 0) {
      await pool.query({
        ...OF_PLAYERS,
        values: [
          ofPlayers.map(({ key }) => key.lane),
          ofPlayers.map(({ key }) => String(key.id)),
          ofPlayers.map(({ end }) => end.integration),
          ofPlayers.map(({ end }) => end.round),
        ],
      });
    }
    const ofEverybody = ends.filter(({ player }) => player === undefined);
    if (ofEverybody.length > 0) {
      await pool.query({
        ...OF_EVERYBODY,
        values: [ofEverybody.map(({ integration }) => integration), ofEverybody.map(({ round }) => round)],
      });
    }
  }

  const ends = createWriteBehind<RoundEnd>({
    write,
    failed,
    messages: {
      retried: 'The ends of rounds could not be written; they are tried again',
      unstorable: (end) => `The end of a round of ${end?.integration} cannot be stored`,
      lost: (count) => `The ends of ${count} rounds are missing: too many were waiting`,
    },
  });
  return {
    // A name that cannot be stored is that of no round in the ledger.
    append: (end) => (isStorableName(end.round) ? ends.append(end) : undefined),
    close: () => ends.close(),
  };
}

/** An unknown player has played no round. @throws when the database cannot be asked */
async function findPlayers(
  directory: Pick<PlayerDirectory, 'find'>,
  ends: readonly RoundEnd[],
): Promise<{ end: RoundEnd; key: PlayerKey }[]> {
  const keys = await Promise.all(
    ends.map(async ({ brand, player }) => (player === undefined ? undefined : directory.find(brand, player))),
  );
  return ends.flatMap((end, index) => {
    const key = keys[index];
    return key === undefined ? [] : [{ end, key }];
  });
}
