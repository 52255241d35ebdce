import { parentPort, workerData } from 'node:worker_threads';
import { constants, zstdCompressSync } from 'node:zlib';
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { ParquetJob, ParquetSetting } from './parquet.js';

/**
 * Encodes a parquet file in a thread of its own: a group of rows takes a tenth of a second of a processor, and the thread that
 * answers callbacks has none to give. Loaded by its own path, so it imports nothing of the house but types.
 */

const { columns } = workerData as ParquetSetting;
/** The fastest level: the next ones cost twice the time for a tenth of the bytes. */
const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const bytes = new ByteWriter();
const file = new ParquetWriter({
  writer: bytes,
  schema: schemaFromColumnData({
    columnData: columns.map(({ name, kind }) => ({ name, data: [], type: kind, nullable: true })),
  }),
  codec: 'ZSTD',
  compressors: { ZSTD: (page) => zstdCompressSync(page, zstd) },
  createdBy: 'croupier',
});

const read = {
  STRING: (text: string): string => text,
  TIMESTAMP: (text: string): Date => new Date(text),
  INT64: (text: string): bigint => BigInt(text),
};

parentPort?.on('message', (job: ParquetJob) => {
  if (job.type === 'append') append(Buffer.concat(job.parts).toString());
  else finish(job.metadata);
  const written = bytes.getBytes().slice();
  // The writer's own offset goes on counting the whole file; what was written is given away, so one group is in memory.
  bytes.index = 0;
  parentPort?.postMessage(written, [written.buffer]);
});

function append(text: string): void {
  const rows = text.split('\n');
  // Every line has its end, so what is after the last one is nothing.
  rows.pop();
  const cells = rows.map((row) => row.split('\t'));
  const columnData = columns.map(({ name, kind }, index): ColumnSource => {
    const toValue = read[kind];
    return {
      name,
      // The least text of a group would be a part of all its text, and the footer keeps it until the end of the file.
      statistics: kind !== 'STRING',
      data: cells.map((row) => {
        const cell = row[index] ?? NULL;
        return cell === NULL ? null : toValue(cell.includes('\\') ? unescape(cell) : cell);
      }),
    };
  });
  void file.write({ columnData, rowGroupSize: Math.max(1, rows.length) });
}

function finish(metadata: Readonly<Record<string, string>>): void {
  file.kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  void file.finish();
}

/** COPY's text format: what it writes for nothing, and how it escapes what would part lines and columns. */
const NULL = '\\N';
const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescape(cell: string): string {
  return cell.replaceAll(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
}
