import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { formatUnits, parseDecimal, unitsFloor } from '../../ledger/money.js';
import type { WireRequest } from '../contract.js';
import { exactNumber, jsonText, parseJson } from '../kit/json.js';
import type { ApiAnswer, ApiCall, SimulatorHost, WireAnswer } from '../provider-side.js';
import type { Afterwards, ProviderMessage, ProviderSide, ProviderVerdict, ProviderVoice } from '../provider-side.js';
import { cases } from './cases.js';
import { flexsoftSigner, Settings } from './settings.js';

const games = [
  { id: 'chicken-race', name: 'Chicken Race' },
  { id: 'aviadrone', name: 'Aviadrone' },
] as const;

/** The provider's side: signed callbacks in millis, and the launch. */
export const side: ProviderSide = {
  settings: ({ apiUrl, callbackUrl, secret }) => ({
    apiUrl,
    keys: [{ publicKey: secret('public-key'), secret: secret('secret-key') }],
    maxBet: '1000',
    returnUrl: new URL(callbackUrl).origin,
  }),
  dialects: { flat: { envelope: 'flat' } },
  cases: (settings) => cases(Settings.parse(settings)),
  page: 'crash',
  games,
  timeoutMs: 5_000,
  voice: (settings) => createVoice(Settings.parse(settings)),
  api: (settings, host) => createApi(Settings.parse(settings), host),
};

function createVoice(settings: Settings): ProviderVoice {
  return {
    signer: flexsoftSigner(settings),
    speaks: ['bet', 'win', 'rollback', 'balance'],
    newId: (seed) => `tx-${seed}`,
    say,
    hear: (message, answer) => hear(message, answer, settings),
    afterwards,
  };
}

function say(message: ProviderMessage): WireRequest {
  const { id, player: user_id, currency, session: session_token } = message;
  if (message.kind === 'balance') return post('/balance', { user_id, currency, session_token });
  const { amount, round, game, target } = message;
  const own = { user_id, currency, amount: millisOf(amount), provider: 'flexsoft', provider_tx_id: id, game };
  const play = { action_id: round, session_token, platform: 'desktop' };
  if (message.kind === 'bet') return post('/withdraw', { ...own, action: 'BET', ...play });
  const action = message.kind === 'win' ? 'WIN' : 'ROLL_BACK';
  return post('/deposit', { ...own, action, withdraw_provider_tx_id: target?.id, ...play });
}

function post(path: string, fields: Readonly<Record<string, unknown>>): WireRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', path, query: '', headers, body: Buffer.from(jsonText(fields)) };
}

/** Whole thousandths of decimal text. */
function millisOf(text: string) {
  const amount = parseDecimal(text);
  if (amount === undefined) throw new TypeError('An amount must be decimal text.');
  const { units, rest } = unitsFloor(amount, 3);
  if (rest !== undefined) throw new TypeError(`"${text}" is finer than a thousandth.`);
  return exactNumber(units.toString());
}

/** Whole thousandths as decimal text; below zero when the wallet is in debt. */
const toldMillis = z
  .instanceof(LosslessNumber)
  .transform(({ value }) => value)
  .refine((digits) => /^-?(?:0|[1-9]\d*)$/.test(digits))
  .transform((digits) => formatUnits(BigInt(digits), 3, 2));

const Moved = z.object({ operator_tx_id: z.string().min(1), provider_tx_id: z.string(), new_balance: toldMillis });
const Told = z.object({ currency: z.string(), amount: toldMillis });
const Authenticated = z.object({ user_id: z.string().min(1), balance: toldMillis, currency: z.string() });

const Enveloped = z.object({ code: z.instanceof(LosslessNumber), message: z.string(), data: z.unknown() });

/** What is in the envelope. @returns undefined when there is none, or its code is not the status */
function dataIn({ status, body }: WireAnswer): unknown {
  const told = Enveloped.safeParse(jsonOf(body)).data;
  return told?.code.value === String(status) ? told.data : undefined;
}

function jsonOf(body: string): unknown {
  const json = parseJson(Buffer.from(body));
  return json.ok ? json.value : undefined;
}

/** What a success says. @returns undefined when it is not what the document allows */
function successOf<Data>(answer: WireAnswer, schema: z.ZodType<Data>, { envelope }: Settings): Data | undefined {
  return schema.safeParse(envelope === 'flat' ? jsonOf(answer.body) : dataIn(answer)).data;
}

