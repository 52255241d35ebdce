import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapters } from '../adapters/registry.js';
import { createApp } from '../app.js';
import { createCashier } from '../cashier/cashier.js';
import { loadConfig } from '../config.js';
import { startEmbeddedPostgres } from '../database.js';
import { audit, type AuditReport } from '../ledger/audit.js';
import { parseDecimal } from '../ledger/money.js';
import { migrate } from '../migrate.js';
import { createLogger } from '../observability/logger.js';
import { createPlayers } from '../players/players.js';

/** A gateway for one command: its own database in a folder of its own, its own players, and nothing left behind. */
export interface OwnGateway {
  /** Where the integration takes callbacks. */
  callbackUrl(integration: string): string;
  audit(): Promise<AuditReport>;
  close(): Promise<void>;
}

export interface OwnGatewayOptions {
  /** `settings` may depend on the gateway's own address, which some providers sign. */
  readonly integrations: (callbackUrl: (integration: string) => string) => readonly {
    readonly id: string;
    readonly adapter: string;
    readonly currency: string;
    readonly settings: unknown;
  }[];
  readonly players: readonly string[];
  readonly currency: string;
  /** What each player has, as decimal text. */
  readonly balance: string;
  /** Listens here; a free port unless told. */
  readonly port?: number;
}

const BRAND = 'own';

export async function startOwnGateway(options: OwnGatewayOptions): Promise<OwnGateway> {
  const directory = await mkdtemp(join(tmpdir(), 'croupier-own-'));
  await mkdir(join(directory, 'postgres'));
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  const cleanUp = async (): Promise<void> => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await migrate(server.url);
    const running = await startApp(options, directory, server.url);
    return {
      ...running,
      async close() {
        await running.close();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function startApp(options: OwnGatewayOptions, directory: string, databaseUrl: string): Promise<OwnGateway> {
  const { currency, players, balance } = options;
  const port = options.port ?? (await freePort());
  const callbackUrl = (integration: string): string => `http://127.0.0.1:${port}/callbacks/${integration}`;
  const integrations = options.integrations(callbackUrl).map(({ currency: own, ...each }) => ({
    ...each,
    brand: BRAND,
    currencies: [own],
  }));
  const path = join(directory, 'croupier.yaml');
  await writeFile(
    path,
    JSON.stringify({
      currencies: { [currency]: {} },
      brands: [{ id: BRAND, currencies: [currency] }],
      integrations,
      catalogueHours: 0,
    }),
  );
  const config = loadConfig(
    {
      CROUPIER_CONFIG: path,
      CROUPIER_AUTH_SECRET: randomBytes(32).toString('hex'),
      DATABASE_URL: databaseUrl,
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'error',
    },
    { adapters },
  );
  const app = await createApp(config, createLogger({ level: config.logLevel }));
  try {
    await new Promise<void>((resolve, reject) => {
      app.http.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    await fund(app, config, players, { currency, balance });
  } catch (error) {
    await app.close();
    throw error;
  }
  return { callbackUrl, audit: () => audit(app.database.orm), close: () => app.close() };
}

async function fund(
  { database, ledger }: Awaited<ReturnType<typeof createApp>>,
  config: ReturnType<typeof loadConfig>,
  players: readonly string[],
  { currency, balance }: { currency: string; balance: string },
): Promise<void> {
  const amount = parseDecimal(balance);
  if (amount === undefined) throw new TypeError(`"${balance}" is no amount`);
  const brandCurrencies = new Map([[BRAND, new Set([currency])]]);
  const directory = createPlayers({ orm: database.orm, ledger, brandCurrencies });
  const cashier = createCashier({ ledger, currencies: config.currencies });
  await Promise.all(
    players.map(async (player) => {
      await directory.create({ brand: BRAND, externalId: player });
      const idempotencyKey = 'first';
      await cashier.deposit({ brand: BRAND, player, currency, amount, idempotencyKey, reference: undefined });
    }),
  );
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
