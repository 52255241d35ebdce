import { once } from 'node:events';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/** One connection of an export. It runs one statement at a time, and reads all of the answer before the next. */
export interface Connection {
  /** @returns rows as text */
  read(text: string, values: readonly unknown[]): Promise<(string | null)[][]>;
  /** @param text of a COPY to stdout */
  copy(text: string): Promise<Lines>;
  /** Gives the connection back, or drops it when it may not be used again. */
  end(): Promise<void>;
}

/** Rows, a line each. */
export interface Lines {
  readonly bytes: Buffer;
  readonly count: number;
}

/** @param cancel stops what a server process runs; false when it could not */
export function createConnection(
  client: pg.PoolClient & { readonly processID?: number },
  cancel: (processId: number) => Promise<boolean>,
  signal: AbortSignal,
): Connection {
  let broken = false;
  let canceling: Promise<boolean> | undefined;
  let busy = false;
  // A client without a listener for errors ends the process with one; the statement that runs fails by itself.
  const failed = (): void => void (broken = true);
  const stop = (): void => {
    if (busy) canceling = cancel(client.processID ?? 0);
  };
  client.on('error', failed);
  signal.addEventListener('abort', stop, { once: true });

  async function run<Result>(work: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    busy = true;
    try {
      return await work();
    } catch (error) {
      broken = true;
      throw error;
    } finally {
      busy = false;
    }
  }
  return {
    read: (text, values) =>
      run(async () => {
        const query = { text, values: [...values], rowMode: 'array' as const, types: asText };
        return (await client.query<(string | null)[]>(query)).rows;
      }),
    copy: (text) => run(() => copyOut(client, text)),
    async end() {
      signal.removeEventListener('abort', stop);
      // A cancellation that is still on its way would hit whoever has the connection next.
      const canceled = await canceling;
      client.removeListener('error', failed);
      client.release(broken || canceled === false);
    },
  };
}

const asText = { getTypeParser: () => (value: string | Buffer) => value };

/** A whole chunk, a few megabytes: the statement never waits for the client that the rows are for. */
async function copyOut(client: pg.PoolClient, text: string): Promise<Lines> {
  const stream = client.query(copyTo(text));
  const parts: Buffer[] = [];
  // Only then has everything that the server says of the statement arrived, the count of rows included.
  const ended = once(client, 'drain');
  const collect = async (): Promise<void> => {
    for await (const part of stream) parts.push(Buffer.isBuffer(part) ? part : Buffer.from(String(part)));
  };
  await Promise.all([collect(), ended]);
  return { bytes: Buffer.concat(parts), count: stream.rowCount };
}
