import WebSocket from 'ws';
import type { Random } from '../../test/support/random.js';

/** A change of a wallet as a client was told of it. */
export interface Told {
  readonly walletId: string;
  readonly sequence: bigint;
  /** Decimal text in major units. */
  readonly balance: string;
}

export interface WatcherOptions {
  /** Of the gateways; each connection goes to one of them. */
  readonly urls: readonly string[];
  readonly token: string;
  readonly random: Random;
  /** What to subscribe to, given where the client stands. */
  readonly query: (resume: string | undefined) => string;
  /** What an event says, and from where to resume after it. */
  readonly read: (data: unknown) => { readonly told: Told; readonly resume: string; readonly isSnapshot: boolean };
  readonly fault: (what: string) => void;
}

/** A client that comes back whenever it was cut off, and resumes from the last it has seen. */
export interface Watcher {
  readonly told: readonly Told[];
  readonly isResuming: boolean;
  /** Cuts the connection in one way or another. @returns false when there was none */
  disconnect(): boolean;
  close(): void;
}

const RECONNECT_MS_MAX = 150;
const PAUSE_MS_MAX = 400;

export function startWatcher(options: WatcherOptions): Watcher {
  const { urls, token, random, query, read, fault } = options;
  const told: Told[] = [];
  let resume: string | undefined;
  let socket: WebSocket | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  function connect(): void {
    const url = urls[random.below(urls.length)] ?? '';
    const attempt = new WebSocket(url, 'graphql-transport-ws');
    socket = attempt;
    attempt.on('error', () => undefined);
    attempt.on('open', () =>
      attempt.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })),
    );
    attempt.on('message', (data: Buffer) => {
      // A socket that was given up may still have something to say: it is said again to the next one.
      if (attempt === socket) hear(attempt, JSON.parse(data.toString()));
    });
    attempt.on('close', (code, reason) => {
      // A gateway that was killed says nothing, one that leaves says 1012.
      if (![1000, 1005, 1006, 1012, 1013].includes(code))
        fault(`A socket was closed with ${code} ${reason.toString()}`);
      if (attempt !== socket) return;
      socket = undefined;
      if (!closed) timer = setTimeout(connect, random.below(RECONNECT_MS_MAX));
    });
  }

  function hear(attempt: WebSocket, message: { type: string; payload?: { data?: unknown; errors?: unknown } }): void {
    if (message.type === 'connection_ack') {
      attempt.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: query(resume) } }));
    } else if (message.type === 'next' && message.payload?.data != null) {
      const event = read(message.payload.data);
      if (event.isSnapshot && resume !== undefined) fault(`A resumed subscription began with a snapshot`);
      told.push(event.told);
      resume = event.resume;
    } else if (message.type !== 'pong') fault(`Instead of an event: ${JSON.stringify(message)}`);
  }

  connect();
  return {
    told,
    get isResuming() {
      return resume !== undefined;
    },
    disconnect() {
      const cut = socket;
      if (cut?.readyState !== WebSocket.OPEN) return false;
      const how = random.below(3);
      if (how === 0) cut.terminate();
      else if (how === 1) cut.close();
      else {
        // The network stands still, and then it is gone.
        cut.pause();
        setTimeout(() => cut.terminate(), random.below(PAUSE_MS_MAX));
      }
      return true;
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.terminate();
    },
  };
}
