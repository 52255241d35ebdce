/** Rows that are written in sets, a moment after the answer that did not wait for them. */
export interface WriteBehind<Row> {
  append(row: Row): void;
  /** Writes what is waiting; rows that cannot be written are lost. */
  close(): Promise<void>;
}

export interface WriteBehindOptions<Row> {
  /** @throws when the set was not written */
  readonly write: (rows: readonly Row[]) => Promise<void>;
  readonly failed: (message: string, error?: unknown) => void;
  readonly messages: {
    readonly retried: string;
    readonly unstorable: (row: Row | undefined) => string;
    readonly lost: (count: number) => string;
  };
}

const FLUSH_MS = 50;
const SET_MAX = 500;
/** A flood must not fill the memory while the database is away. */
const WAITING_MAX = 5_000;

/** The database says that the data is at fault, so trying again is no use. */
function isUnstorable(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return typeof error.code === 'string' && /^2[23]...$/.test(error.code);
}

export function createWriteBehind<Row>({ write, failed, messages }: WriteBehindOptions<Row>): WriteBehind<Row> {
  let waiting: Row[] = [];
  let lost = 0;
  let setMax = SET_MAX;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  async function writeSet(): Promise<void> {
    const rows = waiting.slice(0, setMax);
    try {
      await write(rows);
      waiting = waiting.slice(rows.length);
      setMax = SET_MAX;
    } catch (error) {
      if (!isUnstorable(error)) failed(messages.retried, error);
      else if (rows.length > 1) setMax = 1;
      else {
        // Found alone, it no longer holds up those behind it.
        failed(messages.unstorable(rows[0]), error);
        waiting = waiting.slice(1);
      }
    }
    if (lost > 0) failed(messages.lost(lost));
    lost = 0;
  }

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = writeSet().finally(() => {
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
      for (let tries = 0; waiting.length > 0 && tries < Math.ceil(WAITING_MAX / SET_MAX); tries += 1) await writeSet();
      clearTimeout(timer);
    },
  };
}
