import { z } from 'zod';
import { providerUrl, secretList, secretText } from '../kit/settings.js';

/** One integration with Template: what the provider hands out, and what the operator chose. */
export const Settings = z.strictObject({
  apiUrl: providerUrl(),
  apiKey: secretText(),
  /** Keys of the callbacks' signatures, newest first: during a change the previous one still works. */
  secrets: secretList(),
});
export type Settings = z.infer<typeof Settings>;
