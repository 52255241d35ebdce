import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** docs/adding-a-provider.md, run as it is written, on a copy of the tree. */

const execute = promisify(execFile);
const root = process.cwd();
const parts = [
  'src',
  'test',
  'bench',
  'docs',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
];
const COMMAND_MS = 240_000;
/** The steps of `npm run check` that a new folder can fail, although nothing in it is wrong. */
const checks = ['node dist/cli/policies.js --check', 'npm run -s check:architecture'];
let copy: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'croupier-new-provider-'));
  for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rm(copy, { recursive: true, force: true }));

test(
  'a new provider is one folder and one line, and every command of its guide succeeds',
  { timeout: COMMAND_MS * 2 },
  async () => {
    const commands = await readCommands();
    expect(commands[0]).toBe('npm run adapter:new -- acme');
    const before = await readSources();
    for (const [index, command] of commands.entries()) {
      await run(command);
      if (index > 0) continue;
      const after = await readSources();
      const changed = [...after].filter(([path, text]) => before.get(path) !== text).map(([path]) => path);
      expect(changed.filter((path) => !path.startsWith('src/adapters/acme/'))).toEqual(['src/adapters/all.ts']);
      const added = (after.get('src/adapters/all.ts') ?? '').replace(before.get('src/adapters/all.ts') ?? '', '');
      expect(added).toBe("export * as acme from './acme/index.js';\n");
    }
    for (const check of checks) await run(check);
    const reports = await readdir(join(copy, 'certification'));
    expect(reports.toSorted()).toEqual(['acme.html', 'acme.xml']);
  },
);

test('a folder that is there already is not written over', async () => {
  await expect(run('npm run adapter:new -- igpx')).rejects.toThrow(/is there already; nothing was written/);
});

/** The lines of the guide's shell blocks; a command that comes again with more options is run with these only. */
async function readCommands(): Promise<string[]> {
  const guide = await readFile(join(root, 'docs/adding-a-provider.md'), 'utf8');
  const lines = [...guide.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) => block.trim().split('\n'));
  return lines.filter((line) => !lines.some((other) => other.startsWith(`${line} `)));
}

/** As somebody types it: nothing of this test's own surroundings. */
async function run(command: string): Promise<void> {
  const { PATH = '', HOME = '' } = process.env;
  const options = { cwd: copy, env: { PATH, HOME, CI: 'true' }, timeout: COMMAND_MS };
  await execute('sh', ['-c', command], options).catch((error: unknown) => {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`${command} failed.\n${String(error)}\n${said.slice(-4_000)}`);
  });
}

async function readSources(): Promise<Map<string, string>> {
  const entries = await readdir(join(copy, 'src'), { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  return new Map(
    await Promise.all(files.map(async (path) => [relative(copy, path), await readFile(path, 'utf8')] as const)),
  );
}
