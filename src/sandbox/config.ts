import { createHmac } from 'node:crypto';
import { providers } from '../adapters/registry.js';
import type { Problems } from '../config/problems.js';
import { privateKeyOf } from '../history/proof-key.js';
import { apiUrlOf } from '../simulator/simulator.js';
import { readSecrets } from './secrets.js';

/** What `npm start` runs with when nothing is configured: one brand, and every provider, played by a simulator of its own. */

const PORT_DEFAULT = 4_000;
const SIMULATOR_PORT_DEFAULT = 4_001;

const currencies = { EUR: {}, USD: {}, BTC: { scale: 8 } };
/** Those of an integration whose provider leaves the choice. */
const playedIn = ['EUR', 'USD'] as const;

export interface Sandbox {
  /** In the shape of the configuration file, and checked like one. */
  readonly file: unknown;
  readonly authSecret: string | undefined;
}

/** The sandbox's secrets are made at its first start and kept, so that tokens outlive a restart. */
export function readSandbox(env: NodeJS.ProcessEnv, stateDirectory: string, problems: Problems): Sandbox {
  const { HOST: host = '127.0.0.1', PORT: gatewayPort = String(PORT_DEFAULT) } = env;
  // What is wrong with either is said where the environment is checked.
  const gateway = URL.parse(`http://${host}:${gatewayPort}`)?.origin ?? `http://127.0.0.1:${PORT_DEFAULT}`;
  const firstPort = Number(env['SIMULATOR_PORT'] ?? SIMULATOR_PORT_DEFAULT);
  // In an order of its own, so that a port is always the same provider's.
  const byName = [...providers].sort(([left], [right]) => (left < right ? -1 : 1));
  const entries = byName.map(([adapter, { side }], index) => {
    const id = `${adapter}-demo`;
    const port = firstPort + index;
    const at = { apiUrl: apiUrlOf(`http://127.0.0.1:${port}`), callbackUrl: `${gateway}/callbacks/${id}` };
    return { id, adapter, port, side, at };
  });
  const secrets = readSecrets(stateDirectory, problems, (secretOf) => {
    for (const { adapter, side, at } of entries) side.settings({ ...at, secret: secretOf(adapter) });
  });
  if (secrets === undefined) return { file: undefined, authSecret: undefined };
  const file = {
    currencies,
    brands: [{ id: 'demo', currencies: Object.keys(currencies) }],
    integrations: entries.map(({ id, adapter, side, at }) => ({
      id,
      adapter,
      brand: 'demo',
      currencies: side.currencies ?? playedIn,
      settings: side.settings({ ...at, secret: secrets.of(adapter) }),
    })),
    // It follows from the first secret, and is the same at every start.
    proofs: { privateKey: privateKeyOf(createHmac('sha256', secrets.authSecret).update('sandbox/proofs').digest()) },
    // The sandbox asks by itself, once the simulators are there to answer.
    catalogueHours: 0,
    simulators: entries.map(({ id, port }) => ({ integration: id, port })),
  };
  return { file, authSecret: secrets.authSecret };
}
