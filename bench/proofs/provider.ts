import { randomUUID } from 'node:crypto';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Signer } from '../../src/adapters/contract.js';

/** What a simulated provider wants to tell the operator. Amounts are decimal text in major units. */
interface Movement {
  readonly player: string;
  readonly currency: string;
  readonly amount: string;
  /** The provider's own id; a new one unless told. */
  readonly transactionId?: string | undefined;
}

interface RollbackMovement extends Movement {
  /** The provider's id of the bet or result to undo. */
  readonly target: string;
}

/** The operator's answer: an error in its own words, or null and its transaction id. */
interface Answer {
  readonly error: string | null;
  readonly transactionId: string | undefined;
}

export interface Delivery {
  readonly transactionId: string;
  /** How often it was sent. */
  readonly attempts: number;
  /** Undefined when no attempt was answered. */
  readonly answer: Answer | undefined;
}

/** One request and what came back, as it went over the wire. */
export interface Exchange {
  readonly attempt: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The answer, or why there was none. */
  readonly outcome: { readonly status: number; readonly body: string } | { readonly fault: string };
  readonly durationMs: number;
}

export interface IgpxProviderOptions {
  /** The operator's callback URL, to which the paths are appended. */
  readonly callbackUrl: string;
  readonly signer: Signer;
  /** How often a result or rollback is sent in all (6 unless told); a bet is only ever sent once. */
  readonly attemptsMax?: number | undefined;
  /** Wait before the second attempt (500 ms unless told); it doubles with each further one. */
  readonly retryDelayMs?: number | undefined;
  /** After this an attempt counts as not answered (5 s unless told). */
  readonly timeoutMs?: number | undefined;
  /** Connections at once (64 unless told). */
  readonly socketsMax?: number | undefined;
}

interface SendOptions {
  /** Called after every attempt. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}

/** The provider's side of the callbacks: it signs, sends, and sends again as the real one does. */
export interface IgpxProvider {
  bet(movement: Movement, options?: SendOptions): Promise<Delivery>;
  result(movement: Movement, options?: SendOptions): Promise<Delivery>;
  rollback(movement: RollbackMovement, options?: SendOptions): Promise<Delivery>;
  /** Ends waiting for retries and closes the connections. */
  close(): void;
}

const AnswerBody = z.object({ error: z.string().nullable(), transaction_id: z.string().optional() });
const ANSWER_BYTES_MAX = 64 * 1024;

export function createIgpxProvider(options: IgpxProviderOptions): IgpxProvider {
  const { signer, attemptsMax = 6, retryDelayMs = 500, timeoutMs = 5_000, socketsMax = 64 } = options;
  const callbackUrl = options.callbackUrl.replace(/\/+$/, '');
  const poster = createPoster(callbackUrl.startsWith('https:'), timeoutMs, socketsMax);
  const closing = new AbortController();

  async function sendOnce(path: string, body: string, attempt: number): Promise<Exchange> {
    const bytes = Buffer.from(body);
    const { headers } = signer.sign({
      method: 'POST',
      path,
      query: '',
      headers: { 'content-type': 'application/json' },
      body: bytes,
    });
    const startedAt = performance.now();
    const outcome = await poster.post(new URL(callbackUrl + path), headers, bytes).catch((error: unknown) => ({
      fault: error instanceof Error ? error.message : String(error),
    }));
    return { attempt, path, headers, body, outcome, durationMs: performance.now() - startedAt };
  }

  async function deliver(path: string, fields: Fields, attempts: number, send: SendOptions): Promise<Delivery> {
    const body = JSON.stringify(fields);
    const transactionId = fields.transaction_id;
    for (let attempt = 1; ; attempt++) {
      const done = await sendOnce(path, body, attempt);
      send.onExchange?.(done);
      const answer = answerOf(done.outcome);
      if (answer !== undefined || attempt >= attempts || closing.signal.aborted) {
        return { transactionId, attempts: attempt, answer };
      }
      const waitMs = retryDelayMs * 2 ** (attempt - 1);
      const waited = await delay(waitMs, true, { signal: closing.signal }).catch(() => false);
      if (!waited) return { transactionId, attempts: attempt, answer: undefined };
    }
  }

  return {
    // "Bet requests will only be sent once when a player places a bet"
    bet: (movement, send = {}) => deliver('/transaction', transaction('bet', movement), 1, send),
    // "result requests will be sent a few more times if not answered", and rollbacks likewise.
    result: (movement, send = {}) => deliver('/transaction', transaction('result', movement), attemptsMax, send),
    rollback: (movement, send = {}) => deliver('/transaction-rollback', rollback(movement), attemptsMax, send),
    close() {
      closing.abort();
      poster.close();
    },
  };
}

/** Bare HTTP with kept connections: many callbacks a second should cost the gateway's time, not the simulator's. */
function createPoster(secure: boolean, timeoutMs: number, socketsMax: number) {
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: socketsMax });
  const open = new Set<ClientRequest>();
  return {
    post(url: URL, headers: Record<string, string>, body: Buffer): Promise<{ status: number; body: string }> {
      const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
      const request = (secure ? httpsRequest : httpRequest)(
        url,
        { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > ANSWER_BYTES_MAX) request.destroy(new Error('the answer is too long'));
            chunks.push(chunk);
          });
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
          });
          response.on('error', reject);
        },
      );
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      open.add(request);
      request.on('error', reject);
      request.on('close', () => {
        clearTimeout(timer);
        open.delete(request);
      });
      request.end(body);
      return promise;
    },
    close() {
      for (const request of open) request.destroy(new Error('the provider was closed'));
      agent.destroy();
    },
  };
}

type Fields = Readonly<Record<string, string>> & { readonly transaction_id: string };

// Fields in the order of the provider's samples: the signature covers the bytes.
function transaction(
  action: 'bet' | 'result',
  { player, currency, amount, transactionId = randomUUID() }: Movement,
): Fields {
  return { transaction_id: transactionId, action, user_id: player, currency, amount };
}

function rollback({ player, currency, amount, target, transactionId = randomUUID() }: RollbackMovement): Fields {
  return {
    transaction_id: transactionId,
    rollback_transaction_id: target,
    action: 'rollback',
    user_id: player,
    currency,
    amount,
  };
}

/** Only HTTP 200 with the documented JSON is an answer: "All responses must have http status 200 and must be in JSON". */
function answerOf(outcome: Exchange['outcome']): Answer | undefined {
  if ('fault' in outcome || outcome.status !== 200) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(outcome.body);
  } catch {
    return undefined;
  }
  const parsed = AnswerBody.safeParse(json);
  return parsed.success ? { error: parsed.data.error, transactionId: parsed.data.transaction_id } : undefined;
}
