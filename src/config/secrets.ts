import { isIP } from 'node:net';
import { z } from 'zod';
import { bareHost, isPrivateAddress } from '../adapters/kit/addresses.js';
import type { Problems } from './problems.js';

/** A text found in an integration's settings. */
interface SettingText {
  readonly path: string;
  readonly text: string;
  readonly secret: boolean;
}

/** Names that hold secrets even where an adapter's schema forgot to say so (`.meta({ secret: false })` says otherwise). */
const secretName = /(password|passphrase|secret|hash|token|signature|(api|private|signing|access|hmac)_?key)s?$/i;

/** Every text of the settings, and whether the adapter's schema (`secretText()` of the kit) or its name calls it secret. */
export function textsOf(schema: z.ZodType, settings: unknown, path: string): SettingText[] {
  const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  return collect(described, settings, path, '', undefined);
}

function collect(
  schema: unknown,
  value: unknown,
  path: string,
  name: string,
  known: boolean | undefined,
): SettingText[] {
  const secret = declared(schema) ?? known;
  if (typeof value === 'string') {
    // A variable that was not found stays as it was written, and is reported already.
    return value.includes('${') ? [] : [{ path, text: value, secret: secret ?? secretName.test(name) }];
  }
  if (Array.isArray(value)) {
    const items = member(schema, 'items');
    return value.flatMap((each: unknown, index) => collect(items, each, `${path}[${index}]`, name, secret));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, each]) => {
      const property = member(member(schema, 'properties'), key) ?? member(schema, 'additionalProperties');
      return collect(property, each, `${path}.${key}`, key, secret);
    });
  }
  return [];
}

/** The schema's own word, or that of any alternative of a union. */
function declared(schema: unknown): boolean | undefined {
  const own = member(schema, 'secret');
  if (typeof own === 'boolean') return own;
  const alternatives = member(schema, 'anyOf') ?? member(schema, 'oneOf') ?? member(schema, 'allOf');
  if (!Array.isArray(alternatives)) return undefined;
  return alternatives.map(declared).find((each) => each !== undefined);
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return Object.entries(value).find(([each]) => each === key)?.[1];
}

const weakStart =
  /^(secret|password|passw0rd|changeme|change-me|change_me|default|test|demo|example|sample|dummy|sandbox|croupier|todo|xxx|admin|qwerty|letmein|12345|abcde)/i;
const distinctCharactersMin = 6;

interface SecretRules {
  readonly production: boolean;
  /** In bytes. */
  readonly lengthMin: number;
  /** Whether it may be the provider who chose it, so that a better one has to be asked for. */
  readonly isShared?: boolean;
}

/** Length and content of one secret, of which at most one is reported. Nothing of the value goes into the message. */
export function checkSecret(
  secret: string,
  path: string,
  { production, lengthMin, isShared = false }: SecretRules,
  problems: Problems,
): void {
  if (secret === '') return problems.add(path, 'is empty; set the secret the provider gave you, or a random one.');
  if (secret !== secret.trim()) problems.add(path, 'has white space around it; remove it, line end included.');
  if (!production) return;
  const length = Buffer.byteLength(secret);
  const own = 'openssl rand -base64 32 makes one';
  if (length < lengthMin) {
    const cure = isShared ? `ask the provider for a longer one; where you choose it yourself, ${own}` : own;
    const size = length === 1 ? '1 byte' : `${length} bytes`;
    problems.add(path, `has ${size}, production needs ${lengthMin} or more: ${cure}.`);
  } else if (weakStart.test(secret) || new Set(secret).size < distinctCharactersMin) {
    const cure = isShared
      ? `ask the provider for a random one; where you choose it yourself, ${own}`
      : `use a random secret: ${own}`;
    problems.add(path, `is a well-known or guessable word; ${cure}.`);
  }
}

/** Two places with one secret: what leaks from one opens the other, and a callback could pass for another integration's. */
export function checkRepeatedSecrets(secrets: readonly { path: string; text: string }[], problems: Problems): void {
  const firstPath = new Map<string, string>();
  for (const { path, text } of secrets) {
    const first = firstPath.get(text);
    if (first === undefined) firstPath.set(text, path);
    else if (text !== '') problems.add(path, `repeats the secret of ${first}; every secret must be used once.`);
  }
}

/** In production a provider is reached over TLS and outside the own network. */
export function checkPublicUrl(text: string, path: string, problems: Problems): void {
  const url = URL.parse(text);
  if (!url) return;
  if (url.protocol === 'http:' || url.protocol === 'ws:') {
    problems.add(path, `is plain ${url.protocol.slice(0, -1)}; production needs https.`);
  }
  if (/^(https?|wss?):$/.test(url.protocol) && isPrivateHost(url.hostname)) {
    problems.add(path, `points to "${url.hostname}", which is not a public address.`);
  }
}

/** Names count by their ending: what they resolve to is checked when they are called. */
function isPrivateHost(hostname: string): boolean {
  const host = bareHost(hostname);
  if (isIP(host) !== 0) return isPrivateAddress(host);
  return !host.includes('.') || /\.(localhost|local|internal|lan|home|test|invalid|example|svc)$/.test(host);
}
