import { execFile } from 'node:child_process';
import { inspect, promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createLogger, Secret } from '../src/observability/logger.js';

function capture(production = false) {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', production, destination: { write: (line) => void lines.push(line) } });
  return { logger, lines };
}

test('a secret prints as "[secret]" however it is printed', () => {
  const secret = new Secret('hunter22');
  const printed = [
    String(secret),
    'in text: '.concat(String(secret)),
    JSON.stringify({ secret }),
    inspect({ a: { secret } }),
  ];
  for (const text of printed) {
    expect(text).toContain('[secret]');
    expect(text).not.toContain('hunter22');
  }
  expect(secret.reveal()).toBe('hunter22');
});

test('what is named like a secret is never written, at any depth, in any spelling', () => {
  const { logger, lines } = capture();
  const names = [
    'authorization',
    'Authorization',
    'X-Security-Hash',
    'X-Securty-Hash',
    'password',
    'token',
    'launchToken',
    'securityHash',
  ];
  const record = Object.fromEntries(names.map((name) => [name, ['hunter22']]));
  logger.info({ ...record, request: { headers: record, list: [{ deep: record }] } }, 'seen');
  logger.child({ binding: record }).child(record).info('seen');
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toContain('hunter22');
});

test('amounts of money are written digit by digit', () => {
  const { logger, lines } = capture();
  logger.info({ units: 9_007_199_254_740_993n }, 'paid');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', units: '9007199254740993', msg: 'paid' });
});

test('errors keep what they carry to themselves, and their stacks out of production', () => {
  const error = Object.assign(new Error('failed', { cause: new Error('lost') }), { code: '23505', detail: 'hunter22' });
  for (const production of [true, false]) {
    const { logger, lines } = capture(production);
    logger.error({ err: error }, 'bug');
    const { err } = JSON.parse(lines[0] ?? '');
    expect(err).toMatchObject({ type: 'Error', message: 'failed', code: '23505', cause: { message: 'lost' } });
    expect('stack' in err).toBe(!production);
    expect(lines[0]).not.toContain('hunter22');
  }
});

test('a cause that is no error is redacted like any other value', () => {
  const thrown = {
    reason: 'refused',
    units: 12n,
    password: 'hunter22',
    request: { headers: [{ cookie: 'hunter22' }] },
  };
  for (const cause of [thrown, new Error('between', { cause: thrown })]) {
    const { logger, lines } = capture();
    logger.error({ err: new Error('failed', { cause }) }, 'bug');
    expect(lines[0]).toContain('"reason":"refused","units":"12","password":"[secret]"');
    expect(lines[0]).not.toContain('hunter22');
  }
});

test('one event is one line', () => {
  const { logger, lines } = capture();
  logger.info({ text: 'a\nb' }, 'c\nd');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.trimEnd()).not.toContain('\n');
});

/** What a program with a logger leaves on standard output. */
async function printed(body: string): Promise<{ level: string; msg: string; line?: number }[]> {
  const { href } = new URL('../src/observability/logger.ts', import.meta.url);
  const program = `import { createLogger, exit } from ${JSON.stringify(href)};
    const logger = createLogger({ level: 'info' });
    ${body}`;
  const run = promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  const lines = stdout.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

test.each(['', 'exit(logger, 0);'])(
  'every line is on standard output, whole and in order, at the end %j',
  async (end) => {
    const lines = await printed(`
    for (let line = 0; line < 1_000; line += 1) {
      logger.info({ line }, 'Zürich – 東京 – 🎰');
      if (line % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    ${end}`);
    expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: 1_000 }, (_, line) => line));
    expect(new Set(lines.map(({ msg }) => msg))).toEqual(new Set(['Zürich – 東京 – 🎰']));
  },
);

test('what is fatal is on standard output at once, even if the process is killed the next moment', async () => {
  const lines = await printed("logger.fatal('over'); process.kill(process.pid, 'SIGKILL');");
  expect(lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual(['fatal over']);
});
