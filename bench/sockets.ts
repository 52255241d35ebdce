import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { providers } from '../src/adapters/registry.js';
import { issueToken, type Role } from '../src/auth.js';
import { startEmbeddedPostgres } from '../src/database.js';
import { formatId, formatTransactionId } from '../src/ledger/ids.js';
import { Secret } from '../src/observability/secret.js';
import { bench, settingsOf, writeBets } from './bets.js';
import { PacedBets } from './paced-bets.js';
import { fundWallets, openBenchDatabase } from './bench-database.js';
import { authSecret, startGateway } from './gateway.js';
import { createProvider, type Provider } from './proofs/provider.js';
import type { Order, Plan, Report } from './socket-clients.js';

/**
 * `npm run bench:sockets`: the real gateway and thousands of clients in a process of their own. (1) each client on a wallet of
 * its own: from the receipt of a bet to the client; (2) all clients on the stream of the brand, beside a bare `ws` server that
 * sends the same bytes to the same client program; (3) all clients coming back at once.
 */

const { values: flags } = parseArgs({
  options: {
    sockets: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    events: { type: 'string', default: '200' },
    reconnects: { type: 'string', default: '10000' },
  },
});
const count = Number(flags.sockets);
const reconnects = Number(flags.reconnects);
const wallets = Math.max(count, reconnects);
const PORT = 4_820;
/** The first seconds are the compiler's. */
const WARM_UP_S = 5;
/** Events on their way at once in a broadcast: enough that nobody waits for a single one. */
const IN_FLIGHT = 16;
const CHANGE = 'sequence balance { amount currency } transaction { id kind createdAt amount { amount } } displayAt';
const POSTED =
  'subscription { transactionPosted { cursor displayAt transaction { id kind sequence externalKey createdAt amount { amount currency } } } }';

const say = (text: string): boolean => process.stderr.write(`${text}\n`);
const stops: (() => Promise<unknown>)[] = [];

interface Player {
  readonly name: string;
  readonly walletId: string;
}

/** The clients' process, asked and answered a message at a time. */
interface Clients {
  ask<Is extends Report['is']>(order: Order, is: Is): Promise<Extract<Report, { is: Is }>>;
}

try {
  await run();
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'croupier-sockets-'));
  stops.push(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'postgres'));
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  stops.push(() => server.close());
  const databaseUrl = await openBenchDatabase(server.url, 'bench_sockets', wallets);
  await fundWallets(databaseUrl, wallets);
  const gateway = await startGateway(directory, databaseUrl, PORT, { projections: false });
  stops.push(() => gateway.stop());
  const players = await readPlayers(databaseUrl);
  const clients = startClients();
  const provider = openProvider(gateway.url);
  const url = `${gateway.url.replace('http', 'ws')}/graphql`;

  const needed = Math.ceil(Number(flags.rate) * (Number(flags.seconds) + WARM_UP_S) * 1.1);
  const file = await writeBets(join(directory, 'bets'), { firstId: 1, count: needed, wallets: count });
  const bets = await PacedBets.open(gateway.url, file);
  const latency = await measureLatency(clients, bets, await planOfWallets(url, players.slice(0, count)), databaseUrl);
  bets.close();
  say(`own wallets: ${JSON.stringify(latency)}`);
  const broadcast = await measureBroadcast(clients, url, provider);
  say(`broadcast: ${JSON.stringify(broadcast)}`);
  const back = await measureReconnects(clients, await planOfWallets(url, players.slice(0, reconnects)));
  say(`reconnects: ${JSON.stringify(back)}`);
  provider.close();
  const bars = {
    'own wallets: p99 ms (aim 100)': latency.p99Ms,
    'broadcast ÷ bare ws (aim 0.5)': Number((broadcast.perSecond / broadcast.barePerSecond).toFixed(2)),
    'reconnects: ms until all have a snapshot': back.ms,
  };
  console.table({ ...bars });
  const conditions = { cores: availableParallelism(), node: process.version, sockets: count, reconnects };
  process.stdout.write(`${JSON.stringify({ bench: 'sockets', ...conditions, bars, latency, broadcast, back })}\n`);
}

