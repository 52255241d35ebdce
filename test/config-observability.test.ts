import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, ConfigError, loadConfig } from '../src/config.js';

/** What the configuration says of bus, metrics and traces. */

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'croupier-config-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const base = `currencies: { EUR: {} }
brands: [{ id: demo, currencies: [EUR] }]
`;
const environment = {
  DATABASE_URL: 'postgresql://db/croupier',
  CROUPIER_AUTH_SECRET: 'kX7pQ2vN9sLw4TfR8zYb3HcJ6mDg5AeU1',
  REDIS_URL: 'redis://user:canary-5e1c@redis.example:6379/2',
  NATS_URL: 'nats://user:canary-5e1c@nats.example:4222',
  METRICS_TOKEN: 'wJ3vZ8qTn5Lr0yKd',
};

function load(part: string, env: NodeJS.ProcessEnv = {}): Config {
  const path = join(directory, 'croupier.yaml');
  writeFileSync(path, `${base}${part}\n`);
  return loadConfig({ ...environment, ...env, CROUPIER_CONFIG: path });
}

function problemsOf(part: string, env?: NodeJS.ProcessEnv): string[] {
  try {
    load(part, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

test('without a word PostgreSQL carries hints, metrics need no token and nothing is traced', () => {
  expect(load('')).toMatchObject({ bus: { kind: 'postgres' }, metrics: {} });
  expect(load('').tracing).toBeUndefined();
  expect(load('bus: { kind: postgres }').bus).toEqual({ kind: 'postgres' });
});

test('the address of a server is read with its credentials, and printed nowhere', () => {
  for (const [kind, variable] of [
    ['redis', 'REDIS_URL'],
    ['nats', 'NATS_URL'],
  ] as const) {
    const { bus } = load(`bus: { kind: ${kind}, url: "\${${variable}}" }`);
    expect(bus?.kind).toBe(kind);
    expect(bus !== undefined && 'url' in bus && bus.url.reveal()).toBe(environment[variable]);
    expect(`${JSON.stringify(bus)} ${inspect(bus, { depth: 9 })}`).not.toContain('canary');
  }
});

test.each([
  ['a server without an address', 'bus: { kind: redis }', 'bus.url: is missing.'],
  [
    'the address of another server',
    'bus: { kind: redis, url: "${NATS_URL}" }',
    /^bus\.url: must be a URL such as "redis:/,
  ],
  ['an address without a host', 'bus: { kind: nats, url: "nats:///x" }', /^bus\.url: must be a URL such as "nats:/],
  ['a kind that there is not', 'bus: { kind: kafka, url: "x" }', /^bus(\.kind)?: must be written \{ kind: postgres \}/],
  ['an address for the bus that needs none', 'bus: { kind: postgres, url: "x" }', /^bus: "url" is not known here/],
  [
    'a variable that is not set',
    'bus: { kind: redis, url: "${NOWHERE}" }',
    /^bus\.url: needs the environment variable/,
  ],
  ['a token with white space', 'metrics: { token: " x" }', /^metrics\.token: has white space around it/],
  ['an empty token', 'metrics: { token: "" }', /^metrics\.token: is empty/],
  ['the secret of something else as token', 'metrics: { token: "${CROUPIER_AUTH_SECRET}" }', /repeats the secret of/],
  ['an unknown setting of metrics', 'metrics: { path: /x }', /^metrics: "path" is not known here/],
  [
    'a receiver that is no URL',
    'tracing: { url: collector }',
    /^tracing\.url: must be the address of an OTLP receiver/,
  ],
  ['a receiver without an address', 'tracing: { sampleRatio: 1 }', 'tracing.url: is missing.'],
  [
    'more than everything',
    'tracing: { url: "http://c/v1/traces", sampleRatio: 2 }',
    /^tracing\.sampleRatio: must be a number from 0/,
  ],
  [
    'a ratio in words',
    'tracing: { url: "http://c/v1/traces", sampleRatio: all }',
    /^tracing\.sampleRatio: must be a number from 0/,
  ],
])('%s is refused, and nothing secret is told', (_what, part, problem) => {
  const found = problemsOf(part);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(problem);
  expect(found[0]).not.toContain('canary');
});

test('in production a token must be long enough and no word', () => {
  const production = { NODE_ENV: 'production' };
  expect(problemsOf('metrics: { token: "${METRICS_TOKEN}" }', production)).toEqual([]);
  expect(problemsOf('metrics: { token: "kJ8!xQ" }', production).join()).toMatch(/production needs 16 or more/);
  expect(problemsOf('metrics: { token: "change-me-change-me" }', production).join()).toMatch(/guessable/);
});

test('traces are sampled in full unless told, and what the receiver asks for is secret', () => {
  const { tracing } = load('tracing: { url: "http://c:4318/v1/traces", headers: { x-api-key: "${METRICS_TOKEN}" } }');
  expect(tracing?.sampleRatio).toBe(1);
  expect(tracing?.headers['x-api-key']?.reveal()).toBe(environment.METRICS_TOKEN);
  expect(inspect(tracing, { depth: 9 })).not.toContain(environment.METRICS_TOKEN);
});
