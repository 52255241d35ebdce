import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AdapterDefinition, defineAdapter } from '../src/adapters/contract.js';
import { policy as igpxPolicy } from '../src/adapters/igpx/policy.js';
import { type Config, ConfigError, loadConfig } from '../src/config.js';
import { hostsOf } from '../src/config/hosts.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'croupier-config-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const environment = {
  CROUPIER_AUTH_SECRET: 'b3JkZXIgbWF0dGVycyBpbiBsYW5lcw-Wq81',
  DATABASE_URL: 'postgresql://app:pw@db.example.net/croupier',
};
const production = { ...environment, NODE_ENV: 'production' };

const good = `
currencies: { EUR: {} }
brands:
  - { id: demo, currencies: [EUR] }
integrations:
  - id: dice-demo
    adapter: dice
    brand: demo
    currencies: [EUR]
    settings: { url: "https://api.dice.com/v1/", key: kR7vLw2QpZ9xTn4bYc6d }
`;

type Settings = { url: string; key: string };

/** Loads a file with an adapter that is one for the configuration's purposes. */
function load(
  yaml: string,
  env: NodeJS.ProcessEnv = environment,
  definition: Partial<AdapterDefinition<Settings>> = {},
): Config {
  const adapter = defineAdapter<Settings>({
    id: 'dice',
    title: 'Dice',
    settings: z.object({ url: z.string(), key: z.string() }),
    signer: () => ({ verify: () => undefined, sign: (request) => request }),
    policy: igpxPolicy,
    deadlineMs: { bet: 1, other: 1 },
    callbacks: [],
    refuse: () => ({ status: 500, body: '' }),
    client: () => ({ launch: () => Promise.reject(new Error('It launches nothing.')) }),
    ...definition,
  });
  const path = join(directory, 'croupier.yaml');
  writeFileSync(path, yaml);
  return loadConfig({ ...env, CROUPIER_CONFIG: path }, { adapters: [adapter] });
}

function problemsOf(attempt: () => Config): string[] {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

/** The good file with further lines for its integration. */
function withLines(lines: string): string {
  return good.replace('adapter: dice', `adapter: dice\n    ${lines}`);
}

describe('the catalogue and the way back', () => {
  test('a catalogue is read from beside the configuration file, and has to be there', () => {
    writeFileSync(join(directory, 'games.yaml'), 'games: []');
    expect(load(withLines('catalogue: ./games.yaml')).integrations[0]?.catalogue).toBe(join(directory, 'games.yaml'));
    expect(problemsOf(() => load(withLines('catalogue: ./gamez.yaml')))).toEqual([
      `integrations[0].catalogue: "${join(directory, 'gamez.yaml')}" is not a file.`,
    ]);
    expect(problemsOf(() => load(withLines('catalogue: .')))).toEqual([expect.stringContaining('is not a file')]);
  });

  test('catalogues are read every 24 hours unless told', () => {
    expect(load(good).catalogueHours).toBe(24);
    expect(load(`${good}catalogueHours: 0\n`).catalogueHours).toBe(0);
    for (const hours of ['-1', '169', '1.5', '"6"', '{}']) {
      expect(problemsOf(() => load(`${good}catalogueHours: ${hours}\n`))).toEqual([
        'catalogueHours: must be a whole number of hours from 0 (never) to 168.',
      ]);
    }
  });

  test('origins to return to stand without a path, and in production under TLS', () => {
    const listed = (origin: string): string => withLines(`returnOrigins: [https://casino.com, "${origin}"]`);
    expect(load(listed('http://localhost:3000')).integrations[0]?.returnOrigins).toEqual([
      'https://casino.com',
      'http://localhost:3000',
    ]);
    for (const origin of [
      'https://casino.com/',
      'https://Casino.com',
      'casino.com',
      '*',
      'ftp://casino.com',
      'https://a:443',
    ]) {
      expect(problemsOf(() => load(listed(origin)))).toEqual([
        expect.stringContaining('integrations[0].returnOrigins[1]: must be an origin'),
      ]);
    }
    expect(problemsOf(() => load(withLines('returnOrigins: []')))).toEqual([expect.stringContaining('at least one')]);
    expect(problemsOf(() => load(listed('http://localhost:3000'), production))).toEqual([
      'integrations[0].returnOrigins[1]: is plain http; production needs https.',
    ]);
    const ofBrand = good.replace('id: demo,', 'id: demo, returnOrigins: ["http://casino.com"],');
    expect(problemsOf(() => load(ofBrand, production))).toEqual([
      expect.stringContaining('brands[0].returnOrigins[0]'),
    ]);
  });
});

describe('an integration is refused', () => {
  function problemsWith(definition: Partial<AdapterDefinition<Settings>>, lines = '', env = environment): string[] {
    return problemsOf(() => load(withLines(lines), env, definition));
  }

  test('in production for what its adapter says is missing there', () => {
    const missingInProduction = ({ url }: { url: string }) => (url === '' ? undefined : 'lacks a list of addresses.');
    expect(problemsWith({ missingInProduction }, '', production)).toEqual([
      'integrations[0].settings: lacks a list of addresses.',
    ]);
    expect(problemsWith({ missingInProduction })).toEqual([]);
    expect(problemsWith({ missingInProduction: () => undefined }, '', production)).toEqual([]);
  });

  test('for overrides that make its policy contradict itself, at the place of the override', () => {
    expect(problemsWith({}, 'policy: { inactiveCheck: before-key }')).toEqual([
      'integrations[0].policy.inactiveCheck: would refuse a repeat that is due the first answer.',
    ]);
    expect(problemsWith({}, 'policy: { rollbackTargets: [bet, bet] }')).toEqual([
      'integrations[0].policy.rollbackTargets: names a kind twice.',
    ]);
    expect(problemsWith({}, 'policy: { rollbackTargets: [] }')).toEqual([
      expect.stringMatching(
        /^integrations\[0\]\.policy: does not go with the adapter's "rollbackOfUnknown", which accepts/,
      ),
    ]);
    expect(problemsWith({}, 'policy: { rollbackTargets: [], rollbackOfUnknown: refuse }')).toEqual([]);
  });

  test('by the row that its settings choose', () => {
    const dialectPolicy = () => ({ duplicate: 'refuse' }) as const;
    expect(problemsWith({ dialectPolicy }, 'policy: { inactiveCheck: before-key }')).toEqual([]);
  });
});

test('the hosts of settings are those of every web address in them', () => {
  const settings = { url: 'https://api.dice.com/v1', key: 'https', deep: [{ backup: 'http://10.0.0.1:8080' }], n: 1 };
  expect(hostsOf({ ...settings, again: settings.url, script: 'javascript://api.evil.com' })).toEqual([
    'api.dice.com',
    '10.0.0.1:8080',
  ]);
});
