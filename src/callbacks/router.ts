import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CallbackRequest, closeConnection, type Reply } from '../adapters/contract.js';
import { createPipeline, type LiveIntegration, type PipelineOptions, refuseUnread } from './pipeline.js';

/** Step 1 of a callback, and the last: raw bytes in, the dialect's answer out. */

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Callbacks go past express, which would cost them more than all they need of HTTP. Everything else is for `others`. */
export function routeCallbacks(callbacks: Handler, others: Handler): Handler {
  return (request, response) => {
    if (request.url?.startsWith('/callbacks/') === true) callbacks(request, response);
    else others(request, response);
  };
}

/** No provider's callback comes near this. */
const BODY_SIZE_MAX = 64 * 1_024;

export function createCallbackHandler(
  integrations: ReadonlyMap<string, LiveIntegration>,
  options: PipelineOptions,
): Handler {
  const pipeline = createPipeline(options);
  return (request, response) => {
    // The URL is taken as it was sent: an encoded slash or a ".." is no route of any provider.
    const target = /^\/callbacks\/([^/?]+)([^?]*)(?:\?(.*))?$/s.exec(request.url ?? '');
    const integration = integrations.get(target?.[1] ?? '');
    if (target === null || integration === undefined) {
      request.resume();
      send(response, { status: 404, body: '{"error":"There is no such integration."}' });
      return;
    }
    const part: Omit<CallbackRequest, 'body'> = {
      method: request.method ?? '',
      path: target[2] ?? '',
      query: target[3] ?? '',
      headers: request.headers,
      remoteAddress: request.socket.remoteAddress ?? '',
    };
    readBody(request, (body, complete) => {
      if (!complete) {
        response.setHeader('connection', 'close');
        send(response, refuseUnread(integration, { ...part, body }, 'TOO_LARGE', options));
        return;
      }
      pipeline(integration, { ...part, body })
        .then((reply) => send(response, reply))
        .catch((error: unknown) => {
          options.failed(`A callback of ${integration.id} was not answered`, error);
          response.destroy();
        });
    });
  };
}

/** Calls back once: with the whole body, or with what came before it grew too large. Never, when the client went away. */
function readBody(request: IncomingMessage, done: (body: Buffer, complete: boolean) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    if (size > BODY_SIZE_MAX) return;
    size += chunk.length;
    chunks.push(chunk);
    if (size > BODY_SIZE_MAX) done(Buffer.concat(chunks, BODY_SIZE_MAX), false);
  });
  request.on('end', () => {
    if (size > BODY_SIZE_MAX) return;
    done(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size), true);
  });
  // The client went away in the middle of its request: there is nobody to answer and nothing to apply.
  request.on('error', () => request.destroy());
}

function send(response: ServerResponse, reply: Reply): void {
  if (reply === closeConnection) {
    response.destroy();
    return;
  }
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(reply.body),
  });
  response.end(reply.body);
}
