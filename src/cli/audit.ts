import { parseArgs } from 'node:util';
import pg from 'pg';
import { adapters } from '../adapters/registry.js';
import { describeProblems, loadConfig } from '../config.js';
import { assertMigrated, startEmbeddedPostgres } from '../database.js';
import { audit, type AuditProgress, type AuditReport, type Violation } from '../ledger/audit.js';
import { LANE_COUNT } from '../ledger/lanes.js';
import { answerHelp, describeMisuse, UsageError } from './usage.js';

const usage = `Usage: npm run audit [-- --lane <lane>]… [-- --from <lane>]
  --lane  only this lane (0 to ${LANE_COUNT - 1}); may be given several times
  --from  begin at this lane, to go on with an audit that was interrupted`;

const connectTimeoutMs = 5_000;
const progressEveryMs = 2_000;

/**
 * `npm run audit`: proves the books of DATABASE_URL or of the embedded server, with or without a gateway at work.
 * Ends with 0 only when every invariant holds.
 */
async function run(args: string[], env: NodeJS.ProcessEnv): Promise<AuditReport> {
  const { lanes, from } = readArguments(args);
  const { url, release } = await findDatabase(env);
  try {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      application_name: 'croupier-audit',
    });
    // A connection lost on the way fails the query that is under way; that is the error to show.
    client.on('error', () => undefined);
    await client.connect();
    try {
      await assertMigrated(client);
      // The gateway's own rights suffice, and cannot hurt. Where the role is missing the audit says so itself.
      await client.query('set role croupier_app').catch(() => undefined);
      return await audit(client, { ...(lanes === undefined ? {} : { lanes }), from, onProgress: progressPrinter() });
    } finally {
      await client.end();
    }
  } finally {
    await release();
  }
}

/** An audit needs none of the gateway's other settings when it is told where the database is. */
async function findDatabase(env: NodeJS.ProcessEnv): Promise<{ url: string; release: () => Promise<void> }> {
  const given = env['DATABASE_URL'];
  if (given !== undefined) return { url: given, release: async () => {} };
  const { database } = loadConfig(env, { adapters });
  if (database.kind === 'url') return { url: database.url, release: async () => {} };
  // Joins the server of a gateway that runs; otherwise starts it for as long as the audit takes.
  const server = await startEmbeddedPostgres({ directory: database.directory, port: database.port });
  return { url: server.url, release: () => server.close() };
}

function readArguments(args: string[]): { lanes: number[] | undefined; from: number } {
  const { values } = parseArgs({
    args,
    options: { lane: { type: 'string', multiple: true }, from: { type: 'string', default: '0' } },
  });
  return { lanes: values.lane?.map(readLane), from: readLane(values.from) };
}

function readLane(text: string): number {
  const lane = Number(text);
  if (!/^\d{1,2}$/.test(text) || lane >= LANE_COUNT) throw new UsageError(`There is no lane "${text}".`);
  return lane;
}

/** A short audit prints its result only. */
function progressPrinter(): (progress: AuditProgress) => void {
  let printedAt = performance.now();
  return ({ lanesDone, lanes, rows, violations }) => {
    if (performance.now() - printedAt < progressEveryMs) return;
    printedAt = performance.now();
    const crooked = violations === 0 ? '' : `, ${violations} broken so far`;
    console.error(`  ${lanesDone} of ${lanes} lanes, ${rows.toLocaleString('en')} ledger rows${crooked}`);
  };
}

function describeViolation({ id, lane, walletId, sequence, what }: Violation): string {
  const place = [
    id,
    lane === null ? null : `lane ${lane}`,
    walletId === null ? null : `wallet ${walletId}`,
    sequence === null ? null : `sequence ${sequence}`,
  ].filter((each) => each !== null);
  return place.length === 0 ? what : `${place.join(', ')}: ${what}`;
}

function describeReport({ ok, invariants }: AuditReport): string {
  const width = Math.max(...invariants.map(({ name }) => name.length));
  const lines = invariants.flatMap(({ name, checked, violations, ms }) => [
    `${violations.length === 0 ? 'ok    ' : 'BROKEN'}  ${name.padEnd(width)}  ` +
      `${checked.toLocaleString('en').padStart(12)} rows  ${Math.round(ms).toLocaleString('en').padStart(8)} ms`,
    ...violations.map((each) => `          ${describeViolation(each)}`),
  ]);
  const broken = invariants.filter((each) => each.violations.length > 0).length;
  lines.push(
    ok ? 'The books are in order.' : `THE BOOKS ARE CROOKED: ${broken} of ${invariants.length} invariants broken.`,
  );
  return lines.join('\n');
}

answerHelp(usage);
try {
  const report = await run(process.argv.slice(2), process.env);
  console.log(describeReport(report));
  if (!report.ok) process.exitCode = 1;
} catch (error) {
  const text = describeProblems(error).replace('Croupier does not start', 'The audit did not take place');
  console.error(describeMisuse(error, usage) ?? text);
  process.exitCode = 2;
}
