import type { Metrics } from './metrics.js';
import type { ObservedOperation } from './operation-metrics.js';
import type { Tracing } from './tracing.js';

export type OperationFacts = Pick<ObservedOperation, 'name' | 'type'>;

/** Runs the executions of GraphQL operations, and tells metrics and traces what became of each. */
export interface OperationObserver {
  run<Result>(
    facts: OperationFacts,
    work: () => Result | Promise<Result>,
    outcomeOf: (result: Result) => string,
  ): Result | Promise<Result>;
}

export function observeOperations(
  metrics: Pick<Metrics, 'operation'>,
  tracing: Pick<Tracing, 'operation'> | undefined,
): OperationObserver {
  return {
    run(facts, work, outcomeOf) {
      const startedAt = performance.now();
      const counted = (outcome: string): void =>
        metrics.operation({ ...facts, outcome, ms: performance.now() - startedAt });
      if (tracing === undefined) return followed(work, outcomeOf, counted);
      return tracing.operation(facts, (ended) =>
        followed(work, outcomeOf, (outcome) => {
          counted(outcome);
          ended(outcome);
        }),
      );
    },
  };
}

function followed<Result>(
  work: () => Result | Promise<Result>,
  outcomeOf: (result: Result) => string,
  end: (outcome: string) => void,
): Result | Promise<Result> {
  let result: Result | Promise<Result>;
  try {
    result = work();
  } catch (error) {
    end('INTERNAL');
    throw error;
  }
  if (!(result instanceof Promise)) {
    end(outcomeOf(result));
    return result;
  }
  return result.then(
    (value) => {
      end(outcomeOf(value));
      return value;
    },
    (error: unknown) => {
      end('INTERNAL');
      throw error;
    },
  );
}
