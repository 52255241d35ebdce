import { Registry, collectDefaultMetrics } from 'prom-client';
import type { ObservedCallback } from '../callbacks/observed.js';
import type { CommittedUnit } from '../ledger/unit-of-work.js';
import { countCallbacks } from './callback-metrics.js';
import { type GaugeSources, keepGauges } from './gauges.js';
import { countOperations, type ObservedOperation } from './operation-metrics.js';
import { countProviderCalls, type ObservedCall } from './provider-calls.js';
import { countUnits } from './unit-metrics.js';

/** What Prometheus reads under `/metrics`. Every label takes few values: none comes from a request as it is. */
export interface Metrics {
  callback(callback: ObservedCallback): void;
  /** The units of one COMMIT. */
  committed(units: readonly CommittedUnit[]): void;
  /** A change of a balance reached its follower so long after its command arrived. */
  told(lagMs: number): void;
  operation(operation: ObservedOperation): void;
  providerCall(call: ObservedCall): void;
  /** An export ended; the outcome is one of few words. */
  exported(format: string, outcome: string, rows: number): void;
  /** Tells where to read what is held at a moment. */
  watch(sources: GaugeSources): void;
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

/** @param operationNames of the trusted documents, where there are some: no others can come then */
export function createMetrics(operationNames?: ReadonlySet<string>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauges = keepGauges(registry);
  const units = countUnits(registry);
  return {
    callback: countCallbacks(registry),
    committed: units.committed,
    told: units.told,
    operation: countOperations(registry, operationNames),
    providerCall: countProviderCalls(registry),
    exported: units.exported,
    watch: gauges.watch,
    async text() {
      const [samples, risk] = await Promise.all([registry.metrics(), gauges.moneyAtRisk()]);
      return `${samples}\n${risk}`;
    },
    contentType: registry.contentType,
    close: () => registry.clear(),
  };
}
