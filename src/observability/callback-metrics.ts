import { Counter, type Registry } from 'prom-client';
import type { ObservedCallback } from '../callbacks/observed.js';
import { Latencies } from './latencies.js';

/** The word for a request that was refused before it was found to be one the protocol describes. */
const NO_CALLBACK = 'none';

interface Cell {
  readonly observe: (ms: number) => void;
  readonly verdicts: Map<string, { count: number }>;
}

/**
 * Counts callbacks, by integration, name and verdict. This is in the way of every callback, so what belongs to one kind of
 * them is bound once, and verdicts are plain numbers that the counter takes over when it is read.
 */
export function countCallbacks(registry: Registry): (callback: ObservedCallback) => void {
  const cells = new Map<string, Map<string, Cell>>();
  const durations = new Latencies<'integration' | 'callback'>({
    name: 'croupier_callback_duration_seconds',
    help: 'From the last byte of a request to the decision about its answer.',
    registry,
  });
  const waits = new Latencies({
    name: 'croupier_unit_wait_seconds',
    help: 'From the handing of a command to the ledger until it was decided: the wait for a unit of work, the lock, the reads.',
    registry,
  }).open({});
  const verdictCounts = new Counter({
    name: 'croupier_callbacks_total',
    help: 'Callbacks answered; the verdict is ok, repeat, or why one was refused.',
    labelNames: ['integration', 'callback', 'verdict'],
    registers: [],
    collect() {
      this.reset();
      for (const [integration, named] of cells)
        for (const [callback, { verdicts }] of named)
          for (const [verdict, { count }] of verdicts) this.inc({ integration, callback, verdict }, count);
    },
  });
  registry.registerMetric(verdictCounts);

  function open(integration: string, callback: string): Cell {
    const cell = { observe: durations.open({ integration, callback }), verdicts: new Map<string, { count: number }>() };
    const named = cells.get(integration);
    if (named === undefined) cells.set(integration, new Map([[callback, cell]]));
    else named.set(callback, cell);
    return cell;
  }

  return ({ integration, callback = NO_CALLBACK, verdict, ms, details: { waitMs } }) => {
    const cell = cells.get(integration)?.get(callback) ?? open(integration, callback);
    const known = cell.verdicts.get(verdict);
    if (known === undefined) cell.verdicts.set(verdict, { count: 1 });
    else known.count += 1;
    cell.observe(ms);
    if (waitMs !== undefined) waits(waitMs);
  };
}
