import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { Signer } from '../../src/adapters/contract.js';
import { allOf, hmacSha256, secretPath, sharedToken } from '../../src/adapters/kit/signers.js';
import type { ProviderSide } from '../../src/adapters/provider-side.js';
import { adapters, providers } from '../../src/adapters/registry.js';
import { type Config, loadConfig } from '../../src/config.js';
import { curlBet } from '../../src/sandbox/curl-bet.js';

const byName = [...providers.keys()].sort();

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'croupier-sandbox-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the sandbox runs on loopback with secrets that are made once and kept to the owner', () => {
  const stateDirectory = join(directory, 'sandbox');
  const first = loadConfig({}, { adapters, stateDirectory });
  expect(statSync(join(stateDirectory, 'sandbox.json')).mode & 0o777).toBe(0o600);
  const second = loadConfig({}, { adapters, stateDirectory });
  expect(first).toMatchObject({
    mode: 'sandbox',
    http: { host: '127.0.0.1' },
    database: { kind: 'embedded', directory: join(stateDirectory, 'postgres'), port: 54_329 },
    brands: [{ id: 'demo', currencies: ['EUR', 'USD', 'BTC'] }],
    integrations: byName.map((adapter) => ({
      id: `${adapter}-demo`,
      adapter,
      currencies: providers.get(adapter)?.side.currencies ?? ['EUR', 'USD'],
    })),
    simulators: byName.map((id, index) => ({ integration: `${id}-demo`, port: 4_001 + index })),
  });
  expect(second.integrations).toEqual(first.integrations);
  const other = loadConfig({}, { adapters, stateDirectory: join(directory, 'other') });
  expect(other.integrations).not.toEqual(first.integrations);
});

test('a damaged file of secrets is refused with what to do', () => {
  const stateDirectory = mkdtempSync(join(directory, 'damaged-'));
  writeFileSync(join(stateDirectory, 'sandbox.json'), '{}');
  expect(() => loadConfig({}, { adapters, stateDirectory })).toThrow(/delete it to have new ones made/);
});

const Kept = z.object({ authSecret: z.string(), providers: z.record(z.string(), z.record(z.string(), z.string())) });

function keptIn(stateDirectory: string): z.infer<typeof Kept> {
  return Kept.parse(JSON.parse(readFileSync(join(stateDirectory, 'sandbox.json'), 'utf8')));
}

function authSecretOf({ auth }: Config): string | undefined {
  return auth.kind === 'secret' ? auth.secret.reveal() : undefined;
}

function fresh(): { stateDirectory: string; start: (env?: NodeJS.ProcessEnv) => Config } {
  const stateDirectory = mkdtempSync(join(directory, 'fresh-'));
  return { stateDirectory, start: (env = {}) => loadConfig(env, { adapters, stateDirectory }) };
}

test('every provider has secrets of its own, all different', () => {
  const { stateDirectory, start } = fresh();
  start();
  const kept = keptIn(stateDirectory).providers;
  expect(Object.keys(kept).sort()).toEqual([...providers.keys()].sort());
  const all = Object.values(kept).flatMap((each) => Object.values(each));
  expect(new Set(all).size).toBe(all.length);
});

test('the simulators are counted up from SIMULATOR_PORT, and each API is where its simulator is', () => {
  const { start } = fresh();
  const { simulators, integrations } = start({ SIMULATOR_PORT: '5001' });
  expect(simulators.map(({ port }) => port)).toEqual([...providers.keys()].map((_, index) => 5_001 + index));
  for (const [index, { settings }] of integrations.entries()) {
    expect(JSON.stringify(settings)).toContain(`http://127.0.0.1:${5_001 + index}/`);
  }
});

test('a provider that is new gets its secrets, and the others keep theirs', () => {
  const { stateDirectory, start } = fresh();
  const first = start();
  const kept = keptIn(stateDirectory);
  const [known = '', added = ''] = providers.keys();
  const ofKnown = Object.fromEntries(
    Object.keys(kept.providers[known] ?? {}).map((name) => [name, 'an-edited-secret-of-' + name]),
  );
  const fewer = { authSecret: kept.authSecret, providers: { [known]: ofKnown } };
  writeFileSync(join(stateDirectory, 'sandbox.json'), JSON.stringify(fewer));
  const second = start();
  expect(keptIn(stateDirectory).providers[known]).toEqual(ofKnown);
  expect(second.integrations.find(({ adapter }) => adapter === known)).not.toEqual(
    first.integrations.find(({ adapter }) => adapter === known),
  );
  expect(second.integrations.find(({ adapter }) => adapter === added)).toEqual(
    first.integrations.find(({ adapter }) => adapter === added),
  );
  expect(authSecretOf(second)).toBe(kept.authSecret);
  expect(authSecretOf(first)).toBe(kept.authSecret);
});

