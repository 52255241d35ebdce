import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { hashOfDocument } from '../config/graphql.js';
import { apiError, badInput } from './errors.js';
import { limits, weighOperation } from './limits.js';

/** Throws what a document is refused for before anybody parses it. @throws QUERY_TOO_COMPLEX */
export function assertDocumentSize(document: string): void {
  if (Buffer.byteLength(document) <= limits.documentBytesMax) return;
  throw apiError('QUERY_TOO_COMPLEX', `The document is larger than ${limits.documentBytesMax} bytes.`);
}

/** @returns the operation's cost. @throws QUERY_TOO_COMPLEX */
export function assertWithinLimits(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): number {
  const { cost, excess } = weighOperation(document, operation, variables ?? {});
  if (excess !== undefined) throw apiError('QUERY_TOO_COMPLEX', excess);
  return cost;
}

/** The only documents that are taken, by their SHA-256; everything that is valid when undefined. */
export type TrustedDocuments = ReadonlyMap<string, string> | undefined;

/**
 * The text of the operation: as it was sent, or what a trusted document's id stands for.
 * @throws DOCUMENT_NOT_TRUSTED, BAD_USER_INPUT
 */
export function documentText(request: Readonly<Record<string, unknown>>, trusted: TrustedDocuments): string {
  const { query, documentId, extensions } = request;
  const hash = hashIn(documentId) ?? hashIn(persistedHash(extensions));
  if (trusted === undefined) {
    if (typeof query === 'string') return query;
    throw badInput(
      hash === undefined
        ? 'Send the operation as text: "query".'
        : 'This gateway knows no documents by id; send "query".',
    );
  }
  const known = trusted.get(hash ?? (typeof query === 'string' ? hashOfDocument(query) : ''));
  // An id with another text beside it: the text is not what was trusted.
  if (known === undefined || (typeof query === 'string' && query !== known)) throw apiError('DOCUMENT_NOT_TRUSTED');
  return known;
}

/** Where Apollo's clients put it. */
function persistedHash(extensions: unknown): unknown {
  if (typeof extensions !== 'object' || extensions === null || !('persistedQuery' in extensions)) return undefined;
  const { persistedQuery } = extensions;
  if (typeof persistedQuery !== 'object' || persistedQuery === null || !('sha256Hash' in persistedQuery))
    return undefined;
  return persistedQuery.sha256Hash;
}

function hashIn(id: unknown): string | undefined {
  return typeof id === 'string' ? /^(?:sha256:)?([0-9a-f]{64})$/.exec(id)?.[1] : undefined;
}

export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * Parses and checks an operation the way Apollo does it for HTTP: a WebSocket operation passes none of Apollo's checks, so
 * they are repeated here one by one.
 * @returns the document, or the errors for which it is refused
 */
export function readOperation(
  schema: GraphQLSchema,
  { query, operationName, variables }: OperationRequest,
  { introspection }: { introspection: boolean },
): { document: DocumentNode; cost: number } | { errors: readonly GraphQLError[] } {
  try {
    assertDocumentSize(query);
    const document = parse(query, { maxTokens: limits.tokensMax });
    const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
    const errors = validate(schema, document, rules);
    if (errors.length > 0) return { errors: errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED')) };
    const operation = getOperationAST(document, operationName);
    if (!operation) return { errors: [unresolvedOperation(operationName)] };
    return { document, cost: assertWithinLimits(document, operation, variables) };
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [withCode(error, 'GRAPHQL_PARSE_FAILED')] };
    throw error;
  }
}

/** In the words of GraphQL's own executor. */
export function unresolvedOperation(operationName: string | null | undefined): GraphQLError {
  return new GraphQLError(
    operationName == null
      ? 'Must provide operation name if query contains multiple operations.'
      : `Unknown operation named "${operationName}".`,
    { extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } } },
  );
}

/** Keeps a code that is there already. */
function withCode(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, path, extensions } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    originalError: error,
    extensions: { code, ...extensions },
  });
}
