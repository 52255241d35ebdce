import { z } from 'zod';

/**
 * Pieces of an adapter's settings schema. `secret: true` in a schema's metadata is what the configuration goes by when it
 * refuses weak, short and repeated secrets, so credentials are declared with `secretText()`.
 */
export function secretText() {
  return z
    .string()
    .min(1, 'must not be empty')
    .regex(/^\S(.*\S)?$/s, 'has white space around it; remove it, line end included')
    .meta({ secret: true });
}

/** Live secrets, newest first: during a rotation the previous one still works. */
export function secretList() {
  return z.array(secretText()).min(1, 'must hold at least one secret').max(4, 'must hold at most four secrets');
}

/** Base URL of a provider, without query, fragment and credentials; a trailing "/" is dropped. */
export function providerUrl() {
  return z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    }, 'must not hold a query, a fragment or credentials')
    .transform((text) => text.replace(/\/+$/, ''));
}

/** Addresses that callbacks may come from, for the `fromAddresses` signer: single ones, or ranges such as "192.0.2.0/24". */
export function addressList() {
  return z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an IP address or a range of them'))
    .min(1, 'must hold at least one address');
}
