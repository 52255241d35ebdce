import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, chown, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, findAccount, prepareCommand } from './postgres-process.js';

/** The files of one embedded server. */
export interface Cluster {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly password: string;
}

/**
 * Finds the server's files in the directory, or makes them. A half-made data directory never gets the final name, and of
 * two processes that make one at the same time the second takes what the first made.
 */
export async function openCluster(path: string, { binaries, sync }: { binaries: Binaries; sync: boolean }) {
  await mkdir(path, { recursive: true });
  const directory = await realpath(path);
  const cluster: Cluster = {
    directory,
    dataDirectory: join(directory, 'data'),
    logFile: join(directory, 'server.log'),
    password: await readPassword(join(directory, 'password')),
  };
  if (!(await exists(cluster.dataDirectory))) await initialise(cluster, binaries, sync);
  return cluster;
}

async function readPassword(file: string): Promise<string> {
  await writeFile(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600, flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return readFile(file, 'utf8');
}

async function initialise({ directory, dataDirectory, password }: Cluster, binaries: Binaries, sync: boolean) {
  const account = await findAccount();
  const draft = await mkdtemp(join(directory, 'data.'));
  const passwordFile = `${draft}.password`;
  try {
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (account) {
      await chmod(directory, 0o711);
      await chown(draft, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const command = await prepareCommand(
      binaries.initdb,
      [
        `--pgdata=${draft}`,
        `--pwfile=${passwordFile}`,
        '--username=postgres',
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        ...(sync ? [] : ['--no-sync']),
      ],
      draft,
    );
    await promisify(execFile)(command.file, command.args, command.options);
    await rename(draft, dataDirectory);
  } catch (error) {
    if (!(await exists(dataDirectory))) throw error;
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

/** The last lines the server wrote: what to show when it does not start. */
export async function logTail({ logFile }: Cluster): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-15).join('\n');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
