import { z } from 'zod';
import { addressList, providerUrl, secretList, secretText } from '../kit/settings.js';

const pathSecret = secretText()
  .min(32, 'must have 32 characters or more')
  .max(128, 'must have at most 128 characters')
  .regex(/^[A-Za-z0-9_-]+$/, 'may hold letters, digits, "-" and "_" only, as it is part of a URL')
  .meta({ secret: true });

/** Smallest and largest stake a game offers. They move no money, so they may be numbers, as they are on the wire. */
const BetLimits = z
  .strictObject({ min: z.number().positive(), max: z.number().positive() })
  .refine(({ min, max }) => min <= max, 'min must not be above max');

/** One integration with Phoenix Gambling. The API key is the provider's; the other secrets are ours to make. */
export const Settings = z
  .strictObject({
    apiUrl: providerUrl().default('https://phoenix-gambling.com/api'),
    apiKey: secretText(),
    /** The callback URL's last segment: all that a callback proves by itself. Newest first. */
    pathSecret: z
      .array(pathSecret)
      .min(1, 'must hold at least one secret')
      .max(4, 'must hold at most four secrets')
      .refine((secrets) => new Set(secrets).size === secrets.length, 'must not repeat a secret'),
    /** Whether launches name the player with a tag that callbacks have to bring back. */
    signedPlayerId: z.boolean().default(true),
    /** What that tag is made with, newest first. A game opened before a change goes on with the secret it began with. */
    playerIdSecret: secretList().default([]),
    /** Single addresses and ranges such as "192.0.2.0/24"; every address when absent. */
    sourceAddresses: addressList().optional(),
    /** A win of a larger multiple is not paid, but left to a person: whoever learns the URL could ask for any. */
    multipleMax: z.int().positive().default(10_000),
    /** By currency. */
    betLimits: z.record(z.string(), BetLimits).default({}),
  })
  .superRefine(({ signedPlayerId, playerIdSecret }, context) => {
    if (!signedPlayerId || playerIdSecret.length > 0) return;
    context.addIssue({
      code: 'custom',
      path: ['playerIdSecret'],
      message: 'must hold at least one secret while signedPlayerId is on',
    });
  });
export type Settings = z.infer<typeof Settings>;

/**
 * What production may not run without. The secret path cannot be left out at all; the signed player can, and then whoever
 * learns the callback URL can pay any player.
 * @returns undefined when nothing is missing
 */
export function missingInProduction({ signedPlayerId }: Settings): string | undefined {
  if (signedPlayerId) return undefined;
  return 'has signedPlayerId off, though the provider signs nothing itself; turn it on and set playerIdSecret.';
}
