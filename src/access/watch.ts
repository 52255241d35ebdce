import { type CalledBack, isCalledBack, type Principal, type TokenAuthenticator } from '../auth.js';
import type { PlayerStatus } from '../ledger/commands.js';
import type { AccessChanges, PlayerChange } from './changes.js';

/** Why somebody who was let in has to leave. */
export type AccessEnd =
  | { readonly why: 'TOKEN_EXPIRED' }
  | { readonly why: 'PLAYER_NOT_ACTIVE'; readonly status: PlayerStatus }
  /** The tokens were called back, or their key is no longer accepted. */
  | { readonly why: 'ACCESS_CHANGED' };

/** Tells of everybody who stays for long, such as a socket, when they may stay no longer. */
export interface AccessWatch {
  /** @returns why the principal may not come in; undefined when it may. @throws when the database cannot be asked */
  checkNow(principal: Principal): Promise<AccessEnd | undefined>;
  /**
   * @param ended called once, never before this returns, and within a second of the change, whichever gateway made it
   * @returns stops the watch
   */
  watch(principal: Principal, ended: (end: AccessEnd) => void): () => void;
  close(): void;
}

export interface AccessWatchOptions {
  readonly changes: AccessChanges;
  readonly authenticator: Pick<TokenAuthenticator, 'acceptsKeyOf' | 'onKeysGone'>;
  /** Told once when changes cannot be read, until they can be again. */
  readonly failed?: ((message: string, error: unknown) => void) | undefined;
  readonly now?: (() => Date) | undefined;
}

interface Watched {
  readonly principal: Principal;
  readonly end: (end: AccessEnd) => void;
  readonly stop: () => void;
}

const LOOK_MS = 400;
/** The longest a timer can wait. */
const TIMER_MS_MAX = 2_147_483_647;

export function createAccessWatch(options: AccessWatchOptions): AccessWatch {
  const { changes, authenticator, failed, now = () => new Date() } = options;
  const watched = new Map<string, Set<Watched>>();
  const everybody = (): Watched[] => [...watched.values()].flatMap((group) => [...group]);
  const looking = keepLooking(() => changes.look(), failed);

  function endWhere(of: { brand: string; subject: string }, endOf: (principal: Principal) => AccessEnd | undefined) {
    for (const each of watched.get(nameOf(of)) ?? []) {
      const end = endOf(each.principal);
      if (end !== undefined) each.end(end);
    }
  }
  const stops = [
    changes.onCallBack((calledBack) => endWhere(calledBack, (principal) => endByCallBack(principal, calledBack))),
    changes.onPlayer((player) => endWhere(player, (principal) => endByStatus(principal, player.status))),
  ];
  authenticator.onKeysGone(() => {
    for (const { principal, end } of everybody()) {
      if (!authenticator.acceptsKeyOf(principal)) end({ why: 'ACCESS_CHANGED' });
    }
  });

  return {
    async checkNow(principal) {
      if (principal.expiresAt !== undefined && principal.expiresAt <= now()) return { why: 'TOKEN_EXPIRED' };
      if (!authenticator.acceptsKeyOf(principal)) return { why: 'ACCESS_CHANGED' };
      const { brand, subject } = principal;
      const { calledBackBefore: before, playerStatus } = await changes.standing(brand, subject);
      const calledBack = before && endByCallBack(principal, { brand, subject, before });
      return calledBack ?? (playerStatus && endByStatus(principal, playerStatus));
    },
    watch(principal, ended) {
      const name = nameOf(principal);
      const stop = (): void => {
        stopTimer();
        const group = watched.get(name);
        group?.delete(entry);
        if (group?.size === 0) watched.delete(name);
        if (watched.size === 0) looking.pause();
      };
      const end = (why: AccessEnd): void => {
        stop();
        ended(why);
      };
      const entry: Watched = { principal, end, stop };
      const stopTimer = atTime(principal.expiresAt, now, () => end({ why: 'TOKEN_EXPIRED' }));
      watched.set(name, (watched.get(name) ?? new Set()).add(entry));
      looking.go();
      return stop;
    },
    close() {
      for (const stop of stops) stop();
      for (const { stop } of everybody()) stop();
    },
  };
}

/** Looks again and again between `go` and `pause`: nobody is asked while nobody is watched. */
function keepLooking(look: () => Promise<void>, failed: AccessWatchOptions['failed']): { go(): void; pause(): void } {
  let timer: NodeJS.Timeout | undefined;
  let going = false;
  let busy = false;
  let away = false;

  async function lookOnce(): Promise<void> {
    timer = undefined;
    busy = true;
    try {
      await look();
      away = false;
    } catch (error) {
      // The next look reads all that was missed.
      if (!away && going) failed?.('Who may still be here cannot be read', error);
      away = true;
    }
    busy = false;
    if (going) wait();
  }

  function wait(): void {
    if (!busy) timer ??= setTimeout(() => void lookOnce(), LOOK_MS).unref();
  }

  return {
    go() {
      going = true;
      wait();
    },
    pause() {
      going = false;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

function endByCallBack(principal: Principal, calledBack: CalledBack): AccessEnd | undefined {
  return isCalledBack(principal, calledBack) ? { why: 'ACCESS_CHANGED' } : undefined;
}

/** Only whoever speaks for a player alone depends on the player: somebody of the staff may have played once. */
function endByStatus({ roles }: Principal, status: PlayerChange['status']): AccessEnd | undefined {
  if (status === 'ACTIVE' || !roles.has('player') || roles.size > 1) return undefined;
  return { why: 'PLAYER_NOT_ACTIVE', status };
}

function nameOf({ brand, subject }: { brand: string; subject: string }): string {
  return `${brand}\0${subject}`;
}

/** A timer that also reaches moments further away than timers can wait. */
function atTime(moment: Date | undefined, now: () => Date, reached: () => void): () => void {
  if (moment === undefined) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const leftMs = moment.getTime() - now().getTime();
    timer = setTimeout(leftMs > TIMER_MS_MAX ? wait : reached, Math.min(Math.max(leftMs, 0), TIMER_MS_MAX)).unref();
  };
  wait();
  return () => clearTimeout(timer);
}
