import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { keyIdOf, readPrivateKey, readPublicKey } from '../history/proof-key.js';
import { Secret } from '../observability/secret.js';
import type { Problems } from './problems.js';
import type { ProofsConfig } from './types.js';

const ProofsEntry = z.strictObject({
  /** PKCS#8 of Ed25519: PEM, or base64. */
  privateKey: z.string().min(1, 'is empty; "openssl genpkey -algorithm ed25519" makes a key'),
  /** Public halves, in PEM, of the keys that were used before: what they signed stays verifiable. */
  earlierKeys: z.array(z.string()).default([]),
});

/** @returns undefined when the configuration has no such part, or after noting what is wrong with it */
export function readProofs(entry: unknown, problems: Problems): ProofsConfig | undefined {
  if (entry === undefined) return undefined;
  const read = problems.check(ProofsEntry, entry, 'proofs');
  // A variable that was not found stays as it was written, and is reported already.
  if (!read || read.privateKey.includes('${')) return undefined;
  const current = readPrivateKey(read.privateKey);
  if ('why' in current) {
    problems.add('proofs.privateKey', `${current.why}; "openssl genpkey -algorithm ed25519" makes a key.`);
    return undefined;
  }
  const ids = new Set([keyIdOf(createPublicKey(current.key))]);
  for (const [index, text] of read.earlierKeys.entries()) {
    const path = `proofs.earlierKeys[${index}]`;
    const earlier = readPublicKey(text);
    if ('why' in earlier) {
      problems.add(path, `${earlier.why}; "openssl pkey -pubout" writes the public half of a key.`);
      continue;
    }
    const id = keyIdOf(earlier.key);
    if (ids.has(id)) problems.add(path, 'repeats another key of the proofs.');
    ids.add(id);
  }
  return { privateKey: new Secret(read.privateKey), earlierKeys: read.earlierKeys };
}