async function planOfWallets(url: string, players: readonly Player[]): Promise<Plan> {
  return {
    url,
    tokens: await Promise.all(players.map(({ name }) => token('player', name))),
    query: `subscription ($walletId: ID!) { balanceChanged(walletId: $walletId) { ${CHANGE} } }`,
    variables: players.map(({ walletId }) => ({ walletId })),
    timed: true,
  };
}

async function measureLatency(clients: Clients, bets: PacedBets, plan: Plan, databaseUrl: string) {
  const { ms } = await clients.ask({ do: 'open', plan }, 'ready');
  say(`${plan.tokens.length} sockets have their snapshots after ${ms.toFixed(0)} ms`);
  const seconds = Number(flags.seconds);
  const rate = Number(flags.rate);
  await bets.send(rate, Math.min(WARM_UP_S, seconds));
  await clients.ask({ do: 'count' }, 'count');
  const answersMs = await bets.send(rate, seconds);
  const sent = answersMs.length;
  await delay(2_000);
  const { told: arrivals, closed } = await clients.ask({ do: 'count' }, 'count');
  const latenciesMs = await latenciesOf(databaseUrl, arrivals);
  await clients.ask({ do: 'close' }, 'closed');
  const at = (share: number, of: readonly number[] = latenciesMs): number =>
    Math.round(of.toSorted((a, b) => a - b)[Math.floor(of.length * share)] ?? Number.NaN);
  const told = latenciesMs.length;
  // The provider's answer leaves right after the commit: what the client waited for beyond it is the subscription's.
  const answered = { answerP50Ms: at(0.5, answersMs), answerP99Ms: at(0.99, answersMs) };
  const percentiles = { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(0.9999) };
  return {
    perSecond: Math.round(sent / seconds),
    bets: sent,
    told,
    ...percentiles,
    ...answered,
    closed: closed.length,
  };
}

/**
 * From when a unit of work was decided, which is right before its COMMIT, to when a client was told of its rows: no less than from
 * the commit to the client.
 */
async function latenciesOf(databaseUrl: string, arrivals: readonly (readonly [string, number])[]): Promise<number[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ lane: number; wallet: string; first: string; last: string; ms: number }>(
    `select u.lane, m.wallet, m.first, m.last, (extract(epoch from u.created_at) * 1000)::float8 as ms
     from unit_of_work u, unnest(u.wallet_ids, u.first_sequences, u.sequences) m (wallet, first, last)`,
  );
  await client.end();
  const decidedAt = new Map<string, number>();
  for (const { lane, wallet, first, last, ms } of rows) {
    for (let sequence = BigInt(first); sequence <= BigInt(last); sequence += 1n) {
      decidedAt.set(formatTransactionId({ lane, walletId: BigInt(wallet), sequence }), ms);
    }
  }
  return arrivals.map(([id, at]) => at - (decidedAt.get(id) ?? Number.NaN));
}

async function measureBroadcast(clients: Clients, url: string, provider: Provider) {
  const staff = await token('service', 'dashboard');
  const plan: Plan = {
    url,
    tokens: Array.from({ length: count }, () => staff),
    query: POSTED,
    variables: [],
    timed: false,
  };
  await clients.ask({ do: 'open', plan }, 'ready');
  // Compiled code before it counts, and a message to send again.
  await broadcast(clients, (times) => betTimes(provider, times), 20);
  const perSecond = await broadcast(clients, (times) => betTimes(provider, times), Number(flags.events));
  const { closed, sample } = await clients.ask({ do: 'count' }, 'count');
  await clients.ask({ do: 'close' }, 'closed');
  if (sample === undefined) throw new Error('Nothing was told');
  const bare = await measureBare(clients, sample);
  return { perSecond, barePerSecond: bare, bytes: Buffer.byteLength(sample), closed: closed.length };
}

