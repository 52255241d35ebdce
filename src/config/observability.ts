import { z } from 'zod';
import { Secret } from '../observability/secret.js';
import type { Problems } from './problems.js';
import { checkSecret } from './secrets.js';
import type { MetricsConfig, TracingConfig } from './types.js';

const tokenBytesMin = 16;

const MetricsEntry = z.strictObject({ token: z.string().optional() });

/** Reads the part `metrics` of the configuration. */
export function readMetrics(entry: unknown, production: boolean, problems: Problems): MetricsConfig {
  const { token } = problems.check(MetricsEntry, entry ?? {}, 'metrics') ?? {};
  if (token === undefined) return {};
  // A variable that was not found stays as it was written, and is reported already.
  if (!token.includes('${')) checkSecret(token, 'metrics.token', { production, lengthMin: tokenBytesMin }, problems);
  return { token: new Secret(token) };
}

const ratioHint = 'must be a number from 0 (nothing) to 1 (everything)';
const TracingEntry = z.strictObject({
  url: z
    .string()
    .refine(
      (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
      'must be the address of an OTLP receiver over HTTP, such as "http://collector:4318/v1/traces"',
    ),
  sampleRatio: z.number(ratioHint).min(0, ratioHint).max(1, ratioHint).default(1),
  headers: z.record(z.string().regex(/^[\w-]+$/), z.string()).default({}),
});

/** Reads the part `tracing` of the configuration. @returns undefined when there is none: then nothing is traced */
export function readTracing(entry: unknown, problems: Problems): TracingConfig | undefined {
  if (entry === undefined) return undefined;
  const read = problems.check(TracingEntry, entry, 'tracing');
  if (read === undefined) return undefined;
  const { url, sampleRatio, headers } = read;
  const secrets = Object.entries(headers).map(([name, text]) => [name, new Secret(text)] as const);
  // The URL may carry credentials too.
  return { url: new Secret(url), sampleRatio, headers: Object.fromEntries(secrets) };
}
