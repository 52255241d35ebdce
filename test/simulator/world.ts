import { once } from 'node:events';
import { createServer } from 'node:net';
import { providers } from '../../src/adapters/registry.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.js';
import { createOperator, type Operator } from '../../src/simulator/load/operator.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { TestDatabase } from '../support/database.js';

/** A gateway with an integration of every provider, each played by its simulator. */
export interface World {
  readonly gateway: TestApp;
  readonly database: TestDatabase;
  readonly operator: Operator;
  callbackUrl(provider: string): string;
  /** As the gateway has them. */
  settings(provider: string): Record<string, unknown>;
  simulator(provider: string): Simulator;
  balance(player: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export const currency = 'EUR';

export async function openWorld(options: Partial<SimulatorOptions> = {}): Promise<World> {
  const port = await freePort();
  const callbackUrl = (provider: string): string => `http://127.0.0.1:${port}/callbacks/${provider}-demo`;
  const settingsAt = (provider: string, apiUrl: string): Record<string, unknown> =>
    providers.get(provider)?.side.settings({
      apiUrl,
      callbackUrl: callbackUrl(provider),
      secret: (name) => Buffer.from(`${provider} ${name} of this test`).toString('hex'),
    }) ?? {};
  const simulators = new Map<string, Simulator>();
  for (const [id, { side, adapter }] of providers) {
    const settings = settingsAt(id, 'http://127.0.0.1:9');
    const simulated = { side, settings, title: adapter.title, callbackUrl: callbackUrl(id), port: 0 };
    simulators.set(id, await startSimulator({ ...simulated, ...options }));
  }
  const simulator = (provider: string): Simulator => {
    const found = simulators.get(provider);
    if (found === undefined) throw new Error(`Nobody plays ${provider}.`);
    return found;
  };
  const settings = (provider: string): Record<string, unknown> => settingsAt(provider, simulator(provider).apiUrl);
  const gateway = await startTestApp({
    config: {
      http: { host: '127.0.0.1', port },
      integrations: [...providers].map(([id, { side }]) => ({
        id: `${id}-demo`,
        adapter: id,
        brand: 'demo',
        currencies: side.currencies ?? [currency],
        settings: settings(id),
        policy: {},
      })),
    },
  });
  const operator = createOperator({ url: gateway.url, token: await gateway.token('service'), currency });
  return {
    gateway,
    database: gateway.database,
    operator,
    callbackUrl,
    settings,
    simulator,
    balance: async (player) => (await operator.balances([{ player }])).get(player),
    async close() {
      await Promise.all([...simulators.values()].map((each) => each.close()));
      await gateway.close();
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
