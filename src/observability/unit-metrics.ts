import { Counter, Histogram, type Registry } from 'prom-client';
import type { CommittedUnit } from '../ledger/unit-of-work.js';
import { LATENCY_BUCKETS } from './latencies.js';

/** Counts what commits, what followers are told of it, and what is exported. */
export function countUnits(registry: Registry) {
  const registers = [registry];
  const sizes = new Histogram({
    name: 'croupier_unit_movements',
    help: 'Ledger rows that one unit of work posted.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers,
  });
  const lags = new Histogram({
    name: 'croupier_feed_lag_seconds',
    help: 'From the arrival of a command until a follower was told what it moved.',
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const exports = new Counter({
    name: 'croupier_exports_total',
    help: 'Exports that ended, by format and outcome.',
    labelNames: ['format', 'outcome'],
    registers,
  });
  const exportedRows = new Counter({
    name: 'croupier_export_rows_total',
    help: 'Rows that exports handed out.',
    labelNames: ['format'],
    registers,
  });
  return {
    committed: (units: readonly CommittedUnit[]): void => {
      let rows = 0;
      for (const unit of units) rows += unit.rows.length;
      sizes.observe(rows);
    },
    told: (lagMs: number): void => lags.observe(Math.max(lagMs, 0) / 1_000),
    exported: (format: string, outcome: string, rows: number): void => {
      exports.inc({ format, outcome });
      exportedRows.inc({ format }, rows);
    },
  };
}
