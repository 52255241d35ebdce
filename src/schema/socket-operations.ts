import { type DocumentNode, getOperationAST, GraphQLError, type GraphQLSchema } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { assertWithinLimits, documentText, readOperation, type TrustedDocuments } from './operation.js';

/** Reads the operations of sockets; a document that was valid once is not checked again. */
export interface OperationReader {
  /** @param spend is told what the operation costs, and throws when it is too much */
  read(
    payload: SubscribePayload,
    spend: (cost: number) => void,
  ): { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };
}

/** Documents of a frontend are few; those that nobody sent for longest are forgotten. */
const DOCUMENTS_MAX = 500;

export function createOperationReader(
  schema: GraphQLSchema,
  { introspection, trusted }: { introspection: boolean; trusted: TrustedDocuments },
): OperationReader {
  // A map keeps its order of insertion.
  const valid = new Map<string, DocumentNode>();

  function keep(query: string, document: DocumentNode): void {
    valid.delete(query);
    valid.set(query, document);
    const [oldest] = valid.keys();
    if (valid.size > DOCUMENTS_MAX && oldest !== undefined) valid.delete(oldest);
  }

  return {
    read(payload, spend) {
      const { operationName, variables } = payload;
      try {
        const query = documentText({ ...payload }, trusted);
        const known = valid.get(query);
        const operation = known && getOperationAST(known, operationName);
        if (known && operation) {
          keep(query, known);
          spend(assertWithinLimits(known, operation, variables));
          return { document: known };
        }
        const read = readOperation(schema, { query, operationName, variables }, { introspection });
        if ('errors' in read) return read;
        keep(query, read.document);
        spend(read.cost);
        return { document: read.document };
      } catch (error) {
        if (error instanceof GraphQLError) return { errors: [error] };
        throw error;
      }
    },
  };
}
