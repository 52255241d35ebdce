import { z } from 'zod';
import { formatUnits } from '../../ledger/money.js';
import type { WireRequest } from '../contract.js';
import { decimalAmount, idText } from '../kit/amounts.js';
import { exactNumber, jsonText, parseJson } from '../kit/json.js';
import type { Afterwards, ApiAnswer, ApiCall, ProviderMessage, ProviderMovement } from '../provider-side.js';
import type { ProviderSide, ProviderVerdict, SimulatorHost, WireAnswer } from '../provider-side.js';
import { cases } from './cases.js';
import { hypetechSigner, Settings } from './settings.js';

/** The side of the crash games: signed bets, wins, rollbacks and balances, a launch, and the transactions of a session. */
export const side: ProviderSide = {
  settings: ({ apiUrl, callbackUrl, secret }) => ({
    apiUrl,
    callbackUrl,
    accessToken: secret('access-token'),
    apiKeys: [secret('api-key')],
  }),
  dialects: { g4: { dialect: 'g4' } },
  cases: (settings) => cases(Settings.parse(settings)),
  page: 'rocket',
  games: ['Rocket', 'Comet', 'Balloon'].map((name) => ({ id: name.toLowerCase(), name })),
  timeoutMs: 5_000,
  voice(raw) {
    const settings = Settings.parse(raw);
    return {
      signer: hypetechSigner(settings),
      speaks: ['bet', 'win', 'rollback', 'balance'],
      newId: String,
      say: (message) => say(message, settings),
      hear,
      afterwards,
    };
  },
  api: (settings, host) => createApi(Settings.parse(settings), host),
};

/** Names of the first document's webhooks; the later one's are called as the messages are. */
const firstNames = { bet: 'register', win: 'rewards', rollback: 'rollback', balance: 'balance' } as const;

