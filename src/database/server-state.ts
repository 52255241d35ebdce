import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** What a running server says about itself in `postmaster.pid`. */
export interface ServerState {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

/** @returns undefined when no server runs on this data directory. */
export async function readServerState(dataDirectory: string): Promise<ServerState | undefined> {
  const file = join(dataDirectory, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => '');
  // Lines by PostgreSQL's miscadmin.h: pid, data directory, start time, port, socket directory, address, key, status.
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (!(await isPostmaster(pid, dataDirectory))) {
    // After a crash the number may belong to another process of the same user by now, and PostgreSQL would then refuse
    // to start. It still checks the shared memory itself, so removing the file cannot let two servers in.
    await rm(file, { force: true });
    return undefined;
  }
  return { pid, port: Number(lines[3]), status: (lines[7] ?? '').trim() };
}

/** A process that ended but was not collected by its parent has an empty command line, and counts as gone. */
async function isPostmaster(pid: number, dataDirectory: string): Promise<boolean> {
  try {
    const commandLine =
      process.platform === 'linux'
        ? (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
        : (await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)])).stdout;
    return commandLine.includes(dataDirectory);
  } catch {
    return false;
  }
}

const pollMs = 10;

/** @returns false when the server has ended or is stopping instead. @throws Error after `timeoutMs`. */
export async function waitUntilReady(
  dataDirectory: string,
  timeoutMs: number,
  hasEnded: () => boolean = () => false,
): Promise<ServerState | undefined> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(pollMs)) {
    if (hasEnded()) return undefined;
    const state = await readServerState(dataDirectory);
    if (state?.status === 'ready') return state;
    if (state?.status === 'stopping') return undefined;
  }
  throw new Error(`PostgreSQL in ${dataDirectory} was not ready after ${timeoutMs / 1000} seconds.`);
}

/** @throws Error after `timeoutMs`. */
export async function waitUntilStopped(dataDirectory: string, timeoutMs: number): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(pollMs)) {
    if ((await readServerState(dataDirectory)) === undefined) return;
  }
  throw new Error(`PostgreSQL in ${dataDirectory} did not stop within ${timeoutMs / 1000} seconds.`);
}
