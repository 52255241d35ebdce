import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import { type LaunchRequest, type ProviderClient, ProviderError, type ProviderHttp } from '../contract.js';
import type { Settings } from './settings.js';

/** The sample shows `expires_in` as text, the description as seconds: either is read. */
const seconds = z
  .union([z.string(), z.number(), z.instanceof(LosslessNumber)])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,10}(?:\.\d+)?$/))
  .transform(Number);

const AuthAnswer = z.object({
  /** It is put into a header as it is. */
  token: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  expires_in: seconds,
});

const StartSessionAnswer = z.object({
  /** Opened in the player's browser: a `javascript:` URL here would run on the operator's page. */
  url: z
    .string()
    .max(4_096)
    .regex(/^https?:\/\/[^\s\p{C}\\]+$/iu)
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && url.username === '' && url.password === '';
    }),
});

interface Token {
  readonly text: string;
  /** Moment from which it is renewed, in milliseconds of the client's clock. */
  readonly renewAt: number;
}

/**
 * Auth and Start session of the provider's document. Tokens, credentials and launch URLs stay out of every message.
 * @param now a clock in milliseconds that only runs forward
 */
export function createIgpxClient(
  settings: Settings,
  http: ProviderHttp,
  now: () => number = () => performance.now(),
): ProviderClient {
  const base = `${settings.apiUrl}/${settings.apiVersion}`;
  let current: Token | undefined;
  let renewal: Promise<Token> | undefined;

  async function authenticate(): Promise<Token> {
    const askedAt = now();
    const credentials = { username: settings.username, password: settings.password };
    // Repeating it does no harm: at worst a token is given that nobody uses.
    const { status, body } = await http.post(`${base}/auth`, credentials, { safe: true });
    const { token, expires_in } = read('auth', AuthAnswer, status, body);
    // A tenth of its life early and at least a minute; a token that lives no longer than a minute is used once.
    const lifeMs = Math.min(expires_in * 1_000 - 60_000, expires_in * 900);
    return { text: token, renewAt: askedAt + lifeMs };
  }

  /** Launches that find no good token wait for the same renewal. */
  function renew(): Promise<Token> {
    renewal ??= authenticate()
      .then((token) => (current = token))
      .finally(() => (renewal = undefined));
    return renewal;
  }

  async function validToken(): Promise<Token> {
    return current !== undefined && now() < current.renewAt ? current : renew();
  }

  function startSession(token: Token, { player, currency, language }: LaunchRequest) {
    const session = { user_id: player, currency, ...(language !== undefined && { lang: language }) };
    return http.post(`${base}/start-session`, session, { headers: { authorization: `Bearer ${token.text}` } });
  }

  return {
    async launch(request) {
      const token = await validToken();
      let { status, body } = await startSession(token, request);
      if (status === 401) {
        // Only the token that was turned away is dropped; another launch may have brought a new one meanwhile.
        if (current === token) current = undefined;
        ({ status, body } = await startSession(await validToken(), request));
      }
      return { url: read('start-session', StartSessionAnswer, status, body).url };
    },
  };
}

/** @throws ProviderError for an error status, or an answer that is not what the document describes */
function read<Answer>(call: string, schema: z.ZodType<Answer>, status: number, body: unknown): Answer {
  if (status < 200 || status > 299) throw new ProviderError('REFUSED', `IGPX answered ${call} with status ${status}.`);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'body'))];
  throw new ProviderError('INVALID_ANSWER', `IGPX answered ${call} with unusable ${fields.join(', ')}.`);
}
