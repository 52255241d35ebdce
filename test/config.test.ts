import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Adapter } from '../src/adapters/contract.js';
import { providerUrl, secretList, secretText } from '../src/adapters/kit/settings.js';
import { adapters } from '../src/adapters/registry.js';
import { type Config, ConfigError, describeProblems, loadConfig } from '../src/config.js';
import { policyWith } from './ledger/commands.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'croupier-config-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** An adapter of which the configuration needs only its settings. */
function adapterWith(id: string, settings: z.ZodType): Adapter {
  const policy = policyWith({ rollbackTargets: ['bet'] });
  const bind: Adapter['bind'] = () => {
    throw new Error('The configuration binds no adapter.');
  };
  return { id, title: id, settings, policy, bind };
}

const dice = adapterWith(
  'dice',
  z.strictObject({ url: providerUrl(), key: secretText(), live: secretList().optional(), pin: z.string().optional() }),
);

const key = 'kR7vLw2QpZ9xTn4bYc6d';
const environment = {
  CROUPIER_AUTH_SECRET: 'b3JkZXIgbWF0dGVycyBpbiBsYW5lcw-Wq81',
  DATABASE_URL: 'postgresql://app:pw@db.example.net/croupier',
  DICE_KEY: key,
};
const production = { ...environment, NODE_ENV: 'production' };

const good = `
currencies: { EUR: {}, USD: {}, BTC: { scale: 8 } }
brands:
  - { id: demo, currencies: [EUR, BTC] }
integrations:
  - id: dice-demo
    adapter: dice
    brand: demo
    currencies: [EUR]
    settings: { url: "https://api.dice.com/v1/", key: "\${DICE_KEY}" }
`;

