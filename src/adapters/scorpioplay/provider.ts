import { z } from 'zod';
import type { WireRequest } from '../contract.js';
import { exactNumber, jsonText, parseJson } from '../kit/json.js';
import { sharedToken } from '../kit/signers.js';
import type { Afterwards, ProviderMessage, ProviderMovement, ProviderSide } from '../provider-side.js';
import type { ProviderVerdict, ProviderVoice, SimulatorHost, WireAnswer } from '../provider-side.js';
import { languages, utcText } from './client.js';
import { type CommandName, int64 } from './messages.js';
import { cases } from './cases.js';
import { Settings } from './settings.js';

/** The provider's side: commands to one URL, and the API for users, games and transactions. */
export const side: ProviderSide = {
  settings: ({ apiUrl, secret }) => {
    return { apiUrl, apiToken: secret('api-token'), callbackToken: [secret('callback-token')], currency: 'EUR' };
  },
  currencies: ['EUR'],
  dialects: { 'trans-guid': { dialect: 'trans-guid' } },
  cases: (settings) => cases(Settings.parse(settings)),
  page: 'slot',
  games: [
    { id: 'vs20lanterns', name: 'Paper Lanterns' },
    { id: 'vs25tidepool', name: 'Tide Pool' },
    { id: 'vs10nightowl', name: 'Night Owl' },
  ],
  // For bets and balances; the other commands may take 4 s.
  timeoutMs: 2_000,
  voice: (settings) => createVoice(Settings.parse(settings)),
  api: (settings, host) => createApi(Settings.parse(settings), host),
};

/** Further attempts by dialect, two seconds apart at least. A bet has none: it is cancelled. */
const retries = { 'trans-id': { credit: 3, balance: 2 }, 'trans-guid': { credit: 50, balance: 3 } } as const;

function createVoice({ callbackToken, dialect }: Settings): ProviderVoice {
  const byGuid = dialect === 'trans-guid';
  return {
    signer: sharedToken({ header: 'callback-token', tokens: callbackToken }),
    speaks: ['bet', 'win', 'rollback', 'balance'],
    newId: (seed) => (byGuid ? `5c0e0000-0000-4000-8000-${seed.toString(16).padStart(12, '0')}` : String(seed)),
    say: (message) => say(message, byGuid),
    hear: (_message, answer) => hear(answer),
    afterwards({ kind }, attempt, result): Afterwards {
      if (result !== 'no-answer' && (result.type === 'accepted' || result.type === 'refused')) return { act: 'rest' };
      // A cancel follows when the "previous command is timed out" or "500 error is returned".
      if (kind === 'bet') return { act: 'roll-back' };
      const attemptsMax = 1 + retries[dialect][kind === 'balance' ? 'balance' : 'credit'];
      if (attempt < attemptsMax) return { act: 'repeat', afterMs: 2_000 };
      return { act: kind === 'win' ? 'roll-back' : 'rest' };
    },
  };
}

function say(message: ProviderMessage, byGuid: boolean): WireRequest {
  const { kind, player: account, id } = message;
  if (kind === 'balance') return command('balance', { account }, '21,22');
  const amount = exactNumber(message.amount);
  const { round: round_id, game: game_code } = message;
  if (kind !== 'rollback') {
    const named = byGuid ? { trans_guid: id, type: types[kind] } : { trans_id: exactNumber(id) };
    const check = kind === 'bet' ? '21,22,41,31' : '21,22,41';
    return command(kind, { account, ...named, round_id, game_code, amount }, check);
  }
  // A cancel has an id of its own in the newer dialect only.
  const target = cancelled(message);
  if (!byGuid) return command('cancel', { account, trans_id: exactNumber(target), amount }, '21,22,42');
  return command('cancel', { account, trans_guid: id, cancel_trans_guid: target, amount, type: 16 }, '21,22,41,43');
}

function cancelled({ target }: ProviderMovement): string {
  if (target === undefined) throw new TypeError('A cancel names what it cancels.');
  return target.id;
}

function command(name: CommandName, data: object, check: string): WireRequest {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const body = Buffer.from(jsonText({ command: name, data, timestamp, check }));
  return { method: 'POST', path: '', query: '', headers: { 'content-type': 'application/json' }, body };
}

const decimal = z
  .unknown()
  .transform(String)
  .pipe(z.string().regex(/^-?\d+(?:\.\d+)?$/));
const Answer = z.object({ result: int64, data: z.object({ balance: decimal }).optional() });
type Why = Extract<ProviderVerdict, { type: 'refused' }>['why'];
const whys: Readonly<Record<string, Why>> = { 31: 'funds', 41: 'duplicate', 42: 'unknown', 43: 'unknown' };