const refusals = { 400: 'other', 401: 'authentication', 402: 'funds', 404: 'unknown', 409: 'duplicate' } as const;

function hear(message: ProviderMessage, answer: WireAnswer, settings: Settings): ProviderVerdict {
  const { status } = answer;
  if (status >= 500) return { type: 'failed' };
  if (status !== 200) {
    const why = Object.entries(refusals).find(([each]) => each === String(status))?.[1];
    if (why === undefined) return { type: 'unreadable', what: `status ${status}, which the document does not have` };
    if (dataIn(answer) !== null)
      return { type: 'unreadable', what: 'a refusal that is not {code, message, data: null}' };
    return { type: 'refused', why, balance: undefined };
  }
  if (message.kind === 'balance') {
    const told = successOf(answer, Told, settings);
    if (told?.currency !== message.currency) return { type: 'unreadable', what: 'no balance in the currency' };
    return { type: 'accepted', balance: told.amount, transactionId: undefined };
  }
  const moved = successOf(answer, Moved, settings);
  if (moved?.provider_tx_id !== message.id) return { type: 'unreadable', what: 'no answer to this provider_tx_id' };
  return { type: 'accepted', balance: moved.new_balance, transactionId: moved.operator_tx_id };
}

/** The provider states no schedule; "identical body guaranteed" is what `say` keeps. */
const RETRY = { betAttemptsMax: 3, attemptsMax: 8, firstMs: 500 } as const;

/** "5xx retryable", and a time-out; everything else is terminal. A bet that nobody answered is voided: ROLL_BACK. */
function afterwards(message: ProviderMessage, attempt: number, result: ProviderVerdict | 'no-answer'): Afterwards {
  const transient = result === 'no-answer' || result.type === 'failed';
  const isBet = message.kind === 'bet';
  if (transient && message.kind !== 'balance' && attempt < (isBet ? RETRY.betAttemptsMax : RETRY.attemptsMax)) {
    return { act: 'repeat', afterMs: RETRY.firstMs * 2 ** (attempt - 1) };
  }
  // A success that cannot be read leaves the bet as open as silence does.
  return isBet && (transient || result.type === 'unreadable') ? { act: 'roll-back' } : { act: 'rest' };
}

const LaunchQuery = z.object({
  userToken: z.string().min(1),
  currency: z.string().regex(/^[A-Z]{3}$/),
  platform: z.enum(['mobile', 'desktop']),
  portalMode: z.enum(['real', 'demo']),
  returnUrl: z.url(),
  language: z.string().min(2),
});

/** The launch. Its error answers are not documented; these have the form of all others. */
function createApi(settings: Settings, host: SimulatorHost): (call: ApiCall) => Promise<ApiAnswer | undefined> {
  const signer = flexsoftSigner(settings);

  /** Asks whose token it is. The real provider does so when the page is opened; here the page is opened for a player. */
  async function authenticate(fields: Readonly<Record<string, string>>) {
    const answer = await host.callBack(signer.sign(post('/auth', fields)));
    if (answer === 'no-answer' || answer.status !== 200) return undefined;
    return successOf(answer, Authenticated, settings);
  }

  return async ({ method, path, query, headers }) => {
    const name = /^\/api\/v1\/launch\/([^/]+)$/.exec(path)?.[1];
    if (method !== 'GET' || name === undefined) return undefined;
    const isKnown = settings.keys.some(({ publicKey }) => publicKey === headers['x-public-key']);
    if (!isKnown) return refused(401, 'Unknown public key');
    const game = games.find(({ id }) => id === name)?.id;
    if (game === undefined) return refused(404, 'Unknown game');
    const asked = LaunchQuery.safeParse(Object.fromEntries(query));
    if (!asked.success) return refused(400, z.prettifyError(asked.error));
    const { userToken, currency, platform, portalMode, language, returnUrl } = asked.data;
    // Play money would have to be the simulator's own.
    if (portalMode === 'demo') return refused(400, 'Only real play is simulated');
    const session = `ps_${host.token()}`;
    const player = await authenticate({ user_token: userToken, session_token: session, platform, currency });
    if (player?.currency !== currency) return refused(401, 'The operator does not know the token');
    const launch_url = host.openGame({ player: player.user_id, currency, game, language, returnUrl, session });
    return { status: 200, body: { launch_url, session_token: session } };
  };
}

function refused(code: number, message: string): ApiAnswer {
  return { status: code, body: { code, message, data: null } };
}
