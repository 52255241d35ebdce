import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adapters } from '../src/adapters/registry.js';
import { loadConfig } from '../src/config.js';
import { Problems } from '../src/config/problems.js';
import { readProofs } from '../src/config/proofs.js';
import { privateKeyOf, readPrivateKey } from '../src/history/proof-key.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const der = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
const publicPem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
const earlierPem = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString();

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'croupier-config-proofs-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function problemsOf(entry: unknown): string[] {
  const problems = new Problems();
  expect(readProofs(entry, problems)).toBeUndefined();
  return problems.found.map(({ path, message }) => `${path}: ${message}`);
}

function keyIn(text: string): KeyObject | undefined {
  const read = readPrivateKey(text);
  return 'key' in read ? read.key : undefined;
}

describe('the key of the proofs', () => {
  test.for([
    ['PEM', pem],
    ['PEM with line ends written out', pem.replaceAll('\n', '\\n')],
    ['PEM between white space', `\n${pem}\n\n`],
    ['base64', der],
    ['PEM in base64', Buffer.from(pem).toString('base64')],
  ] as const)('is read as %s', ([, text]) => {
    expect(keyIn(text)?.equals(privateKey)).toBe(true);
    expect(readProofs({ privateKey: text }, new Problems())).toMatchObject({ earlierKeys: [] });
  });

  test('is not printed with the configuration', () => {
    const config = readProofs({ privateKey: der }, new Problems());
    expect(JSON.stringify(config)).not.toContain(der);
    expect(config?.privateKey.reveal()).toBe(der);
  });

  test('may be absent', () => {
    const problems = new Problems();
    expect(readProofs(undefined, problems)).toBeUndefined();
    expect(problems.found).toEqual([]);
  });

  test.for([
    ['empty', '', 'is empty'],
    ['no key', 'a random secret of 32 characters!', 'is neither PEM nor base64'],
    ['base64 with white space around it', ` ${der}`, 'is neither PEM nor base64'],
    ['too short', Buffer.from('only 32 bytes, not a whole PKCS8').toString('base64'), 'has 32 bytes'],
    ['cut off', der.slice(0, -8), 'has 42 bytes'],
    ['something else of that size', Buffer.alloc(64, 7).toString('base64'), 'is not a private key in PKCS#8'],
    ['a public key', publicPem, 'is not a private key in PKCS#8'],
    [
      'a key with a passphrase',
      privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      'without a passphrase',
    ],
    [
      'a key for something else',
      generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      'is a key of x25519 kind',
    ],
    [
      'an RSA key',
      generateKeyPairSync('rsa', { modulusLength: 2_048 })
        .privateKey.export({ format: 'pem', type: 'pkcs8' })
        .toString(),
      'is a key of rsa kind',
    ],
    ['all of one byte', privateKeyOf(Buffer.alloc(32)), 'is guessable'],
    ['a few bytes repeated', privateKeyOf(Buffer.from('abcdabcdabcdabcdabcdabcdabcdabcd')), 'is guessable'],
  ] as const)('is refused when it is %s', ([, text, why]) => {
    const [problem = '', ...more] = problemsOf({ privateKey: text });
    expect(more).toEqual([]);
    expect(problem).toContain('proofs.privateKey: ');
    expect(problem).toContain(why);
    if (text.length > 10) expect(problem).not.toContain(text.slice(0, 10));
  });

  test('made of 32 bytes is the key of those bytes', () => {
    const bytes = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
    expect(createPrivateKey({ key: Buffer.from(privateKeyOf(bytes), 'base64'), format: 'der', type: 'pkcs8' })).toEqual(
      privateKey,
    );
  });
});

describe('earlier keys', () => {
  test('are public keys, each once', () => {
    expect(readProofs({ privateKey: der, earlierKeys: [earlierPem] }, new Problems())).toMatchObject({
      earlierKeys: [earlierPem],
    });
    const found = (earlierKeys: unknown[]): string[] => {
      const problems = new Problems();
      readProofs({ privateKey: der, earlierKeys }, problems);
      return problems.found.map(({ path, message }) => `${path}: ${message}`);
    };
    expect(found([publicPem])).toEqual(['proofs.earlierKeys[0]: repeats another key of the proofs.']);
    expect(found([earlierPem, earlierPem])).toEqual(['proofs.earlierKeys[1]: repeats another key of the proofs.']);
    for (const text of [pem, 'x', '', earlierPem.replace('MC', 'XX')])
      expect(found([text])).toEqual([expect.stringMatching(/^proofs\.earlierKeys\[0\]: is not a /)]);
    expect(found([5])).toHaveLength(1);
  });
});

test('an unknown setting, or none where there has to be one, is told', () => {
  expect(problemsOf({ privatekey: der })).toHaveLength(2);
  expect(problemsOf('x')).toHaveLength(1);
  // It is reported where variables are looked up.
  expect(problemsOf({ privateKey: '${CROUPIER_PROOF_KEY}' })).toEqual([]);
});

describe('a configuration', () => {
  function load(env: Record<string, string>) {
    const path = join(directory, 'croupier.yaml');
    const yaml =
      'currencies: { EUR: {} }\nbrands: [{ id: demo, currencies: [EUR] }]\nproofs: { privateKey: "${PROOF_KEY}" }\n';
    writeFileSync(path, yaml);
    return loadConfig({ CROUPIER_CONFIG: path, ...env }, { adapters: [], stateDirectory: directory });
  }

  test('takes the key from a variable, and says once when it is not set', () => {
    const auth = { CROUPIER_AUTH_SECRET: 'b3JkZXIgbWF0dGVycyBpbiBsYW5lcw-Wq81' };
    expect(load({ ...auth, PROOF_KEY: pem }).proofs?.privateKey.reveal()).toBe(pem);
    expect(() => load(auth)).toThrow(
      /found one problem:\n {2}- proofs\.privateKey: needs the environment variable PROOF_KEY/,
    );
  });

  test('does not use the key for anything else', () => {
    expect(() => load({ CROUPIER_AUTH_SECRET: der, PROOF_KEY: der })).toThrow(
      /found one problem:\n {2}- proofs\.privateKey: repeats the secret of CROUPIER_AUTH_SECRET/,
    );
  });

  test('of the sandbox has a key of its own, the same at every start', () => {
    const start = (name: string): string | undefined =>
      loadConfig({}, { adapters, stateDirectory: join(directory, name) }).proofs?.privateKey.reveal();
    const first = start('one');
    expect(first).toBeDefined();
    expect(start('one')).toBe(first);
    expect(start('two')).not.toBe(first);
  });
});