function load(yaml: string, env: NodeJS.ProcessEnv = environment): Config {
  const path = join(directory, 'croupier.yaml');
  writeFileSync(path, yaml);
  return loadConfig({ ...env, CROUPIER_CONFIG: path }, { adapters: [dice], stateDirectory: directory });
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

/** The only problem of the good file with one text replaced by another. */
function onlyProblem(from: string, to: string, env?: NodeJS.ProcessEnv): string {
  expect(good).toContain(from);
  const found = problemsOf(() => load(good.replace(from, to), env));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

describe('a complete configuration', () => {
  test('is read with its defaults', () => {
    const config = load(good);
    expect(config).toMatchObject({
      mode: 'development',
      http: { host: '0.0.0.0', port: 4000 },
      database: { kind: 'url', url: environment.DATABASE_URL, ownerUrl: environment.DATABASE_URL, poolMax: 10 },
      journal: { retentionDays: 30 },
      graphql: { introspection: true, explorer: true },
      logLevel: 'info',
    });
    expect(config.currencies.get('EUR')).toEqual({ code: 'EUR', scale: 6 });
    expect(config.currencies.get('BTC')).toEqual({ code: 'BTC', scale: 8 });
    expect(config.integrations[0]?.settings).toMatchObject({ key });
  });

  test('is accepted in production, with introspection and explorer off', () => {
    expect(load(good, production)).toMatchObject({
      mode: 'production',
      graphql: { introspection: false, explorer: false },
    });
  });

  test('is frozen to its depth', () => {
    const config = load(good);
    for (const part of [config, config.http, config.integrations, config.integrations[0]?.settings]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test('does not print the auth secret', () => {
    const { auth } = load(good);
    expect(JSON.stringify(auth)).not.toContain(environment.CROUPIER_AUTH_SECRET);
    expect(auth.kind === 'secret' && auth.secret.reveal()).toBe(environment.CROUPIER_AUTH_SECRET);
  });
});

describe('a currency without a scale', () => {
  /** The scales of these currencies, all written so. */
  function scalesOf(codes: readonly string[], entry = '{}'): Record<string, number> {
    const others = good.replace('EUR: {}, USD: {}, BTC: { scale: 8 }', codes.map((code) => `${code}: ${entry}`).join());
    const { currencies } = load(others.replace('[EUR, BTC]', `[${codes.join()}]`).replace('[EUR]', `[${codes[0]}]`));
    return Object.fromEntries([...currencies.values()].map(({ code, scale }) => [code, scale]));
  }
  const all = (codes: readonly string[], scale: number) => Object.fromEntries(codes.map((code) => [code, scale]));

  test.each([
    ['6 decimals when it is of ISO 4217', ['EUR', 'USD', 'JPY', 'TRY', 'BRL', 'INR', 'KES', 'NGN', 'ZWG'], 6],
    ['6 when Node lists it', Intl.supportedValuesOf('currency'), 6],
    ['6 when it was given up, because a scale never changes', ['HRK', 'BGN', 'VEF', 'DEM'], 6],
    ['6 when it is one of the special codes of ISO 4217', ['XAU', 'XTS', 'XXX'], 6],
    ['8 when it is any other', ['BTC', 'ETH', 'USDT', 'LTC', 'DOGE', 'XRP', 'B2X', 'EURO', 'USDC2'], 8],
  ] as const)('has %s', (_, codes, scale) => expect(scalesOf(codes)).toEqual(all(codes, scale)));

  test.each([0, 6, 8, 18])('does not touch those that have one: %i', (scale) => {
    expect(scalesOf(['EUR', 'BTC'], `{ scale: ${scale} }`)).toEqual({ EUR: scale, BTC: scale });
  });
});

describe('all problems are reported at once', () => {
  test('from the environment, the file and the settings, each with its place', () => {
    const yaml = good
      .replace('scale: 8', 'scale: 19')
      .replace('brand: demo', 'brand: other')
      .replace('${DICE_KEY}', '${DICE_KEX}');
    const found = problemsOf(() => load(yaml, { PORT: '65536', LOG_LEVEL: 'loud' }));
    expect(found.map((each) => each.split(':')[0])).toEqual([
      'PORT',
      'LOG_LEVEL',
      'integrations[0].settings.key',
      'CROUPIER_AUTH_SECRET',
      'currencies.BTC.scale',
      'integrations[0].brand',
    ]);
  });

  test('in one message that says what to do, and shows no secret', () => {
    const yaml = good.replace('${DICE_KEY}', 'changeme') + 'grapqhl: {}\n';
    let message = '';
    try {
      load(yaml, production);
    } catch (error) {
      message = describeProblems(error);
    }
    expect(message).toContain('it found 2 problems');
    expect(message).toContain('"grapqhl" is not known here');
    expect(message).toContain('integrations[0].settings.key: has 8 bytes, production needs 16 or more');
    expect(message).not.toContain('changeme');
  });
});

describe('the file', () => {
  test.each([
    ['a currency without its braces', 'EUR: {}', 'EUR: ', 'currencies.EUR: must be written { scale'],
    ['a scale of 19', 'scale: 8', 'scale: 19', 'currencies.BTC.scale: must be a whole number'],
    ['a scale of -1', 'scale: 8', 'scale: -1', 'currencies.BTC.scale: must be a whole number'],
    ['a scale of 2.5', 'scale: 8', 'scale: 2.5', 'currencies.BTC.scale: must be a whole number'],
    ['a scale in quotes', 'scale: 8', 'scale: "8"', 'currencies.BTC.scale: must be a whole number'],
    ['a currency in lower case', 'USD: {}', 'usd: {}', 'currencies.usd: must be a currency code'],
    ['an unknown key in a currency', 'scale: 8', 'scale: 8, scal: 8', 'currencies.BTC: "scal" is not known here'],
    ['an unknown key in a brand', 'id: demo,', 'id: demo, name: Demo,', 'brands[0]: "name" is not known here'],
    [
      'an unknown key in an integration',
      'adapter: dice',
      'adapter: dice\n    x: 1',
      'integrations[0]: "x" is not known',
    ],
    ['an unknown key in the settings', 'key: "', 'kay: 1, key: "', 'integrations[0].settings: "kay" is not known here'],
    ['an unknown policy', 'adapter: dice', 'adapter: dice\n    policy: { dup: 1 }', 'integrations[0].policy: "dup"'],
    ['an unknown adapter', 'adapter: dice', 'adapter: dcie', 'integrations[0].adapter: "dcie" is not known'],
    ['an unknown brand', 'brand: demo', 'brand: dmeo', 'integrations[0].brand: names "dmeo"'],
    ['a currency the brand lacks', 'currencies: [EUR]', 'currencies: [USD]', 'names "USD", which the brand "demo"'],
    ['a currency nobody has', 'currencies: [EUR]', 'currencies: [SEK]', 'names "SEK", which is not under currencies'],
    ['a brand with an unknown currency', '[EUR, BTC]', '[EUR, SEK]', 'brands[0].currencies[1]: names "SEK"'],
    ['a currency twice', '[EUR, BTC]', '[EUR, EUR]', 'brands[0].currencies: names a currency twice'],
    ['the reserved integration id', 'id: dice-demo', 'id: cashier', 'integrations[0].id: is reserved'],
    ['an id that is no slug', 'id: dice-demo', 'id: Dice/Demo', 'integrations[0].id: must be 1 to 63 lower-case'],
    ['an id of 64 characters', 'id: dice-demo', `id: ${'d'.repeat(64)}`, 'integrations[0].id: must be 1 to 63'],
    ['a key written twice', 'USD: {}', 'EUR: {}', 'line 2: Map keys must be unique'],
    ['a variable without a name', '${DICE_KEY}', '${}', 'settings.key: has "${" without the name'],
    ['a variable without its end', '${DICE_KEY}', '${DICE_KEY', 'settings.key: has "${" without the name'],
    ['a variable that is not set', '${DICE_KEY}', '${NO_SUCH}', 'settings.key: needs the environment variable NO_SUCH'],
    ['settings that are missing', 'url: "https://api.dice.com/v1/", ', '', 'integrations[0].settings.url: is missing.'],
  ])('with %s is refused', (_, from, to, expected) => {
    expect(onlyProblem(from, to)).toContain(expected);
  });

  test('repeats no integration and no brand', () => {
    const [head, entry] = good.split('integrations:\n');
    const found = problemsOf(() =>
      load(`${head}integrations:\n${entry}${entry?.replace('${DICE_KEY}', 'another-key-1')}`),
    );
    expect(found).toEqual([expect.stringContaining('integrations[1].id: repeats the integration "dice-demo"')]);
    const brand = '  - { id: demo, currencies: [EUR, BTC] }\n';
    expect(onlyProblem(brand, brand + brand)).toContain('brands[1].id: repeats the brand "demo"');
  });

  test('that cannot be read is refused', () => {
    const env = { ...environment, CROUPIER_CONFIG: join(directory, 'absent.yaml') };
    expect(problemsOf(() => loadConfig(env, { adapters: [dice] }))).toEqual([
      expect.stringMatching(/^CROUPIER_CONFIG: .*cannot be read/),
    ]);
  });

  test.each(['', 'null', '[]', '"x"', '{ unfinished', '? [a]\n: !!weird x', '&a [*a, *b]'])(
    'holding %j is refused without a crash',
    (text) => expect(problemsOf(() => load(text))).not.toEqual([]),
  );

  test('whose aliases grow without bound is refused', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(12)}]`);
    expect(problemsOf(() => load(`l0: &l0 x\n${levels.join('\n')}\n`))).toEqual([
      expect.stringContaining('is not readable as YAML'),
    ]);
  });

  test('takes a variable as one text, whatever it holds', () => {
    const hostile = '"}, evil: { a: 1 } # ${DICE_KEY}\n';
    const config = load(good.replace('key: "${DICE_KEY}"', 'key: abcdefghijk, pin: "${PIN}"'), {
      ...environment,
      PIN: hostile,
    });
    expect(config.integrations[0]?.settings).toMatchObject({ pin: hostile });
  });

  test.each([
    'acquireTimeoutMs',
    'statementTimeoutMs',
    'lockTimeoutMs',
    'idleInTransactionTimeoutMs',
    'transactionTimeoutMs',
  ])('with a %s of 0 is refused', (name) => {
    expect(problemsOf(() => load(`${good}database: { ${name}: 0 }\n`))).toEqual([
      expect.stringContaining(`database.${name}: must be at least 1 millisecond`),
    ]);
  });
});

describe('secrets', () => {
  test.each([
    ['leading', ' kR7vLw2QpZ9xTn4bYc6d'],
    ['trailing', 'kR7vLw2QpZ9xTn4bYc6d\n'],
  ])('with %s white space are refused in every mode', (_, secret) => {
    for (const env of [environment, production]) {
      const found = problemsOf(() => load(good, { ...env, DICE_KEY: secret }));
      expect(found).toEqual([expect.stringContaining('settings.key: has white space around it')]);
    }
    const auth = { ...environment, CROUPIER_AUTH_SECRET: `${environment.CROUPIER_AUTH_SECRET}\n` };
    expect(problemsOf(() => load(good, auth))).toEqual([
      expect.stringContaining('CROUPIER_AUTH_SECRET: has white space'),
    ]);
  });

  test.each([
    'secret',
    'changeme',
    'test-secret-of-the-provider',
    'password1234567890',
    'aaaaaaaaaaaaaaaaaaaa',
    'kR7vLw2QpZ9xTn4',
  ])('like %j are refused in production and accepted elsewhere', (secret) => {
    expect(problemsOf(() => load(good, { ...production, DICE_KEY: secret }))).not.toEqual([]);
    expect(problemsOf(() => load(good, { ...environment, DICE_KEY: secret }))).toEqual([]);
  });

  test('are not repeated within an integration, across integrations, or as the auth secret', () => {
    const twice = good.replace('key: "${DICE_KEY}"', 'key: "${DICE_KEY}", live: [other-live-key, "${DICE_KEY}"]');
    expect(problemsOf(() => load(twice))).toEqual([
      'integrations[0].settings.live[1]: repeats the secret of integrations[0].settings.key; every secret must be used once.',
    ]);
    const [head, entry] = good.split('integrations:\n');
    const across = `${head}integrations:\n${entry}${entry?.replace('dice-demo', 'dice-two')}`;
    expect(problemsOf(() => load(across))).toEqual([expect.stringContaining('integrations[1].settings.key: repeats')]);
    const shared = { ...environment, DICE_KEY: environment.CROUPIER_AUTH_SECRET };
    expect(problemsOf(() => load(good, shared))).toEqual([
      expect.stringContaining('repeats the secret of CROUPIER_AUTH'),
    ]);
  });

  test('are recognised by name where the schema does not say so', () => {
    const plain = adapterWith('dice', z.object({ apiKey: z.string(), user: z.string() }));
    const path = join(directory, 'plain.yaml');
    writeFileSync(path, good.replace(/settings: .*/, 'settings: { apiKey: short-key, user: test }'));
    const env = { ...production, CROUPIER_CONFIG: path };
    expect(problemsOf(() => loadConfig(env, { adapters: [plain] }))).toEqual([
      expect.stringContaining('integrations[0].settings.apiKey: has 9 bytes'),
    ]);
  });

  test('are asked of the provider where they may be its own, and each has one report', () => {
    const found = problemsOf(() => load(good, { ...production, DICE_KEY: 'x', CROUPIER_AUTH_SECRET: 'short' }));
    expect(found).toEqual([
      'CROUPIER_AUTH_SECRET: has 5 bytes, production needs 32 or more: openssl rand -base64 32 makes one.',
      'integrations[0].settings.key: has 1 byte, production needs 16 or more: ask the provider for a longer one; where you choose it yourself, openssl rand -base64 32 makes one.',
    ]);
    const guessable = problemsOf(() => load(good, { ...production, DICE_KEY: 'changeme-changeme-changeme' }));
    expect(guessable).toEqual([
      'integrations[0].settings.key: is a well-known or guessable word; ask the provider for a random one; where you choose it yourself, openssl rand -base64 32 makes one.',
    ]);
  });

  test('of tokens have 32 bytes or more in every mode', () => {
    for (const env of [environment, production]) {
      const found = problemsOf(() => load(good, { ...env, CROUPIER_AUTH_SECRET: 'x8Kp2mQ4vB7nR1tL6wD3sF9hJ5cZ0y' }));
      expect(found).toEqual([expect.stringMatching(/^CROUPIER_AUTH_SECRET: has (30 bytes|fewer than 32)/)]);
    }
  });

  test('of tokens are one secret or one key set, not both and not none', () => {
    const { CROUPIER_AUTH_SECRET: _, ...none } = environment;
    const keySet = { CROUPIER_AUTH_JWKS_URL: 'https://id.operator.com/keys' };
    expect(problemsOf(() => load(good, none))).toEqual([expect.stringContaining('CROUPIER_AUTH_SECRET: is missing')]);
    expect(problemsOf(() => load(good, { ...environment, ...keySet }))).toEqual([expect.stringContaining('keep one')]);
    expect(load(good, { ...none, ...keySet }).auth).toEqual({ kind: 'jwks', url: keySet.CROUPIER_AUTH_JWKS_URL });
  });
});

describe('production refuses', () => {
  test.each([
    'http://api.dice.com',
    'https://localhost',
    'https://dice',
    'https://127.0.0.1',
    'https://0x7f.1',
    'https://10.1.2.3:8443',
    'https://192.168.0.1',
    'https://172.31.0.1',
    'https://169.254.169.254',
    'https://[::1]',
    'https://[::ffff:10.0.0.1]',
    'https://[fd00::1]',
    'https://dice.internal.',
  ])('the provider URL %s', (url) => {
    const yaml = good.replace('https://api.dice.com/v1/', url);
    expect(problemsOf(() => load(yaml, production))).toEqual([
      expect.stringContaining('integrations[0].settings.url: '),
    ]);
    expect(problemsOf(() => load(yaml, environment))).toEqual([]);
  });

  test('the sandbox and the embedded database', () => {
    const found = problemsOf(() => loadConfig({ NODE_ENV: 'production' }, { adapters, stateDirectory: directory }));
    expect(found.map((each) => each.split(':')[0])).toEqual([
      'CROUPIER_CONFIG',
      'CROUPIER_AUTH_SECRET',
      'DATABASE_URL',
    ]);
  });

  test('introspection, the explorer and simulators', () => {
    const yaml = `${good}graphql: { introspection: true, explorer: true }\nsimulators: [{ integration: dice-demo, port: 4001 }]\n`;
    const found = problemsOf(() => load(yaml, production));
    expect(found.map((each) => each.split(':')[0])).toEqual([
      'simulators',
      'graphql.introspection',
      'graphql.explorer',
    ]);
    expect(problemsOf(() => load(yaml, environment))).toEqual([]);
  });
});

describe('the environment', () => {
  test.each([
    ['PORT', '0x10'],
    ['PORT', '65536'],
    ['PORT', ''],
    ['HOST', ''],
    ['LOG_LEVEL', 'INFO'],
    ['DATABASE_URL', 'mysql://db/x'],
    ['DATABASE_URL', 'postgresql://db.example.net'],
    ['DATABASE_URL', 'postgresql://db.example.net/x?statement_timeout=0'],
    ['DATABASE_OWNER_URL', 'nonsense'],
    ['DATABASE_REPLICA_URL', 'nonsense'],
    ['CROUPIER_AUTH_SECRET', ''],
  ])('with %s=%j is refused', (name, value) => {
    expect(problemsOf(() => load(good, { ...environment, [name]: value }))).toEqual([
      expect.stringContaining(`${name}: `),
    ]);
  });

  test('may name another owner of the schema', () => {
    const ownerUrl = 'postgresql://owner:pw@db.example.net/croupier';
    expect(load(good, { ...environment, DATABASE_OWNER_URL: ownerUrl }).database).toMatchObject({ ownerUrl });
  });
});
