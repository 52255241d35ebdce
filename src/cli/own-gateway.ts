import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapters, type Provider } from '../adapters/registry.js';
import { createApp } from '../app.js';
import { type Config, loadConfig } from '../config.js';
import { audit, type AuditReport } from '../ledger/audit.js';
import { createLogger } from '../observability/logger.js';

/** A gateway for one command, durable as a real one: its own database in a folder of its own, and nothing left behind. */
export interface OwnGateway {
  readonly url: string;
  readonly config: Config;
  audit(): Promise<AuditReport>;
  close(): Promise<void>;
}

export interface OwnIntegration {
  readonly id: string;
  readonly provider: Provider;
  /** One of the protocol's further dialects; its default when absent. */
  readonly dialect?: string | undefined;
}

const BRAND = 'own';
const CURRENCY = 'EUR';

/** @returns a gateway that listens on loopback, with these integrations of one brand and no players */
export async function startOwnGateway(integrations: readonly OwnIntegration[]): Promise<OwnGateway> {
  const directory = await mkdtemp(join(tmpdir(), 'croupier-own-'));
  const cleanUp = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const app = await listen(directory, integrations);
    return {
      ...app,
      async close() {
        await app.close();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function listen(directory: string, integrations: readonly OwnIntegration[]): Promise<OwnGateway> {
  const run = randomUUID();
  const entries = integrations.map((each) => entryOf(each, run));
  const currencies = [...new Set(entries.flatMap((each) => each.currencies))];
  const path = join(directory, 'croupier.yaml');
  const file = {
    currencies: Object.fromEntries(currencies.map((currency) => [currency, {}])),
    brands: [{ id: BRAND, currencies }],
    integrations: entries,
    database: { directory: join(directory, 'postgres') },
    // Nobody is there to be asked.
    catalogueHours: 0,
  };
  await writeFile(path, JSON.stringify(file));
  const own = { CROUPIER_CONFIG: path, CROUPIER_AUTH_SECRET: secretOf(run, 'auth'), HOST: '127.0.0.1', PORT: '0' };
  const config = loadConfig({ ...own, LOG_LEVEL: 'error' }, { adapters });
  const app = await createApp(config, createLogger({ level: config.logLevel }));
  await new Promise<void>((resolve) => {
    app.http.listen(0, '127.0.0.1', resolve);
  });
  const { port } = app.http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    config,
    audit: () => audit(app.database.orm),
    close: () => app.close(),
  };
}

function entryOf({ id, provider: { adapter, side }, dialect }: OwnIntegration, run: string) {
  const settings = side.settings({
    apiUrl: 'http://127.0.0.1:1',
    // Settings may hold the callback URL. It is only compared, never called: what is signed need not be where it is sent.
    callbackUrl: `http://127.0.0.1/callbacks/${id}`,
    secret: (name) => secretOf(run, `${id} ${name}`),
  });
  return {
    id,
    adapter: adapter.id,
    brand: BRAND,
    currencies: [side.currencies?.[0] ?? CURRENCY],
    settings: { ...settings, ...side.dialects[dialect ?? ''] },
  };
}

function secretOf(run: string, name: string): string {
  return createHash('sha256').update(`${run} ${name}`).digest('hex');
}
