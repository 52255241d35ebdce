import { Socket } from 'node:net';
import pg from 'pg';

/**
 * A connection of the hot path. It sends a group of statements without waiting between them (pg's pipeline mode), so a unit
 * of work waits for the server twice, not nine times. It belongs to one lane set, and is thrown away on the first doubt.
 */
export interface LedgerConnection {
  /**
   * Sends the statements in one go and waits for all. Each sees what the ones before it did; after the first error the
   * server refuses the rest, so a `commit` at the end cannot commit half.
   * @throws the first error; a `commit` that answered anything else is an error too.
   */
  send(statements: readonly Statement[]): Promise<pg.QueryArrayResult[]>;
  /**
   * Opens a transaction with these statements, and answers their results. Now and then the server is told to plan anew first:
   * a plan made while a table was empty may scan all of it for ever after.
   */
  open(statements: readonly Statement[]): Promise<pg.QueryArrayResult[]>;
  readonly broken: boolean;
  /** Takes leave of the server; for a connection that works. */
  close(): Promise<void>;
  /** Drops the connection at once. Taking leave could wait for ever on one that is stuck. */
  destroy(): void;
}

export interface Statement {
  /** Prepared under this name on first use; absent for statements without parameters. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** COMMIT in an aborted transaction answers ROLLBACK without an error; believing it would acknowledge what is not stored. */
export class NotCommittedError extends Error {
  override readonly name = 'NotCommittedError';
}

/** A gateway that dies or is cut off must not hold a lane for longer than this. */
const sessionSettings = [
  "set lock_timeout = '3s'",
  "set statement_timeout = '5s'",
  "set idle_in_transaction_session_timeout = '5s'",
  // Keys and wallets are always reached by index, whatever the statistics of a young table say.
  'set plan_cache_mode = force_generic_plan',
  'set enable_seqscan = off',
  'set enable_hashjoin = off',
  'set enable_mergejoin = off',
  'set jit = off',
].join('; ');

/** Plans are made anew after so many units of work, while a young table grows fast, and then every half minute. */
const PLAN_AT: ReadonlySet<number> = new Set([10, 30, 100, 300, 1_000, 3_000]);
const PLAN_MS = 30_000;

const begin: Statement = { text: 'begin' };
const discardPlans: Statement = { text: 'discard plans' };

const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, BigInt);

export async function openLedgerConnection(config: pg.ClientConfig): Promise<LedgerConnection> {
  const socket = new Socket();
  const client = new pg.Client({
    ...config,
    stream: () => socket,
    types,
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: 2_000,
    // A peer that went silent: in pipeline mode the connection is destroyed, and what was under way becomes an error.
    query_timeout: 8_000,
  });
  let broken = false;
  const breakdown = (): void => {
    broken = true;
  };
  client.on('error', breakdown);
  client.on('end', breakdown);
  try {
    await client.connect();
    await client.query(sessionSettings);
  } catch (error) {
    socket.destroy();
    throw error;
  }

  const send = async (statements: readonly Statement[]): Promise<pg.QueryArrayResult[]> => {
    // All statements leave in one piece: a system call for each would cost more than what it carries.
    socket.cork();
    const sent = statements.map(({ name, text, values }) =>
      client.query<unknown[]>({
        rowMode: 'array',
        text,
        ...(name === undefined ? {} : { name, values: [...(values ?? [])] }),
      }),
    );
    socket.uncork();
    const results = await Promise.allSettled(sent);
    const failed = results.find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const answers = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const last = statements.at(-1)?.text;
    if (last === 'commit' && answers.at(-1)?.command !== 'COMMIT') {
      throw new NotCommittedError(`COMMIT answered ${answers.at(-1)?.command ?? 'nothing'}`);
    }
    return answers;
  };

  let opened = 0;
  let plannedAt = performance.now();
  return {
    get broken() {
      return broken;
    },
    send,
    async open(statements) {
      opened += 1;
      const plan = PLAN_AT.has(opened) || performance.now() - plannedAt > PLAN_MS;
      if (!plan) return (await send([begin, ...statements])).slice(1);
      plannedAt = performance.now();
      return (await send([discardPlans, begin, ...statements])).slice(2);
    },
    async close() {
      if (broken) socket.destroy();
      else await client.end().catch(breakdown);
    },
    destroy() {
      broken = true;
      socket.destroy();
    },
  };
}
