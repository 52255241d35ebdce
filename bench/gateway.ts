import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { assertPortFree } from '../src/port.js';
import { adapters } from '../src/adapters/registry.js';
import { bench, integrationOf, settingsOf } from './bets.js';

/** A server of the bench, as a process of its own. */
export interface Running {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

export const authSecret = 'bench-auth-secret-of-at-least-32-bytes';

/** The real gateway, built (`npm run build`), over the bench's database. */
export async function startGateway(
  directory: string,
  databaseUrl: string,
  port: number,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<Running> {
  const config = join(directory, 'croupier.yaml');
  await writeFile(config, JSON.stringify({ ...gatewayConfig, ...overrides }));
  return start(directory, port, ['--max-old-space-size=1024', '--max-semi-space-size=64', 'dist/server.js'], {
    CROUPIER_CONFIG: config,
    CROUPIER_AUTH_SECRET: authSecret,
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    PORT: String(port),
  });
}

export async function startTarget(
  directory: string,
  kind: 'none' | 'one-transaction',
  port: number,
  databaseUrl = '',
): Promise<Running> {
  return start(directory, port, ['--import', 'tsx', 'bench/target.ts', kind, String(port), databaseUrl], {});
}

/** A baseline of the GraphQL bench. */
export async function startGraphqlTarget(
  directory: string,
  kind: 'mercurius' | 'apollo',
  port: number,
  databaseUrl: string,
): Promise<Running> {
  return start(directory, port, ['--import', 'tsx', 'bench/graphql-target.ts', kind, String(port), databaseUrl], {});
}

const START_MS = 20_000;

const gatewayConfig = {
  currencies: { [bench.currency]: {} },
  brands: [{ id: bench.brand, currencies: [bench.currency] }],
  integrations: adapters.map(({ id }) => ({
    id: integrationOf(id),
    adapter: id,
    brand: bench.brand,
    currencies: [bench.currency],
    settings: settingsOf(id),
  })),
};

/** Starts Node with its log in a file, and waits until it answers. */
async function start(
  directory: string,
  port: number,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Running> {
  // Another server on the port would answer in this one's place, and be measured.
  await assertPortFree({ host: '127.0.0.1', port });
  const log = await open(join(directory, `log-${port}`), 'a');
  const child = spawn(process.execPath, [...args], {
    env: { ...process.env, ...env, NODE_ENV: '' },
    stdio: ['ignore', log.fd, 'inherit'],
  });
  await log.close();
  const url = `http://127.0.0.1:${port}`;
  for (const started = performance.now(); !(await answers(url));) {
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode} before it answered`);
    if (performance.now() - started > START_MS)
      throw new Error(`${args.join(' ')} did not answer within ${START_MS} ms`);
    await delay(50);
  }
  return {
    url,
    process: child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (response) => response.ok || response.status === 404,
    () => false,
  );
}
