import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import type { CallbackRow, Statements } from '../ledger/statements.js';

/**
 * The journal of requests that no unit of work carried: refused before the ledger, or when it could not be reached. Written
 * in sets, a moment later; the answer does not wait for it, because no money depends on it.
 */
export interface Journal {
  append(row: CallbackRow): void;
  /** Writes what is waiting; rows that cannot be written are lost and counted in the log. */
  close(): Promise<void>;
}

const FLUSH_MS = 50;
const SET_MAX = 500;
/** A flood of refused requests must not fill the memory while the database is away. */
const WAITING_MAX = 5_000;

/** The database says that the data is at fault, so trying again is no use. */
function isUnstorable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '');
}

export function createJournal(
  orm: MikroORM,
  statements: Statements,
  failed: (message: string, error?: unknown) => void,
): Journal {
  let waiting: CallbackRow[] = [];
  let lost = 0;
  let setMax = SET_MAX;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    const rows = waiting.slice(0, setMax);
    const { name, text, values } = statements.insertCallbacks(rows);
    try {
      const pool = await orm.em.getConnection().getNativeClient();
      await pool.query({ name: `journal_${name}`, text, values: [...(values ?? [])] });
      waiting = waiting.slice(rows.length);
      setMax = SET_MAX;
    } catch (error) {
      if (!isUnstorable(error)) failed('The journal could not be written; it is tried again', error);
      else if (rows.length > 1) setMax = 1;
      else {
        // Found alone, it no longer holds up those behind it.
        failed(`A request to ${rows[0]?.integration} cannot be stored in the journal`, error);
        waiting = waiting.slice(1);
      }
    }
    if (lost > 0) failed(`${lost} refused requests are missing from the journal: too many were waiting`);
    lost = 0;
  }

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = write().finally(() => {
        writing = undefined;
        if (waiting.length > 0) schedule();
      });
    }, FLUSH_MS);
  }

  return {
    append(row) {
      if (waiting.length >= WAITING_MAX) {
        lost += 1;
        return;
      }
      waiting.push(row);
      if (writing === undefined) schedule();
    },
    async close() {
      clearTimeout(timer);
      await writing;
      for (let tries = 0; waiting.length > 0 && tries < Math.ceil(WAITING_MAX / SET_MAX); tries += 1) await write();
      clearTimeout(timer);
    },
  };
}
