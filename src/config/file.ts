import { readFileSync, statSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { Problems } from './problems.js';

const fileSizeMax = 1_048_576;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads the YAML file and puts the environment's values where it says `${VAR}`. @returns undefined when unreadable. */
export function readConfigFile(path: string | undefined, env: NodeJS.ProcessEnv, problems: Problems): unknown {
  if (path === undefined) return undefined;
  let text: string;
  try {
    if (statSync(path).size > fileSizeMax) throw new Error('is larger than 1 MiB');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.add(
      'CROUPIER_CONFIG',
      `"${path}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
  const value = parseYaml(text, path, problems);
  return value === undefined ? undefined : substitute(value, '', env, problems);
}

/** Reads YAML, of which JSON is a part. @returns undefined after noting what is wrong with it */
export function parseYaml(text: string, path: string, problems: Problems): unknown {
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true });
  const faults = [...document.errors, ...document.warnings];
  for (const fault of faults) {
    const line = fault.linePos?.[0].line ?? '?';
    // Only the first line of the message: the rest quotes the file, which may hold a secret.
    problems.add(path, `line ${line}: ${(fault.message.split('\n')[0] ?? '').replace(/ at line \d+.*$/, '')}.`);
  }
  if (faults.length > 0) return undefined;
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    problems.add(path, `is not readable as YAML: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** After parsing, never before: a value from the environment stays one text, whatever characters it holds. */
function substitute(value: unknown, path: string, env: NodeJS.ProcessEnv, problems: Problems): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([^}]*)\}?/g, (written, name: string) => {
      if (!written.endsWith('}') || !variableName.test(name)) {
        problems.add(path, 'has "${" without the name of a variable and "}" after it.');
        return written;
      }
      const found = env[name];
      if (found === undefined || found === '') {
        problems.add(path, `needs the environment variable ${name}, which is ${found === '' ? 'empty' : 'not set'}.`);
        // Not empty text, so that the same fault is not reported a second time by the setting's own rules.
        return written;
      }
      return found;
    });
  }
  if (Array.isArray(value)) return value.map((each, index) => substitute(each, `${path}[${index}]`, env, problems));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, each]) => [
      key,
      substitute(each, path === '' ? key : `${path}.${key}`, env, problems),
    ]);
    return Object.fromEntries(entries);
  }
  return value;
}
