import { createHash } from 'node:crypto';
import { z } from 'zod';
import { formatUnits, parseDecimal } from '../../ledger/money.js';
import { exactNumber, jsonText, parseJson } from '../kit/json.js';
import { secretPath } from '../kit/signers.js';
import type { ApiCall, ProviderMovement, ProviderSide, ProviderVoice, SimulatorHost } from '../provider-side.js';
import { readPlayer, signPlayer } from './messages.js';
import { cases } from './cases.js';
import { Settings } from './settings.js';

/** Only what the page plays. The provider has more games, on the same two messages. */
const games = [{ id: 'Mines', name: 'Mines', category: 'Classic' }] as const;

/** The games' side: starts and finishes, told apart by `type`, and the two calls it offers. */
export const side: ProviderSide = {
  settings: ({ apiUrl, secret }) => ({
    apiUrl,
    apiKey: secret('api-key'),
    // Whatever characters a secret has, its digest can stand in a URL.
    pathSecret: [createHash('sha256').update(secret('path')).digest('hex')],
    playerIdSecret: [secret('player-id')],
  }),
  dialects: { 'plain-player': { signedPlayerId: false } },
  cases: (settings) => cases(Settings.parse(settings)),
  page: 'mines',
  games: games.map(({ id, name }) => ({ id, name })),
  timeoutMs: 5_000,
  voice(raw) {
    const settings = Settings.parse(raw);
    return {
      signer: secretPath({ secrets: settings.pathSecret }),
      speaks: ['bet', 'win'],
      newId: (seed) => String(seed),
      say: (message) => say(message, settings),
      hear,
      afterwards,
    };
  },
  api: (settings, host) => createApi(Settings.parse(settings), host),
};

/** The launch that all simulated callbacks belong to. */
const LAUNCH_ID = 'se_sim';

function say(message: Parameters<ProviderVoice['say']>[0], settings: Settings): ReturnType<ProviderVoice['say']> {
  if (message.kind !== 'bet' && message.kind !== 'win') throw new TypeError(`The protocol has no ${message.kind}.`);
  const { player, currency, game: gameId, session } = message;
  const playerId = signPlayer(LAUNCH_ID, player, { currency, gameId }, settings);
  const body = {
    type: message.kind === 'bet' ? 'start' : 'finish',
    session: { id: session, playerId, gameId, currency },
    ...(message.kind === 'bet' ? started(message) : finished(message)),
    time: Date.now(),
  };
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', path: '', query: '', headers, body: Buffer.from(jsonText(body)) };
}

function started(bet: ProviderMovement) {
  const nothing = exactNumber('0.00');
  const stake = exactNumber(bet.amount);
  return {
    game: { id: bet.round, status: 'in_progress', payout: nothing, profit: nothing, bet: stake, round: roundOf(bet) },
    data: { bet: stake, allBetAmount: stake },
  };
}

function finished(win: ProviderMovement) {
  // A game that never started may state any stake: here what it wins, so that the multiple is 1.
  const bet = win.target ?? win;
  const payout = multipleOf(win.amount, bet.amount);
  return {
    game: {
      id: win.round,
      status: payout === '0' ? 'lose' : 'win',
      payout: exactNumber(payout),
      profit: exactNumber(win.amount),
      bet: exactNumber(bet.amount),
      round: roundOf(bet),
    },
    data: {},
  };
}

/** A start is known by its game and round number: two bets of one game are two rounds of it. */
function roundOf({ id }: ProviderMovement) {
  if (/^[1-9]\d{0,14}$/.test(id)) return exactNumber(id);
  throw new TypeError(`The id "${id}" is no number, so no round can be made of it.`);
}

const MULTIPLE_DECIMALS = 12;
/** Decimals of the finest ledger unit that simulated wins are meant to come out exact in. */
const AMOUNT_DECIMALS = 8;

/**
 * What the stake is multiplied by to give the win: with 12 decimals at most, rounded up so that the gateway, which rounds
 * down, pays the very amount. @throws RangeError when there is no such number
 */
