import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { complaintAbout } from '../src/node-version.js';
import { runProgram } from './support/command.js';

test('the version that is needed is the one package.json names', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  const [, needed = ''] = /^>=(\d+\.\d+)$/.exec(engines.node) ?? [];
  expect(complaintAbout(`${needed}.0`)).toBeUndefined();
  expect(complaintAbout('1.0.0')).toContain(`needs Node ${needed} or newer`);
});

test.each([
  ['18.20.8', false],
  ['20.20.2', false],
  ['22.16.0', false],
  ['22.17.0', true],
  ['22.9.0', false],
  ['23.0.0', true],
  ['24.11.1', true],
])('Node %s is new enough: %s', (version, isNewEnough) => {
  expect(complaintAbout(version) === undefined).toBe(isNewEnough);
});

test.each(['src/server.ts', 'src/cli/migrate.ts'])('%s says so before it does anything else', async (path) => {
  const versions = "{ value: { ...process.versions, node: '20.20.2' } }";
  const older = `data:text/javascript,Object.defineProperty(process, 'versions', ${versions})`;
  // A configuration that cannot be read would be the next thing to be said.
  const { code, stderr } = await runProgram(path, { imports: [older], env: { CROUPIER_CONFIG: '/nowhere.yaml' } });
  expect(stderr).toMatch(/^Croupier does not start: it needs Node \d+\.\d+ or newer, and this is 20\.20\.2\./);
  expect(stderr).toContain('node_modules/.bin/node');
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(code).toBe(1);
});
