import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Provider, providers } from '../adapters/registry.js';
import { issueToken } from '../auth.js';
import { type CaseResult, type Certificate, certify } from '../certification/certify.js';
import { htmlReport } from '../certification/report-html.js';
import { junitReport } from '../certification/report-junit.js';
import { createOperator } from '../simulator/load/operator.js';
import { type OwnGateway, type OwnIntegration, startOwnGateway } from './own-gateway.js';

const usage = `Usage: npm run certify -- --provider <id> [--dialect <name>] [--url <url> --settings <file.yaml>] [--report <folder>]
  --provider  ${[...providers.keys()].join(', ')}, or all
  --dialect   one dialect of the protocol; without --url all are examined when none is named
  --url       where the wallet takes callbacks; without it, a gateway of its own is started and examined
  --settings  what both sides share: { settings: {…}, player: "…", currency: "…" }; the player needs 1,000 and no game under way
  --report    folder for the HTML and JUnit reports; default: certification`;

const Target = z.strictObject({ settings: z.unknown(), player: z.string().min(1), currency: z.string().min(1) });

class UsageError extends Error {}

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
  await mkdir(wish.report, { recursive: true });
  if (wish.url === undefined) return examineOwnGateway(wish);
  if (wish.settings === undefined || wish.provider === 'all') throw new UsageError(usage);
  const target = Target.parse(parse(await readFile(wish.settings, 'utf8')));
  const { player, currency, settings } = target;
  const provider = providerOf(wish.provider);
  return examine({ name: wish.provider, provider, settings, url: wish.url, player, currency }, wish.report);
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
  if (provider === undefined || (provider !== 'all' && !providers.has(provider))) throw new UsageError(usage);
  return { ...values, provider };
}

function providerOf(id: string): Provider {
  const provider = providers.get(id);
  if (provider === undefined) throw new UsageError(usage);
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
  process.stdout.write(`\n${options.provider.adapter.title} (${name}) against ${options.url}\n`);
  const certificate = await certify({ ...options, progress: say });
  await writeFile(join(report, `${name}.html`), htmlReport(certificate));
  await writeFile(join(report, `${name}.xml`), junitReport(certificate));
  process.stdout.write(summaryOf(certificate, join(report, name)));
  return certificate.passed;
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

try {
  process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  const isExpected =
    error instanceof UsageError || error instanceof z.ZodError || (error instanceof TypeError && 'code' in error);
  if (!isExpected && !(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
