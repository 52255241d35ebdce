import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLSchema } from 'graphql';
import { type Context, handleProtocols, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Authenticator, Principal } from '../auth.js';
import type { Logger } from '../observability/logger.js';
import { authenticateBearer } from './authentication.js';
import { GraphqlContext, type Services } from './context.js';
import { apiError, type ErrorPresenter } from './errors.js';
import { readOperation } from './operation.js';

export interface SocketOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly introspection: boolean;
  readonly authenticator: Authenticator;
  readonly services: Services;
  readonly present: ErrorPresenter;
  readonly logger: Logger;
}

const socketLimits = {
  messageBytesMax: 16_384,
  /** From the opening to `connection_init`. */
  initTimeoutMs: 3_000,
  /** Operations at the same time on one socket. */
  operationsMax: 20,
  socketsMax: 20_000,
  /** A peer that answers no ping within this time is gone, or does not read. */
  heartbeatMs: 15_000,
  closeMs: 2_000,
} as const;

/** Why a socket is closed from this side, besides what graphql-transport-ws prescribes. */
const closeCodes = {
  unsupportedData: 1003,
  /** Clients reconnect on these two, and resume with "after". */
  serviceRestart: 1012,
  tryAgainLater: 1013,
  unauthorized: 4401,
  internal: 4500,
} as const;

interface Extra {
  readonly socket: WebSocket;
  principal: Principal | undefined;
}
type SocketContext = Context<Record<string, unknown> | undefined, Extra>;

/**
 * GraphQL over WebSocket (graphql-transport-ws). The token comes in `connection_init`, not in a cookie, so a foreign page
 * that opens a socket is nobody, and the Origin header says nothing worth checking.
 */
export function serveSockets(http: Server, options: SocketOptions): { close(): Promise<void> } {
  const protocol = createProtocol(options);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: socketLimits.messageBytesMax,
    perMessageDeflate: false,
    handleProtocols,
  });
  let closing = false;

  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    if (request.url?.split('?', 1)[0] !== options.path) {
      // Another listener may want it; where there is none, it would hang.
      if (http.listenerCount('upgrade') === 1) refuse(stream, '404 Not Found');
      return;
    }
    if (closing || sockets.clients.size >= socketLimits.socketsMax) return refuse(stream, '503 Service Unavailable');
    sockets.handleUpgrade(request, stream, head, (socket) => accept(socket, protocol, options.logger));
  };
  http.on('upgrade', onUpgrade);
  const stopHeartbeat = keepHeartbeat(sockets);

  return {
    async close() {
      closing = true;
      http.off('upgrade', onUpgrade);
      stopHeartbeat();
      const closed = [...sockets.clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets.clients) socket.close(closeCodes.serviceRestart, 'the gateway restarts; reconnect');
      const cutOff = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, socketLimits.closeMs);
      await Promise.all(closed);
      clearTimeout(cutOff);
      sockets.close();
    },
  };
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

type Protocol = ReturnType<typeof createProtocol>;

function createProtocol({ schema, introspection, authenticator, services, present }: SocketOptions) {
  return makeServer<Record<string, unknown> | undefined, Extra>({
    connectionInitWaitTimeout: socketLimits.initTimeoutMs,
    async onConnect({ connectionParams, extra }) {
      try {
        extra.principal = await authenticateBearer(
          authenticator,
          connectionParams?.['authorization'] ?? connectionParams?.['Authorization'],
        );
      } catch (error) {
        const { message, extensions } = present(error);
        const code = extensions?.['code'] === 'UNAUTHENTICATED' ? closeCodes.unauthorized : closeCodes.tryAgainLater;
        extra.socket.close(code, message.slice(0, 100));
        return false;
      }
      closeAtExpiry(extra.socket, extra.principal.expiresAt);
      return true;
    },
    onSubscribe(context: SocketContext, _id, { query, operationName, variables }) {
      const { principal } = context.extra;
      if (principal === undefined) return [apiError('UNAUTHENTICATED')];
      // The new operation is counted already.
      if (Object.keys(context.subscriptions).length > socketLimits.operationsMax) {
        return [
          apiError('QUERY_TOO_COMPLEX', `A socket carries at most ${socketLimits.operationsMax} operations at a time.`),
        ];
      }
      const read = readOperation(schema, { query, operationName, variables }, { introspection });
      if ('errors' in read) return read.errors;
      return {
        schema,
        document: read.document,
        operationName: operationName ?? null,
        variableValues: variables ?? null,
        contextValue: new GraphqlContext(principal, services),
      };
    },
    onNext(_context, _id, _payload, _args, { data, errors }) {
      return errors === undefined ? undefined : { data: data ?? null, errors: errors.map((error) => present(error)) };
    },
    onError(_context, _id, _payload, errors) {
      return errors.map((error) => present(error));
    },
  });
}

function accept(socket: WebSocket, protocol: Protocol, logger: Logger): void {
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // Resolves once the bytes have left: whoever reads slowly is sent to slowly. A socket that is gone needs no answer.
      send: (data) =>
        new Promise((resolve) => (socket.readyState === socket.OPEN ? socket.send(data, () => resolve()) : resolve())),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (handle) =>
        socket.on('message', (data, isBinary) => {
          if (isBinary || !Buffer.isBuffer(data)) return socket.close(closeCodes.unsupportedData, 'text messages only');
          handle(data.toString()).catch((error: unknown) => {
            logger.error({ err: error }, 'websocket fault');
            socket.close(closeCodes.internal, 'internal error');
          });
        }),
    },
    { socket, principal: undefined },
  );
  // ws has closed it with the fitting code already (1009 for a message too large, 1007 for text that is not UTF-8).
  socket.on('error', () => undefined);
  socket.once('close', (code, reason) => {
    Promise.resolve(closed(code, reason.toString())).catch((error: unknown) => {
      logger.error({ err: error }, 'websocket fault');
    });
  });
}

/** The longest a timer can wait. */
const TIMER_MS_MAX = 2_147_483_647;

function closeAtExpiry(socket: WebSocket, expiresAt: Date | undefined): void {
  if (expiresAt === undefined || socket.readyState !== socket.OPEN) return;
  const leftMs = expiresAt.getTime() - Date.now();
  const timer = setTimeout(
    () => {
      if (leftMs > TIMER_MS_MAX) closeAtExpiry(socket, expiresAt);
      else socket.close(closeCodes.unauthorized, 'token expired');
    },
    Math.min(Math.max(leftMs, 0), TIMER_MS_MAX),
  );
  socket.once('close', () => clearTimeout(timer));
}

/** Finds half-open connections and clients that do not read: neither answers a ping. */
function keepHeartbeat(sockets: WebSocketServer): () => void {
  const asked = new WeakSet<WebSocket>();
  const timer = setInterval(() => {
    for (const socket of sockets.clients) {
      if (asked.has(socket)) {
        socket.terminate();
        continue;
      }
      asked.add(socket);
      socket.once('pong', () => asked.delete(socket));
      socket.ping();
    }
  }, socketLimits.heartbeatMs).unref();
  return () => clearInterval(timer);
}
