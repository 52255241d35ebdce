import { z } from 'zod';
import { type CatalogueGame, type ProviderClient, ProviderError, type ProviderHttp } from '../contract.js';
import type { Settings } from './settings.js';

const LaunchAnswer = z.object({
  /** Opened in the player's browser: a `javascript:` URL here would run on the operator's page. */
  url: z.url({ protocol: /^https?$/ }),
});

const GamesAnswer = z.object({
  games: z.array(z.object({ id: z.string().min(1), name: z.string().min(1), category: z.string().optional() })),
});

/** The provider's launch and its list of games. Credentials and launch URLs stay out of every message. */
export function createClient({ apiUrl, apiKey }: Settings, http: ProviderHttp): ProviderClient {
  const headers = { authorization: `Bearer ${apiKey}` };
  return {
    async launch({ player, currency, game, language }) {
      const body = { player, currency, game, language };
      const { status, body: answer } = await http.post(`${apiUrl}/launch`, body, { headers });
      return { url: read('launch', LaunchAnswer, status, answer).url };
    },
    async catalogue() {
      const { status, body } = await http.get(`${apiUrl}/games`, {}, { headers, safe: true });
      return read('games', GamesAnswer, status, body).games.map(({ id, name, category }): CatalogueGame => ({
        id,
        name,
        category,
        thumbnailUrl: undefined,
        features: [],
        balanceUpdateDelayMs: undefined,
        currencies: [],
      }));
    },
  };
}

/** @throws ProviderError for an error status, or an answer that is not what the document describes */
function read<Answer>(call: string, schema: z.ZodType<Answer>, status: number, body: unknown): Answer {
  if (status < 200 || status > 299) throw new ProviderError('REFUSED', `Template answered ${call} with ${status}.`);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ProviderError('INVALID_ANSWER', `Template answered ${call} with something its document does not describe.`);
}
