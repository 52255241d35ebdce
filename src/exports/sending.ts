import { once } from 'node:events';
import type { Response } from 'express';
import type { Chunk, End } from './chunks.js';
import type { Format, Path } from './question.js';

/** A client that takes no 256 KiB in this time is gone. */
const STALL_MS = 60_000;
const PIECE_BYTES = 262_144;

const contentTypes: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** What the client was given so far. */
export interface Progress {
  rows: number;
  bytes: number;
}

/**
 * Sends a file as fast as the client takes it. Its end is told by trailers, and by the last chunk of the encoding: where that is
 * missing, the file is not whole.
 * @throws what stopped it; nothing is on the way then but what was counted
 */
export async function sendFile(
  response: Response,
  { subject, format }: Path,
  chunks: AsyncGenerator<Chunk, End>,
  progress: Progress,
  signal: AbortSignal,
): Promise<End> {
  try {
    for (;;) {
      const { done, value } = await chunks.next();
      signal.throwIfAborted();
      // Only now: whatever fails before the first piece is still answered in words.
      if (!response.headersSent) writeHead(response, subject, format);
      if (done) {
        writeEnd(response, value, progress);
        return value;
      }
      await write(response, value.bytes, signal);
      progress.rows += value.count;
      progress.bytes += value.bytes.length;
    }
  } finally {
    await chunks.return({ next: undefined, complete: false });
  }
}

function writeHead(response: Response, subject: string, format: Format): void {
  response.writeHead(200, {
    'content-type': contentTypes[format],
    'content-disposition': `attachment; filename="${subject}.${format}"`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    trailer: 'x-croupier-next, x-croupier-rows, x-croupier-complete',
  });
}

function writeEnd(response: Response, { next, complete }: End, { rows }: Progress): void {
  response.addTrailers({
    ...(next !== undefined && { 'x-croupier-next': next }),
    'x-croupier-rows': `${rows}`,
    'x-croupier-complete': `${complete}`,
  });
  response.end();
}

async function write(response: Response, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    if (response.write(bytes.subarray(start, start + PIECE_BYTES))) continue;
    await once(response, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(STALL_MS)]) });
  }
}
