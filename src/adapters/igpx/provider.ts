import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { WireRequest } from '../contract.js';
import type {
  Afterwards,
  ApiAnswer,
  ApiCall,
  ProviderMessage,
  ProviderSide,
  ProviderVerdict,
  ProviderVoice,
  SimulatorHost,
  WireAnswer,
} from '../provider-side.js';
import { hmacSha256 } from '../kit/signers.js';
import { Settings } from './settings.js';

/** The sportsbook's side: signed bets, results and rollbacks, and the two calls it offers. */
export const side: ProviderSide = {
  settings: ({ apiUrl, secret }) => ({
    apiUrl,
    apiVersion: '1.0.0',
    username: 'croupier-sandbox',
    password: secret('password'),
    securityHash: [secret('security-hash')],
  }),
  dialects: {
    'bare-route': { bareRoute: true, balanceInAnswer: true, balanceCallback: true },
  },
  page: 'bet-slip',
  games: [],
  timeoutMs: 5_000,
  voice: (settings) => createVoice(Settings.parse(settings)),
  api: (settings, host) => createApi(Settings.parse(settings), host),
};

const RETRY = { attemptsMax: 6, firstMs: 500 } as const;

function createVoice(settings: Settings): ProviderVoice {
  return {
    signer: hmacSha256({ headers: ['x-security-hash'], secrets: settings.securityHash, encoding: 'hex' }),
    speaks: settings.balanceCallback ? ['bet', 'win', 'rollback', 'balance'] : ['bet', 'win', 'rollback'],
    newId: (seed) => `op-tx-${seed}`,
    say: (message) => say(message, settings),
    hear,
    afterwards,
  };
}

// Fields in the order of the provider's samples: the signature covers the bytes.
function say(message: ProviderMessage, { bareRoute }: Settings): WireRequest {
  const { id, player, currency } = message;
  const facts = { user_id: player, currency };
  switch (message.kind) {
    case 'balance':
      return post('/', { action: 'getBalance', ...facts });
    case 'rollback': {
      const { amount, target } = message;
      const named = { transaction_id: id, rollback_transaction_id: target?.id ?? 'nothing' };
      return post(bareRoute ? '/' : '/transaction-rollback', { ...named, action: 'rollback', ...facts, amount });
    }
    case 'bet':
    case 'win': {
      const action = message.kind === 'bet' ? 'bet' : 'result';
      return post(bareRoute ? '/' : '/transaction', { transaction_id: id, action, ...facts, amount: message.amount });
    }
  }
}

function post(path: string, fields: Readonly<Record<string, string>>): WireRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', path, query: '', headers, body: Buffer.from(JSON.stringify(fields)) };
}

const Answer = z.object({
  error: z.string().nullable(),
  transaction_id: z.string().optional(),
  balance: z.string().optional(),
});

/** Only HTTP 200 with the documented JSON is an answer: "All responses must have http status 200 and must be in JSON". */
function hear(message: ProviderMessage, { status, body }: WireAnswer): ProviderVerdict {
  if (status !== 200) return { type: 'unreadable', what: `status ${status}, where all answers have 200` };
  const parsed = Answer.safeParse(parse(body));
  if (!parsed.success) return { type: 'unreadable', what: 'no JSON with "error"' };
  const { error, transaction_id: transactionId, balance } = parsed.data;
  if (error === 'INSUFFICIENT_FUNDS' || error === 'INSUFFICENT_FUNDS') return refused('funds');
  if (error !== null) return refused('other');
  if (message.kind !== 'balance' && transactionId === undefined) {
    return { type: 'unreadable', what: 'success without "transaction_id"' };
  }
  return { type: 'accepted', balance, transactionId };
}

function refused(why: 'funds' | 'other'): ProviderVerdict {
  return { type: 'refused', why, balance: undefined };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * "Bet requests will only be sent once when a player places a bet", results and rollbacks "a few more times if not answered".
 * What it does about a bet without an answer is not stated; a rollback is what the call is for.
 */
function afterwards(message: ProviderMessage, attempt: number, result: ProviderVerdict | 'no-answer'): Afterwards {
  const answered = result !== 'no-answer' && result.type !== 'unreadable';
  if (answered || message.kind === 'balance') return { act: 'rest' };
  if (message.kind === 'bet') return { act: 'roll-back' };
  return attempt < RETRY.attemptsMax ? { act: 'repeat', afterMs: RETRY.firstMs * 2 ** (attempt - 1) } : { act: 'rest' };
}

const AuthRequest = z.object({ username: z.string(), password: z.string() });
const StartSessionRequest = z.object({
  user_id: z.string().min(1).max(255),
  currency: z.string().min(1).max(32),
  lang: z.string().max(35).optional(),
});
const TOKEN_SECONDS = 3_600;
const TOKENS_MAX = 1_000;

/** The calls the provider documents. Its error answers are not documented; these are made up. */
function createApi(settings: Settings, host: SimulatorHost): (call: ApiCall) => Promise<ApiAnswer | undefined> {
  /** Access tokens, and when they end. */
  const tokens = new Map<string, number>();

  function authenticate({ body }: ApiCall): ApiAnswer {
    const given = AuthRequest.safeParse(body);
    const known =
      given.success &&
      sameText(given.data.username, settings.username) &&
      sameText(given.data.password, settings.password);
    if (!known) return { status: 401, body: { error: 'INVALID_CREDENTIALS' } };
    const token = host.token();
    tokens.set(token, host.now().getTime() + TOKEN_SECONDS * 1_000);
    const [oldest] = tokens.keys();
    if (tokens.size > TOKENS_MAX && oldest !== undefined) tokens.delete(oldest);
    // The sample shows the seconds as text.
    return { status: 200, body: { token, expires_in: String(TOKEN_SECONDS) } };
  }

  function startSession({ headers, body }: ApiCall): ApiAnswer {
    const bearer = /^Bearer (\S+)$/.exec(String(headers['authorization'] ?? ''))?.[1];
    const endsAt = tokens.get(bearer ?? '');
    if (endsAt === undefined || endsAt <= host.now().getTime())
      return { status: 401, body: { error: 'INVALID_TOKEN' } };
    const session = StartSessionRequest.safeParse(body);
    if (!session.success) return { status: 400, body: { error: 'INVALID_REQUEST' } };
    const { user_id: player, currency, lang: language } = session.data;
    const play = { player, currency, language, game: undefined, returnUrl: undefined, session: host.token() };
    return { status: 200, body: { url: host.openGame(play) } };
  }

  return (call) => {
    if (call.method !== 'POST') return Promise.resolve(undefined);
    if (call.path === `/${settings.apiVersion}/auth`) return Promise.resolve(authenticate(call));
    if (call.path === `/${settings.apiVersion}/start-session`) return Promise.resolve(startSession(call));
    return Promise.resolve(undefined);
  };
}

function sameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
