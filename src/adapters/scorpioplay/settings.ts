import { z } from 'zod';
import { providerUrl, secretList, secretText } from '../kit/settings.js';

/** One agent account of the provider: its credentials, and the one currency it plays in. */
export const Settings = z.strictObject({
  /** Host of the API, which differs by brand of the platform; the calls are those below its /v4. */
  apiUrl: providerUrl(),
  /** API_TOKEN of the back office. */
  apiToken: secretText(),
  /** CALLBACK_TOKEN of the back office, newest first; a change there takes up to ten minutes. */
  callbackToken: secretList(),
  /** "Each account is designated for a single currency", so callbacks name none. */
  currency: z.string().regex(/^[A-Z][A-Z0-9]{2,11}$/, 'must be a currency code of 3 to 12 capital letters and digits'),
  /** What the provider knows a player by: the operator's own id, or our public one where the own ids do not fit. */
  accounts: z.enum(['external-id', 'player-id']).default('external-id'),
  /** Ids that the provider sends. They are told apart by themselves: this only picks between the answers 42 and 43. */
  dialect: z.enum(['trans-id', 'trans-guid']).default('trans-id'),
  /** Decimals that balances are told with, rounded down; more than two where a cryptocurrency needs them. */
  balanceDecimals: z.int().min(0).max(8).default(2),
});
export type Settings = z.infer<typeof Settings>;
