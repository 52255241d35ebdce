import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { CashierUnavailableError } from '../cashier/cashier.js';
import type { Logger } from '../observability/logger.js';
import { PlayerError, type PlayerErrorCode } from '../players/players.js';

/** What `extensions.code` can say, besides the words of GraphQL itself (GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED …). */
const apiErrors = {
  UNAUTHENTICATED: 'A valid token is needed: header "Authorization: Bearer <JWT>".',
  FORBIDDEN: 'The token has no role that may do this.',
  NOT_FOUND: 'There is no such thing, or the token may not see it.',
  BAD_USER_INPUT: 'An argument is not what its description asks for.',
  PLAYER_EXISTS: 'The brand has a player with this external id already.',
  CURRENCY_NOT_ALLOWED: 'The brand does not list this currency.',
  EXCLUSION_RUNS: 'The self-exclusion of the player runs, and can only be made longer.',
  PLAYER_SUSPENDED: 'A suspended player can exclude themselves only without an end.',
  PLAYER_CLOSED: 'The account is closed, and stays so.',
  QUERY_TOO_COMPLEX: 'The operation is over a limit.',
  DOCUMENT_NOT_TRUSTED: 'This gateway takes only the documents that are registered with it.',
  QUERY_TOO_SLOW: 'The answer took too long to find; narrow the filter or the range of time.',
  PROOFS_NOT_CONFIGURED: 'This gateway has no key to sign proofs with.',
  CHAIN_BROKEN: 'The hash chain of the wallet is not as it was written.',
  UNAVAILABLE: 'Not now; repeating the same request is safe.',
  INTERNAL: 'A fault in the gateway; it is logged under the id.',
} as const;
type ApiErrorCode = keyof typeof apiErrors;

const httpStatus: Partial<Record<ApiErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  QUERY_TOO_COMPLEX: 400,
  DOCUMENT_NOT_TRUSTED: 400,
};

/** An error a client may read as it is. */
export function apiError(code: ApiErrorCode, message: string = apiErrors[code]): GraphQLError {
  const status = httpStatus[code];
  return new GraphQLError(message, { extensions: { code, ...(status !== undefined && { http: { status } }) } });
}

export function badInput(message: string): GraphQLError {
  return apiError('BAD_USER_INPUT', message);
}

const playerErrorCodes: Record<PlayerErrorCode, ApiErrorCode> = {
  PLAYER_EXISTS: 'PLAYER_EXISTS',
  EXTERNAL_ID_INVALID: 'BAD_USER_INPUT',
  BRAND_UNKNOWN: 'NOT_FOUND',
  CURRENCY_NOT_ALLOWED: 'CURRENCY_NOT_ALLOWED',
  LIMIT_INVALID: 'BAD_USER_INPUT',
  EXCLUSION_RUNS: 'EXCLUSION_RUNS',
  PLAYER_SUSPENDED: 'PLAYER_SUSPENDED',
  PLAYER_CLOSED: 'PLAYER_CLOSED',
  UNAVAILABLE: 'UNAVAILABLE',
};

/** PostgreSQL's query_canceled: the statement ran into its time-out. */
const STATEMENT_TIMEOUT = '57014';

/** @returns undefined for what no client should see. */
function known(cause: unknown): GraphQLError | undefined {
  if (cause instanceof GraphQLError) return cause;
  if (cause instanceof PlayerError) return apiError(playerErrorCodes[cause.code], cause.message);
  if (cause instanceof CashierUnavailableError) return apiError('UNAVAILABLE', cause.message);
  // The client has left; whatever is said now, nobody reads it.
  if (cause instanceof DOMException && cause.name === 'AbortError') return apiError('UNAVAILABLE');
  if (cause instanceof Error && 'code' in cause && cause.code === STATEMENT_TIMEOUT) return apiError('QUERY_TOO_SLOW');
  return undefined;
}

/** Makes of any error what a client gets, on HTTP and WebSocket alike. */
export type ErrorPresenter = (error: unknown) => GraphQLFormattedError;

/**
 * Expected errors pass with their code. Everything else is a fault: logged once under a new id, and only the id is told.
 */
export function createErrorPresenter(logger: Logger): ErrorPresenter {
  return (error) => {
    const place = error instanceof GraphQLError ? placeOf(error) : {};
    // What a resolver throws arrives wrapped; what GraphQL itself finds wrong with a request wraps nothing.
    const wrapped = error instanceof GraphQLError ? error.originalError : error;
    const cause = wrapped === undefined || wrapped instanceof GraphQLError ? error : known(wrapped);
    if (cause instanceof GraphQLError) {
      const code = cause.extensions['code'] ?? 'BAD_USER_INPUT';
      if (code !== 'INTERNAL_SERVER_ERROR') {
        return { message: withoutSuggestion(cause.message), ...place, extensions: { code } };
      }
    }
    const id = randomUUID();
    logger.error({ err: wrapped ?? error, id, path: place.path?.join('.') }, 'graphql fault');
    return { message: apiErrors.INTERNAL, ...place, extensions: { code: 'INTERNAL', id } };
  };
}

function placeOf({ locations, path }: GraphQLError): Pick<GraphQLFormattedError, 'locations' | 'path'> {
  return { ...(locations !== undefined && { locations }), ...(path !== undefined && { path }) };
}

/** "Did you mean" lets a stranger read the schema word by word. */
function withoutSuggestion(message: string): string {
  return message.replace(/ ?Did you mean [^]*$/, '');
}
