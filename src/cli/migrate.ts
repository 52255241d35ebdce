import { adapters } from '../adapters/registry.js';
import { describeProblems, loadConfig } from '../config.js';
import { startEmbeddedPostgres } from '../database.js';
import { migrate } from '../migrate.js';

/** `npm run migrate`: brings the schema of DATABASE_OWNER_URL, or DATABASE_URL, or the embedded server up to this code. */
async function run(env: NodeJS.ProcessEnv): Promise<string[]> {
  // A job that only migrates needs none of the gateway's other settings.
  const ownerUrl = env['DATABASE_OWNER_URL'] ?? env['DATABASE_URL'];
  if (ownerUrl !== undefined) return migrate(ownerUrl);
  const { database } = loadConfig(env, { adapters });
  if (database.kind === 'url') return migrate(database.ownerUrl);
  const server = await startEmbeddedPostgres({ directory: database.directory, port: database.port });
  try {
    return await migrate(server.url);
  } finally {
    await server.close();
  }
}

try {
  const applied = await run(process.env);
  console.log(
    applied.length === 0 ? 'Nothing to do: the schema is up to date.' : `Applied:\n  ${applied.join('\n  ')}`,
  );
} catch (error) {
  console.error(describeProblems(error).replace('Croupier does not start', 'The migration failed'));
  process.exitCode = 1;
}
