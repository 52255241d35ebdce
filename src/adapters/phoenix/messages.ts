import { createHmac, timingSafeEqual } from 'node:crypto';
import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import type { WalletErrorCode } from '../../ledger/errors.js';
import type { RefusalContext, Reply } from '../contract.js';
import { decimalAmount, idText, idTextOrNumber } from '../kit/amounts.js';
import type { Settings } from './settings.js';

/** JavaScript and PHP write a number below 0.000001 as 1e-7, and crypto stakes are that small. The same digits, in plain. */
const amount = z.unknown().transform(withoutExponent).pipe(decimalAmount);

function withoutExponent(stated: unknown): unknown {
  if (!(stated instanceof LosslessNumber)) return stated;
  const [, first, rest = '', exponent] = /^([1-9])(?:\.(\d+))?[eE]-0?([1-9]|1\d)$/.exec(stated.value) ?? [];
  return first === undefined ? stated : `0.${'0'.repeat(Number(exponent) - 1)}${first}${rest}`;
}

/** Milliseconds that only say when something is shown: unusable ones are left out, never a reason to refuse money. */
export const milliseconds = z.unknown().transform((stated) => {
  const text = stated instanceof LosslessNumber ? stated.value : '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
});

const Session = z.object({ playerId: idText, gameId: idText, currency: idText });
type Session = z.infer<typeof Session>;

/** Leaves room in a key for the words around it. */
const gameId = idText.refine((text) => Buffer.byteLength(text) <= 200, 'must be at most 200 bytes');

/**
 * The provider's bodies. `type` has selected the callback before. Unknown fields are ignored, and so are `profit`, which the
 * document does not explain, and `data.bet` and `data.allBetAmount`, which repeat or add up what `game.bet` says.
 */
export const Start = z.object({
  session: Session,
  game: z.object({
    id: gameId,
    bet: amount,
    round: idTextOrNumber.pipe(z.string().regex(/^(?:0|[1-9]\d{0,17})$/)),
  }),
});
export type Start = z.infer<typeof Start>;

export const Finish = z.object({
  session: Session,
  game: z.object({
    id: gameId,
    status: z.enum(['in_progress', 'win', 'lose']),
    /** What the stake is multiplied by, not money. */
    payout: amount,
    bet: amount,
  }),
  // Nothing in it moves money, and PHP writes an empty object as [].
  data: z.object({ balanceUpdateDelay: milliseconds.optional() }).optional().catch(undefined),
  time: milliseconds.optional(),
});
export type Finish = z.infer<typeof Finish>;

export const Other = z.object({ type: z.string() });
export type Other = z.infer<typeof Other>;

/** No game's end takes longer to watch. */
const DELAY_MS_MAX = 60_000;
/** A time below this, the year 5138 in seconds, is in seconds: so is the sample, where the text says milliseconds. */
const SECONDS_MAX = 100_000_000_000;

/**
 * When a player may see how a game ended: what is left of `balanceUpdateDelay` since the provider sent the callback.
 * The sample subtracts the two times without the delay, which cannot be meant.
 * @returns undefined for at once
 */
export function displayAt({ data, time }: Pick<Finish, 'data' | 'time'>, now: number): Date | undefined {
  const delayMs = Math.min(data?.balanceUpdateDelay ?? 0, DELAY_MS_MAX);
  const sentAt = time === undefined ? now : time < SECONDS_MAX ? time * 1_000 : time;
  // A clock ahead of ours makes the wait no longer than the delay.
  const waitMs = Math.min(Math.max(delayMs - (now - sentAt), 0), delayMs);
  return waitMs === 0 ? undefined : new Date(now + waitMs);
}

/** A launch as its player's tag binds it. */
type Play = Omit<Session, 'playerId'>;

/**
 * The player as launches name them: `<launch>.<player>.<tag>`. The provider returns it as it is, so the tag is what shows
 * that we launched this game, in this currency, for this player. Its 22 characters hold 128 bits.
 */
export function signPlayer(launchId: string, player: string, play: Play, settings: Settings): string {
  const [secret] = settings.playerIdSecret;
  if (!settings.signedPlayerId || secret === undefined) return player;
  return `${launchId}.${player}.${tagOf(secret, launchId, player, play)}`;
}

/** The player's external id, which may hold dots itself. @returns undefined when no live secret made the tag */
export function readPlayer({ playerId, ...play }: Session, settings: Settings): string | undefined {
  if (!settings.signedPlayerId) return playerId;
  const [, launchId, player, tag] = /^([^.]+)\.(.+)\.([\w-]{22})$/s.exec(playerId) ?? [];
  if (launchId === undefined || player === undefined || tag === undefined) return undefined;
  const tags = settings.playerIdSecret.map((secret) => tagOf(secret, launchId, player, play));
  // Every secret is tried, so that the time taken tells nothing.
  const fitting = tags.map((each) => timingSafeEqual(Buffer.from(each), Buffer.from(tag)));
  return fitting.includes(true) ? player : undefined;
}

function tagOf(secret: string, launchId: string, player: string, { currency, gameId: game }: Play): string {
  // As JSON, so that no two plays make the same text, whatever characters their names hold.
  const facts = JSON.stringify([launchId, player, currency, game]);
  return createHmac('sha256', secret).update(facts).digest().subarray(0, 16).toString('base64url');
}

/** "Return { "result": true } to start the game or { "result": false } to show "No balance" screen." */
export function startAnswer(result: boolean): Reply {
  return { status: 200, body: JSON.stringify({ result }) };
}

/** "Return empty response: {}" */
export const emptyAnswer: Reply = { status: 200, body: '{}' };

/**
 * HTTP status of a refusal, with the only body a finish can have. The document knows no errors: what is settled for good gets
 * 200, what may be sent again 500, and what could not be taken as a callback of theirs the status HTTP has for it.
 */
const statuses: Record<WalletErrorCode, 200 | 400 | 404 | 413 | 500> = {
  // As if there were nothing here, whether the path or the player is forged.
  UNAUTHENTICATED: 404,
  UNKNOWN_CALLBACK: 404,
  MALFORMED: 400,
  TOO_LARGE: 413,
  AMOUNT_INVALID: 200,
  SESSION_UNKNOWN: 200,
  PLAYER_UNKNOWN: 200,
  PLAYER_NOT_ACTIVE: 200,
  CURRENCY_NOT_ALLOWED: 200,
  INSUFFICIENT_FUNDS: 200,
  WALLET_IN_DEBT: 200,
  LIMIT_REACHED: 200,
  DUPLICATE: 200,
  KEY_CONFLICT: 200,
  BET_ROLLED_BACK: 200,
  TARGET_UNKNOWN: 200,
  TARGET_INVALID: 200,
  ALREADY_ROLLED_BACK: 200,
  BET_UNKNOWN: 200,
  BET_RESOLVED: 200,
  DEADLINE_EXCEEDED: 500,
  OVERLOADED: 500,
  UNAVAILABLE: 500,
  INTERNAL: 500,
};

export function refuse(code: WalletErrorCode, { callback }: RefusalContext<Settings>): Reply {
  const status = statuses[code];
  // A game that does not start costs nobody anything, and the document has an answer for that.
  if (callback === 'start' && status !== 404) return startAnswer(false);
  return { status, body: '{}' };
}
