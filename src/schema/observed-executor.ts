import { type ExecutionResult, getOperationAST, GraphQLError } from 'graphql';
import type { Logger } from '../observability/logger.js';
import type { OperationObserver } from '../observability/operations.js';
import { logStaffReads } from './access.js';
import type { Executor } from './executor.js';

/** The same executor, each execution told to the observer. */
export function observeExecutor(executor: Executor, observer: OperationObserver | undefined): Executor {
  if (observer === undefined) return executor;
  return (execution) => {
    const operation = getOperationAST(execution.document, execution.operationName);
    const facts = { name: operation?.name?.value, type: operation?.operation ?? 'query' } as const;
    return observer.run(facts, () => executor(execution), outcomeOf);
  };
}

/** The same executor; whose data the staff was given is written down when an execution ends. */
export function logReads(executor: Executor, logger: Pick<Logger, 'info'>): Executor {
  return (execution) => {
    const { document, operationName, context } = execution;
    const log = (): void => logStaffReads(context, getOperationAST(document, operationName)?.name?.value, logger);
    const result = executor(execution);
    if (!(result instanceof Promise)) {
      log();
      return result;
    }
    return result.finally(log);
  };
}

/** `ok`, or the code of the first error. What a resolver threw without a code is a fault. */
function outcomeOf({ errors }: ExecutionResult): string {
  const [first] = errors ?? [];
  if (first === undefined) return 'ok';
  const cause = first.originalError ?? first;
  const code = cause instanceof GraphQLError ? cause.extensions['code'] : 'code' in cause ? cause.code : undefined;
  // Errors of the gateway's own have a code in words; those of the database's have one in digits.
  if (typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code)) return code;
  return first.originalError === undefined ? 'BAD_USER_INPUT' : 'INTERNAL';
}
