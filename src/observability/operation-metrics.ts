import { Counter, Histogram, type Registry } from 'prom-client';
import { LATENCY_BUCKETS } from './latencies.js';

/** An operation of GraphQL that was executed; of a subscription, one of its events. */
export interface ObservedOperation {
  readonly name: string | undefined;
  readonly type: 'query' | 'mutation' | 'subscription';
  /** `ok`, or the code of its first error. */
  readonly outcome: string;
  readonly ms: number;
}

/** Names are the clients' own, and a client could make up a new one every time. */
const NAMES_MAX = 200;
const OUTCOMES_MAX = 50;

export function countOperations(
  registry: Registry,
  known: ReadonlySet<string> | undefined,
): (operation: ObservedOperation) => void {
  const registers = [registry];
  const nameOf = boundedNames(NAMES_MAX, known);
  const outcomeOf = boundedNames(OUTCOMES_MAX);
  const operations = new Counter({
    name: 'croupier_graphql_operations_total',
    help: 'GraphQL operations executed, by name, type and outcome: ok, or the code of the first error.',
    labelNames: ['operation', 'type', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'croupier_graphql_operation_duration_seconds',
    help: 'Execution of GraphQL operations, each event of a subscription being one.',
    labelNames: ['type'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  return ({ name, type, outcome, ms }) => {
    operations.inc({ operation: nameOf(name), type, outcome: outcomeOf(outcome) });
    durations.observe({ type }, ms / 1_000);
  };
}

/** Keeps the number of values of a label small: those known, or else the first that come. */
export function boundedNames(max: number, known?: ReadonlySet<string>): (name: string | undefined) => string {
  const seen = new Set(known);
  return (name) => {
    if (name === undefined || name === '') return 'anonymous';
    if (seen.has(name)) return name;
    if (known !== undefined || seen.size >= max || name.length > 100) return 'other';
    seen.add(name);
    return name;
  };
}

/** Names of the operations in these documents. */
export function operationNamesOf(documents: Iterable<string>): Set<string> {
  const names = new Set<string>();
  for (const document of documents)
    for (const [, name] of document.matchAll(/\b(?:query|mutation|subscription)\s+([_A-Za-z]\w*)/g))
      if (name !== undefined) names.add(name);
  return names;
}