test('a file of the earlier shape keeps its tokens, gets new secrets, and says so', () => {
  const { stateDirectory, start } = fresh();
  const authSecret = 'an-auth-secret-of-the-earlier-version';
  const earlier = { authSecret, igpxPassword: 'x'.repeat(24), igpxSecurityHash: 'y'.repeat(24) };
  writeFileSync(join(stateDirectory, 'sandbox.json'), JSON.stringify(earlier));
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  start();
  start();
  expect(said.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining('earlier version: tokens still count'),
  ]);
  said.mockRestore();
  expect(keptIn(stateDirectory).authSecret).toBe(authSecret);
  expect(Object.keys(keptIn(stateDirectory).providers)).toHaveLength(providers.size);
});

test('an address that cannot be is told as that, and not as damaged secrets', () => {
  expect(() => fresh().start({ PORT: 'here' })).toThrow(/- PORT: /);
});

describe('a bet for the shell', () => {
  /** A provider whose bets are signed so. */
  function signedBy(signer: (secret: (name: string) => string) => Signer, body = '{"id":"ID"}'): string | undefined {
    let made: Signer | undefined;
    const side: ProviderSide = {
      dialects: {},
      page: 'slot',
      games: [],
      timeoutMs: 1_000,
      api: () => () => Promise.resolve(undefined),
      settings: ({ secret }) => {
        made = signer(secret);
        return {};
      },
      voice: () => ({
        signer: made ?? signer((name) => name),
        speaks: ['bet'],
        newId: String,
        say: ({ id }) => {
          return { method: 'POST', path: '/bet', query: '', headers: {}, body: Buffer.from(body.replace('ID', id)) };
        },
        hear: () => ({ type: 'failed' }),
        afterwards: () => ({ act: 'rest' }),
      }),
    };
    const callbackUrl = 'http://127.0.0.1:4000/callbacks/x-demo';
    return curlBet({ adapter: 'x', side, callbackUrl, player: 'alice', currency: 'EUR' });
  }
  const plain = (secret: (name: string) => string): Signer =>
    hmacSha256({ headers: ['x-sign'], secrets: [secret('key')], encoding: 'hex' });

  test('is made by openssl, from the secret in the file', () => {
    const command = signedBy(plain);
    expect(command).toContain(`BODY='{"id":"'$(date +%s)'"}'`);
    expect(command).toContain('/"x": {/,/}/s/.*"key": ');
    expect(command).toContain('http://127.0.0.1:4000/callbacks/x-demo/bet -H "x-sign: $SIGNATURE"');
  });

  test.each<[string, (secret: (name: string) => string) => Signer]>([
    ['a shared token', (secret) => sharedToken({ header: 'x-token', tokens: [secret('token')] })],
    ['Base64', (secret) => hmacSha256({ headers: ['x-sign'], secrets: [secret('key')], encoding: 'base64' })],
    ['a second header', (secret) => allOf(sharedToken({ header: 'x-key', tokens: ['public'] }), plain(secret))],
    ['a secret path', (secret) => allOf(secretPath({ secrets: [secret('path')] }), plain(secret))],
  ])('is not offered where the provider has %s', (_what, signer) => {
    expect(signedBy(signer)).toBeUndefined();
  });

  test('is not offered where a shell would misread it', () => {
    expect(signedBy(plain, `{"id":"ID","name":"o'hara"}`)).toBeUndefined();
  });

  test('is there for one of the providers, and shows none of the secrets', () => {
    const { stateDirectory, start } = fresh();
    start();
    const offered = [...providers].flatMap(([adapter, { side }]) => {
      const callbackUrl = `http://127.0.0.1:4000/callbacks/${adapter}-demo`;
      return curlBet({ adapter, side, callbackUrl, player: 'alice', currency: 'EUR' }) ?? [];
    });
    expect(offered.length).toBeGreaterThan(0);
    const secrets = Object.values(keptIn(stateDirectory).providers).flatMap((each) => Object.values(each));
    for (const command of offered) expect(secrets.filter((each) => command.includes(each))).toEqual([]);
  });
});
