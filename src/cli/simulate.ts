import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { adapters, type Provider, providers } from '../adapters/registry.js';
import { issueToken } from '../auth.js';
import { type Config, describeProblems, loadConfig } from '../config.js';
import type { IntegrationConfig } from '../config/types.js';
import { startEmbeddedPostgres } from '../database.js';
import { audit, type AuditReport } from '../ledger/audit.js';
import { withOverrides } from '../ledger/policy.js';
import { noFaults } from '../simulator/faults.js';
import { type LoadReport, runLoad } from '../simulator/load/load.js';
import { createOperator } from '../simulator/load/operator.js';
import { startOwnGateway } from './own-gateway.js';
import { answerHelp, describeMisuse, UsageError } from './usage.js';

const usage = `Usage: npm run simulate -- --provider <id> [--dialect <name>] [--players 200] [--rate 500] [--seconds 20]
                                 [--faults 5%] [--seed 7] [--url <gateway>]
  --provider  ${[...providers.keys()].join(', ')}
  --dialect   one of the protocol's further dialects; not with --url, where the integration's own settings count
  --players   how many play; each is made and funded for this run
  --rate      rounds begun per second: a bet, then a win, a loss or a rollback
  --faults    how many of a hundred messages meet one: a lost answer, a delay, a duplicate, another order, an early rollback
  --seed      repeats the plan of every round
  --url       a gateway that runs with the configuration of this environment (the sandbox's, unless CROUPIER_CONFIG is
              set); without it one is started, with a database of its own that is removed afterwards`;

type Wish = ReturnType<typeof readArguments>;

/** A gateway to be played on. */
interface Target {
  readonly url: string;
  readonly integration: IntegrationConfig;
  readonly auth: Config['auth'];
  /** Whether nobody played here before. */
  readonly isNew: boolean;
  readonly findViolations: () => Promise<AuditReport>;
  close(): Promise<void>;
}

/** `npm run simulate`: plays a provider under load and with faults. Ends with 0 only when nothing contradicts. */
async function run(wish: Wish): Promise<LoadReport> {
  const target = wish.url === undefined ? await startTarget(wish) : findGateway(wish, wish.url);
  try {
    return await play(wish, target);
  } finally {
    await target.close();
  }
}

async function play(wish: Wish, { url, integration, auth, isNew, findViolations }: Target): Promise<LoadReport> {
  const { provider, seed, rate, seconds, faults } = wish;
  const [currency] = integration.currencies;
  if (auth.kind !== 'secret') throw new UsageError('Tokens are checked with a key set here, so none can be made.');
  if (currency === undefined) throw new UsageError('The integration has no currency.');
  const token = await issueToken(
    auth.secret,
    { subject: 'simulate', brand: integration.brand, roles: ['service'] },
    86_400,
  );
  const operator = createOperator({ url, token, currency });
  const players = newPlayers(wish.players);
  await operator.fund(players);
  process.stderr.write(`${players.length} players are funded at ${url}; seed ${seed}\n`);
  const { adapter, side } = provider;
  const { settings, policy, id, brand } = integration;
  return runLoad({
    side,
    settings,
    players,
    currency,
    rate,
    seconds,
    seed,
    faults,
    policy: withOverrides(adapter.policy, policy),
    deadlineMs: adapter.bind({ id, brand, settings }).deadlineMs.bet,
    callbackUrl: `${url}/callbacks/${id}`,
    firstId: isNew ? 1 : undefined,
    onSecond: (report) => process.stderr.write(`  ${inALine(report)}\n`),
    balances: () => operator.balances(players),
    audit: async () => violationsOf(await findViolations()),
  });
}

/** Names that are new at every run, and short enough for the pickiest protocol. One in twenty is poor. */
function newPlayers(count: number): { player: string; balance: string }[] {
  const run = randomBytes(4).toString('hex');
  return Array.from({ length: count }, (_, index) => ({
    player: `s${run}_${index}`,
    balance: index % 20 === 19 ? '10.00' : '1000.00',
  }));
}

function violationsOf({ invariants }: AuditReport): string[] {
  return invariants.flatMap(({ name, violations }) => violations.map(({ id, what }) => `${name}: ${id ?? ''} ${what}`));
}

/** A gateway for this run alone. */
async function startTarget({ provider, dialect }: Wish): Promise<Target> {
  const id = `${provider.adapter.id}-load`;
  const gateway = await startOwnGateway([{ id, provider, dialect }]);
  return {
    url: gateway.url,
    integration: integrationOf(gateway.config, provider.adapter.id),
    auth: gateway.config.auth,
    isNew: true,
    findViolations: () => gateway.audit(),
    close: () => gateway.close(),
  };
}

