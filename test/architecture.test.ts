import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The rules of the tree: who may import whom, where a provider's name may stand, how long a file may be. */

const source = resolve(import.meta.dirname, '../src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((each) => each.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }));

/** Paths below `src` that a file imports, types included: a type is a dependency too. */
function importsOf({ path, text }: { path: string; text: string }): string[] {
  return [...text.matchAll(/(?:from|import)\s+'(\.[^']+)'/g)].map(([, target = '']) =>
    relative(source, resolve(source, dirname(path), target)).replace(/\.js$/, '.ts'),
  );
}

function packagesOf({ text }: { text: string }): string[] {
  return [...text.matchAll(/(?:from|import)\s+'([^.'][^']*)'/g)].map(([, name = '']) => name);
}

function under(folder: string) {
  return files.filter(({ path }) => path.startsWith(`${folder}/`));
}

function importing(folder: string, ...forbidden: readonly RegExp[]): string[] {
  return under(folder).flatMap((file) =>
    [...importsOf(file), ...packagesOf(file)]
      .filter((target) => forbidden.some((each) => each.test(target)))
      .map((target) => `${file.path} imports ${target}`),
  );
}

describe('imports run downwards only', () => {
  it('the ledger knows no HTTP, no GraphQL and no provider', () => {
    expect(
      importing(
        'ledger',
        /^(adapters|callbacks|schema|players|launch|cashier|events|sandbox|simulator|cli)\//,
        /^(express|graphql|@apollo|ws$)/,
        /^node:http/,
        /^(app|server)\.ts$/,
      ),
    ).toEqual([]);
  });

  it('entities import nothing but the words of the ledger', () => {
    expect(
      under('entities').flatMap((file) =>
        importsOf(file).filter((target) => !/^(entities\/|ledger\/commands\.ts$)/.test(target)),
      ),
    ).toEqual([]);
  });

  it('adapters never import entities, the ORM, the gateway or each other', () => {
    expect(
      importing(
        'adapters',
        /^(entities|callbacks|schema|events|players|launch|cashier|sandbox|simulator)\//,
        /^@mikro-orm/,
        /^pg$/,
      ),
    ).toEqual([]);
    const across = under('adapters').flatMap((file) => {
      const own = file.path.split('/')[1] ?? '';
      return importsOf(file)
        .filter(
          (target) =>
            /^adapters\/[^/]+\//.test(target) &&
            !target.startsWith('adapters/kit/') &&
            !target.startsWith(`adapters/${own}/`),
        )
        .map((target) => `${file.path} imports ${target}`);
    });
    expect(across.filter((each) => !each.startsWith('adapters/all.ts'))).toEqual([]);
  });

  it('the simulator knows the gateway by its address only', () => {
    const allowed = /^(simulator|adapters)\/|^ledger\/(money|policy)\.ts$/;
    expect(under('simulator').flatMap((file) => importsOf(file).filter((target) => !allowed.test(target)))).toEqual([]);
  });

  it('services know neither GraphQL nor callbacks', () => {
    for (const folder of ['players', 'launch', 'cashier', 'events', 'adjustments', 'history', 'reports', 'access']) {
      expect(
        importing(folder, /^(schema|callbacks|sandbox|simulator|cli)\//, /^(express|graphql|type-graphql|@apollo)/),
      ).toEqual([]);
    }
  });

  it('only server, app and the command line read the configuration from the environment', () => {
    const readers = files.filter(({ text }) => /process\.env/.test(text)).map(({ path }) => path);
    // The embedded server is a child process, and gets the environment passed on.
    const allowed = new Set(['server.ts', 'database/postgres-process.ts']);
    expect(readers.filter((path) => !allowed.has(path) && !path.startsWith('cli/'))).toEqual([]);
  });
});

const providers = readdirSync(join(source, 'adapters'), { withFileTypes: true })
  .filter((each) => each.isDirectory() && each.name !== 'kit' && each.name !== '_template')
  .map((each) => each.name);

describe('a provider is known in its folder and the list of all only', () => {
  it.each(providers)('%s is named nowhere else', (provider) => {
    const elsewhere = files.filter(
      ({ path, text }) =>
        new RegExp(provider, 'i').test(text) && !path.startsWith(`adapters/${provider}/`) && path !== 'adapters/all.ts',
    );
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });
});

describe('the tree stays readable', () => {
  it.each(providers)('the folder of %s has at most 600 lines of code', (provider) => {
    const lines = under(`adapters/${provider}`).flatMap(({ text }) => text.split('\n'));
    const code = lines.filter((line) => !/^\s*(?:\/\/|\/?\*|$)/.test(line));
    expect(code.length).toBeGreaterThan(100);
    expect(code.length).toBeLessThanOrEqual(600);
  });

  it('no file is longer than 400 lines', () => {
    expect(files.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path)).toEqual([]);
  });

  it('server.ts stays within 60 lines', () => {
    expect(readFileSync(join(source, 'server.ts'), 'utf8').split('\n').length).toBeLessThanOrEqual(61);
  });

  it('nothing is named for being useful in general', () => {
    expect(files.filter(({ path }) => /utils|helper|manager|impl\b/i.test(path)).map(({ path }) => path)).toEqual([]);
  });
});
