import type { ObservedCallback } from '../callbacks/observed.js';
import type { TracingConfig } from '../config/types.js';
import type { Logger } from './logger.js';
import type { OperationFacts } from './operations.js';
import type { ObservedCall } from './provider-calls.js';

/** Sends traces to an OTLP receiver. Nothing of it can slow down, change or fail what it traces. */
export interface Tracing {
  /** One span for each callback; those of one round are in one trace, in whichever process and however often they came. */
  callback(callback: ObservedCallback): void;
  /** Runs an operation of GraphQL; calls to providers that it makes are known to be its own. */
  operation<Result>(facts: OperationFacts, work: (end: (outcome: string) => void) => Result): Result;
  providerCall(call: ObservedCall): void;
  /** Sends what is waiting, for a moment at most. */
  close(): Promise<void>;
}

/** Without a configuration nothing of OpenTelemetry is loaded. */
export async function openTracing(
  config: TracingConfig | undefined,
  logger: Pick<Logger, 'info' | 'warn'>,
): Promise<Tracing | undefined> {
  if (config === undefined) return undefined;
  const { createOtlpTracing } = await import('./tracing-otlp.js');
  return createOtlpTracing(config, logger);
}
