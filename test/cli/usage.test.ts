import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runProgram } from '../support/command.js';

/** What the commands share, and what `npm run adapter:new` has of its own. */
const others = new Set(['own-gateway.ts', 'usage.ts', 'adapter-new.ts']);
const commands = readdirSync('src/cli').filter((each) => !others.has(each));

test.each(commands)('%s says how it is used when it is asked, and does nothing', async (name) => {
  // Nowhere to read a configuration or to reach a database: whatever did more than print would fail.
  const env = { CROUPIER_CONFIG: '/nowhere.yaml', DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing' };
  const { code, stdout, stderr } = await runProgram(`src/cli/${name}`, { args: ['--help'], env });
  expect(stdout).toMatch(/^Usage: /);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test.each(['audit', 'certify', 'migrate', 'rebuild', 'simulate', 'token'])(
  '%s answers an option that it does not know with its usage',
  async (name) => {
    const { code, stderr } = await runProgram(`src/cli/${name}.ts`, { args: ['--unheard-of'] });
    expect(stderr).toMatch(/^Unknown option '--unheard-of'/);
    expect(stderr).toContain(`\nUsage: npm run ${name}`);
    expect(code).toBeGreaterThan(0);
  },
);