export function multipleOf(win: string, stake: string): string {
  const [won, staked] = [parseDecimal(win), parseDecimal(stake)];
  if (won === undefined || staked === undefined) throw new TypeError(`"${win}" or "${stake}" is no amount.`);
  if (won.digits === 0n) return '0';
  if (staked.digits === 0n) throw new RangeError(`A win of ${win} is no multiple of a stake of 0.`);
  const dividend = won.digits * 10n ** BigInt(MULTIPLE_DECIMALS + staked.decimals);
  const divisor = staked.digits * 10n ** BigInt(won.decimals);
  const multiple = (dividend + divisor - 1n) / divisor;
  const tooMuch = (multiple * divisor - dividend) * 10n ** BigInt(AMOUNT_DECIMALS);
  if (tooMuch >= 10n ** BigInt(MULTIPLE_DECIMALS + staked.decimals + won.decimals)) {
    throw new RangeError(`A win of ${win} is no multiple of a stake of ${stake} with ${MULTIPLE_DECIMALS} decimals.`);
  }
  return formatUnits(multiple, MULTIPLE_DECIMALS);
}

const StartAnswer = z.strictObject({ result: z.boolean() });
const FinishAnswer = z.strictObject({});
const accepted = { type: 'accepted', balance: undefined, transactionId: undefined } as const;

/** The two answers of the document. Statuses other than 200 are not in it; they are read as HTTP means them. */
const hear: ProviderVoice['hear'] = ({ kind }, { status, body }) => {
  if (status >= 500) return { type: 'failed' };
  if (status >= 400) return { type: 'refused', why: status === 404 ? 'authentication' : 'other', balance: undefined };
  const json = parseJson(Buffer.from(body));
  const answer = status === 200 && json.ok ? json.value : undefined;
  if (kind === 'win') {
    return FinishAnswer.safeParse(answer).success ? accepted : { type: 'unreadable', what: 'a finish wants 200 {}' };
  }
  const start = StartAnswer.safeParse(answer).data;
  if (start === undefined) return { type: 'unreadable', what: 'a start wants 200 {"result":true} or {"result":false}' };
  // The provider shows "No balance", whatever the reason was.
  return start.result ? accepted : { type: 'refused', why: 'funds', balance: undefined };
};

const RETRY = { attemptsMax: 6, firstMs: 500 } as const;

/** Not documented. We assume that both messages are sent at least once: again after no answer, or an error of the server. */
const afterwards: ProviderVoice['afterwards'] = (_message, attempt, result) => {
  const lost = result === 'no-answer' || result.type === 'failed';
  if (!lost || attempt >= RETRY.attemptsMax) return { act: 'rest' };
  return { act: 'repeat', afterMs: RETRY.firstMs * 2 ** (attempt - 1) };
};

const Keyed = z.object({ api_key: z.string() });
const CreateRequest = Keyed.extend({ playerId: z.string().min(1).max(255), currencyName: z.string().min(1).max(32) });

/** The calls the provider's own casino makes. Error answers are not documented; these are made up. */
function createApi(settings: Settings, host: SimulatorHost): ReturnType<ProviderSide['api']> {
  const refused = (status: number) => ({ status, body: { error: 'The request was refused.' } });

  function list({ method, query, body }: ApiCall) {
    const key = method === 'GET' ? (query.get('api_key') ?? undefined) : Keyed.safeParse(body).data?.api_key;
    // Without a key all games are told.
    if (key !== undefined && key !== settings.apiKey) return refused(403);
    return { status: 200, body: games.map(listed) };
  }

  function create(segment: string, { body }: ApiCall) {
    const game = games.find(({ id }) => encodeURIComponent(id) === segment);
    const request = CreateRequest.safeParse(body);
    if (!request.success) return refused(400);
    if (request.data.api_key !== settings.apiKey) return refused(403);
    if (game === undefined) return refused(404);
    const { playerId, currencyName: currency } = request.data;
    // The page plays as the player meant; a guest stays one.
    const player = readPlayer({ playerId, currency, gameId: game.id }, settings) ?? playerId;
    const play = { player, currency, game: game.id, language: undefined, returnUrl: undefined, session: host.token() };
    return { status: 200, body: { url: host.openGame(play) } };
  }

  return (call) => {
    if (call.path === '/game/list' && /^(GET|POST)$/.test(call.method)) return Promise.resolve(list(call));
    const [, segment] = /^\/game\/create\/([^/]+)$/.exec(call.path) ?? [];
    return Promise.resolve(segment !== undefined && call.method === 'POST' ? create(segment, call) : undefined);
  };
}

function listed(game: (typeof games)[number]) {
  return { ...game, thumbnail: `/assets/${game.id}.webp`, features: [], released: true, isPublic: true };
}
