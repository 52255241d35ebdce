import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import { socketLimits } from './socket-limits.js';

export interface DoorOptions {
  readonly path: string;
  /** Origins of pages that may connect; any when undefined. */
  readonly origins: readonly string[] | undefined;
  readonly sockets: WebSocketServer;
  readonly enter: (request: IncomingMessage, stream: Duplex, head: Buffer) => void;
}

/**
 * Lets sockets in. Ten thousand may come back in the same second: they enter some at a time, so that those inside are served in
 * between, and those beyond the places are refused at once.
 */
export function openDoor(http: Server, { path, origins, sockets, enter }: DoorOptions): { close(): void } {
  let waiting: { readonly request: IncomingMessage; readonly stream: Duplex; readonly head: Buffer }[] = [];
  let closed = false;

  function letIn(): void {
    const some = waiting.slice(0, socketLimits.upgradesPerTurn);
    waiting = waiting.slice(socketLimits.upgradesPerTurn);
    for (const { request, stream, head } of some) {
      stream.off('error', ignore);
      if (closed) refuse(stream, '503 Service Unavailable');
      else if (!stream.destroyed) enter(request, stream, head);
    }
    if (waiting.length > 0) setImmediate(letIn);
  }

  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    if (request.url?.split('?', 1)[0] !== path) {
      // Another listener may want it; where there is none, it would hang.
      if (http.listenerCount('upgrade') === 1) refuse(stream, '404 Not Found');
      return;
    }
    if (!isWelcome(request, origins)) return refuse(stream, '403 Forbidden');
    if (closed || sockets.clients.size + waiting.length >= socketLimits.socketsMax) {
      return refuse(stream, '503 Service Unavailable');
    }
    // Nobody else listens yet, and it may break while it waits.
    stream.on('error', ignore);
    waiting.push({ request, stream, head });
    if (waiting.length === 1) setImmediate(letIn);
  };
  http.on('upgrade', onUpgrade);
  return {
    close() {
      closed = true;
      http.off('upgrade', onUpgrade);
    },
  };
}

/**
 * The token comes in a message and not in a cookie, so a foreign page that opens a socket is nobody. Where pages are listed,
 * others are refused all the same; a client that is no browser names no origin.
 */
function isWelcome({ headers }: IncomingMessage, origins: readonly string[] | undefined): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins === undefined || origins.includes(origin)) return true;
  return host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
}

function ignore(): void {}

function refuse(stream: Duplex, status: string): void {
  stream.on('error', ignore);
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
