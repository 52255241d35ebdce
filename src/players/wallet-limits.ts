import { gather, type Gathered } from '../database/gather.js';
import type { PreparedRead, Reads } from '../database/reads.js';
import type { WalletLimits } from '../ledger/commands.js';
import { StoredWalletLimits } from '../ledger/limits.js';
import type { PlayerKey } from './directory.js';

/** The limits of one wallet. */
export interface LimitedWallet {
  readonly currency: string;
  readonly limits: WalletLimits;
}

/** The wallets of a player that have limits, by currency. Many players asked for at once are one statement. */
export type WalletLimitReads = Gathered<PlayerKey, readonly LimitedWallet[]>;

export function createWalletLimitReads(reads: Pick<Reads, 'query'>): WalletLimitReads {
  return gather((keys) => readWalletLimits(reads, keys));
}

const limitsOfPlayers: PreparedRead = {
  name: 'limits_of_players',
  text:
    'select k.place, w.currency, w.limits from unnest($1::smallint[], $2::bigint[]) with ordinality k(lane, id, place) ' +
    'join wallet w on w.lane = k.lane and w.player_id = k.id where w.limits is not null order by k.place, w.currency',
};

async function readWalletLimits(
  reads: Pick<Reads, 'query'>,
  keys: readonly PlayerKey[],
): Promise<readonly (readonly LimitedWallet[])[]> {
  const rows = await reads.query<{ place: string; currency: string; limits: unknown }>(limitsOfPlayers, [
    keys.map(({ lane }) => lane),
    keys.map(({ id }) => id),
  ]);
  const byPlace = Map.groupBy(rows, ({ place }) => Number(place) - 1);
  return keys.map((_, place) =>
    (byPlace.get(place) ?? []).map(({ currency, limits }) => ({ currency, limits: StoredWalletLimits.parse(limits) })),
  );
}
