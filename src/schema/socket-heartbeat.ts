import type { WebSocket } from 'ws';
import { socketLimits } from './socket-limits.js';

/** Finds half-open connections and clients that do not read: neither answers a ping. */
export interface Heartbeat {
  keep(socket: WebSocket): void;
  stop(): void;
}

/** Everybody's turn comes once a round, a share of them at each beat. */
const BEATS = 15;

export function startHeartbeat(): Heartbeat {
  const shares = Array.from({ length: BEATS }, () => new Set<WebSocket>());
  const asked = new WeakSet<WebSocket>();
  let beat = 0;
  let kept = 0;
  const timer = setInterval(() => {
    beat = (beat + 1) % BEATS;
    for (const socket of shares[beat] ?? []) {
      if (asked.has(socket)) {
        socket.terminate();
        continue;
      }
      asked.add(socket);
      socket.once('pong', () => asked.delete(socket));
      socket.ping();
    }
  }, socketLimits.heartbeatMs / BEATS).unref();
  return {
    keep(socket) {
      kept += 1;
      const share = shares[kept % BEATS];
      share?.add(socket);
      socket.once('close', () => share?.delete(socket));
    },
    stop: () => clearInterval(timer),
  };
}
