import { z } from 'zod';
import type { WireRequest } from '../contract.js';
import { hmacSha256 } from '../kit/signers.js';
import type {
  Afterwards,
  ApiAnswer,
  ApiCall,
  ProviderMessage,
  ProviderSide,
  ProviderVerdict,
  SimulatorHost,
  WireAnswer,
} from '../provider-side.js';
import { Settings } from './settings.js';

/** Template's own side: what it sends, how it reads answers, when it sends again, and the API it offers. */
export const side: ProviderSide = {
  settings: ({ apiUrl, secret }) => ({ apiUrl, apiKey: secret('api-key'), secrets: [secret('signature')] }),
  dialects: {},
  page: 'slot',
  games: [{ id: 'lucky-sample', name: 'Lucky Sample' }],
  timeoutMs: 5_000,
  voice: (settings) => ({
    signer: hmacSha256({ headers: ['x-signature'], secrets: Settings.parse(settings).secrets, encoding: 'hex' }),
    speaks: ['bet', 'win', 'rollback', 'balance'],
    newId: (seed) => `t-${seed}`,
    say,
    hear,
    afterwards,
  }),
  api: (settings, host) => createApi(Settings.parse(settings), host),
};

function say(message: ProviderMessage): WireRequest {
  const { kind, id, player, currency } = message;
  if (kind === 'balance') return post('/balance', { player, currency });
  const { amount, round, game, target } = message;
  const bet = target === undefined ? {} : { bet: target.id };
  return post(`/${kind}`, { id, player, currency, amount, round, game, ...(kind !== 'bet' && bet) });
}

function post(path: string, fields: Readonly<Record<string, string>>): WireRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', path, query: '', headers, body: Buffer.from(JSON.stringify(fields)) };
}

const Success = z.object({ status: z.literal('ok'), balance: z.string(), transaction: z.string().optional() });
const Failure = z.object({ status: z.literal('error'), error: z.string() });
const words: Readonly<Record<string, Extract<ProviderVerdict, { type: 'refused' }>['why']>> = {
  insufficient_funds: 'funds',
  duplicate: 'duplicate',
  unknown_bet: 'unknown',
  bad_signature: 'authentication',
};

function hear(_message: ProviderMessage, { status, body }: WireAnswer): ProviderVerdict {
  const json = parse(body);
  const success = Success.safeParse(json);
  if (status === 200 && success.success) {
    return { type: 'accepted', balance: success.data.balance, transactionId: success.data.transaction };
  }
  const failure = Failure.safeParse(json);
  if (!failure.success || status < 400) return { type: 'unreadable', what: 'neither a success nor an error' };
  if (status >= 500) return { type: 'failed' };
  return { type: 'refused', why: words[failure.data.error] ?? 'other', balance: undefined };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const RETRY = { attemptsMax: 5, firstMs: 500 } as const;

/** What is not answered, or answered with a 5xx, is sent again; a bet that stays unanswered is rolled back. */
function afterwards(message: ProviderMessage, attempt: number, result: ProviderVerdict | 'no-answer'): Afterwards {
  if (result !== 'no-answer' && result.type !== 'failed') return { act: 'rest' };
  if (attempt < RETRY.attemptsMax) return { act: 'repeat', afterMs: RETRY.firstMs * 2 ** (attempt - 1) };
  return message.kind === 'bet' ? { act: 'roll-back' } : { act: 'rest' };
}

const LaunchRequest = z.object({
  player: z.string().min(1),
  currency: z.string().min(1),
  game: z.string().optional(),
  language: z.string().optional(),
});

function createApi({ apiKey }: Settings, host: SimulatorHost): (call: ApiCall) => Promise<ApiAnswer | undefined> {
  return (call) => {
    if (call.headers['authorization'] !== `Bearer ${apiKey}`) {
      return Promise.resolve({ status: 401, body: { error: 'bad_key' } });
    }
    if (call.method === 'GET' && call.path === '/games') {
      return Promise.resolve({ status: 200, body: { games: side.games } });
    }
    if (call.method !== 'POST' || call.path !== '/launch') return Promise.resolve(undefined);
    const launch = LaunchRequest.safeParse(call.body);
    if (!launch.success) return Promise.resolve({ status: 400, body: { error: 'bad_request' } });
    const { player, currency, game, language } = launch.data;
    const url = host.openGame({ player, currency, game, language, returnUrl: undefined, session: host.token() });
    return Promise.resolve({ status: 200, body: { url } });
  };
}
