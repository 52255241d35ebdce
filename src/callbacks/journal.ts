import type { MikroORM } from '@mikro-orm/postgresql';
import type { CallbackRow, Statements } from '../ledger/statements.js';
import { createWriteBehind, type WriteBehind } from './write-behind.js';

/**
 * The journal of requests that no unit of work carried: refused before the ledger, or when it could not be reached. Written
 * in sets, a moment later; the answer does not wait for it, because no money depends on it.
 */
export type Journal = WriteBehind<CallbackRow>;

export function createJournal(
  orm: MikroORM,
  statements: Statements,
  failed: (message: string, error?: unknown) => void,
): Journal {
  return createWriteBehind<CallbackRow>({
    async write(rows) {
      const { name, text, values } = statements.insertCallbacks(rows);
      const pool = await orm.em.getConnection().getNativeClient();
      await pool.query({ name: `journal_${name}`, text, values: [...(values ?? [])] });
    },
    failed,
    messages: {
      retried: 'The journal could not be written; it is tried again',
      unstorable: (row) => `A request to ${row?.integration} cannot be stored in the journal`,
      lost: (count) => `${count} refused requests are missing from the journal: too many were waiting`,
    },
  });
}
