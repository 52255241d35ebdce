import {
  type DocumentNode,
  execute,
  type ExecutionResult,
  getOperationAST,
  getVariableValues,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import type { GraphqlContext } from './context.js';

export interface Execution {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: GraphqlContext;
  /** What a subscription's event is resolved from. */
  readonly root?: unknown;
}

/** Executes a valid operation. Field errors are in the result. */
export type Executor = (execution: Execution) => ExecutionResult | Promise<ExecutionResult>;

export interface ExecutorOptions {
  /** An operation is compiled when it comes for this many times: compiling costs as much as executing it some twenty times. */
  readonly compileAfter?: number;
}

interface Prepared {
  count: number;
  /** Undefined until it is worth it; null for what the compiler does not support. */
  compiled: Compiled | null | undefined;
}

interface Compiled {
  readonly operation: OperationDefinitionNode;
  readonly query: CompiledQuery['query'];
}

/** Operations of one document; hostile ones have hundreds. */
const OPERATIONS_MAX = 16;

/**
 * Operations that come again and again are compiled to functions (graphql-jit); the others, and those that the compiler does
 * not support, are executed by graphql itself. What is compiled lives as long as its document does, and documents are kept in
 * a bounded store.
 */
export function createExecutor(schema: GraphQLSchema, { compileAfter = 3 }: ExecutorOptions = {}): Executor {
  const known = new WeakMap<DocumentNode, Map<string, Prepared>>();

  function prepare(document: DocumentNode, operationName: string | null | undefined): Compiled | undefined {
    let operations = known.get(document);
    if (operations === undefined) known.set(document, (operations = new Map()));
    let prepared = operations.get(operationName ?? '');
    if (prepared === undefined) {
      if (operations.size >= OPERATIONS_MAX) return undefined;
      operations.set(operationName ?? '', (prepared = { count: 0, compiled: undefined }));
    }
    if (prepared.compiled === undefined && ++prepared.count >= compileAfter) {
      prepared.compiled = compile(schema, document, operationName);
    }
    return prepared.compiled ?? undefined;
  }

  return ({ document, operationName, variables, context, root }) => {
    const compiled = prepare(document, operationName);
    if (compiled !== undefined) {
      // The compiler has its own words for wrong variables; a client should hear the same ones every time.
      const { operation } = compiled;
      const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {}, {
        maxErrors: 50,
      });
      return errors === undefined ? compiled.query(root, context, variables ?? {}) : { errors };
    }
    return execute({
      schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: context,
      rootValue: root,
    });
  };
}

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
): Compiled | null {
  const operation = getOperationAST(document, operationName);
  // Mutations run their fields one after the other, and cost what their work costs.
  if (operation?.operation !== OperationTypeNode.QUERY || asksForTheSchema(document)) return null;
  const compiled = compileQuery(schema, document, operationName ?? undefined);
  return isCompiledQuery(compiled) ? { operation, query: compiled.query } : null;
}

function asksForTheSchema(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    [Kind.FIELD]: ({ name }) => {
      found ||= name.value === '__schema' || name.value === '__type';
    },
  });
  return found;
}
