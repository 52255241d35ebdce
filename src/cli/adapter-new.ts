import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const usage = `Usage: npm run adapter:new -- <id> [--title "<title>"]
  <id>     2 to 32 small letters and digits; the folder's name, and the adapter's in the configuration
  --title  the provider's name as people write it; default: the id with a capital`;

const ADAPTERS = 'src/adapters';

class UsageError extends Error {}

/** `npm run adapter:new`: lays a provider's folder from the template, and adds its line to the registry. */
async function run(args: string[]): Promise<string> {
  const { values, positionals } = parseArgs({ args, options: { title: { type: 'string' } }, allowPositionals: true });
  const [id] = positionals;
  if (positionals.length !== 1 || id === undefined || !/^[a-z][a-z0-9]{1,31}$/.test(id)) throw new UsageError(usage);
  const folder = join(ADAPTERS, id);
  if (existsSync(folder) || id === 'kit') throw new UsageError(`${folder} is there already; nothing was written.`);
  const title = values.title ?? id.charAt(0).toUpperCase() + id.slice(1);

  await cp(join(ADAPTERS, '_template'), folder, { recursive: true });
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((each) => each.isFile())) {
    const path = join(file.parentPath, file.name);
    const text = await readFile(path, 'utf8');
    await writeFile(
      path,
      text.replaceAll("'template'", `'${id}'`).replaceAll('Template', title.replaceAll("'", "\\'")),
    );
  }
  const list = join(ADAPTERS, 'all.ts');
  const line = `export * as ${id} from './${id}/index.js';\n`;
  await writeFile(list, (await readFile(list, 'utf8')).trimEnd() + `\n${line}`);
  return `${folder} is laid, and ${list} has its line. Next:
  npx vitest run test/adapters/contract.test.ts -t ${id}
    the contract suite, with its sample fixtures
  npm run certify -- --provider ${id}
    its own simulator against the gateway
  npm run docs:policies
    its column in docs/policies.md, without which "npm run check" fails
  docs/adding-a-provider.md
    what to change, step by step`;
}

try {
  process.stdout.write(`${await run(process.argv.slice(2))}\n`);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError && 'code' in error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
