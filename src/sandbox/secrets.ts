import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Problems } from '../config/problems.js';

/** The sandbox's secrets: `.croupier/sandbox.json`, readable by its owner alone. */

const Secrets = z.strictObject({
  authSecret: z.string().min(32),
  /** By provider, then by the name the provider's settings ask for. */
  providers: z.record(z.string(), z.record(z.string(), z.string().min(16))),
});
type Secrets = z.infer<typeof Secrets>;

/** The file as it was while the sandbox had one provider, whose secrets stood beside the other one. */
const EarlierSecrets = z.object({ authSecret: z.string().min(32) }).catchall(z.string().min(16));

type SecretOf = (provider: string) => (name: string) => string;

export interface SandboxSecrets {
  readonly authSecret: string;
  /** The same on every call and at every start; one that nobody asked for before is made. */
  readonly of: SecretOf;
}

const SECRETS_FILE = 'sandbox.json';

/**
 * Reads the file, and makes it at the first start. What `use` asks for and the file lacks is added.
 * @returns undefined after noting why it cannot be used
 */
export function readSecrets(
  stateDirectory: string,
  problems: Problems,
  use: (of: SecretOf) => void,
): SandboxSecrets | undefined {
  const path = join(stateDirectory, SECRETS_FILE);
  const read = noting(path, problems, () => {
    mkdirSync(stateDirectory, { recursive: true });
    writeFirst(path);
    return parse(readFileSync(path, 'utf8'));
  });
  if (read === undefined) return undefined;
  const { of, all } = openSecrets(read.secrets);
  use(of);
  const written = noting(path, problems, () => {
    if (JSON.stringify(all) !== JSON.stringify(read.secrets)) replace(path, all);
    return true;
  });
  if (written === undefined) return undefined;
  if (read.isEarlier) {
    process.stderr.write(
      `${path} was that of an earlier version: tokens still count, the simulated providers have new secrets.\n`,
    );
  }
  return { authSecret: all.authSecret, of };
}

function noting<Result>(path: string, problems: Problems, work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    problems.add(
      path,
      code === undefined
        ? "does not hold the sandbox's secrets; delete it to have new ones made (tokens given out before then end)."
        : `cannot be read or made (${code}); start in a directory you may write to, or set CROUPIER_CONFIG.`,
    );
    return undefined;
  }
}

function parse(text: string): { secrets: Secrets; isEarlier: boolean } {
  const json: unknown = JSON.parse(text);
  const secrets = Secrets.safeParse(json);
  if (secrets.success) return { secrets: secrets.data, isEarlier: false };
  return { secrets: { authSecret: EarlierSecrets.parse(json).authSecret, providers: {} }, isEarlier: true };
}

/**
 * A secret that is new follows from the first one: two starts at the same moment make the same, and whichever writes the
 * file last writes what the other did.
 */
function openSecrets({ authSecret, providers }: Secrets): { of: SecretOf; all: Secrets } {
  const all: Secrets = { authSecret, providers: structuredClone(providers) };
  const of: SecretOf = (provider) => (name) => {
    const known = (all.providers[provider] ??= {});
    return (known[name] ??= createHmac('sha256', authSecret).update(`sandbox/${provider}/${name}`).digest('hex'));
  };
  return { of, all };
}

/** Only if there is none: of two starts at the same moment, one writes and both read. */
function writeFirst(path: string): void {
  const secrets: Secrets = { authSecret: randomBytes(32).toString('base64url'), providers: {} };
  try {
    writeFileSync(path, textOf(secrets), { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    chmodSync(path, 0o600);
  }
}

/** Whole or not at all: whoever reads meanwhile sees the old file or the new one. */
function replace(path: string, secrets: Secrets): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, textOf(secrets), { mode: 0o600, flush: true });
  renameSync(draft, path);
}

function textOf(secrets: Secrets): string {
  return `${JSON.stringify(secrets, null, 2)}\n`;
}
