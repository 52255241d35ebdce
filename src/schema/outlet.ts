import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { closeCodes, socketLimits } from './socket-limits.js';

/** What leaves one socket, and whether the peer takes it. */
export interface Outlet {
  /** @returns what to wait for before more is written for the same reader; undefined when there is room */
  write(text: string): Promise<void> | undefined;
  /** Whether the peer has left bytes lying that were sent in an earlier turn of the event loop. */
  readonly isBehind: boolean;
  /** How often it fell behind so far. */
  readonly stalls: number;
  /** Closes the socket with the code for slow readers; the reason tells how to go on. */
  closeSlow(reason: string): void;
}

/**
 * Gathers what all sockets write in one turn of the event loop, so that ten events in one turn are one system call for each
 * socket and not ten.
 */
export interface Turn {
  /** Keeps what is written to the stream together until the turn ends. */
  gather(stream: Duplex, flushed: () => void): void;
}

export function createTurn(): Turn {
  let gathered = new Map<Duplex, () => void>();
  return {
    gather(stream, flushed) {
      if (gathered.has(stream)) return;
      if (gathered.size === 0) {
        setImmediate(() => {
          const all = gathered;
          gathered = new Map();
          for (const [each, told] of all) {
            each.uncork();
            told();
          }
        });
      }
      stream.cork();
      gathered.set(stream, flushed);
    },
  };
}

export class SocketOutlet implements Outlet {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #turn: Turn;
  /** Messages that the peer's side has not taken. */
  #unsent = 0;
  #behind = false;
  #stalls = 0;
  #slow = false;
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(socket: WebSocket, stream: Duplex, turn: Turn) {
    this.#socket = socket;
    this.#stream = stream;
    this.#turn = turn;
    socket.once('close', () => this.#room?.resolve());
  }

  get isBehind(): boolean {
    return this.#behind;
  }

  get stalls(): number {
    return this.#stalls;
  }

  write(text: string): Promise<void> | undefined {
    // A socket that is gone needs no answer.
    if (this.#socket.readyState !== this.#socket.OPEN) return undefined;
    this.#turn.gather(this.#stream, this.#flushed);
    this.#unsent += 1;
    this.#socket.send(text, this.#sent);
    const bytes = this.#stream.writableLength;
    if (bytes > socketLimits.queuedBytesMax) {
      this.closeSlow('too much is waiting to be read; reconnect');
      return undefined;
    }
    if (!this.#behind && bytes <= socketLimits.unsentBytesMax) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  closeSlow(reason: string): void {
    if (this.#slow) return;
    this.#slow = true;
    this.#socket.close(closeCodes.tooSlow, reason);
    // The close is behind all that was sent; whoever does not get there in time is cut off.
    const cutOff = setTimeout(() => this.#socket.terminate(), socketLimits.slowCloseMs);
    this.#socket.once('close', () => clearTimeout(cutOff));
  }

  readonly #flushed = (): void => {
    if (this.#stream.writableLength === 0) return this.#makeRoom();
    if (this.#behind) return;
    this.#behind = true;
    this.#stalls += 1;
  };

  readonly #sent = (): void => {
    this.#unsent -= 1;
    if (this.#unsent === 0) this.#makeRoom();
  };

  #makeRoom(): void {
    this.#behind = false;
    this.#room?.resolve();
    this.#room = undefined;
  }
}
