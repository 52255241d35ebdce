import '../node-version.js';

/** A command was called in a way that it does not know: the answer is this message and the usage. */
export class UsageError extends Error {}

/** `--help`, wherever it stands, prints the usage and does nothing else. */
export function answerHelp(usage: string): void {
  if (!process.argv.slice(2).some((each) => each === '--help' || each === '-h')) return;
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

/** @returns what to print when the command was called wrongly; undefined for every other error */
export function describeMisuse(error: unknown, usage: string): string | undefined {
  return error instanceof UsageError || isOfParseArgs(error) ? `${error.message}\n${usage}` : undefined;
}

function isOfParseArgs(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}
