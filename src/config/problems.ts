import { z } from 'zod';

/** One thing that is wrong: where, and what to do about it. Never holds a secret's value. */
export interface Problem {
  /** Place in the file (`integrations[0].settings.password`) or the variable's name (`DATABASE_URL`). */
  readonly path: string;
  readonly message: string;
}

/** The gateway does not start with this configuration or this database. Carries every problem that was found. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(
    readonly problems: readonly Problem[],
    options?: ErrorOptions,
  ) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    const list = problems.map(({ path, message }) => `  - ${path}: ${message}`).join('\n');
    super(`Croupier does not start; it found ${count}:\n${list}`, options);
  }
}

/** Collects problems from many checks, so that all are reported at once. */
export class Problems {
  readonly found: Problem[] = [];

  add(path: string, message: string): void {
    this.found.push({ path: path === '' ? 'CROUPIER_CONFIG' : path, message });
  }

  /** @returns the parsed value, or undefined after noting what the schema found. */
  check<Output>(schema: z.ZodType<Output>, value: unknown, path: string): Output | undefined {
    const parsed = schema.safeParse(value, { reportInput: true });
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const place = joinPath(path, issue.path);
      // What was said of this place before (a variable that is not set, white space) is the better explanation.
      if (!this.found.some((each) => each.path === place)) this.add(place, sayIssue(issue));
    }
    return undefined;
  }

  /** @throws ConfigError when anything was noted. */
  throwIfAny(): void {
    if (this.found.length > 0) throw new ConfigError(this.found);
  }
}

function joinPath(start: string, rest: readonly PropertyKey[]): string {
  return rest.reduce<string>(
    (path, part) =>
      typeof part === 'number' ? `${path}[${part}]` : path === '' ? String(part) : `${path}.${String(part)}`,
    start,
  );
}

function sayIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `"${key}"`).join(', ');
    return `${keys} is not known here; correct the spelling or remove it.`;
  }
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing.';
  return issue.message.endsWith('.') ? issue.message : `${issue.message}.`;
}

/** What to print when the gateway cannot start: for configuration errors every problem, for others the cause in a line. */
export function describeProblems(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (!(error instanceof Error)) return `Croupier does not start: ${String(error)}`;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE' && 'port' in error) {
    return `Croupier does not start: port ${String(error.port)} is taken; stop what listens there or set PORT to another.`;
  }
  if (code === 'EACCES' && 'port' in error) {
    return `Croupier does not start: port ${String(error.port)} may not be opened by this user; set PORT to 1024 or more.`;
  }
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  // A refused connection to a name with several addresses comes without a message.
  return `Croupier does not start: ${error.message || (typeof code === 'string' ? code : error.name)}${cause}`;
}
