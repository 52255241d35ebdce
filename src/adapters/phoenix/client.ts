import { z } from 'zod';
import { type LaunchRequest, type ProviderClient, ProviderError, type ProviderHttp } from '../contract.js';
import { idText } from '../kit/amounts.js';
import { milliseconds, signPlayer } from './messages.js';
import type { Settings } from './settings.js';

/** Opened in the player's browser: a `javascript:` URL here would run on the operator's page. */
const CreateAnswer = z.object({ url: z.url({ protocol: /^https?$/ }).max(4_096) });

/** What is only shown may be missing or odd; who may see a game may not. */
const Game = z.object({
  id: idText,
  name: z.string().min(1).max(255),
  category: z.string().max(255).optional().catch(undefined),
  thumbnail: z.string().max(2_048).optional().catch(undefined),
  balanceUpdateDelay: milliseconds.optional(),
  features: z.array(z.object({ name: z.string() })).catch([]),
  released: z.boolean().default(true),
  isPublic: z.boolean().default(true),
  comingSoon: z.boolean().default(false),
});

/** The document states no limit; no field for an id is likely to be shorter. */
const PLAYER_ID_MAX = 128;

/** Stakes offered where `betLimits` names none for the currency: by the decimals it is shown with. */
const betLimitsDefault = { fiat: { min: 0.2, max: 20 }, crypto: { min: 0.000_01, max: 0.001 } } as const;

/** The two calls of the provider's API. Its key goes in the body and, like launch URLs, stays out of every message. */
export function createPhoenixClient(settings: Settings, http: ProviderHttp): ProviderClient {
  return {
    async launch(request) {
      const { game } = request;
      // A URL drops such segments, and another call would be made.
      if (game === undefined || game === '.' || game === '..') {
        throw new ProviderError('REFUSED', 'Phoenix has games only, so a launch has to name one.');
      }
      const url = `${settings.apiUrl}/game/create/${encodeURIComponent(game)}`;
      const { status, body } = await http.post(url, createRequest(request, game, settings));
      return { url: read('game/create', CreateAnswer, status, body).url };
    },
    async catalogue() {
      const url = `${settings.apiUrl}/game/list`;
      const { status, body } = await http.post(url, { api_key: settings.apiKey }, { safe: true });
      return read('game/list', z.array(Game), status, body)
        .filter(({ released, isPublic, comingSoon }) => released && isPublic && !comingSoon)
        .map((game) => catalogueGame(game, settings));
    },
  };
}

/** @throws ProviderError when the player's id leaves no room for the tag */
function createRequest(request: LaunchRequest, game: string, settings: Settings): Record<string, unknown> {
  const { launchId, player, playerPublicId, currency, displayDecimals, demo } = request;
  const limits = settings.betLimits[currency] ?? betLimitsDefault[displayDecimals > 2 ? 'crypto' : 'fiat'];
  // For play money a guest, so that such a game can never name a player whose money is real.
  const playerId = demo ? '-' : signPlayer(launchId, player, { currency, gameId: game }, settings);
  if (settings.signedPlayerId && playerId.length > PLAYER_ID_MAX) {
    throw new ProviderError('REFUSED', `The signed player id has more than ${PLAYER_ID_MAX} characters.`);
  }
  return {
    api_key: settings.apiKey,
    playerId,
    playerName: demo ? 'Demo' : playerPublicId,
    minBet: limits.min,
    maxBet: limits.max,
    currencyName: currency,
    currencyParam: displayDecimals,
    isDemo: demo,
  };
}

function catalogueGame(game: z.infer<typeof Game>, { apiUrl }: Settings) {
  const thumbnail = game.thumbnail === undefined ? null : URL.parse(game.thumbnail, apiUrl);
  return {
    id: game.id,
    name: game.name,
    category: game.category,
    // "/assets/…" is below the provider's origin, not below its API.
    thumbnailUrl: thumbnail !== null && /^https?:$/.test(thumbnail.protocol) ? thumbnail.href : undefined,
    features: game.features.map(({ name }) => name),
    balanceUpdateDelayMs: game.balanceUpdateDelay,
    currencies: [],
  };
}

/** @throws ProviderError for any status but 200, or an answer that is not what the calls are known to give */
function read<Answer>(call: string, schema: z.ZodType<Answer>, status: number, body: unknown): Answer {
  if (status !== 200) throw new ProviderError('REFUSED', `Phoenix answered ${call} with status ${status}.`);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'body'))];
  throw new ProviderError('INVALID_ANSWER', `Phoenix answered ${call} with unusable ${fields.slice(0, 5).join(', ')}.`);
}
