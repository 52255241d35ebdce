import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adapters } from '../src/adapters/registry.js';
import { loadConfig } from '../src/config.js';

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
    integrations: [{ id: 'igpx-demo', adapter: 'igpx', currencies: ['EUR', 'USD'] }],
    simulators: [{ integration: 'igpx-demo', port: 4_001 }],
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
