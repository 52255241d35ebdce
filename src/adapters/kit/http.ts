import { type LookupAddress, lookup } from 'node:dns';
import { Agent as HttpAgent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
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
import { stringify } from 'lossless-json';
import { type CallOptions, type ProviderAnswer, ProviderError, type ProviderHttp } from '../contract.js';
import { bareHost, isPrivateAddress } from './addresses.js';
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
  /**
   * False refuses private, loopback and link-local addresses, also those that a name resolves to: whoever controls a name
   * must not reach the own network through the gateway. True unless told, for providers that are simulated nearby.
   */
  readonly allowPrivate?: boolean | undefined;
  readonly logger?: { warn(fields: object, message: string): void } | undefined;
}

interface AnswerLimits {
  readonly bytesMax: number;
  readonly keysMax: number;
}

const ANSWER_LIMITS: AnswerLimits = { bytesMax: 64 * 1_024, keysMax: 1_000 };
/** Calls that are safe to repeat read, and what they read may be a list of all games or of a day's movements. */
const LIST_LIMITS: AnswerLimits = { bytesMax: 4 * 1_024 * 1_024, keysMax: 200_000 };
/** Shorter than providers keep an idle connection open: a request sent into one that closes would be lost. */
const IDLE_MS = 4_000;

interface Exchange {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  readonly safe: boolean;
}

/** One per integration: the breaker counts the failures of one provider. */
export function createProviderHttp(options: ProviderHttpOptions): ProviderHttp {
  const { timeoutMs, retries, breaker: { failuresMax, openMs } = { failuresMax: 5, openMs: 10_000 }, logger } = options;
  const allowedHosts = options.allowedHosts === undefined ? undefined : new Set(options.allowedHosts);
  const exchange = createExchange(options.allowPrivate ?? true);
  const failures = handleWhen(isFailure).orWhenResult(isServerError);
  const breaker = circuitBreaker(failures, { halfOpenAfter: openMs, breaker: new ConsecutiveBreaker(failuresMax) });
  const attempt = wrap(breaker, timeout(timeoutMs, TimeoutStrategy.Cooperative));
  const backoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 2_000 });
  const attempts = wrap(retry(failures, { maxAttempts: retries, backoff }), attempt);

  async function call(url: URL | null, wish: Exchange) {
    if (url === null) throw new ProviderError('UNREACHABLE', 'The provider URL is not a URL.');
    if (allowedHosts?.has(url.host) === false) {
      throw new ProviderError('UNREACHABLE', `Calls to ${url.host} are not allowed.`);
    }
    try {
      return await (wish.safe ? attempts : attempt).execute(({ signal }) => exchange(url, wish, signal));
    } catch (error) {
      const known = providerError(error, url.host, timeoutMs);
      if (known === undefined) throw error;
      logger?.warn({ host: url.host, code: known.code }, known.message);
      throw known;
    }
  }

  return {
    post(address, value, { headers = {}, safe = false }: CallOptions = {}) {
      // Numbers that came as text of digits leave as exactly those digits.
      const text = stringify(value);
      const body = text === undefined ? undefined : Buffer.from(text);
      const own = { 'content-type': 'application/json', accept: 'application/json' };
      return call(URL.parse(address), { method: 'POST', headers: { ...headers, ...own }, body, safe });
    },
    get(address, query, { headers = {}, safe = false }: CallOptions = {}) {
      const url = URL.parse(address);
      for (const [name, value] of Object.entries(query)) url?.searchParams.set(name, value);
      const own = { accept: 'application/json' };
      return call(url, { method: 'GET', headers: { ...headers, ...own }, body: undefined, safe });
    },
  };
}

/** Worth asking again in a moment: the provider is in trouble, rather than of another opinion. */
export function isWorthRepeating({ code }: ProviderError): boolean {
  return code === 'UNREACHABLE' || code === 'TIMEOUT' || code === 'CIRCUIT_OPEN';
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

function createExchange(allowPrivate: boolean) {
  const pool = { keepAlive: true, timeout: IDLE_MS };
  const http = new HttpAgent(pool);
  const https = new HttpsAgent(pool);

  /** Resolves with the head of the answer. Redirects are not followed: one could carry credentials to somebody else. */
  function send(url: URL, { method, headers, body }: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options: RequestOptions = { method, headers: { ...headers, ...length }, signal };
    if (!allowPrivate) options.lookup = lookupPublic;
    const secure = url.protocol === 'https:';
    return new Promise((resolve, reject) => {
      const request = secure
        ? requestHttps(url, { ...options, agent: https })
        : requestHttp(url, { ...options, agent: http });
      request.on('response', resolve).on('error', reject).end(body);
    });
  }

  return async function exchange(url: URL, wish: Exchange, signal: AbortSignal): Promise<ProviderAnswer> {
    // An address needs no look-up, so no look-up would catch it.
    if (!allowPrivate && isPrivateAddress(bareHost(url.hostname))) throw notPublic(url.host);
    const limits = wish.safe ? LIST_LIMITS : ANSWER_LIMITS;
    let answer: IncomingMessage;
    let bytes: Buffer | undefined;
    try {
      answer = await send(url, wish, signal);
      bytes = await readLimited(answer, limits.bytesMax);
    } catch (error) {
      // The time-out aborts the request, also while the answer is being read.
      if (signal.aborted) throw new TaskCancelledError();
      if (error instanceof PrivateAddressError) throw notPublic(url.host);
      // The original is not passed on as a cause: it may quote what was sent.
      throw new ProviderError('UNREACHABLE', `${url.host} could not be reached: ${networkCode(error)}.`);
    }
    return readAnswer(url.host, answer.statusCode ?? 0, bytes, limits);
  };
}

function readAnswer(
  host: string,
  status: number,
  bytes: Buffer | undefined,
  { bytesMax, keysMax }: AnswerLimits,
): ProviderAnswer {
  if (status >= 300 && status <= 399) {
    throw new ProviderError('INVALID_ANSWER', `${host} answered with a redirect, which is not followed.`);
  }
  const parsed = bytes === undefined ? undefined : parseJson(bytes, keysMax);
  if (parsed?.ok) return { status, body: parsed.value };
  if (status >= 400) return { status, body: undefined };
  const what = parsed === undefined ? `more than ${bytesMax} bytes` : `no usable JSON (${parsed.fault})`;
  throw new ProviderError('INVALID_ANSWER', `${host} answered ${status} with ${what}.`);
}

/** @returns undefined when the body is longer than the limit; the rest is not read */
async function readLimited(answer: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early destroys the stream and with it the connection.
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

class PrivateAddressError extends Error {}

function notPublic(host: string): ProviderError {
  return new ProviderError('UNREACHABLE', `${host} is not a public address; it is not called.`);
}

/**
 * Resolves a name as Node would, and refuses it when any of its addresses is private. The connection is made to what is
 * returned here: between the check and the connection nobody can answer differently.
 */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new Error('No address.'), '');
    if (addresses.some(({ address }) => isPrivateAddress(address))) return callback(new PrivateAddressError(), '');
    if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/** The system's word for what went wrong, such as ECONNREFUSED. */
function networkCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'the connection failed';
}
