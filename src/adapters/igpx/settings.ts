import { z } from 'zod';
import { addressList } from '../kit/settings.js';

/** White space around a credential is a slip of the hand that would cost a day to find. */
const credential = z
  .string()
  .min(1)
  .max(512)
  .refine((text) => text.trim() === text && !/\p{Cc}/u.test(text), 'must not be padded or hold control characters');

const apiUrl = z
  .url({ protocol: /^https?$/ })
  .refine((text) => {
    const url = new URL(text);
    return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  }, 'must be an http(s) URL without credentials, query or fragment')
  .transform((text) => text.replace(/\/+$/, ''));

/** One integration with IGPX. The first six values are those the provider hands out. */
export const Settings = z.strictObject({
  apiUrl,
  /** One path segment, such as "1.0.0". */
  apiVersion: z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,31}$/, 'must be one path segment such as "1.0.0"'),
  username: credential,
  password: credential,
  /** SECURITY_HASH, newest first; during a change the previous one stays until the provider has switched. */
  securityHash: z
    .array(credential.min(16, 'must have 16 characters or more'))
    .min(1)
    .max(5)
    .refine((secrets) => new Set(secrets).size === secrets.length, 'must not repeat a secret'),
  /** Where callbacks may come from, beside being signed; every address when absent. */
  sourceAddresses: addressList().optional(),
  /** The provider's document has both spellings. */
  insufficientFundsCode: z.enum(['INSUFFICIENT_FUNDS', 'INSUFFICENT_FUNDS']).default('INSUFFICIENT_FUNDS'),
  /** "All responses must have http status 200"; 401 where monitoring should see a wrong secret at once. */
  badSignatureStatus: z.literal([200, 401]).default(200),
  /** Also serve the callback URL itself, without a suffix, telling callbacks apart by `action`. */
  bareRoute: z.boolean().default(false),
  /** Adds `balance` and `currency` to answers of success. */
  balanceInAnswer: z.boolean().default(false),
  /** Answers `getBalance` on the callback URL itself. */
  balanceCallback: z.boolean().default(false),
});
export type Settings = z.infer<typeof Settings>;