async function measureBare(clients: Clients, text: string): Promise<number> {
  const child = forkBench('bench/socket-baseline.ts');
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const tokens = Array.from({ length: count }, () => '');
  const plan: Plan = { url: `ws://127.0.0.1:${port}/`, tokens, query: undefined, variables: [], timed: false };
  await clients.ask({ do: 'open', plan }, 'ready');
  const send = (times: number): Promise<void> => {
    child.send({ text, times });
    return Promise.resolve();
  };
  await broadcast(clients, send, 20);
  const perSecond = await broadcast(clients, send, Number(flags.events));
  await clients.ask({ do: 'close' }, 'closed');
  child.kill();
  return perSecond;
}

/** @returns messages per second that arrived */
async function broadcast(clients: Clients, cause: (times: number) => Promise<void>, events: number): Promise<number> {
  const before = (await clients.ask({ do: 'count' }, 'count')).messages;
  const startedAt = performance.now();
  let caused = 0;
  for (;;) {
    const { messages, closed } = await clients.ask({ do: 'count' }, 'count');
    if (closed.length > 0) throw new Error(`${closed.length} sockets were closed with ${closed[0]}`);
    const arrived = (messages - before) / count;
    if (arrived >= events) return Math.round((messages - before) / ((performance.now() - startedAt) / 1_000));
    const more = Math.min(events - caused, IN_FLIGHT - Math.ceil(caused - arrived));
    if (more > 0) {
      caused += more;
      await cause(more);
    }
    await delay(2);
  }
}

async function betTimes(provider: Provider, times: number): Promise<void> {
  await Promise.all(Array.from({ length: times }, (_, index) => bet(provider, index)));
}

async function bet(provider: Provider, player: number): Promise<void> {
  const { answer } = await provider.bet({ player: bench.player(player), currency: bench.currency, amount: '1.00' });
  if (answer?.error !== null) throw new Error(`A bet was not taken: ${answer?.error}`);
}

async function measureReconnects(clients: Clients, plan: Plan) {
  const { ms, retries } = await clients.ask({ do: 'open', plan }, 'ready');
  const { closed } = await clients.ask({ do: 'count' }, 'count');
  await clients.ask({ do: 'close' }, 'closed');
  return { sockets: plan.tokens.length, ms: Math.round(ms), retries, closed: closed.length };
}

function startClients(): Clients {
  const child = forkBench('bench/socket-clients.ts');
  return {
    async ask<Is extends Report['is']>(order: Order, is: Is) {
      child.send(order);
      for (;;) {
        const [report] = (await once(child, 'message')) as [Report];
        if (isReport(report, is)) return report;
      }
    },
  };
}

function isReport<Is extends Report['is']>(report: Report, is: Is): report is Extract<Report, { is: Is }> {
  return report.is === is;
}

function forkBench(file: string): ChildProcess {
  const child = fork(file, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
  stops.push(async () => {
    child.kill();
  });
  return child;
}

function openProvider(url: string): Provider {
  const voice = providers.get(bench.provider)?.side.voice(settingsOf(bench.provider));
  if (voice === undefined) throw new Error(`There is no provider ${bench.provider}`);
  const callbackUrl = `${url}/callbacks/${bench.integration}`;
  return createProvider({ callbackUrl, voice, retryDelayMs: 40, socketsMax: 64, timeoutMs: 10_000, attemptsMax: 1 });
}

function token(role: Role, subject: string): Promise<string> {
  return issueToken(new Secret(authSecret), { subject, brand: bench.brand, roles: [role] }, 3_600);
}

async function readPlayers(url: string): Promise<Player[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string; lane: number; id: string }>(
    'select p.external_id as name, w.lane, w.id from wallet w join player p on p.lane = w.lane and p.id = w.player_id order by p.id',
  );
  await client.end();
  const indexOf = ({ name }: Player): number => Number(name.split('-')[1]);
  return rows
    .map(({ name, lane, id }) => ({ name, walletId: formatId('wallet', { lane, id: BigInt(id) }) }))
    .toSorted((a, b) => indexOf(a) - indexOf(b));
}
