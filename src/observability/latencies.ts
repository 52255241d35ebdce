import { Histogram, type MetricObjectWithValues, type MetricValueWithName, type Registry } from 'prom-client';

/** Seconds. A callback takes a millisecond or two, and no provider waits for more than five seconds. */
export const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** The observations of one set of labels. */
interface Cell {
  /** By bucket, the last one for what is over all bounds. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * A histogram for the way of every callback. The library's own makes a text of the labels at each observation and looks that
 * up, also where they are bound; here an observation is two additions, and all else waits until somebody reads.
 */
export class Latencies<Label extends string = never> extends Histogram<Label> {
  readonly #cells: { readonly labels: Partial<Record<Label, string>>; readonly cell: Cell }[] = [];
  readonly #name: string;
  readonly #help: string;

  constructor({ name, help, registry }: { name: string; help: string; registry: Registry }) {
    super({ name, help, buckets: LATENCY_BUCKETS, registers: [] });
    this.#name = name;
    this.#help = help;
    registry.registerMetric(this);
  }

  /** @returns what takes observations, in milliseconds, under these labels */
  open(labels: Partial<Record<Label, string>>): (ms: number) => void {
    const cell: Cell = { counts: new Float64Array(LATENCY_BUCKETS.length + 1), sum: 0 };
    this.#cells.push({ labels, cell });
    return (ms) => {
      const seconds = ms / 1_000;
      let bucket = 0;
      while (bucket < LATENCY_BUCKETS.length && seconds > (LATENCY_BUCKETS[bucket] ?? 0)) bucket += 1;
      cell.counts[bucket] = (cell.counts[bucket] ?? 0) + 1;
      cell.sum += seconds;
    };
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<Label>>> {
    return this.getForPromString();
  }

  /** What the registry asks for first. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<Label>>> {
    const values = this.#cells.flatMap(({ labels, cell }) => samplesOf(this.#name, labels, cell));
    // The library declares its types as an enum that it does not have at run time.
    const type = 'histogram' as unknown as MetricObjectWithValues<MetricValueWithName<Label>>['type'];
    return Promise.resolve({
      name: this.#name,
      help: this.#help,
      type,
      values,
      aggregator: 'sum',
      collect: () => undefined,
    });
  }
}

function samplesOf<Label extends string>(
  name: string,
  labels: Partial<Record<Label, string>>,
  { counts, sum }: Cell,
): MetricValueWithName<Label>[] {
  let count = 0;
  const buckets = [...counts].map((each, index) => {
    count += each;
    return { metricName: `${name}_bucket`, labels: { le: LATENCY_BUCKETS[index] ?? '+Inf', ...labels }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
