import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
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

/** Players with one wallet each, filled by real deposits so that the books stay straight. */
export async function seedWallets(ownerUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(
      `insert into currency values ($1, 6) on conflict do nothing`,
      [bench.currency],
    );
    await client.query(`insert into brand values ($1, array[$2]) on conflict do nothing`, [bench.brand, bench.currency]);
    // The lane as ledger/lanes.ts computes it.
    await client.query(
      `with made as (
         insert into player (lane, brand_id, external_id)
         select get_byte(sha256(convert_to($1, 'UTF8') || '\\x00' || convert_to('bench-' || n, 'UTF8')), 0) % 64, $1, 'bench-' || n
         from generate_series(0, $3 - 1) n returning lane, id)
       insert into wallet (lane, player_id, currency) select lane, id, $2 from made`,
      [bench.brand, bench.currency, count],
    );
  } finally {
    await client.end();
  }
}