function hear({ status, body }: WireAnswer): ProviderVerdict {
  if (status === 500) return { type: 'failed' };
  const json = parseJson(Buffer.from(body));
  const answer = Answer.safeParse(json.ok ? json.value : undefined);
  if (status !== 200 || !answer.success) return { type: 'unreadable', what: `status ${status} with ${body}` };
  const { result, data: { balance } = {} } = answer.data;
  if (result === '100') return { type: 'refused', why: 'authentication', balance };
  if (result !== '0') return { type: 'refused', why: whys[result] ?? 'other', balance };
  if (balance === undefined) return { type: 'unreadable', what: 'success without "balance"' };
  return { type: 'accepted', balance, transactionId: undefined };
}

const USER_CODE_FIRST = 400_000_001;
const UserCreate = z.object({ name: z.string().regex(/^[A-Za-z0-9_]{2,50}$/) });
const Wish = z.object({ user_code: z.int(), game_symbol: z.string(), lang: z.int(), return_url: z.url().optional() });
const Span = z.object({
  start_time: z.string(),
  end_time: z.string(),
  offset: z.int().min(0),
  limit: z.int().max(2_000),
});
const types = { bet: 1, win: 2, rollback: 16 } as const;
const [VALIDATION_ERROR, TOKEN_INVALID, CALLBACK_ERROR, USER_NOT_FOUND, GAME_NOT_FOUND] = [
  1002, 1009, 1015, 2002, 2003,
];

/** The calls the provider documents, with its codes for what goes wrong. */
function createApi(settings: Settings, host: SimulatorHost): ReturnType<ProviderSide['api']> {
  const { signer } = createVoice(settings);
  const users: string[] = [];
  const common = { provider_id: 1, category: 'Slots', launch_enable: true };
  const games = side.games.map(({ id, name }) => ({ ...common, game_code: id, game_name: name }));

  const routes: Readonly<Record<string, (body: unknown) => unknown>> = {
    async '/v4/user/create'(body) {
      const { name: account } = UserCreate.parse(body);
      const asked = await host.callBack(signer.sign(command('authenticate', { account }, '21')));
      if (asked === 'no-answer' || hear(asked).type !== 'accepted') return CALLBACK_ERROR;
      const isNew = !users.includes(account);
      if (isNew) users.push(account);
      return { user_code: USER_CODE_FIRST + users.indexOf(account), is_new_user: isNew };
    },
    '/v4/game/game-url'(body) {
      const { user_code, game_symbol: game, lang, return_url: returnUrl } = Wish.parse(body);
      const player = users[user_code - USER_CODE_FIRST];
      if (player === undefined) return USER_NOT_FOUND;
      if (!side.games.some(({ id }) => id === game)) return GAME_NOT_FOUND;
      const play = { player, game, currency: settings.currency, language: languages[lang - 1], returnUrl };
      return { game_url: host.openGame({ ...play, session: host.token() }) };
    },
    '/v4/game/providers': () => [{ provider_id: 1, provider_name: 'Scorpio Studio', status: 1 }],
    '/v4/game/games': () => games,
    '/v4/game/all': () => games,
    '/v4/game/transaction'(body) {
      const { start_time, end_time, offset, limit } = Span.parse(body);
      const all = host.accepted().map(({ message, at }) => listedTransaction(message, utcText(at), settings));
      const found = all.filter(({ regdate }) => regdate >= start_time && regdate <= end_time);
      return { total: found.length, offset, list: found.slice(offset, offset + limit) };
    },
  };

  return async ({ method, path, headers, body }) => {
    const route = method === 'POST' ? routes[path] : undefined;
    if (route === undefined) return undefined;
    const isKnown = headers['authorization'] === `Bearer ${settings.apiToken}`;
    const data = isKnown ? await answered(route, body) : TOKEN_INVALID;
    const envelope = typeof data === 'number' ? { code: data, message: 'ERROR' } : { code: 0, message: 'OK', data };
    return { status: 200, body: envelope };
  };
}

async function answered(route: (body: unknown) => unknown, body: unknown): Promise<unknown> {
  try {
    return await route(body);
  } catch (error) {
    if (error instanceof z.ZodError) return VALIDATION_ERROR;
    throw error;
  }
}

function listedTransaction(message: ProviderMovement, regdate: string, { dialect }: Settings) {
  const { kind, id, round: round_id, game: game_code, amount: trans_amount } = message;
  const trans_id = Number(kind === 'rollback' ? cancelled(message) : id);
  const named = dialect === 'trans-guid' ? { trans_guid: id } : { trans_id };
  return { ...named, trans_type: types[kind], trans_amount, round_id, provider_id: 1, game_code, regdate };
}
