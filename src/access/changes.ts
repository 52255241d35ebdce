import type { MikroORM } from '@mikro-orm/postgresql';
import type { CalledBack, CallBacks } from '../auth.js';
import { gather } from '../database/gather.js';
import type { PreparedRead, Reads } from '../database/reads.js';
import type { PlayerStatus } from '../ledger/commands.js';
import { laneOf } from '../ledger/lanes.js';
import { statusSql } from '../ledger/status.js';

/** How a subject of a brand stands now. */
export interface Standing {
  /** Tokens issued before this are refused. */
  readonly calledBackBefore: Date | undefined;
  /** Of the player with the subject's name, if there is one. */
  readonly playerStatus: PlayerStatus | undefined;
}

export interface PlayerChange {
  readonly brand: string;
  readonly subject: string;
  readonly status: PlayerStatus;
}

/** What changes in who may do what, through whichever gateway: tokens called back, and players whose status changed. */
export interface AccessChanges extends CallBacks {
  /** @throws when the database cannot be asked */
  standing(brand: string, subject: string): Promise<Standing>;
  /** Told of every player whose status changed lately; perhaps several times. */
  onPlayer(listener: (player: PlayerChange) => void): () => void;
  /** Says at once, in this process, what `look` would find a moment later. */
  tellPlayer(player: PlayerChange): void;
  /** Refuses the subject's tokens issued until now, here at once and in every gateway within a second. */
  callBack(subject: Omit<CalledBack, 'before'>, reason: string): Promise<CalledBack>;
}

export interface AccessChangesOptions {
  readonly orm: MikroORM;
  readonly reads: Pick<Reads, 'query'>;
}

/** A change may be committed that much later than it says it was made: longer than any of their transactions lasts. */
const COMMIT_MS_MAX = 15_000;

const recentChanges: PreparedRead = {
  name: 'access_changes',
  text: `select 'tokens' as what, c.brand_id as brand, c.subject, c.issued_before as before, null as status
      from token_cutoff c where c.changed_at > now() - $1::float8 * interval '1 millisecond'
    union all
    select 'player', p.brand_id, p.external_id, null, ${statusSql('p')}
      from player p where p.status_changed_at > now() - $1::float8 * interval '1 millisecond'`,
};

const standings: PreparedRead = {
  name: 'access_standings',
  text: `select c.issued_before as before, ${statusSql('p')} as status
    from unnest($1::text[], $2::text[], $3::smallint[]) with ordinality a (brand, subject, lane, place)
    left join token_cutoff c on c.brand_id = a.brand and c.subject = a.subject
    left join player p on p.brand_id = a.brand and p.external_id = a.subject and p.lane = a.lane
    order by a.place`,
};

type ChangeRow =
  | { readonly what: 'tokens'; readonly brand: string; readonly subject: string; readonly before: Date }
  | { readonly what: 'player'; readonly brand: string; readonly subject: string; readonly status: PlayerStatus };

export function createAccessChanges({ orm, reads }: AccessChangesOptions): AccessChanges {
  const callBackListeners = new Set<(subject: CalledBack) => void>();
  const playerListeners = new Set<(player: PlayerChange) => void>();
  let lookedAt: number | undefined;
  let looking: Promise<void> | undefined;

  const standing = gather<{ brand: string; subject: string }, Standing>(async (asked) => {
    const rows = await reads.query<{ before: Date | null; status: PlayerStatus | null }>(standings, [
      asked.map(({ brand }) => brand),
      asked.map(({ subject }) => subject),
      asked.map(({ brand, subject }) => laneOf(brand, subject)),
    ]);
    return rows.map(({ before, status }) => ({
      calledBackBefore: before ?? undefined,
      playerStatus: status ?? undefined,
    }));
  });

  async function readChanges(): Promise<void> {
    const startedAt = performance.now();
    // After an outage, all that was missed.
    const sinceMs = COMMIT_MS_MAX + (lookedAt === undefined ? 0 : startedAt - lookedAt);
    for (const row of await reads.query<ChangeRow>(recentChanges, [sinceMs])) {
      if (row.what === 'tokens') for (const tell of callBackListeners) tell(row);
      else tellPlayer(row);
    }
    lookedAt = startedAt;
  }

  function tellPlayer(player: PlayerChange): void {
    for (const tell of playerListeners) tell(player);
  }

  return {
    standing: (brand, subject) => standing({ brand, subject }),
    calledBackBefore: async (brand, subject) => (await standing({ brand, subject })).calledBackBefore,
    look: () =>
      (looking ??= readChanges().finally(() => {
        looking = undefined;
      })),
    age: () => (lookedAt === undefined ? Number.POSITIVE_INFINITY : performance.now() - lookedAt),
    onCallBack: (listener) => listen(callBackListeners, listener),
    onPlayer: (listener) => listen(playerListeners, listener),
    tellPlayer,
    async callBack({ brand, subject }, reason) {
      const before = await writeCutoff(orm, brand, subject, reason);
      const calledBack = { brand, subject, before };
      for (const tell of callBackListeners) tell(calledBack);
      return calledBack;
    },
  };
}

/** By the clock of the database, which all gateways share. A second call-back never takes the first one back. */
async function writeCutoff(orm: MikroORM, brand: string, subject: string, reason: string): Promise<Date> {
  const rows: { issued_before: Date | string }[] = await orm.em.fork().execute(
    `insert into token_cutoff as c (brand_id, subject, issued_before, reason, changed_at) values (?, ?, now(), ?, now())
     on conflict (brand_id, subject) do update
       set issued_before = greatest(c.issued_before, excluded.issued_before), reason = excluded.reason,
           changed_at = excluded.changed_at
     returning issued_before`,
    [brand, subject, reason],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The database kept no call-back');
  return new Date(row.issued_before);
}

function listen<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