/** A gateway that runs elsewhere with this configuration. */
function findGateway({ provider, dialect }: Wish, url: string): Target {
  if (dialect !== undefined) throw new UsageError('With --url the dialect is that of the integration.');
  const config = loadConfig(process.env, { adapters });
  if (config.mode === 'production') throw new UsageError('In production nobody plays with money that is not there.');
  return {
    url: url.replace(/\/+$/, ''),
    integration: integrationOf(config, provider.adapter.id),
    auth: config.auth,
    isNew: false,
    findViolations: () => auditOf(config),
    close: () => Promise.resolve(),
  };
}

function integrationOf({ integrations }: Config, adapter: string): IntegrationConfig {
  const found = integrations.find((each) => each.adapter === adapter);
  if (found === undefined) throw new UsageError(`The configuration has no integration of "${adapter}".`);
  return found;
}

async function auditOf({ database }: Config): Promise<AuditReport> {
  const server = database.kind === 'embedded' ? await startEmbeddedPostgres(database) : undefined;
  const client = new pg.Client({ connectionString: database.kind === 'url' ? database.url : server?.url });
  try {
    await client.connect();
    return await audit(client);
  } finally {
    await client.end();
    await server?.close();
  }
}

function readArguments(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      provider: { type: 'string' },
      dialect: { type: 'string' },
      url: { type: 'string' },
      players: { type: 'string', default: '200' },
      rate: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '20' },
      faults: { type: 'string', default: '5%' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  const { url, dialect } = values;
  const percent = /^(\d{1,2}(?:\.\d+)?|100)%$/.exec(values.faults)?.[1];
  if (percent === undefined) throw new UsageError('--faults is a percentage such as 5%.');
  return {
    provider: providerOf(values.provider, dialect),
    dialect,
    url,
    players: numberOf('players', values.players, 1, 10_000),
    rate: numberOf('rate', values.rate, 1, 100_000),
    seconds: numberOf('seconds', values.seconds, 1, 86_400),
    seed: numberOf('seed', values.seed, 0, 2 ** 32 - 1),
    faults: percent === '0' ? noFaults : { rate: Number(percent) / 100 },
  };
}

function providerOf(id: string | undefined, dialect: string | undefined): Provider {
  const provider = providers.get(id ?? '');
  if (provider === undefined)
    throw new UsageError(id === undefined ? '--provider is missing.' : `Nobody knows "${id}".`);
  const dialects = Object.keys(provider.side.dialects);
  if (dialect !== undefined && !dialects.includes(dialect)) {
    throw new UsageError(`The dialects of ${id} are: ${dialects.join(', ') || 'none'}.`);
  }
  return provider;
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least || number > most) {
    throw new UsageError(`--${name} is a whole number from ${least} to ${most}.`);
  }
  return number;
}

const count = (number: number): string => number.toLocaleString('en');

function inALine({ seconds, sent, accepted, refused, contradictions }: LoadReport): string {
  const found = contradictions.length === 0 ? '' : `, ${count(contradictions.length)} CONTRADICTIONS`;
  return `${seconds.toFixed(0).padStart(4)} s  ${count(sent)} sent, ${count(accepted)} accepted, ${count(refused)} refused${found}`;
}

const SHOWN_MAX = 20;

function summaryOf(report: LoadReport): string {
  const { seconds, rounds, sent, accepted, refused, failed, retried, faults, p50Ms, p99Ms, contradictions } = report;
  const met = Object.entries(faults).map(([kind, times]) => `${kind} ${count(times)}`);
  const lines: readonly [string, string][] = [
    ['rounds', `${count(rounds)} in ${seconds.toFixed(1)} s`],
    ['sent', `${count(sent)}, ${count(Math.round(sent / seconds))} a second`],
    ['accepted', count(accepted)],
    ['refused', count(refused)],
    ['failed', count(failed)],
    ['retried', count(retried)],
    ['faults', met.join(', ')],
    ['p50, p99', `${p50Ms.toFixed(1)} ms, ${p99Ms.toFixed(1)} ms`],
    ['contradictions', count(contradictions.length)],
  ];
  const shown = contradictions.slice(0, SHOWN_MAX).map((each) => `  ${each}`);
  return [...lines.map(([name, text]) => `${name.padEnd(14)}  ${text}`), ...shown].join('\n');
}

answerHelp(usage);
try {
  const report = await run(readArguments(process.argv.slice(2)));
  console.log(summaryOf(report));
  if (report.contradictions.length > 0) process.exitCode = 1;
} catch (error) {
  const text = describeProblems(error).replace('Croupier does not start', 'The simulation did not take place');
  console.error(describeMisuse(error, usage) ?? text);
  process.exitCode = 2;
}