function say(message: ProviderMessage, { dialect }: Settings): WireRequest {
  const { kind, player: user_id, currency, session: session_token } = message;
  const fields = dialect === 'g1' ? firstFields : laterFields;
  const body = jsonText(kind === 'balance' ? { user_id, currency, session_token } : fields(message));
  const path = `/webhooks/hypetech/${dialect === 'g1' ? firstNames[kind] : kind}`;
  return { method: 'POST', path, query: '', headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
}

/** In the order of the first document's samples; its win says "bet", and its rollback says nothing. */
function firstFields({ kind, id, player, target, game, ...message }: ProviderMovement): Record<string, unknown> {
  const { currency, amount, round: action_id, session: session_token } = message;
  const start = { user_id: player, currency, amount: double(amount), provider: `hypetech_${game}`, provider_tx_id: id };
  const end = { action_id, session_token };
  if (kind === 'rollback') return { ...start, rollback_provider_tx_id: target?.id ?? 'nothing', game, ...end };
  return { ...start, game, action: 'bet', ...end, platform: kind === 'bet' ? 'desktop' : undefined };
}

/** Ids are numbers in the later samples, though declared as text. */
function laterFields({ kind, id, player, target, game, ...message }: ProviderMovement): Record<string, unknown> {
  const { currency, amount, round: round_id, session: session_token } = message;
  const start = { user_id: player, currency, amount: double(amount), provider: 'hypetech' };
  const end = { round_id, session_token, mode: 'default', linked_tx_id: target && exactNumber(target.id) };
  return { ...start, provider_tx_id: exactNumber(id), game, action: kind, ...end };
}

/** As JavaScript writes a double: without zeros at its end. */
function double(amount: string): unknown {
  const { digits, decimals } = decimalAmount.parse(amount);
  return exactNumber(formatUnits(digits, decimals));
}

const Accepted = z
  .object({ operator_tx_id: z.string().min(1), new_balance: z.string(), old_balance: z.string() })
  .transform(({ operator_tx_id, new_balance }) => ({ transactionId: operator_tx_id, balance: new_balance }));
const Told = z.object({ balance: z.string() }).transform(({ balance }) => ({ transactionId: undefined, balance }));
const Refusal = z.object({ title: z.string(), detail: z.string() });
const reasons: Readonly<Record<number, 'authentication' | 'unknown'>> = { 401: 'authentication', 404: 'unknown' };

function hear({ kind }: ProviderMessage, { status, body }: WireAnswer): ProviderVerdict {
  if (status >= 500) return { type: 'failed' };
  const json = parseJson(Buffer.from(body));
  const value = json.ok ? json.value : undefined;
  const refusal = status >= 400 ? Refusal.safeParse(value).data : undefined;
  if (refusal !== undefined) {
    const why = refusal.title === 'Insufficient Funds' ? 'funds' : (reasons[status] ?? 'other');
    return { type: 'refused', why, balance: undefined };
  }
  const answer = status === 200 ? (kind === 'balance' ? Told : Accepted).safeParse(value).data : undefined;
  if (answer !== undefined) return { type: 'accepted', ...answer };
  return { type: 'unreadable', what: `status ${status} with a body that the document does not have` };
}

const ATTEMPTS_MAX = 6;

/** Nothing is published: sent again without an answer or after a 5xx, and a bet is at last taken back. */
function afterwards(message: ProviderMessage, attempt: number, result: ProviderVerdict | 'no-answer'): Afterwards {
  const answered = result !== 'no-answer' && (result.type === 'accepted' || result.type === 'refused');
  if (answered || message.kind === 'balance') return { act: 'rest' };
  if (attempt < ATTEMPTS_MAX) return { act: 'repeat', afterMs: 250 * 2 ** attempt };
  return { act: message.kind === 'bet' ? 'roll-back' : 'rest' };
}

const game = z.string().refine((each) => side.games.some(({ id }) => id === each));
const AccessRequest = z.object({ game, user_id: idText, currency: idText, lang: z.string().max(35).optional() });
const pageCount = z.coerce.number().int().min(1);
const Page = z.object({ pageSize: pageCount.max(100).default(20), pageNumber: pageCount.default(1) });

function createApi({ accessToken }: Settings, host: SimulatorHost) {
  return async ({ method, path, headers, body, query }: ApiCall): Promise<ApiAnswer | undefined> => {
    const session = method === 'GET' ? /^\/sessions\/([^/]+)\/transactions$/.exec(path)?.[1] : undefined;
    if (session === undefined && (method !== 'POST' || path !== '/games/request-access')) return undefined;
    if (headers['authorization'] !== `Bearer ${accessToken}`) return refused(401, 'Unauthorized');
    if (session !== undefined) return transactions(session, Page.safeParse(Object.fromEntries(query)).data, host);
    const request = AccessRequest.safeParse(body).data;
    if (request === undefined) return refused(400, 'Bad Request');
    const { game, user_id: player, currency, lang: language } = request;
    const play = { player, currency, game, language, returnUrl: undefined, session: host.token() };
    return { status: 200, body: { game_url: host.openGame(play) } };
  };
}

function transactions(session: string, page: z.infer<typeof Page> | undefined, host: SimulatorHost): ApiAnswer {
  if (page === undefined) return refused(400, 'Bad Request');
  const { pageSize, pageNumber } = page;
  const all = host.accepted().filter(({ message }) => encodeURIComponent(message.session) === session);
  const rows = all.slice((pageNumber - 1) * pageSize, pageNumber * pageSize).map(({ message, at }) => ({
    transactionId: message.id,
    roundId: message.round,
    transactionType: message.kind.toUpperCase(),
    requestedAt: at.toISOString(),
    transactionStatus: 'SUCCESS',
    amount: message.amount,
  }));
  const pagination = { ...page, totalPages: Math.ceil(all.length / pageSize), totalItems: all.length };
  return { status: 200, body: { transactions: rows, pagination } };
}

function refused(statusCode: number, title: string): ApiAnswer {
  return { status: statusCode, body: { title, statusCode, detail: 'The simulated provider refuses this call.' } };
}
