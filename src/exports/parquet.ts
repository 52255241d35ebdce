import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Column, ColumnType } from './list.js';

/** A parquet file that grows by groups of rows. It is encoded in a thread of its own. */
export interface ParquetFile {
  /** @param parts lines as COPY writes them; they are given away, and empty afterwards */
  append(parts: readonly Buffer[]): Promise<Uint8Array>;
  /** The footer. */
  finish(metadata: Readonly<Record<string, string>>): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What the thread is told first. */
export interface ParquetSetting {
  readonly columns: readonly { readonly name: string; readonly kind: ParquetKind }[];
}

export type ParquetJob =
  | { readonly type: 'append'; readonly parts: readonly Uint8Array[] }
  | { readonly type: 'finish'; readonly metadata: Readonly<Record<string, string>> };

type ParquetKind = 'STRING' | 'TIMESTAMP' | 'INT64';

/** Amounts stay text: a decimal column has one scale for all currencies, and readers in JavaScript make floats of it. */
const kinds: Readonly<Record<ColumnType, ParquetKind>> = {
  code: 'STRING',
  name: 'STRING',
  words: 'STRING',
  amount: 'STRING',
  moment: 'TIMESTAMP',
  place: 'INT64',
  count: 'INT64',
};

/** The thread's file lies beside this one: built, or as it was written, when tests run it. */
const FILE = new URL(`./parquet-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** A group of rows takes some 20 MB to encode. What is allowed is what the collector lets it grow to. */
const HEAP_MIB = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 };

export function createParquetFile(columns: readonly Column[]): ParquetFile {
  const workerData: ParquetSetting = { columns: columns.map(({ name, type }) => ({ name, kind: kinds[type] })) };
  const worker = new Worker(FILE, { workerData, resourceLimits: HEAP_MIB, execArgv: [] });
  let failed: unknown;
  worker.on('error', (error) => (failed = error));

  async function ask(job: ParquetJob, transfer: readonly ArrayBuffer[] = []): Promise<Uint8Array> {
    if (failed !== undefined) throw failed;
    // One job at a time, so the next message is its answer; an error of the thread ends the wait too.
    const answered = once(worker, 'message');
    worker.postMessage(job, [...transfer]);
    const [written] = (await answered) as [Uint8Array];
    return written;
  }
  return {
    append(parts) {
      const own = parts.map((part) => new Uint8Array(part));
      return ask(
        { type: 'append', parts: own },
        own.map(({ buffer }) => buffer),
      );
    },
    finish: (metadata) => ask({ type: 'finish', metadata }),
    async close() {
      await worker.terminate();
    },
  };
}
