import { parseArgs } from 'node:util';
import { adapters } from '../adapters/registry.js';
import { ConfigError, describeProblems, loadConfig } from '../config.js';
import { startEmbeddedPostgres } from '../database.js';
import { migrate, UnreachableError } from '../migrate.js';
import { answerHelp, describeMisuse } from './usage.js';

const usage = `Usage: npm run migrate
  brings the schema of DATABASE_OWNER_URL up to this release; of DATABASE_URL where that is not set, and of the embedded
  server where neither is`;

/** `npm run migrate`: brings the schema of DATABASE_OWNER_URL, or DATABASE_URL, or the embedded server up to this code. */
async function run(args: string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  parseArgs({ args });
  // A job that only migrates needs none of the gateway's other settings.
  const variable = env['DATABASE_OWNER_URL'] === undefined ? 'DATABASE_URL' : 'DATABASE_OWNER_URL';
  const url = env[variable];
  if (url !== undefined) {
    return migrate(url).catch((cause: unknown) => {
      throw new ConfigError([{ path: variable, message: describeFailure(cause, variable) }], { cause });
    });
  }
  const { database } = loadConfig(env, { adapters });
  if (database.kind === 'url') return migrate(database.ownerUrl);
  const server = await startEmbeddedPostgres({ directory: database.directory, port: database.port });
  try {
    return await migrate(server.url);
  } finally {
    await server.close();
  }
}

const insufficientPrivilege = '42501';
/** The server went down, or the connection broke: what was being committed may have been. */
const lostConnection = /^(08|57P)/;

/** @returns what happened, what was not done, and what to do next */
function describeFailure(error: unknown, variable: 'DATABASE_URL' | 'DATABASE_OWNER_URL'): string {
  const { reason, sqlState } = readFailure(error);
  if (error instanceof UnreachableError) {
    return (
      `cannot be reached (${reason}); nothing was applied. Check that it is written ` +
      'postgresql://user:password@host:5432/database, that the password is right and that the server runs.'
    );
  }
  if (sqlState === undefined || lostConnection.test(sqlState)) {
    return `${reason}; whether anything was applied is not known. Run "npm run migrate" again: it does what is left to do.`;
  }
  if (sqlState !== insufficientPrivilege) {
    return `the database refused (${reason}); nothing was applied. Mend that, then run "npm run migrate" again.`;
  }
  const next =
    variable === 'DATABASE_URL'
      ? 'Set DATABASE_OWNER_URL to the login that owns the database'
      : 'It must own the database and may need CREATEROLE';
  return `names a login that may not migrate (${reason}); nothing was applied. ${next}: docs/operations.md, Roles.`;
}

/** All of a run is one transaction, so an error of the server (which has a severity) means that nothing is left of it. */
function readFailure(error: unknown): { reason: string; sqlState: string | undefined } {
  if (!(error instanceof Error)) return { reason: String(error), sqlState: undefined };
  const reason = error.message.replace(/\s*\n\s*/g, ' ').replace(/\.$/, '');
  const sqlState = 'severity' in error && 'code' in error ? String(error.code) : undefined;
  return { reason, sqlState };
}

answerHelp(usage);
try {
  const applied = await run(process.argv.slice(2), process.env);
  console.log(
    applied.length === 0 ? 'Nothing to do: the schema is up to date.' : `Applied:\n  ${applied.join('\n  ')}`,
  );
} catch (error) {
  const text = describeProblems(error).replace('Croupier does not start', 'The migration failed');
  console.error(describeMisuse(error, usage) ?? text);
  process.exitCode = 1;
}
