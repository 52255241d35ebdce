import type { MikroORM } from '@mikro-orm/postgresql';
import type { Router } from 'express';
import type { ProviderHttp } from '../adapters/contract.js';
import type { ObservedCallback } from '../callbacks/observed.js';
import type { Config } from '../config.js';
import type { Reads } from '../database/reads.js';
import type { Feed } from '../events/feed.js';
import { observeFeed } from './feed-lag.js';
import type { GaugeSources, PoolUse } from './gauges.js';
import type { Logger } from './logger.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createMetricsRoute } from './metrics-route.js';
import { createMoneyAtRisk } from './money-at-risk.js';
import { operationNamesOf } from './operation-metrics.js';
import { type OperationObserver, observeOperations } from './operations.js';
import { observeProviderHttp } from './provider-calls.js';
import { openTracing } from './tracing.js';

/** Log, metrics and traces of one gateway: what is told of its work, and to whom. */
export interface Observability {
  /** Serves `/metrics`. */
  readonly route: Router;
  readonly operations: OperationObserver;
  readonly metrics: Pick<Metrics, 'exported'>;
  /** Called once for each callback. */
  readonly callback: (callback: ObservedCallback) => void;
  /** The same, with what passes through it counted. */
  feed(feed: Feed): Feed;
  providerHttp(http: ProviderHttp, integration: string): ProviderHttp;
  /** Tells where to read what is held at a moment. */
  watch(sources: WatchedSources): Promise<void>;
  close(): Promise<void>;
}

export interface WatchedSources extends Pick<GaugeSources, 'ledger' | 'feed' | 'sockets' | 'projectionLagMs'> {
  readonly orm: MikroORM;
  readonly reads: Pick<Reads, 'query' | 'stats'>;
}

export async function openObservability(config: Config, logger: Logger): Promise<Observability> {
  const { trustedDocuments } = config.graphql;
  const metrics = createMetrics(trustedDocuments && operationNamesOf(trustedDocuments.values()));
  const tracing = await openTracing(config.tracing, logger);
  const { currencies } = config;
  return {
    route: createMetricsRoute({ metrics, token: config.metrics?.token, production: config.mode === 'production' }),
    operations: observeOperations(metrics, tracing),
    metrics,
    callback(callback) {
      logger.info(callback, 'callback');
      metrics.callback(callback);
      tracing?.callback(callback);
    },
    feed: (feed) => observeFeed(feed, metrics),
    providerHttp: (http, integration) =>
      observeProviderHttp(http, integration, (call) => {
        metrics.providerCall(call);
        tracing?.providerCall(call);
      }),
    async watch({ orm, reads, ...sources }) {
      const moneyAtRisk = createMoneyAtRisk({ reads, currencies, logger });
      const pools = new Map([
        ['orm', await poolOf(orm)],
        ['reads', (): PoolUse => reads.stats],
      ]);
      metrics.watch({ ...sources, moneyAtRisk, pools });
    },
    async close() {
      metrics.close();
      await tracing?.close();
    },
  };
}

async function poolOf(orm: MikroORM): Promise<() => PoolUse> {
  const pool = await orm.em.getConnection().getNativeClient();
  return () => ({
    used: pool.totalCount - pool.idleCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
  });
}
