import { parseArgs } from 'node:util';
import pg from 'pg';
import { adapters } from '../adapters/registry.js';
import { describeProblems, loadConfig } from '../config.js';
import { assertMigrated, startEmbeddedPostgres } from '../database.js';
import { rebuildReports, type RebuildProgress } from '../reports/rebuild.js';
import { answerHelp, describeMisuse, UsageError } from './usage.js';

const usage = `Usage: npm run rebuild -- reports [--continue]
  reports     rounds and report buckets, made anew from the ledger
  --continue  goes on with a rebuild that was interrupted`;

const connectTimeoutMs = 5_000;

/**
 * `npm run rebuild -- reports`: makes the projections of DATABASE_URL or of the embedded server anew, with or without gateways
 * at work. Interrupted, it ends with what is done so far kept.
 */
async function run(args: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: { continue: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (positionals.length !== 1 || positionals[0] !== 'reports') throw new UsageError('Say what to rebuild.');
  const { url, release } = await findDatabase(env);
  try {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      application_name: 'croupier-rebuild',
    });
    // A connection lost on the way fails the query that is under way; that is the error to show.
    client.on('error', () => undefined);
    await client.connect();
    try {
      await assertMigrated(client);
      await client.query('set role croupier_app');
      const startedAt = performance.now();
      const { rows } = await rebuildReports(client, { goOn: values.continue, onProgress: progressPrinter(), signal });
      // Where the login owns the tables; elsewhere the server's own maintenance does it a little later.
      await client.query('reset role');
      await client.query('analyze round, report_bucket, player_bucket');
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      console.log(
        `Rounds and reports hold the ledger again: ${rows.toLocaleString('en')} rows of play in ${seconds} s.`,
      );
    } finally {
      await client.end();
    }
  } finally {
    await release();
  }
}

/** A rebuild needs none of the gateway's other settings when it is told where the database is. */
async function findDatabase(env: NodeJS.ProcessEnv): Promise<{ url: string; release: () => Promise<void> }> {
  const given = env['DATABASE_URL'];
  if (given !== undefined) return { url: given, release: async () => {} };
  const { database } = loadConfig(env, { adapters });
  if (database.kind === 'url') return { url: database.url, release: async () => {} };
  const server = await startEmbeddedPostgres({ directory: database.directory, port: database.port });
  return { url: server.url, release: () => server.close() };
}

function progressPrinter(): (progress: RebuildProgress) => void {
  const startedAt = performance.now();
  return ({ lanesDone, lanes, rows, rowsExpected }) => {
    const perSecond = (rows / Math.max(1, performance.now() - startedAt)) * 1_000;
    const left = Math.max(0, rowsExpected - rows);
    const eta = lanesDone === lanes || rows === 0 ? '' : `, about ${Math.ceil(left / perSecond)} s to go`;
    const speed = `${Math.round(perSecond).toLocaleString('en')} rows/s`;
    console.error(`  ${lanesDone} of ${lanes} lanes, ${rows.toLocaleString('en')} rows, ${speed}${eta}`);
  };
}

answerHelp(usage);
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort()).once('SIGTERM', () => interrupted.abort());
try {
  await run(process.argv.slice(2), process.env, interrupted.signal);
} catch (error) {
  if (interrupted.signal.aborted) {
    console.error('Interrupted. Lanes that are done stay; go on with: npm run rebuild -- reports --continue');
  } else {
    const text = describeProblems(error).replace('Croupier does not start', 'The rebuild did not end');
    console.error(describeMisuse(error, usage) ?? text);
  }
  process.exitCode = 2;
}
