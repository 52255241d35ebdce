import type { WebSocket } from 'ws';
import type { AccessEnd, AccessWatch } from '../access/watch.js';
import type { Principal } from '../auth.js';
import { closeCodes, socketLimits } from './socket-limits.js';

/** Who is connected: how often, and until when. */
export interface Guests {
  /** @returns false when the socket was closed instead. @throws when it cannot be found out whether they may come in */
  welcome(socket: WebSocket, principal: Principal): Promise<boolean>;
}

export function createGuests(watch: AccessWatch): Guests {
  const counts = new Map<string, number>();

  return {
    async welcome(socket, principal) {
      const name = `${principal.brand}\0${principal.subject}`;
      const count = (counts.get(name) ?? 0) + 1;
      const isPlayer = principal.roles.size === 1 && principal.roles.has('player');
      const max = isPlayer ? socketLimits.playerSocketsMax : socketLimits.staffSocketsMax;
      if (count > max) {
        socket.close(closeCodes.tooManySockets, `more than ${max} sockets at a time`);
        return false;
      }
      counts.set(name, count);
      // First, so that what changes while it is asked is told.
      const stop = watch.watch(principal, (end) => socket.close(...closeOf(end)));
      socket.once('close', () => {
        stop();
        const left = (counts.get(name) ?? 1) - 1;
        if (left === 0) counts.delete(name);
        else counts.set(name, left);
      });
      const end = await watch.checkNow(principal);
      if (end !== undefined) socket.close(...closeOf(end));
      return socket.readyState === socket.OPEN;
    },
  };
}

function closeOf(end: AccessEnd): [code: number, reason: string] {
  switch (end.why) {
    case 'TOKEN_EXPIRED':
      return [closeCodes.unauthorized, 'token expired'];
    case 'PLAYER_NOT_ACTIVE':
      return [closeCodes.forbidden, `PLAYER_NOT_ACTIVE: ${end.status}`];
    case 'ACCESS_CHANGED':
      return [closeCodes.forbidden, 'ACCESS_CHANGED'];
  }
}
