import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { WireRequest } from '../adapters/contract.js';
import type { WireAnswer } from '../adapters/provider-side.js';

export interface WireOptions {
  /** Where the gateway takes callbacks: `…/callbacks/{integration}`. Paths are appended to it. */
  readonly callbackUrl: string;
  /** From the connection to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Connections at once. */
  readonly socketsMax: number;
}

export interface Wire {
  /** @throws Error that says why there was no answer */
  send(request: WireRequest): Promise<WireAnswer>;
  /** Ends what is under way. */
  close(): void;
}

const ANSWER_BYTES_MAX = 64 * 1024;

/** Bare HTTP with kept connections: many callbacks a second should cost the gateway's time, not the simulator's. */
export function openWire({ callbackUrl, timeoutMs, socketsMax }: WireOptions): Wire {
  const base = callbackUrl.replace(/\/+$/, '');
  const secure = base.startsWith('https:');
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: socketsMax });
  const open = new Set<ClientRequest>();
  return {
    send({ method, path, query, headers, body }) {
      const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
      const request = (secure ? httpsRequest : httpRequest)(
        new URL(base + path + (query === '' ? '' : `?${query}`)),
        { method, agent, headers: { ...headers, 'content-length': body.length } },
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
