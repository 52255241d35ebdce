import { LosslessNumber } from 'lossless-json';
import { z } from 'zod';
import type { Signer, WireRequest } from '../contract.js';
import { providerUrl, secretList, secretText } from '../kit/settings.js';
import { hmacSha256, secretPath, type SignedForm } from '../kit/signers.js';

const pathSecret = secretText()
  .regex(/^[A-Za-z0-9_-]{16,128}$/, 'must be 16 to 128 letters, digits, "-" or "_"')
  .meta({ secret: true });

/** One integration with Hypetech. */
export const Settings = z
  .strictObject({
    /** `g1` is the document of webhooks named register and rewards, `g4` the one of 2026 that links wins to bets. */
    dialect: z.enum(['g1', 'g4']).default('g1'),
    apiUrl: providerUrl(),
    /** From the provider's admin panel. */
    accessToken: secretText()
      .regex(/^[\x21-\x7e]{1,4096}$/, 'must be one word of printable characters')
      .meta({ secret: true }),
    /** What the provider's support gives out to open a game; how it is passed is not stated. */
    gameToken: secretText().optional(),
    signature: z.enum(['required', 'off']).default('required').meta({ secret: false }),
    /** Keys of `Hype-Hash`, newest first. */
    apiKeys: secretList().optional(),
    /** The public URL of the callbacks exactly as it is registered with the provider, without the webhooks' own paths. */
    callbackUrl: providerUrl().optional(),
    /** First segment of the path, newest first, where the provider signs nothing. */
    pathSecret: z.array(pathSecret).min(1).max(4).optional(),
    /** Pages of 2025 show webhooks as GET with a JSON body. */
    allowGet: z.boolean().default(false),
  })
  .superRefine((settings, context) => {
    const needed = settings.signature === 'off' ? (['pathSecret'] as const) : (['apiKeys', 'callbackUrl'] as const);
    for (const name of needed.filter((each) => settings[each] === undefined)) {
      context.addIssue({ code: 'custom', path: [name], message: `is needed where signature is ${settings.signature}` });
    }
    if (settings.signature === 'required' && settings.pathSecret !== undefined) {
      context.addIssue({ code: 'custom', path: ['pathSecret'], message: 'has no effect unless signature is off' });
    }
  });
export type Settings = z.infer<typeof Settings>;

/** The caller is known by `Hype-Hash`, or by a secret path where that was chosen; and a time, if one is sent, is near. */
export function hypetechSigner(settings: Settings): Signer {
  const { pathSecret: secrets = [] } = settings;
  const signer = settings.signature === 'off' ? secretPath({ secrets }) : hypeHash(settings);
  return {
    ...signer,
    verify: (request) => (isTimely(request.headers['hype-timestamp']) ? signer.verify(request) : undefined),
  };
}

function hypeHash({ callbackUrl, apiKeys = [] }: Settings): Signer {
  if (callbackUrl === undefined) throw new TypeError('A signature over the URL needs the URL.');
  const forms = (request: Pick<WireRequest, 'path' | 'query' | 'body'>) => signedForms(callbackUrl, request);
  return hmacSha256({ headers: ['hype-hash'], secrets: apiKeys, encoding: 'hex', forms });
}

/**
 * The provider's sample signs `url + JSON.stringify(body)`. The URL is the registered one, never one made up from the
 * caller's `Host`; whether its query counts is not stated, so it is tried with and without.
 */
function* signedForms(
  callbackUrl: string,
  { path, query, body }: Pick<WireRequest, 'path' | 'query' | 'body'>,
): Generator<SignedForm> {
  const url = callbackUrl + path;
  const urls = (query === '' ? [url] : [`${url}?${query}`, url]).map((each) => Buffer.from(each));
  for (const start of urls) yield { message: Buffer.concat([start, body]), body };
  for (const again of writtenAgain(body)) {
    for (const start of urls) yield { message: Buffer.concat([start, again]), body: again };
  }
}

/**
 * A body sent with other white space than it was signed with. What is read then is the text that was signed, not the one
 * that came: JSON.parse rounds, so that 9007199254740992 and 9007199254740993 are one text when written again, and somebody
 * on the way could change such a digit under a signature that still fits. So could a key be repeated: only its last counts.
 */
function writtenAgain(body: Buffer): Buffer[] {
  try {
    const again = Buffer.from(JSON.stringify(JSON.parse(body.toString('utf8'))));
    return again.equals(body) ? [] : [again];
  } catch {
    // No JSON, or nested too deep to be written again.
    return [];
  }
}

/** "Signature and timestamp" are to be checked, "2 minutes" is the provider's suggestion. */
const WINDOW_MS = 120_000;
const isoTime = z.iso.datetime({ offset: true });

/**
 * Which field or header holds the time is not published, so none is due where none is sent. Seconds, milliseconds and
 * ISO 8601 are read, as no form is stated either.
 */
export function isTimely(stated: unknown): boolean {
  if (stated === undefined) return true;
  const text = stated instanceof LosslessNumber ? stated.value : stated;
  if (typeof text !== 'string') return false;
  const isEpoch = /^\d{10}(?:\d{3})?$/.test(text);
  const at = isEpoch ? Number(text.padEnd(13, '0')) : Date.parse(isoTime.safeParse(text).data ?? '');
  return Math.abs(Date.now() - at) <= WINDOW_MS;
}
