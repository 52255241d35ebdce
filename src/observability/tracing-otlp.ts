import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  RandomIdGenerator,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type TracerProviderOptions,
} from '@opentelemetry/sdk-trace';
import type { ObservedCallback } from '../callbacks/observed.js';
import type { TracingConfig } from '../config/types.js';
import type { Logger } from './logger.js';
import type { ObservedCall } from './provider-calls.js';
import type { Tracing } from './tracing.js';

/** Above it spans are dropped: what a receiver cannot take in time must not fill the memory. */
const QUEUE_MAX = 4_096;
const EXPORT_MS = 2_000;
/** Verdicts after which the provider is to try again: the fault is here. */
const faults: ReadonlySet<string> = new Set(['DEADLINE_EXCEEDED', 'OVERLOADED', 'UNAVAILABLE', 'INTERNAL']);

/** Loaded only where tracing is configured. */
export function createOtlpTracing(config: TracingConfig, logger: Pick<Logger, 'info' | 'warn'>): Tracing {
  const ids = chosenIds();
  const headers = Object.fromEntries(Object.entries(config.headers).map(([name, text]) => [name, text.reveal()]));
  const exporter = reported(
    new OTLPTraceExporter({ url: config.url.reveal(), headers, timeoutMillis: EXPORT_MS }),
    logger,
  );
  const provider = new TracerProvider({
    resource,
    idGenerator: ids,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.sampleRatio) }),
    spanLimits: { attributeValueLengthLimit: 256 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: QUEUE_MAX,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: EXPORT_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('croupier');
  const running = new AsyncLocalStorage<Context>();

  return {
    callback(callback) {
      // The id is taken by the next span without a parent, which is this one: nothing comes between.
      ids.next = traceIdOf(callback);
      traceCallback(tracer, callback);
    },
    operation(facts, work) {
      const { name, type } = facts;
      const attributes = { 'graphql.operation.type': type, 'graphql.operation.name': name ?? '' };
      const span = tracer.startSpan(
        `${type} ${name ?? ''}`.trimEnd(),
        { kind: SpanKind.SERVER, attributes },
        ROOT_CONTEXT,
      );
      return running.run(trace.setSpan(ROOT_CONTEXT, span), work, (outcome) => {
        if (outcome !== 'ok') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
        span.setAttribute('croupier.outcome', outcome).end();
      });
    },
    providerCall: (call) => traceCall(tracer, call, running.getStore() ?? ROOT_CONTEXT),
    close: () => provider.shutdown().catch(() => undefined),
  };
}

const name: Attributes = { 'service.name': 'croupier' };
const resource: NonNullable<TracerProviderOptions['resource']> = {
  attributes: name,
  merge: () => resource,
  getRawAttributes: () => Object.entries(name),
};

/** What belongs to one player's part in one round has one trace, so its id is made of these and of nothing else. */
export function traceIdOf({ integration, details: { player, play } }: ObservedCallback): string | undefined {
  if (play === undefined) return undefined;
  const facts = JSON.stringify([integration, player ?? null, play]);
  return createHash('sha256').update(facts).digest('hex').slice(0, 32);
}

function chosenIds(): RandomIdGenerator & { next: string | undefined } {
  const random = new RandomIdGenerator();
  const ids = {
    next: undefined as string | undefined,
    generateTraceId(): string {
      const id = ids.next ?? random.generateTraceId();
      ids.next = undefined;
      return id;
    },
    generateSpanId: () => random.generateSpanId(),
  };
  return ids;
}

function traceCallback(tracer: Tracer, callback: ObservedCallback): void {
  const { integration, key, verdict, flags, ms, details } = callback;
  const { receivedAt, waitMs, commitMs } = details;
  const startTime = receivedAt.getTime();
  const attributes: Attributes = {
    'croupier.integration': integration,
    'croupier.callback': callback.callback ?? 'none',
    'croupier.verdict': verdict,
    ...(key !== undefined && { 'croupier.key': key }),
    ...(details.play !== undefined && { 'croupier.play': details.play }),
    ...(flags !== undefined && { 'croupier.flags': [...flags] }),
    ...(waitMs !== undefined && { 'croupier.unit_wait_ms': waitMs }),
    ...(commitMs !== undefined && { 'croupier.commit_ms': commitMs }),
  };
  const spanName = `callback ${callback.callback ?? 'none'}`;
  const span = tracer.startSpan(spanName, { kind: SpanKind.SERVER, startTime, attributes, root: true }, ROOT_CONTEXT);
  if (span.isRecording()) {
    const inside = trace.setSpan(ROOT_CONTEXT, span);
    const settled = startTime + ms;
    if (waitMs !== undefined && commitMs !== undefined) {
      const decided = settled - commitMs;
      tracer.startSpan('unit wait', { startTime: decided - waitMs }, inside).end(decided);
      tracer.startSpan('commit', { startTime: decided }, inside).end(settled);
    }
    if (faults.has(verdict)) span.setStatus({ code: SpanStatusCode.ERROR, message: verdict });
  }
  span.end(startTime + ms);
}

function traceCall(tracer: Tracer, call: ObservedCall, parent: Context): void {
  const { integration, method, outcome, status, startedAt, ms } = call;
  const startTime = performance.timeOrigin + startedAt;
  const attributes: Attributes = {
    'croupier.integration': integration,
    'http.request.method': method,
    'croupier.outcome': outcome,
    ...(status !== undefined && { 'http.response.status_code': status }),
  };
  const span = tracer.startSpan(`call ${integration}`, { kind: SpanKind.CLIENT, startTime, attributes }, parent);
  if (outcome !== 'ok') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
  span.end(startTime + ms);
}

/** Says once that traces do not arrive, and once that they do again. */
function reported(exporter: SpanExporter, logger: Pick<Logger, 'info' | 'warn'>): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined;
        if (failed && !failing) logger.warn({ err: result.error }, 'Traces do not arrive; they are dropped');
        if (!failed && failing) logger.info('Traces arrive again');
        failing = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
