import pg from 'pg';
import supertest from 'supertest';
import { type Client, createClient } from 'graphql-ws';
import { vi } from 'vitest';
import WebSocket from 'ws';
import type { TestApp } from '../support/app.js';

export interface GraphqlAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  // Tests read answers of many shapes; what they expect is in the assertion.
  readonly data: Record<string, unknown> | null | undefined;
  readonly errors: readonly {
    message: string;
    path?: readonly (string | number)[];
    extensions: Record<string, unknown>;
  }[];
  readonly text: string;
}

/** One operation by HTTP. Without a token no Authorization header is sent. */
export async function request(
  { url }: Pick<TestApp, 'url'>,
  token: string | undefined,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<GraphqlAnswer> {
  return post(url, token, { query, variables });
}

export async function post(url: string, token: string | undefined, body: unknown): Promise<GraphqlAnswer> {
  const sending = supertest(url).post('/graphql').set('content-type', 'application/json');
  if (token !== undefined) sending.set('authorization', `Bearer ${token}`);
  const { status, headers, text } = await sending.send(typeof body === 'string' ? body : JSON.stringify(body));
  const parsed = text.startsWith('{') ? JSON.parse(text) : {};
  return { status, headers, data: parsed.data, errors: parsed.errors ?? [], text };
}

const graphqlConnections = new Set(['croupier', 'croupier-reads', 'croupier-history']);

/** What GraphQL asked the database meanwhile, on whichever of its connections. */
export async function queriesDuring(_app: TestApp, work: () => Promise<unknown>): Promise<string[]> {
  const spy = vi.spyOn(pg.Client.prototype, 'query');
  try {
    await work();
    return spy.mock.calls.flatMap(([query]: unknown[], index) => {
      const { connectionParameters } = spy.mock.contexts[index] as {
        connectionParameters?: { application_name?: string };
      };
      if (!graphqlConnections.has(connectionParameters?.application_name ?? '')) return [];
      return [typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : String(query)];
    });
  } finally {
    spy.mockRestore();
  }
}

/** The codes of an answer's errors. */
export function codes({ errors }: Pick<GraphqlAnswer, 'errors'>): unknown[] {
  return errors.map(({ extensions }) => extensions['code']);
}

export function openClient(
  { wsUrl }: Pick<TestApp, 'wsUrl'>,
  token: string,
  options: { retryAttempts?: number } = {},
): Client {
  return createClient({
    url: wsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    ...options,
  });
}

/** A socket that speaks the protocol by hand. */
export class RawSocket {
  readonly socket: WebSocket;
  readonly messages: Record<string, unknown>[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake: (() => void) | undefined;

  constructor(url: string, protocol = 'graphql-transport-ws') {
    this.socket = new WebSocket(url, protocol);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      if (!Buffer.isBuffer(data)) throw new Error('not a text message');
      this.messages.push(JSON.parse(data.toString()));
      this.#wake?.();
    });
  }

  async open(): Promise<this> {
    // It may have opened while its token was made.
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await Promise.race([new Promise((resolve) => this.socket.once('open', resolve)), this.closed]);
    }
    return this;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Opens, greets and waits for the acknowledgement. */
  async greet(token: string): Promise<this> {
    await this.open();
    this.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    await this.until(({ type }) => type === 'connection_ack');
    return this;
  }

  async until(fits: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      const woken = new Promise<undefined>((resolve) => (this.#wake = () => resolve(undefined)));
      const closed = await Promise.race([woken, this.closed]);
      if (closed !== undefined && !this.messages.some(fits))
        throw new Error(`closed with ${closed.code} ${closed.reason}`);
    }
  }
}
