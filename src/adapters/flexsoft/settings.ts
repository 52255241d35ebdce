import { z } from 'zod';
import { parseDecimal } from '../../ledger/money.js';
import type { Signer } from '../contract.js';
import { idText } from '../kit/amounts.js';
import { providerUrl, secretText } from '../kit/settings.js';
import { keyedHmacSha256 } from '../kit/signers.js';

/** The public key names the secret that signs; the provider hands out one pair per operator and environment. */
const KeyPair = z.strictObject({
  /** It is put into a header as it is. */
  publicKey: z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable characters without white space'),
  secret: secretText(),
});

/** Decimal text in major units that a whole number of thousandths can say. */
const majorUnits = z.string().refine((text) => {
  const amount = parseDecimal(text);
  return amount !== undefined && amount.digits > 0n && amount.decimals <= 3;
}, 'must be a decimal above 0 as text, such as "100.00", with three decimals at most');

/** One integration with Flexsoft. */
export const Settings = z.strictObject({
  apiUrl: providerUrl(),
  /** Newest first; during a change the previous pair stays until the provider has switched. */
  keys: z
    .array(KeyPair)
    .min(1)
    .max(4)
    .refine(
      (keys) => new Set(keys.map(({ publicKey }) => publicKey)).size === keys.length,
      'must not repeat a public key',
    ),
  /** The diagrams of the provider's document show the answer's data alone, its error page speaks of an envelope. */
  envelope: z.enum(['enveloped', 'flat']).default('enveloped'),
  /** One page of the provider's older documentation requires it at launch. */
  operatorId: idText.optional(),
  /** Largest stake that players are told of, in major units. The provider keeps it, not the gateway. */
  maxBet: majorUnits.optional(),
  /** Where a game sends the player at its end when the launch does not say; the provider requires one. */
  returnUrl: z.url({ protocol: /^https?$/ }).optional(),
});
export type Settings = z.infer<typeof Settings>;

export function flexsoftSigner({ keys }: Pick<Settings, 'keys'>): Signer {
  return keyedHmacSha256({ keyHeader: 'x-public-key', headers: ['x-signature'], encoding: 'base64', pairs: keys });
}
