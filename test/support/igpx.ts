import { type ProviderHttp } from '../../src/adapters/contract.js';
import { createIgpxClient } from '../../src/adapters/igpx/client.js';
import { IgpxSettings } from '../../src/adapters/igpx/index.js';
import { createProviderHttp } from '../../src/adapters/kit/http.js';
import { type IgpxSimulatorOptions, startIgpxSimulator } from '../../src/simulator/igpx/server.js';
import { afterThisTest } from './loopback.js';

export function settingsFor(apiUrl: string) {
  return IgpxSettings.parse({
    apiUrl,
    apiVersion: '1.0.0',
    username: 'casino',
    password: 'casino-password',
    securityHash: ['test-security-hash'],
  });
}

/** A simulator and a client of it, with the paths the client called. */
export async function simulate(options: Partial<IgpxSimulatorOptions> = {}, clock?: () => number) {
  const simulator = await startIgpxSimulator({
    port: 0,
    callbackUrl: 'http://127.0.0.1:9/callbacks/igpx-demo',
    settings: settingsFor('http://127.0.0.1:9'),
    ...options,
  });
  afterThisTest(() => simulator.close());
  const calls: string[] = [];
  const http = createProviderHttp({ timeoutMs: 2_000, retries: 0 });
  const counting: ProviderHttp = {
    post(url, body, sendOptions) {
      calls.push(new URL(url).pathname);
      return http.post(url, body, sendOptions);
    },
  };
  const settings = settingsFor(simulator.apiUrl);
  return { simulator, settings, calls, http: counting, client: createIgpxClient(settings, counting, clock) };
}

export const launch = { player: 'alice', currency: 'USD', game: undefined, language: 'en' };
export const AUTH = '/1.0.0/auth';
export const START = '/1.0.0/start-session';
