import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { type Context, handleProtocols, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AccessWatch } from '../access/watch.js';
import type { Authenticator, Principal } from '../auth.js';
import type { SocketsInUse } from '../observability/gauges.js';
import type { Logger } from '../observability/logger.js';
import { authenticateBearer } from './authentication.js';
import type { Budget } from './budget.js';
import { GraphqlContext, type Services } from './context.js';
import { apiError, type ErrorPresenter } from './errors.js';
import { createEventResults, keyOf, pump, type EventRoot } from './event-results.js';
import type { Executor } from './executor.js';
import type { TrustedDocuments } from './operation.js';
import { createTurn, type Outlet, SocketOutlet, type Turn } from './outlet.js';
import { openDoor } from './socket-door.js';
import { createGuests } from './socket-guests.js';
import { startHeartbeat } from './socket-heartbeat.js';
import { closeCodes, socketLimits } from './socket-limits.js';
import { createOperationReader } from './socket-operations.js';

export interface SocketOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly introspection: boolean;
  readonly trusted: TrustedDocuments;
  /** Origins of pages that may connect; any when undefined. */
  readonly origins: readonly string[] | undefined;
  readonly authenticator: Authenticator;
  readonly watch: AccessWatch;
  readonly executor: Executor;
  readonly budget: Budget;
  readonly services: Services;
  readonly present: ErrorPresenter;
  readonly logger: Logger;
}

interface Extra {
  readonly socket: WebSocket;
  readonly outlet: Outlet;
  /** Aborted when the socket is closed. */
  readonly closed: AbortSignal;
  /** Called when the client has said who it is. */
  readonly greeted: () => void;
  principal: Principal | undefined;
}
type SocketContext = Context<Record<string, unknown> | undefined, Extra>;

export interface Sockets {
  close(): Promise<void>;
  /** What is open at this moment. */
  readonly size: SocketsInUse;
}

/** GraphQL over WebSocket (graphql-transport-ws). The token comes in `connection_init`. */
export function serveSockets(http: Server, options: SocketOptions): Sockets {
  const greeted = new Set<SocketContext>();
  const protocol = createProtocol(options, greeted);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: socketLimits.messageBytesMax,
    perMessageDeflate: false,
    handleProtocols,
  });
  const heartbeat = startHeartbeat();
  const turn = createTurn();
  const door = openDoor(http, {
    path: options.path,
    origins: options.origins,
    sockets,
    enter: (request, stream, head) =>
      sockets.handleUpgrade(request, stream, head, (socket) => {
        heartbeat.keep(socket);
        accept(socket, { stream, turn, protocol, logger: options.logger });
      }),
  });

  return {
    async close() {
      door.close();
      heartbeat.stop();
      const closed = [...sockets.clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets.clients) socket.close(closeCodes.serviceRestart, 'the gateway restarts; reconnect');
      const cutOff = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, socketLimits.closeMs);
      await Promise.all(closed);
      clearTimeout(cutOff);
      sockets.close();
    },
    get size() {
      let operations = 0;
      let behind = 0;
      for (const { subscriptions, extra } of greeted) {
        operations += Object.keys(subscriptions).length;
        if (extra.outlet.isBehind) behind += 1;
      }
      return { sockets: sockets.clients.size, operations, behind };
    },
  };
}

type Protocol = ReturnType<typeof createProtocol>;

