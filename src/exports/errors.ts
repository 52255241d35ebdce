import { GraphQLError } from 'graphql';

/** What an export is refused with, and the status it is refused by. */
const statuses = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOO_MANY_EXPORTS: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
} as const;
export type ExportErrorCode = keyof typeof statuses;

export class ExportError extends Error {
  override readonly name = 'ExportError';
  constructor(
    readonly code: ExportErrorCode,
    message: string,
  ) {
    super(message);
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** Of PostgreSQL and of the way to it: whoever asks again later may well be answered. */
const UNAVAILABLE = /^(?:08|53|57)|^E(?:CONN|PIPE|TIMEDOUT|HOSTUNREACH)/;

/** @returns undefined for a fault of ours */
export function toExportError(error: unknown): ExportError | undefined {
  if (error instanceof ExportError) return error;
  // Authentication is shared with GraphQL and speaks its words.
  if (error instanceof GraphQLError) {
    const code = String(error.extensions['code']);
    return new ExportError(isCode(code) ? code : 'BAD_REQUEST', error.message);
  }
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const lost = UNAVAILABLE.test(code) || /connect|Connection terminated/i.test(error.message);
  return lost ? new ExportError('UNAVAILABLE', 'Not now; repeating the same request is safe.') : undefined;
}

function isCode(code: string): code is ExportErrorCode {
  return Object.hasOwn(statuses, code);
}
