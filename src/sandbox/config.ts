import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Problems } from '../config/problems.js';

/** What `npm start` runs with when nothing is configured: one brand, one provider, played by a simulator beside it. */

const simulatorPortDefault = 4_001;

const SandboxSecrets = z.strictObject({
  authSecret: z.string().min(32),
  igpxPassword: z.string().min(16),
  igpxSecurityHash: z.string().min(16),
});
type SandboxSecrets = z.infer<typeof SandboxSecrets>;

export interface Sandbox {
  /** In the shape of the configuration file, and checked like one. */
  readonly file: unknown;
  readonly authSecret: string | undefined;
}

/** The sandbox's secrets are made at its first start and kept, so that tokens outlive a restart. */
export function readSandbox(env: NodeJS.ProcessEnv, stateDirectory: string, problems: Problems): Sandbox {
  const secrets = readSandboxSecrets(stateDirectory, problems);
  if (!secrets) return { file: undefined, authSecret: undefined };
  const simulatorPort = Number(env['SIMULATOR_PORT'] ?? simulatorPortDefault);
  const file = {
    currencies: { EUR: {}, USD: {}, BTC: { scale: 8 } },
    brands: [{ id: 'demo', currencies: ['EUR', 'USD', 'BTC'] }],
    integrations: [
      {
        id: 'igpx-demo',
        adapter: 'igpx',
        brand: 'demo',
        currencies: ['EUR', 'USD'],
        settings: {
          apiUrl: `http://127.0.0.1:${simulatorPort}`,
          apiVersion: '1.0.0',
          username: 'croupier-sandbox',
          password: secrets.igpxPassword,
          securityHash: [secrets.igpxSecurityHash],
        },
      },
    ],
    simulators: [{ integration: 'igpx-demo', port: simulatorPort }],
  };
  return { file, authSecret: secrets.authSecret };
}

function readSandboxSecrets(stateDirectory: string, problems: Problems): SandboxSecrets | undefined {
  const path = join(stateDirectory, 'sandbox.json');
  try {
    mkdirSync(stateDirectory, { recursive: true });
    writeNewSecrets(path);
    return SandboxSecrets.parse(JSON.parse(readFileSync(path, 'utf8')));
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

/** Only if there is none: of two starts at the same moment, one writes and both read. */
function writeNewSecrets(path: string): void {
  const secrets: SandboxSecrets = {
    authSecret: randomBytes(32).toString('base64url'),
    igpxPassword: randomBytes(24).toString('base64url'),
    igpxSecurityHash: randomBytes(32).toString('hex'),
  };
  try {
    writeFileSync(path, `${JSON.stringify(secrets, null, 2)}\n`, { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    chmodSync(path, 0o600);
  }
}
