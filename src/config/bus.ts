import { z } from 'zod';
import { Secret } from '../observability/secret.js';
import type { Problems } from './problems.js';
import type { BusConfig } from './types.js';

const protocols = { redis: ['redis:', 'rediss:'], nats: ['nats:', 'tls:'] } as const;

function serverUrl(kind: keyof typeof protocols) {
  const [plain, secured] = protocols[kind];
  return z
    .string()
    .refine(
      (text) => URL.canParse(text) && new URL(text).hostname !== '' && isOneOf(new URL(text).protocol, protocols[kind]),
      `must be a URL such as "${plain}//user:password@host:port", or ${secured}// over TLS`,
    )
    .transform((text) => new Secret(text));
}

function isOneOf(text: string, list: readonly string[]): boolean {
  return list.includes(text);
}

const BusEntry = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('postgres') }),
    z.strictObject({ kind: z.literal('redis'), url: serverUrl('redis') }),
    z.strictObject({ kind: z.literal('nats'), url: serverUrl('nats') }),
  ],
  { error: 'must be written { kind: postgres }, { kind: redis, url: … } or { kind: nats, url: … }' },
);

/** Reads the part `bus` of the configuration: PostgreSQL carries hints unless told otherwise. */
export function readBus(entry: unknown, problems: Problems): BusConfig {
  return problems.check(BusEntry, entry ?? { kind: 'postgres' }, 'bus') ?? { kind: 'postgres' };
}
