import { z } from 'zod';
import { type ProviderClient, ProviderError, type ProviderHttp } from '../contract.js';
import type { Settings } from './settings.js';

const LaunchAnswer = z.object({
  /** Opened in the player's browser: a `javascript:` URL here would run on the operator's page. */
  launch_url: z
    .string()
    .max(4_096)
    .regex(/^https?:\/\/[^\s\p{C}\\]+$/iu)
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && url.username === '' && url.password === '';
    }),
});

/** The launch of the provider's document. It offers neither a list of its games nor one of its movements. */
export function createFlexsoftClient(settings: Settings, http: ProviderHttp): ProviderClient {
  const { apiUrl, keys, operatorId } = settings;

  return {
    async launch({ token, currency, game, language, platform, demo, returnUrl = settings.returnUrl }) {
      // It becomes a segment of the path.
      if (game === undefined || !/^[A-Za-z0-9_-]{1,128}$/.test(game)) {
        throw new ProviderError('REFUSED', 'Flexsoft launches single games; the launch names none that it could have.');
      }
      const query = {
        userToken: token,
        currency,
        platform,
        portalMode: demo ? 'demo' : 'real',
        language: language ?? 'en',
        ...(returnUrl !== undefined && { returnUrl }),
        ...(operatorId !== undefined && { operatorId }),
      };
      const headers = { 'user-agent': 'Croupier', 'x-public-key': keys[0]?.publicKey ?? '' };
      // Sent once: the token is good for one session, and a lost answer may have opened it.
      const { status, body } = await http.get(`${apiUrl}/api/v1/launch/${game}`, query, { headers });
      if (status !== 200) throw new ProviderError('REFUSED', `Flexsoft answered the launch with status ${status}.`);
      const answer = LaunchAnswer.safeParse(body);
      if (answer.success) return { url: answer.data.launch_url };
      throw new ProviderError('INVALID_ANSWER', 'Flexsoft answered the launch without a usable launch_url.');
    },
  };
}
