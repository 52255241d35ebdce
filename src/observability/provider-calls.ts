import { Counter, Histogram, type Registry } from 'prom-client';
import { type ProviderAnswer, ProviderError, type ProviderHttp } from '../adapters/contract.js';
import { LATENCY_BUCKETS } from './latencies.js';

/** An outgoing call to a provider, its repeats included. */
export interface ObservedCall {
  readonly integration: string;
  readonly method: 'GET' | 'POST';
  /** `ok`, `error-status`, or the code of the ProviderError. */
  readonly outcome: string;
  /** HTTP status; undefined without an answer. */
  readonly status: number | undefined;
  readonly startedAt: number;
  readonly ms: number;
}

export function countProviderCalls(registry: Registry): (call: ObservedCall) => void {
  const registers = [registry];
  const calls = new Counter({
    name: 'croupier_provider_calls_total',
    help: 'Calls to providers, by integration and outcome.',
    labelNames: ['integration', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'croupier_provider_call_duration_seconds',
    help: 'Calls to providers, their repeats included.',
    labelNames: ['integration'],
    buckets: LATENCY_BUCKETS,
    registers,
  });
  return ({ integration, outcome, ms }) => {
    calls.inc({ integration, outcome });
    durations.observe({ integration }, ms / 1_000);
  };
}

/** The same calls, each told when it ended. Nothing is added to what the provider gets. */
export function observeProviderHttp(
  http: ProviderHttp,
  integration: string,
  observed: (call: ObservedCall) => void,
): ProviderHttp {
  async function tell(method: ObservedCall['method'], call: () => Promise<ProviderAnswer>): Promise<ProviderAnswer> {
    const startedAt = performance.now();
    const end = (outcome: string, status?: number): void =>
      observed({ integration, method, outcome, status, startedAt, ms: performance.now() - startedAt });
    try {
      const answer = await call();
      end(answer.status >= 400 ? 'error-status' : 'ok', answer.status);
      return answer;
    } catch (error) {
      end(error instanceof ProviderError ? error.code : 'INTERNAL');
      throw error;
    }
  }
  return {
    post: (url, body, options) => tell('POST', () => http.post(url, body, options)),
    get: (url, query, options) => tell('GET', () => http.get(url, query, options)),
  };
}
