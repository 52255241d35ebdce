import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Provider, providers } from '../adapters/registry.js';
import { issueToken } from '../auth.js';
import { type CaseResult, type Certificate, certify } from '../certification/certify.js';
import { htmlReport } from '../certification/report-html.js';
import { junitReport } from '../certification/report-junit.js';
import { ConfigError, describeProblems } from '../config.js';
import { readConfigFile } from '../config/file.js';
import { Problems } from '../config/problems.js';
import { createOperator } from '../simulator/load/operator.js';
import { type OwnGateway, type OwnIntegration, startOwnGateway } from './own-gateway.js';
import { answerHelp, describeMisuse, UsageError } from './usage.js';

const usage = `Usage: npm run certify -- --provider <id> [--dialect <name>] [--url <url> --settings <file.yaml>] [--report <folder>]
  --provider  ${[...providers.keys()].join(', ')}, or all
  --dialect   one dialect of the protocol; without --url all are examined when none is named
  --url       where the wallet takes callbacks; without it, a gateway of its own is started and examined
  --settings  what both sides share: { settings: {…}, player: "…", currency: "…" }; the player needs 1,000 and no game under way.
              The keys of settings are in src/adapters/<id>/README.md; \${VAR} reads the environment
  --report    folder for the HTML and JUnit reports; default: certification`;

const written = 'must be written as text';
const Target = z.strictObject(
  { settings: z.unknown(), player: z.string(written).min(1, written), currency: z.string(written).min(1, written) },
  { error: 'must hold settings, player and currency' },
);

/** One run against one wallet. */
interface Examination {
  readonly name: string;
  readonly provider: Provider;
  readonly settings: unknown;
  readonly url: string;
  readonly player: string;
  readonly currency: string;
}

/** `npm run certify`: examines a wallet as its provider would, and writes down what it saw. */
async function run(args: string[]): Promise<boolean> {
  const wish = readArguments(args);
  const { url, report } = wish;
  if (url === undefined) return examineOwnGateway(wish);
  if (wish.settings === undefined) throw new UsageError('--settings is missing: what do both sides share?');
  if (wish.provider === 'all') throw new UsageError('With --url one --provider is examined, not all.');
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new UsageError('--url is an http or https address.');
  const provider = providerOf(wish.provider);
  const target = readTarget(wish.settings, provider, process.env);
  return examine({ name: wish.provider, provider, url, ...target }, report);
}

/** @throws ConfigError with every problem of the file */
function readTarget(file: string, { adapter }: Provider, env: NodeJS.ProcessEnv) {
  const problems = new Problems();
  const content = readConfigFile(file, env, problems);
  const target = content === undefined ? undefined : problems.check(Target, content, '');
  if (target !== undefined) problems.check(adapter.settings, target.settings, 'settings');
  if (target !== undefined && problems.found.length === 0) return target;
  // What concerns no single setting is said of the configuration's own file, which this is not.
  const found = problems.found.map((each) =>
    each.path === 'CROUPIER_CONFIG' ? { ...each, path: '--settings' } : each,
  );
  throw new ConfigError(found);
}

function readArguments(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      provider: { type: 'string' },
      dialect: { type: 'string' },
      url: { type: 'string' },
      settings: { type: 'string' },
      report: { type: 'string', default: 'certification' },
    },
  });
  const { provider } = values;
  if (provider === undefined) throw new UsageError('--provider is missing.');
  if (provider !== 'all') providerOf(provider);
  return { ...values, provider };
}

function providerOf(id: string): Provider {
  const provider = providers.get(id);
  if (provider === undefined) throw new UsageError(`Nobody knows "${id}".`);
  return provider;
}

/** Every wanted provider in every wanted dialect, each as an integration of one gateway with a player of its own. */
async function examineOwnGateway(wish: {
  provider: string;
  dialect?: string | undefined;
  report: string;
}): Promise<boolean> {
  const ids = wish.provider === 'all' ? [...providers.keys()] : [wish.provider];
  const gateway = await startOwnGateway(ids.flatMap((id) => wantedOf(id, wish.dialect)));
  try {
    let passed = true;
    for (const integration of gateway.config.integrations) {
      const { id, adapter, settings, currencies } = integration;
      const [currency = ''] = currencies;
      const player = playerOf(id);
      await fund(gateway, integration.brand, { player, currency });
      const url = `${gateway.url}/callbacks/${id}`;
      const examination = { name: id, provider: providerOf(adapter), settings, url, player, currency };
      passed = (await examine(examination, wish.report)) && passed;
    }
    const books = await gateway.audit();
    process.stdout.write(books.ok ? 'The books are straight.\n' : 'The audit found crooked books.\n');
    return passed && books.ok;
  } finally {
    await gateway.close();
  }
}

