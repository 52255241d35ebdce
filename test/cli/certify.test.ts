import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providers } from '../../src/adapters/registry.js';
import { runProgram, type Shown } from '../support/command.js';
import { serve } from '../support/loopback.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'croupier-certify-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const id = 'hypetech';
const reports = (): string => join(directory, 'reports');

/** @param content of the file that --settings names; no file when absent */
async function certify(url: string, content: unknown, env: NodeJS.ProcessEnv = {}): Promise<Shown> {
  const file = join(directory, `${content === undefined ? 'absent' : 'shared'}.yaml`);
  if (content !== undefined) await writeFile(file, JSON.stringify(content));
  const args = ['--provider', id, '--url', url, '--settings', file, '--report', reports()];
  return runProgram('src/cli/certify.ts', { args, env });
}

function settings(): Record<string, unknown> {
  const secret = (name: string): string => `certify-${name}`;
  const address = { apiUrl: 'http://127.0.0.1:1', callbackUrl: 'http://127.0.0.1:1/callbacks' };
  return providers.get(id)?.side.settings({ ...address, secret }) ?? {};
}

describe('npm run certify against a wallet elsewhere', () => {
  test('names every problem of the settings file, as the configuration does, and sends nothing', async () => {
    const wallet = await serve((_received, response) => response.end());
    const { code, stderr } = await certify(wallet.url, { settings: { apiUrl: '${NOWHERE_SET}' }, playr: 'alice' });
    expect(stderr.split('\n')).toEqual([
      'The certification did not take place; it found 4 problems:',
      '  - settings.apiUrl: needs the environment variable NOWHERE_SET, which is not set.',
      '  - player: is missing.',
      '  - currency: is missing.',
      '  - --settings: "playr" is not known here; correct the spelling or remove it.',
      '',
    ]);
    const part = await certify(wallet.url, { settings: { apiUrl: 'here' }, player: 'alice', currency: 'EUR' });
    expect(part.stderr).toContain('  - settings.accessToken: is missing.\n');
    expect([code, part.code]).toEqual([2, 2]);
    expect(wallet.received).toEqual([]);
  });

  test('names the file that is not there', async () => {
    const { code, stderr } = await certify('http://127.0.0.1:1', undefined);
    expect(stderr).toMatch(
      /^The certification did not take place; .*\n {2}- --settings: ".*absent\.yaml" cannot be read/,
    );
    expect(code).toBe(2);
  });

  test.each([
    ['nobody listens', 'http://127.0.0.1:2', 'connect ECONNREFUSED 127.0.0.1:2'],
    ['the name is unknown', 'http://wallet.invalid', 'ENOTFOUND wallet.invalid'],
  ])('stops at the first request with the reason when %s', async (_name, url, reason) => {
    const { code, stdout, stderr } = await certify(url, { settings: settings(), player: 'alice', currency: 'EUR' });
    expect(stderr).toContain(`  - ${url}: did not answer the first request (`);
    expect(stderr).toContain(reason);
    expect(stdout).not.toContain('FAIL');
    expect(existsSync(join(reports(), `${id}.html`))).toBe(false);
    expect(code).toBe(2);
  });

  test('stops at the first request when the connection is closed without an answer', async () => {
    const wallet = await serve((_received, response) => response.destroy());
    const { stderr } = await certify(wallet.url, { settings: settings(), player: 'alice', currency: 'EUR' });
    expect(stderr).toContain('did not answer the first request (');
    // The request, and one more that finds the connection's fault.
    expect(wallet.received.length).toBeLessThanOrEqual(2);
  });

  test('goes on with a wallet that answers, whatever it says', async () => {
    const wallet = await serve((_received, response) => response.writeHead(500).end());
    const { code, stdout } = await certify(wallet.url, { settings: settings(), player: 'alice', currency: 'EUR' });
    expect(stdout).toContain('Not certified: ');
    expect(existsSync(join(reports(), `${id}.html`))).toBe(true);
    expect(code).toBe(1);
  });
});