function createProtocol(options: SocketOptions, greeted: Set<SocketContext>) {
  const { schema, introspection, trusted, authenticator, watch, executor, budget, services, present } = options;
  const guests = createGuests(watch);
  const operations = createOperationReader(schema, { introspection, trusted });
  const results = createEventResults(services, executor, present);
  return makeServer<Record<string, unknown> | undefined, Extra>({
    // Ours gives what has arrived already a chance to be read first.
    connectionInitWaitTimeout: 0,
    async onConnect(context) {
      const { connectionParams, extra } = context;
      extra.greeted();
      greeted.add(context);
      extra.socket.once('close', () => greeted.delete(context));
      try {
        const principal = await authenticateBearer(
          authenticator,
          connectionParams?.['authorization'] ?? connectionParams?.['Authorization'],
        );
        if (!(await guests.welcome(extra.socket, principal))) return false;
        extra.principal = principal;
        return true;
      } catch (error) {
        const { message, extensions } = present(error);
        const code = extensions?.['code'] === 'UNAUTHENTICATED' ? closeCodes.unauthorized : closeCodes.tryAgainLater;
        extra.socket.close(code, message.slice(0, 100));
        return false;
      }
    },
    onSubscribe({ extra, subscriptions }: SocketContext, _id, payload) {
      const { principal, closed, outlet } = extra;
      if (principal === undefined) return [apiError('UNAUTHENTICATED')];
      // The new operation is counted already.
      if (Object.keys(subscriptions).length > socketLimits.operationsMax) {
        return [
          apiError('QUERY_TOO_COMPLEX', `A socket carries at most ${socketLimits.operationsMax} operations at a time.`),
        ];
      }
      const read = operations.read(payload, (cost) => budget.spend(principal, cost));
      if ('errors' in read) return read.errors;
      return {
        schema,
        document: read.document,
        operationName: payload.operationName ?? null,
        variableValues: payload.variables ?? null,
        contextValue: new GraphqlContext(principal, services, { signal: closed }, outlet),
      };
    },
    execute: ({ document, operationName, variableValues, contextValue }: ExecutionArgs) =>
      executor({ document, operationName, variables: variableValues, context: contextOf(contextValue) }),
    // Its events are resolved below, not by graphql-ws.
    subscribe: async (args: ExecutionArgs) =>
      (await createSourceEventStream(args)) as AsyncIterable<never> | ExecutionResult,
    onOperation({ extra }, id, { query, operationName, variables }, { document }, result) {
      const { principal, closed, outlet } = extra;
      if (!isAsyncIterable(result) || principal === undefined) return;
      const asked = { operationName, variables };
      const key = keyOf(principal, { query, ...asked });
      const subscribed = { document, principal, signal: closed, key, ...asked };
      const opening = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
      return pump(result[Symbol.asyncIterator](), (event) => {
        const text = results.textOf(asEvent(event), subscribed);
        if (typeof text === 'string') return outlet.write(`${opening}${text}}`);
        return text.then((done) => outlet.write(`${opening}${done}}`));
      });
    },
    onNext(_context, _id, _payload, _args, { data, errors }) {
      return errors === undefined ? undefined : { data: data ?? null, errors: errors.map((error) => present(error)) };
    },
    onError(_context, _id, _payload, errors) {
      return errors.map((error) => present(error));
    },
  });
}

function contextOf(value: unknown): GraphqlContext {
  if (value instanceof GraphqlContext) return value;
  throw new Error('An operation came without its context');
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function asEvent(value: unknown): EventRoot {
  if (typeof value === 'object' && value !== null && 'prime' in value && typeof value.prime === 'function') {
    return value as EventRoot;
  }
  throw new Error('A subscription yielded something else than an event');
}

interface Accepting {
  readonly stream: Duplex;
  readonly turn: Turn;
  readonly protocol: Protocol;
  readonly logger: Logger;
}

function accept(socket: WebSocket, { stream, turn, protocol, logger }: Accepting): void {
  const outlet = new SocketOutlet(socket, stream, turn);
  const leaving = new AbortController();
  let silent = true;
  const initTimer = setTimeout(() => {
    // What came in time but was not read yet, because others were, is read in between.
    setImmediate(() =>
      setImmediate(() => {
        if (silent) socket.close(closeCodes.initTimeout, 'Connection initialisation timeout');
      }),
    );
  }, socketLimits.initTimeoutMs);
  const greeted = (): void => {
    silent = false;
    clearTimeout(initTimer);
  };
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: async (data) => outlet.write(data),
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
    { socket, outlet, closed: leaving.signal, greeted, principal: undefined },
  );
  // ws has closed it with the fitting code already (1009 for a message too large, 1007 for text that is not UTF-8).
  socket.on('error', () => undefined);
  socket.once('close', (code, reason) => {
    clearTimeout(initTimer);
    // With a reason of our own: the default one is an error with a stack, for every socket.
    leaving.abort('the client has left');
    Promise.resolve(closed(code, reason.toString())).catch((error: unknown) => {
      logger.error({ err: error }, 'websocket fault');
    });
  });
}
