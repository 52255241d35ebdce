import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What a terminal shows of a program of the tree. */
export interface Shown {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Further modules to load first. */
  readonly imports?: readonly string[];
}

/** Runs a file of `src` as a program. */
export function runProgram(path: string, { args = [], env = {}, imports = [] }: RunOptions = {}): Promise<Shown> {
  const loaded = ['tsx', ...imports].flatMap((each) => ['--import', each]);
  return promisify(execFile)(process.execPath, [...loaded, path, ...args], { env: { ...process.env, ...env } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Shown) => error,
  );
}
