import type { Express, Request, Response } from 'express';
import type { Authenticator, Principal } from '../auth.js';
import type { Logger } from '../observability/logger.js';
import type { PlayerDirectory } from '../players/directory.js';
import { authenticateBearer } from '../schema/authentication.js';
import { ahead, readChunks } from './chunks.js';
import { ExportError, toExportError } from './errors.js';
import { createPlaces } from './places.js';
import { type Path, type Question, readPath, readQuestion } from './question.js';
import { sendFile } from './sending.js';
import { createExportSessions, type ExportSession } from './sessions.js';
import { admit, openList } from './subjects.js';

/**
 * The books as files: `GET /exports/{transactions|rounds|reports}.{csv|ndjson|parquet}`. A file of any size flows through in
 * chunks; what breaks off in the middle ends the connection, so that nobody takes half for the whole, and every row carries
 * the cursor to go on from.
 */

export interface ExportDeps {
  readonly connectionString: string;
  readonly acquireTimeoutMs: number;
  readonly authenticator: Authenticator;
  readonly directory: PlayerDirectory;
  readonly logger: Logger;
  /** Told of the end of every export: its format, whether it came to its end, and the rows that were sent. */
  readonly exported: (format: Path['format'], outcome: 'complete' | 'broken', rows: number) => void;
  /** Exports at once; each has a connection. */
  readonly max?: number | undefined;
}

const EXPORTS_MAX = 4;
const RETRY_SECONDS = 5;
export function mountExports(app: Express, deps: ExportDeps): { close(): Promise<void> } {
  const max = deps.max ?? EXPORTS_MAX;
  const sessions = createExportSessions({ ...deps, max });
  const places = createPlaces(max);
  const closing = new AbortController();
  const running = new Set<Promise<void>>();

  /** @throws before the first byte only */
  async function answer(request: Request, response: Response, path: Path): Promise<void> {
    const principal = await authenticateBearer(deps.authenticator, request.headers.authorization);
    const isPlayer = admit(path.subject, principal);
    const question = readQuestion(path, new URL(request.originalUrl, 'http://localhost').searchParams);
    const release = places.take({ brand: principal.brand, subject: principal.subject, isPlayer });
    const left = new AbortController();
    response.once('close', () => left.abort());
    if (response.closed) left.abort();
    const signal = AbortSignal.any([left.signal, closing.signal]);
    const started = performance.now();
    const progress = { rows: 0, bytes: 0 };
    let session: ExportSession | undefined;
    try {
      session = await sessions.open(signal);
      const reading = await openList(question, { principal, isPlayer, session, directory: deps.directory });
      const pieces = ahead(readChunks(session, reading));
      const end = await sendFile(response, path, pieces, progress, signal).catch((error: unknown) =>
        breakOff(response, error, signal, deps.logger),
      );
      const ms = Math.round(performance.now() - started);
      deps.exported(path.format, 'broken' in end ? 'broken' : 'complete', progress.rows);
      report(deps.logger, { principal, isPlayer, question }, { ...progress, ...end, ms });
    } finally {
      await session?.end();
      release();
    }
  }

  app.use('/exports', (request, response) => {
    const work = respond(request, response, answer, deps.logger).finally(() => running.delete(work));
    running.add(work);
  });
  return {
    async close() {
      closing.abort(new ExportError('UNAVAILABLE', 'The gateway is closing; another one will answer.'));
      await Promise.all(running);
      await sessions.close();
    },
  };
}

async function respond(
  request: Request,
  response: Response,
  answer: (request: Request, response: Response, path: Path) => Promise<void>,
  logger: Logger,
): Promise<void> {
  try {
    const path = readPath(request.path);
    if (path === undefined) throw new ExportError('NOT_FOUND', 'There is no such export.');
    if (request.method !== 'GET') throw new ExportError('METHOD_NOT_ALLOWED', 'Use GET.');
    // Without chunks nobody could tell a file that broke off from one that ended.
    if (request.httpVersionMajor === 1 && request.httpVersionMinor === 0) {
      throw new ExportError('BAD_REQUEST', 'Use HTTP/1.1; a proxy in between has to be told so.');
    }
    await answer(request, response, path);
  } catch (error) {
    refuse(response, error, logger);
  }
}

function refuse(response: Response, error: unknown, logger: Logger): void {
  if (response.closed || response.destroyed) return;
  const known = toExportError(error);
  if (known === undefined) logger.error({ err: error }, 'export fault');
  const { status, code, message } = known ?? new ExportError('INTERNAL', 'A fault in the gateway; it is logged.');
  if (code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', 'Bearer');
  if (code === 'METHOD_NOT_ALLOWED') response.setHeader('allow', 'GET');
  if (code === 'TOO_MANY_EXPORTS' || code === 'UNAVAILABLE') response.setHeader('retry-after', RETRY_SECONDS);
  response.setHeader('cache-control', 'no-store');
  response.status(status).json({ error: { code, message } });
}

/**
 * Ends the connection without the file's end, so that no client takes half for the whole.
 * @throws what can still be said in words
 */
function breakOff(response: Response, error: unknown, signal: AbortSignal, logger: Logger): { broken: string } {
  if (!response.headersSent && !response.closed) throw error;
  response.destroy();
  if (signal.aborted) return { broken: response.closed ? 'the client left' : 'the gateway closes' };
  logger.error({ err: error }, 'export broke off');
  return { broken: 'a fault' };
}

/** One line for every export: who read what, and how much of it. */
function report(
  logger: Logger,
  { principal, isPlayer, question }: { principal: Principal; isPlayer: boolean; question: Question },
  result: object,
): void {
  const { subject, brand, roles } = principal;
  const { subject: list, from, to, rows: rowsMax, ...rest } = question;
  const asked = { export: list, from: from.toISOString(), to: to.toISOString(), rowsMax, ...rest };
  logger.info({ subject, brand, roles: [...roles], ...asked, ...result }, isPlayer ? 'own export' : 'staff read');
}
