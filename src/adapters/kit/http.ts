import {
  BrokenCircuitError,
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import { z } from 'zod';
import { ProviderError, type ProviderHttp } from '../contract.js';
import { parseJson } from './json.js';

export interface ProviderHttpOptions {
  /** For one attempt, from connecting to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Further attempts of a call that is `safe` to repeat; other calls are sent once. */
  readonly retries: number;
  /** Failures in a row after which calls are refused at once (5 unless told), and for how long (10 s unless told). */
  readonly breaker?: { readonly failuresMax: number; readonly openMs: number } | undefined;
  /** Hosts (with the port where the URL states one) that may be called; every host when absent. */
  readonly allowedHosts?: readonly string[] | undefined;
  readonly logger?: { warn(fields: object, message: string): void } | undefined;
}

type Answer = Awaited<ReturnType<ProviderHttp['post']>>;

const ANSWER_BYTES_MAX = 64 * 1024;

/** One per integration: the breaker counts the failures of one provider. */
export function createProviderHttp(options: ProviderHttpOptions): ProviderHttp {
  const { timeoutMs, retries, breaker: { failuresMax, openMs } = { failuresMax: 5, openMs: 10_000 }, logger } = options;
  const allowedHosts = options.allowedHosts === undefined ? undefined : new Set(options.allowedHosts);
  const failures = handleWhen(isFailure).orWhenResult(isServerError);
  const breaker = circuitBreaker(failures, { halfOpenAfter: openMs, breaker: new ConsecutiveBreaker(failuresMax) });
  const attempt = wrap(breaker, timeout(timeoutMs, TimeoutStrategy.Cooperative));
  const backoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 2_000 });
  const attempts = wrap(retry(failures, { maxAttempts: retries, backoff }), attempt);

  return {
    async post(address, body, { headers = {}, safe = false } = {}) {
      const url = URL.parse(address);
      if (url === null) throw new ProviderError('UNREACHABLE', 'The provider URL is not a URL.');
      if (allowedHosts?.has(url.host) === false) {
        throw new ProviderError('UNREACHABLE', `Calls to ${url.host} are not allowed.`);
      }
      const request: RequestInit = {
        method: 'POST',
        // A redirect could carry credentials to somebody else.
        redirect: 'manual',
        headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(body),
      };
      try {
        return await (safe ? attempts : attempt).execute(({ signal }) => exchange(url, { ...request, signal }));
      } catch (error) {
        const known = providerError(error, url.host, timeoutMs);
        if (known === undefined) throw error;
        logger?.warn({ host: url.host, code: known.code }, known.message);
        throw known;
      }
    },
  };
}

/** Says that the provider is in trouble, not that it disagrees: worth another attempt, and counted by the breaker. */
function isFailure(error: unknown): boolean {
  return error instanceof TaskCancelledError || (error instanceof ProviderError && error.code === 'UNREACHABLE');
}

function isServerError(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'status' in answer && Number(answer.status) >= 500;
}

function providerError(error: unknown, host: string, timeoutMs: number): ProviderError | undefined {
  if (error instanceof ProviderError) return error;
  if (error instanceof TaskCancelledError) {
    return new ProviderError('TIMEOUT', `${host} did not answer within ${timeoutMs} ms.`);
  }
  if (error instanceof BrokenCircuitError) {
    return new ProviderError('CIRCUIT_OPEN', `${host} failed several times in a row; calls are held back for a while.`);
  }
  return undefined;
}

async function exchange(url: URL, request: RequestInit): Promise<Answer> {
  let response: Response;
  let bytes: Buffer | undefined;
  try {
    response = await fetch(url, request);
    bytes = await readLimited(response);
  } catch (error) {
    // The time-out aborts the fetch, also while the answer is being read.
    if (request.signal?.aborted) throw new TaskCancelledError();
    // The original is not passed on as a cause: fetch quotes header values in some of its messages.
    throw new ProviderError('UNREACHABLE', `${url.host} could not be reached: ${networkCode(error)}.`);
  }
  const { status } = response;
  if (status >= 300 && status <= 399) {
    throw new ProviderError('INVALID_ANSWER', `${url.host} answered with a redirect, which is not followed.`);
  }
  const parsed = bytes === undefined ? undefined : parseJson(bytes);
  if (parsed?.ok) return { status, body: parsed.value };
  if (status >= 400) return { status, body: undefined };
  const what = parsed === undefined ? `more than ${ANSWER_BYTES_MAX} bytes` : `no usable JSON (${parsed.fault})`;
  throw new ProviderError('INVALID_ANSWER', `${url.host} answered ${status} with ${what}.`);
}

/** @returns undefined when the body is longer than the limit; the rest is not read */
async function readLimited({ body }: Response): Promise<Buffer | undefined> {
  if (body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream and with it the connection.
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > ANSWER_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

const NetworkFault = z.object({ cause: z.object({ code: z.string() }) });

/** The system's word for what went wrong, such as ECONNREFUSED. */
function networkCode(error: unknown): string {
  const fault = NetworkFault.safeParse(error);
  return fault.success ? fault.data.cause.code : 'the connection failed';
}
