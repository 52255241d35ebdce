import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bench } from './bets.js';

/** A server of the bench, as a process of its own. */
export interface Running {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** The real gateway, built (`npm run build`), over the bench's database. */
export async function startGateway(directory: string, databaseUrl: string, port: number): Promise<Running> {
  const config = join(directory, 'croupier.yaml');
  await writeFile(config, JSON.stringify(gatewayConfig));
  return start(['dist/server.js'], {
    CROUPIER_CONFIG: config,
    CROUPIER_AUTH_SECRET: 'bench-auth-secret-of-at-least-32-bytes',
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    PORT: String(port),
  });
}

export async function startTarget(kind: 'none' | 'one-transaction', databaseUrl = ''): Promise<Running> {
  return start(['--import', 'tsx', 'bench/target.ts', kind, databaseUrl], {});
}

const gatewayConfig = {
  currencies: { [bench.currency]: {} },
  brands: [{ id: bench.brand, currencies: [bench.currency] }],
  integrations: [
    {
      id: bench.integration,
      adapter: 'igpx',
      brand: bench.brand,
      currencies: [bench.currency],
      settings: {
        apiUrl: 'http://127.0.0.1:1',
        apiVersion: '1.0.0',
        username: 'bench',
        password: 'bench-password-of-32-characters-x',
        securityHash: [bench.securityHash],
      },
    },
  ],
};

/** Starts Node and waits for the line that says where it listens. */
async function start(args: readonly string[], env: Record<string, string>): Promise<Running> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env, NODE_ENV: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code} before it listened`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      // Reading on keeps the pipe from filling: the gateway logs a line per callback.
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  child.removeAllListeners('exit');
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
