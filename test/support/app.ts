import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { IgpxSettings, igpxSigner } from '../../src/adapters/igpx/index.js';
import { type App, createApp } from '../../src/app.js';
import { issueToken, type Role } from '../../src/auth.js';
import type { Config } from '../../src/config.js';
import { Secret } from '../../src/observability/logger.js';
import { createTestDatabase, databaseLimits, type TestDatabase, testWorld } from './database.js';

export const authSecret = 'test-auth-secret-of-at-least-32-bytes';
export const igpxHash = 'test-igpx-hash-of-32-characters-0';

const settings = {
  apiUrl: 'http://127.0.0.1:1',
  apiVersion: '1.0.0',
  username: 'test',
  password: 'test-igpx-password-of-32-character',
  securityHash: [igpxHash],
};

export interface TestApp {
  readonly app: App;
  readonly config: Config;
  readonly url: string;
  /** WebSocket URL of GraphQL. */
  readonly wsUrl: string;
  /** Lines of the log so far. */
  readonly log: string[];
  token(role: Role, subject?: string, options?: { brand?: string; expiresInS?: number }): Promise<string>;
  /** Posts a signed callback to an igpx integration; the body is sent exactly as given. */
  callback(path: string, body: object | string, options?: CallbackOptions): Promise<{ status: number; body: string }>;
  close(): Promise<void>;
}

export interface CallbackOptions {
  integration?: string;
  headers?: Record<string, string>;
}

export interface TestAppOptions {
  /** Another gateway process on the same database gets the same one. */
  database?: TestDatabase;
  /** Overrides of the configuration; `apiUrl` is the provider that launches go to. */
  config?: Partial<Config>;
  apiUrl?: string;
}

/** A whole gateway on a database of its own, listening on loopback. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp & { database: TestDatabase }> {
  const database = options.database ?? (await createTestDatabase());
  const config: Config = {
    mode: 'development',
    http: { host: '127.0.0.1', port: 0 },
    auth: { kind: 'secret', secret: new Secret(authSecret) },
    database: { kind: 'url', url: database.ownerUrl, ownerUrl: database.ownerUrl, ...databaseLimits },
    ...testWorld,
    integrations: testWorld.integrations.map((each) => ({
      ...each,
      settings: IgpxSettings.parse({ ...settings, apiUrl: options.apiUrl ?? settings.apiUrl }),
    })),
    simulators: [],
    journal: { retentionDays: 30 },
    graphql: { introspection: true, explorer: false },
    logLevel: 'info',
    ...options.config,
  };
  const log: string[] = [];
  const app = await createApp(config, pino({ level: config.logLevel }, { write: (line) => log.push(line) }));
  await new Promise<void>((resolve) => {
    app.http.listen(config.http.port, config.http.host, resolve);
  });
  const { port } = app.http.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const signer = igpxSigner({ securityHash: [igpxHash] });

  return {
    app,
    config,
    database,
    url,
    wsUrl: `ws://127.0.0.1:${port}/graphql`,
    log,
    token: (role, subject = 'staff', { brand = 'demo', expiresInS = 3_600 } = {}) =>
      issueToken(new Secret(authSecret), { subject, brand, roles: [role] }, expiresInS),
    async callback(path, body, { integration = 'igpx-demo', headers } = {}) {
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const response = await fetch(`${url}/callbacks/${integration}${path}`, {
        method: 'POST',
        body: bytes,
        headers: headers ?? signer.sign({ method: 'POST', path, query: '', headers: {}, body: bytes }).headers,
      });
      return { status: response.status, body: await response.text() };
    },
    async close() {
      await app.close();
      if (options.database === undefined) await database.close();
    },
  };
}
