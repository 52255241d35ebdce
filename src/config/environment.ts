import { join, resolve } from 'node:path';
import { Secret } from '../observability/secret.js';
import type { Problems } from './problems.js';
import { checkPublicUrl, checkSecret } from './secrets.js';
import { DatabaseTuning } from './shape.js';
import type { AuthConfig, DatabaseConfig } from './types.js';

const authSecretBytesMin = 32;

/** @param sandboxSecret used where the environment names neither a secret nor a JWKS. */
export function readAuth(
  env: NodeJS.ProcessEnv,
  sandboxSecret: string | undefined,
  production: boolean,
  problems: Problems,
): AuthConfig | undefined {
  const url = env['CROUPIER_AUTH_JWKS_URL'];
  const secret = env['CROUPIER_AUTH_SECRET'] ?? (url === undefined ? sandboxSecret : undefined);
  const previous = env['CROUPIER_AUTH_SECRET_PREVIOUS'];
  if (previous !== undefined && env['CROUPIER_AUTH_SECRET'] === undefined) {
    problems.add('CROUPIER_AUTH_SECRET_PREVIOUS', 'is set without CROUPIER_AUTH_SECRET; set both, or remove it.');
  }
  if (secret !== undefined && url !== undefined) {
    problems.add('CROUPIER_AUTH_SECRET', 'is set together with CROUPIER_AUTH_JWKS_URL; keep one of the two.');
    return undefined;
  }
  if (url !== undefined) {
    const protocol = URL.parse(url)?.protocol;
    if (protocol !== 'https:' && protocol !== 'http:') {
      problems.add('CROUPIER_AUTH_JWKS_URL', 'must be an https URL of a JSON Web Key Set.');
      return undefined;
    }
    if (production) checkPublicUrl(url, 'CROUPIER_AUTH_JWKS_URL', problems);
    return { kind: 'jwks', url };
  }
  if (secret === undefined) {
    problems.add(
      'CROUPIER_AUTH_SECRET',
      'is missing; set it to the secret your tokens are signed with (HS256), or set CROUPIER_AUTH_JWKS_URL.',
    );
    return undefined;
  }
  checkAuthSecret(secret, 'CROUPIER_AUTH_SECRET', production, problems);
  if (previous === undefined) return { kind: 'secret', secret: new Secret(secret) };
  checkAuthSecret(previous, 'CROUPIER_AUTH_SECRET_PREVIOUS', production, problems);
  return { kind: 'secret', secret: new Secret(secret), previousSecret: new Secret(previous) };
}

function checkAuthSecret(secret: string, path: string, production: boolean, problems: Problems): void {
  checkSecret(secret, path, { production, lengthMin: authSecretBytesMin }, problems);
  if (!production && secret !== '' && Buffer.byteLength(secret) < authSecretBytesMin) {
    // RFC 7518, 3.2: a key for HS256 must be as long as its hash, in every mode.
    problems.add(path, 'has fewer than 32 bytes; openssl rand -base64 32 makes a good one.');
  }
}

/** @param tuning what the file says under `database`. */
export function readDatabase(
  env: NodeJS.ProcessEnv,
  tuning: unknown,
  { production, stateDirectory }: { production: boolean; stateDirectory: string },
  problems: Problems,
): DatabaseConfig | undefined {
  const read = problems.check(DatabaseTuning, tuning ?? {}, 'database');
  const url = env['DATABASE_URL'];
  const ownerUrl = env['DATABASE_OWNER_URL'] ?? url;
  const replicaUrl = env['DATABASE_REPLICA_URL'];
  for (const name of ['DATABASE_URL', 'DATABASE_OWNER_URL', 'DATABASE_REPLICA_URL'])
    checkDatabaseUrl(env[name], name, problems);
  if (url === undefined && production) {
    problems.add('DATABASE_URL', 'is not set, and the embedded database does not run in production; name your server.');
  }
  if (url === undefined && env['DATABASE_OWNER_URL'] !== undefined) {
    problems.add('DATABASE_OWNER_URL', 'is set without DATABASE_URL; set both or none.');
  }
  if (url === undefined && replicaUrl !== undefined) {
    problems.add('DATABASE_REPLICA_URL', 'is set without DATABASE_URL; the embedded database has no replica.');
  }
  if (!read) return undefined;
  const { directory, port, ...limits } = read;
  if (url !== undefined && ownerUrl !== undefined) return { ...limits, kind: 'url', url, ownerUrl, replicaUrl };
  const place = directory === undefined ? join(stateDirectory, 'postgres') : resolve(directory);
  return { ...limits, kind: 'embedded', directory: place, port };
}

function checkDatabaseUrl(text: string | undefined, name: string, problems: Problems): void {
  if (text === undefined) return;
  const url = URL.parse(text);
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || url.pathname.length < 2) {
    problems.add(name, 'must be written postgresql://user:password@host:5432/database.');
    return;
  }
  const zero = [...url.searchParams].find(([key, value]) => /timeout/.test(key) && Number(value) === 0);
  if (zero) problems.add(name, `sets ${zero[0]} to 0, which means waiting for ever; remove it.`);
}
