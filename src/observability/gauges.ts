import { Counter, Gauge, type Registry } from 'prom-client';
import type { Ledger } from '../ledger/ledger.js';
import type { Feed } from '../events/feed.js';
import type { MoneyAtRisk } from './money-at-risk.js';

/** Connections of a pool in use and idle, and requests that wait for one. */
export interface PoolUse {
  readonly used: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Open WebSockets, the operations on them, and how many of them have a client that leaves bytes unread. */
export interface SocketsInUse {
  readonly sockets: number;
  readonly operations: number;
  readonly behind: number;
}

/** Where to read what is held at this moment. What is absent is left out of the metrics. */
export interface GaugeSources {
  readonly ledger: Pick<Ledger, 'stats'>;
  readonly feed: Pick<Feed, 'size'>;
  /** By the pool's name. */
  readonly pools: ReadonlyMap<string, () => PoolUse>;
  readonly moneyAtRisk: MoneyAtRisk;
  readonly sockets?: (() => SocketsInUse) | undefined;
  /** How far the reports are behind the ledger; undefined when that cannot be told. */
  readonly projectionLagMs?: (() => Promise<number | undefined> | number | undefined) | undefined;
}

export function keepGauges(registry: Registry) {
  let sources: GaugeSources | undefined;
  const gauge = (name: string, help: string, read: (from: GaugeSources) => number | undefined): void => {
    const made = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.reset();
        const value = sources === undefined ? undefined : read(sources);
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
    registry.registerMetric(made);
  };
  const total = (name: string, help: string, read: (from: GaugeSources) => number): void => {
    const made = new Counter({
      name,
      help,
      registers: [],
      collect() {
        this.reset();
        if (sources !== undefined) this.inc(read(sources));
      },
    });
    registry.registerMetric(made);
  };

  gauge('croupier_commands_waiting', 'Commands that wait for a unit of work.', ({ ledger }) => ledger.stats.waiting);
  total('croupier_units_total', 'Units of work committed.', ({ ledger }) => ledger.stats.units);
  total('croupier_unit_commands_total', 'Commands in committed units of work.', ({ ledger }) => ledger.stats.commands);
  gauge('croupier_feed_followers', 'Readers that follow wallets.', ({ feed }) => feed.size.followers);
  gauge('croupier_feed_wallets', 'Wallets that are followed.', ({ feed }) => feed.size.wallets);
  gauge('croupier_sockets', 'Open WebSockets.', ({ sockets }) => sockets?.().sockets);
  gauge('croupier_socket_operations', 'Operations on open WebSockets.', ({ sockets }) => sockets?.().operations);
  gauge(
    'croupier_sockets_behind',
    'Open WebSockets whose client leaves bytes unread.',
    ({ sockets }) => sockets?.().behind,
  );
  keepPools(registry, () => sources);
  keepProjectionLag(registry, () => sources);
  return {
    watch: (from: GaugeSources): void => {
      sources = from;
    },
    moneyAtRisk: (): Promise<string> => sources?.moneyAtRisk.text() ?? Promise.resolve(''),
  };
}

function keepPools(registry: Registry, sources: () => GaugeSources | undefined): void {
  const connections = new Gauge({
    name: 'croupier_pool_connections',
    help: 'Connections of each pool by their state, and as waiting the requests for one.',
    labelNames: ['pool', 'state'],
    registers: [],
    collect() {
      for (const [pool, read] of sources()?.pools ?? []) {
        const use = read();
        for (const state of ['used', 'idle', 'waiting'] as const) this.set({ pool, state }, use[state]);
      }
    },
  });
  registry.registerMetric(connections);
}

function keepProjectionLag(registry: Registry, sources: () => GaugeSources | undefined): void {
  const lag = new Gauge({
    name: 'croupier_projection_lag_seconds',
    help: 'How far rounds and reports are behind the ledger.',
    registers: [],
    async collect() {
      this.reset();
      const lagMs = await readLag(sources());
      if (lagMs === undefined) this.remove();
      else this.set(lagMs / 1_000);
    },
  });
  registry.registerMetric(lag);
}

/** The database may be away; the other metrics are wanted most then. */
async function readLag(sources: GaugeSources | undefined): Promise<number | undefined> {
  try {
    return await sources?.projectionLagMs?.();
  } catch {
    return undefined;
  }
}
