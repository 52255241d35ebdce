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
import { apiError } from './errors.js';
import { findExcess, limits } from './limits.js';

/** Throws what a document is refused for before anybody parses it. @throws QUERY_TOO_COMPLEX */
export function assertDocumentSize(document: string): void {
  if (Buffer.byteLength(document) <= limits.documentBytesMax) return;
  throw apiError('QUERY_TOO_COMPLEX', `The document is larger than ${limits.documentBytesMax} bytes.`);
}

/** @throws QUERY_TOO_COMPLEX */
export function assertWithinLimits(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>> | null | undefined,
): void {
  const excess = findExcess(document, operation, variables ?? {});
  if (excess !== undefined) throw apiError('QUERY_TOO_COMPLEX', excess);
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
): { document: DocumentNode } | { errors: readonly GraphQLError[] } {
  try {
    assertDocumentSize(query);
    const document = parse(query, { maxTokens: limits.tokensMax });
    const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
    const errors = validate(schema, document, rules);
    if (errors.length > 0) return { errors: errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED')) };
    const operation = getOperationAST(document, operationName);
    if (!operation) return { errors: [withCode(unresolved(operationName), 'OPERATION_RESOLUTION_FAILURE')] };
    assertWithinLimits(document, operation, variables);
    return { document };
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [withCode(error, 'GRAPHQL_PARSE_FAILED')] };
    throw error;
  }
}

/** In the words of GraphQL's own executor. */
function unresolved(operationName: string | null | undefined): GraphQLError {
  return new GraphQLError(
    operationName == null
      ? 'Must provide operation name if query contains multiple operations.'
      : `Unknown operation named "${operationName}".`,
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
