import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ApolloServer, HeaderMap } from '@apollo/server';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Authenticator, Principal } from '../auth.js';
import { authenticateBearer } from './authentication.js';
import { GraphqlContext, type Leaving, type Services } from './context.js';
import { badInput, type ErrorPresenter } from './errors.js';
import { BODY_BYTES_MAX } from './limits.js';
import { assertDocumentSize, documentText, type TrustedDocuments } from './operation.js';

export interface PostOptions {
  readonly apollo: ApolloServer<GraphqlContext>;
  readonly authenticator: Authenticator;
  readonly services: Services;
  readonly present: ErrorPresenter;
  readonly trusted: TrustedDocuments;
  /** Origins of pages that may ask from a browser. */
  readonly origins: ReadonlySet<string>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * GraphQL over HTTP, between the bare request and Apollo: a frame of its own, because express costs more than all that is
 * needed of it here. Whoever has no token makes the gateway read nothing.
 */
export function createPostHandler(options: PostOptions): Handler {
  return (request, response) => {
    allowOrigin(request, response, options.origins);
    if (request.method === 'OPTIONS') return answerPreflight(response);
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      request.resume();
      const error = badInput('Use POST, or a WebSocket with graphql-transport-ws.');
      return refuse(response, new Refusal(405, error), options.present);
    }
    answerPost(request, response, options).catch((error: unknown) => {
      // A body that nobody will read must not hold the connection.
      if (!request.complete) response.setHeader('connection', 'close');
      request.resume();
      refuse(response, error, options.present);
    });
  };
}

/** A refusal with an HTTP status of its own. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly status: number,
    readonly error: GraphQLError,
  ) {
    super(error.message);
  }
}

async function answerPost(request: IncomingMessage, response: ServerResponse, options: PostOptions): Promise<void> {
  const { apollo, authenticator, services, trusted } = options;
  const principal = await authenticateBearer(authenticator, request.headers.authorization);
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw badInput('Send JSON: content-type application/json.');
  }
  const body = readRequest(await readBody(request), trusted);
  const context = contextOf(principal, services, response);
  const {
    status,
    headers,
    body: answer,
  } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers: apolloHeaders(request), search: '', body },
    context: () => Promise.resolve(context),
  });
  if (answer.kind !== 'complete') throw new Error('Apollo answered in parts, which nobody asked for');
  if (response.destroyed) return;
  const bytes = Buffer.from(answer.string);
  headers.set('content-length', String(bytes.length));
  response.writeHead(status ?? 200, Object.fromEntries(headers));
  response.end(bytes);
}

/** What Apollo looks at: the type of the body, and what it guards against forged requests with. */
function apolloHeaders({ headers }: IncomingMessage): HeaderMap {
  const map = new HeaderMap();
  for (const name of ['accept', 'content-type', 'apollo-require-preflight', 'x-apollo-operation-name']) {
    const value = headers[name];
    if (typeof value === 'string') map.set(name, value);
  }
  return map;
}

function contextOf(principal: Principal, services: Services, response: ServerResponse): GraphqlContext {
  return new GraphqlContext(principal, services, new LeavingResponse(response));
}

class LeavingResponse implements Leaving {
  readonly #response: ServerResponse;
  #signal: AbortSignal | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const leaving = new AbortController();
    if (this.#response.destroyed) leaving.abort();
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) leaving.abort();
    });
    return (this.#signal = leaving.signal);
  }
}

function readRequest(bytes: Buffer, trusted: TrustedDocuments): Record<string, unknown> {
  let body: unknown;
  try {
    if (!isUtf8(bytes)) throw new Error('not UTF-8');
    body = JSON.parse(bytes.toString());
  } catch {
    throw new Refusal(400, badInput('The body is not plain JSON.'));
  }
  if (Array.isArray(body)) throw badInput('Send one operation at a time; lists of operations are not taken.');
  if (typeof body !== 'object' || body === null) throw new Refusal(400, badInput('The body is not plain JSON.'));
  const request: Record<string, unknown> = { ...body };
  const query = documentText(request, trusted);
  assertDocumentSize(query);
  // Apollo is not asked what an id stands for.
  const { extensions: _extensions, documentId: _documentId, ...rest } = request;
  return { ...rest, query };
}

/** @throws Refusal for what is too large or not as it is; never resolves when the client leaves in the middle */
function readBody(request: IncomingMessage): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Refusal(415, badInput('Send the body as it is; it is not inflated.'));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_BYTES_MAX) chunks.push(chunk);
      else reject(new Refusal(413, badInput(`The body is larger than ${BODY_BYTES_MAX} bytes.`)));
    });
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    );
    request.on('error', () => request.destroy());
  });
}

const statuses: Readonly<Record<string, number>> = { UNAUTHENTICATED: 401, UNAVAILABLE: 503 };

/** Whatever stops a request before Apollo has it is answered in the shape of GraphQL too. */
function refuse(response: ServerResponse, error: unknown, present: ErrorPresenter): void {
  // The client has left in the middle of its request, or of the answer.
  if (response.destroyed || response.headersSent) {
    response.destroy();
    return;
  }
  const cause = error instanceof Refusal ? error.error : error;
  const code = cause instanceof GraphQLError ? cause.extensions['code'] : undefined;
  if (code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', 'Bearer');
  const status = typeof code === 'string' ? (statuses[code] ?? 400) : 500;
  const body: { errors: GraphQLFormattedError[] } = { errors: [present(cause)] };
  const text = JSON.stringify(body);
  response.writeHead(error instanceof Refusal ? error.status : status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** A browser hands the answer to the page only if this names the page's origin. Tokens are no cookies: nothing is sent by itself. */
function allowOrigin({ headers }: IncomingMessage, response: ServerResponse, origins: ReadonlySet<string>): void {
  if (origins.size === 0) return;
  response.setHeader('vary', 'Origin');
  if (headers.origin !== undefined && origins.has(headers.origin)) {
    response.setHeader('access-control-allow-origin', headers.origin);
  }
}

function answerPreflight(response: ServerResponse): void {
  response.writeHead(204, {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization, content-type, apollo-require-preflight',
    'access-control-max-age': '600',
  });
  response.end();
}