function wantedOf(id: string, wished: string | undefined): OwnIntegration[] {
  const provider = providerOf(id);
  const dialects = [undefined, ...Object.keys(provider.side.dialects)];
  if (wished !== undefined && !dialects.includes(wished)) {
    throw new UsageError(`${id} has the dialects ${dialects.slice(1).join(', ') || '(none)'}.`);
  }
  return dialects
    .filter((dialect) => wished === undefined || dialect === wished)
    .map((dialect) => ({ id: dialect === undefined ? id : `${id}-${dialect}`, provider, dialect }));
}

async function fund(
  { url, config: { auth } }: OwnGateway,
  brand: string,
  { player, currency }: { player: string; currency: string },
): Promise<void> {
  if (auth.kind !== 'secret') throw new Error('A gateway of our own has a secret of its own');
  const token = await issueToken(auth.secret, { subject: 'certify', brand, roles: ['service'] }, 3_600);
  await createOperator({ url, token, currency }).fund([{ player, balance: '1000.00' }]);
}

/** Short, and of letters, digits and "_": what the pickiest protocol takes. */
function playerOf(name: string): string {
  return `c_${createHash('sha256').update(name).digest('hex').slice(0, 10)}`;
}

async function examine({ name, ...options }: Examination, report: string): Promise<boolean> {
  await mkdir(report, { recursive: true });
  process.stdout.write(`\n${options.provider.adapter.title} (${name}) against ${options.url}\n`);
  const certificate = await certify({ ...options, progress: sayWhileHeard() }).catch(async (error: unknown) => {
    if (!(error instanceof UnheardError)) throw error;
    const why = (await findConnectionFault(options.url)) ?? error.message;
    const message =
      `did not answer the first request (${why}); the other cases were not tried, and no report was written. ` +
      'Check the address, and that the wallet runs and lets this machine in.';
    throw new ConfigError([{ path: options.url, message }], { cause: error });
  });
  await writeFile(join(report, `${name}.html`), htmlReport(certificate));
  await writeFile(join(report, `${name}.xml`), junitReport(certificate));
  process.stdout.write(summaryOf(certificate, join(report, name)));
  return certificate.passed;
}

/** Nobody answered the first request: the cases after it would only say the same. */
class UnheardError extends Error {}

function sayWhileHeard(): typeof say {
  let isHeard = false;
  return (result, done, all) => {
    const [first] = result.exchanges;
    if (!isHeard && first !== undefined && first.answer === undefined) throw new UnheardError(first.fault);
    isHeard ||= first !== undefined;
    say(result, done, all);
  };
}

const CONNECT_TIMEOUT_MS = 5_000;

/** @returns why no connection comes about, in the system's words; undefined when there is another reason */
async function findConnectionFault(url: string): Promise<string | undefined> {
  try {
    await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return undefined;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
    // A refused connection to a name with several addresses comes without a message.
    return cause && (cause.message || ('code' in cause ? String(cause.code) : undefined));
  }
}

function say({ outcome, name, words }: CaseResult, done: number, all: number): void {
  const mark = { passed: 'ok  ', failed: 'FAIL', 'not-applicable': 'n/a ' }[outcome];
  process.stdout.write(
    `  ${String(done).padStart(String(all).length)}/${all} ${mark} ${name}${words === '' ? '' : `: ${words}`}\n`,
  );
}

function summaryOf({ cases, passed }: Certificate, path: string): string {
  const failed = cases.filter((each) => each.outcome === 'failed').length;
  const verdict = passed
    ? `Certified: ${cases.length} cases`
    : `Not certified: ${failed} of ${cases.length} cases failed`;
  return `${verdict}. ${path}.html and ${path}.xml hold the traffic.\n`;
}

answerHelp(usage);
try {
  process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  const text = describeProblems(error).replace('Croupier does not start', 'The certification did not take place');
  process.stderr.write(`${describeMisuse(error, usage) ?? text}\n`);
  process.exitCode = 2;
}
