import { randomInt } from 'node:crypto';
import type { WireRequest } from '../adapters/contract.js';
import type {
  ProviderMessage,
  ProviderMovement,
  ProviderVerdict,
  ProviderVoice,
  WireAnswer,
} from '../adapters/provider-side.js';

/** The wallet under examination, and who plays. */
export interface Examinee {
  /** Where the wallet takes callbacks; the protocol's paths are appended. */
  readonly url: string;
  readonly voice: ProviderVoice;
  /** A player with money in the currency, and with no other game under way. */
  readonly player: string;
  readonly currency: string;
  readonly game: string;
  readonly timeoutMs: number;
}

/** One request and what came back, as it went over the wire. */
export interface Exchange {
  readonly what: string;
  readonly request: WireRequest;
  readonly url: string;
  readonly answer: WireAnswer | undefined;
  /** Why there was no answer. */
  readonly fault: string | undefined;
  readonly ms: number;
}

export interface Told {
  readonly message: ProviderMessage;
  readonly answer: WireAnswer | undefined;
  readonly verdict: ProviderVerdict | 'no-answer';
}

/** What a case finds wrong with a wallet. Anything else that is thrown is a fault of the certification. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** The provider's end of one case: it sends, reads, and keeps what went over the wire. */
export interface Conversation {
  readonly examinee: Examinee;
  readonly exchanges: Exchange[];
  /** A message with a fresh id; what is not told is the examinee's. */
  movement(kind: ProviderMovement['kind'], part?: Partial<ProviderMovement>): ProviderMovement;
  tell(message: ProviderMessage, what?: string): Promise<Told>;
  /** Sends a request as it stands, and hears the answer as if it were to `message`. */
  send(request: WireRequest, message: ProviderMessage, what: string): Promise<Told>;
  /** The signed request of a message. */
  signed(message: ProviderMessage): WireRequest;
  newRound(): string;
}

const ANSWER_BYTES_MAX = 1 << 20;

export function openConversation(examinee: Examinee): Conversation {
  const { voice, player, currency, game, timeoutMs } = examinee;
  const exchanges: Exchange[] = [];
  const base = examinee.url.replace(/\/+$/, '');
  const fresh = (): number => randomInt(1, 2 ** 40);
  const newRound = (): string => `round-${fresh().toString(36)}`;

  async function send(request: WireRequest, message: ProviderMessage, what: string): Promise<Told> {
    const url = `${base}${request.path}${request.query === '' ? '' : `?${request.query}`}`;
    const startedAt = performance.now();
    const { answer, fault } = await exchange(url, request, timeoutMs);
    exchanges.push({ what, request, url, answer, fault, ms: performance.now() - startedAt });
    return { message, answer, verdict: answer === undefined ? 'no-answer' : voice.hear(message, answer) };
  }

  return {
    examinee,
    exchanges,
    newRound,
    send,
    signed: (message) => voice.signer.sign(voice.say(message)),
    movement: (kind, part = {}) => ({
      kind,
      id: voice.newId(fresh()),
      player,
      currency,
      amount: '1.00',
      round: newRound(),
      game,
      session: 'certification',
      ...part,
    }),
    tell: (message, what = nameOf(message)) => send(voice.signer.sign(voice.say(message)), message, what),
  };
}

function nameOf(message: ProviderMessage): string {
  if (message.kind === 'balance') return 'balance';
  return `${message.kind} of ${message.amount} ${message.currency}`;
}

async function exchange(
  url: string,
  request: WireRequest,
  timeoutMs: number,
): Promise<{ answer: WireAnswer | undefined; fault: string | undefined }> {
  try {
    const response = await fetch(url, {
      method: request.method,
      headers: { ...request.headers },
      body: new Uint8Array(request.body),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = (await response.text()).slice(0, ANSWER_BYTES_MAX);
    return { answer: { status: response.status, body }, fault: undefined };
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    return { answer: undefined, fault: timedOut ? `no answer within ${timeoutMs} ms` : 'the connection was closed' };
  }
}

/** @returns what was accepted. @throws Finding for anything else */
export function accepted(told: Told, why = 'must be accepted'): Extract<ProviderVerdict, { type: 'accepted' }> {
  const { verdict } = told;
  if (verdict !== 'no-answer' && verdict.type === 'accepted') return verdict;
  throw new Finding(`The ${told.message.kind} ${why}; ${describe(told)}.`);
}

/** @throws Finding unless the wallet said no, for one of these reasons when any are given */
export function refused(told: Told, reasons: readonly string[] = [], why = 'must be refused'): void {
  const { verdict } = told;
  if (verdict === 'no-answer' || verdict.type !== 'refused') {
    throw new Finding(`The ${told.message.kind} ${why}; ${describe(told)}.`);
  }
  if (reasons.length > 0 && !reasons.includes(verdict.why)) {
    throw new Finding(`The ${told.message.kind} ${why} as "${reasons.join('" or "')}"; ${describe(told)}.`);
  }
}

/** A request that nobody may act on: any answer but success, and a closed connection too. */
export function notAccepted(told: Told, why: string): void {
  if (told.verdict !== 'no-answer' && told.verdict.type === 'accepted') {
    throw new Finding(`The ${told.message.kind} ${why} and must not be accepted; ${describe(told)}.`);
  }
}

export function describe({ verdict, answer }: Told): string {
  const said = answer === undefined ? '' : ` (${answer.status} ${answer.body.slice(0, 200)})`;
  if (verdict === 'no-answer') return 'there was no answer';
  switch (verdict.type) {
    case 'accepted':
      return `it was accepted${said}`;
    case 'refused':
      return `it was refused: ${verdict.why}${said}`;
    case 'failed':
      return `it was answered with a passing failure${said}`;
    case 'unreadable':
      return `the answer is not in the protocol: ${verdict.what}${said}`;
  }
}
