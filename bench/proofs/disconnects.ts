import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { issueToken, type Role } from '../../src/auth.js';
import { formatId } from '../../src/ledger/ids.js';
import { Secret } from '../../src/observability/secret.js';
import { type Random, seeded } from '../../test/support/random.js';
import { bench } from '../bets.js';
import { authSecret } from '../gateway.js';
import { type Gateway, openGateway, openProvider } from './gateway.js';
import { type Play, startPlay } from './play.js';
import { type Reckoning, reckon } from './reckoning.js';
import { startWatcher, type Watcher } from './watcher.js';

export interface DisconnectsOptions {
  /** Of a bench database with its wallets funded. */
  readonly databaseUrl: string;
  /** One for each gateway process. */
  readonly directories: readonly [string, string];
  /** Of each player's wallet, in ledger units. */
  readonly funds: readonly bigint[];
  readonly disconnects: number;
  /** Of gateways, one or the other, spread over the run. */
  readonly kills: number;
  /** Clients that follow the whole brand; besides these every player's wallet has one. */
  readonly streams: number;
  /** The longest wait between two disconnects. */
  readonly pauseMsMax: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface DisconnectsReport extends Reckoning {
  readonly disconnects: number;
  readonly kills: number;
  readonly seed: number;
  readonly seconds: number;
  /** Events that clients were told of. */
  readonly told: number;
}

const TABLES = 16;
const CATCH_UP_MS = 30_000;
const SAID_EVERY = 500;

interface Follower {
  readonly watcher: Watcher;
  /** The only wallet it follows; the whole brand when undefined. */
  readonly walletId: string | undefined;
  readonly name: string;
}

/** By wallet. */
type Ledger = ReadonlyMap<string, readonly Row[]>;
interface Row {
  readonly sequence: bigint;
  readonly balance: string;
}

/**
 * Cuts clients off again and again, each in one of several ways, while bets are taken and gateways are killed. In the end each
 * must have been told of exactly what the ledger holds, each wallet in its order.
 */
export async function proveDisconnects(options: DisconnectsOptions): Promise<DisconnectsReport> {
  const { databaseUrl, directories } = options;
  const first = await openGateway(directories[0], databaseUrl);
  try {
    const second = await openGateway(directories[1], databaseUrl);
    try {
      return await run(options, [first, second]);
    } finally {
      await second.stop();
    }
  } finally {
    await first.stop();
  }
}

async function run(options: DisconnectsOptions, gateways: readonly [Gateway, Gateway]): Promise<DisconnectsReport> {
  const { databaseUrl, funds, seed } = options;
  const startedAt = performance.now();
  const [first] = gateways;
  const provider = openProvider(first, { socketsMax: TABLES * 2, timeoutMs: 5_000, attemptsMax: 8 });
  const faults: string[] = [];
  const followers = await startFollowers(options, gateways, (what) => faults.push(what));
  try {
    const play = startPlay({ provider, random: seeded(seed + 1), players: funds.length, tables: TABLES });
    await until(() => followers.every(({ watcher }) => watcher.isResuming), 'every client to have seen something');
    const since = await readSequences(databaseUrl);
    await cutOff(options, followers, gateways, play);
    await play.finish();
    const ledger = await readLedger(databaseUrl);
    // Whoever was cut off last comes back first.
    await until(() => followers.every((each) => hasCaughtUp(each, ledger)), undefined);
    faults.push(...followers.flatMap((each) => compare(each, ledger, since)));
    const reckoning = await reckon(databaseUrl, play.book.sent, funds);
    return {
      disconnects: options.disconnects,
      kills: options.kills,
      seed,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
      told: followers.reduce((sum, { watcher }) => sum + watcher.told.length, 0),
      ...reckoning,
      violations: [...faults, ...play.book.faults, ...reckoning.violations],
    };
  } finally {
    for (const { watcher } of followers) watcher.close();
    provider.close();
  }
}

async function cutOff(
  { disconnects, kills, pauseMsMax, seed, say }: DisconnectsOptions,
  followers: readonly Follower[],
  gateways: readonly Gateway[],
  play: Play,
): Promise<void> {
  const random = seeded(seed);
  const killEvery = Math.max(1, Math.floor(disconnects / (kills + 1)));
  let killing = Promise.resolve();
  let killed = 0;
  for (let count = 0; count < disconnects;) {
    if (!followers[random.below(followers.length)]?.watcher.disconnect()) {
      await delay(5);
      continue;
    }
    count += 1;
    if (count % killEvery === 0 && killed < kills) {
      killed += 1;
      const gateway = gateways[random.below(gateways.length)];
      killing = killing.then(() => gateway?.killAndRestart());
    }
    if (count % SAID_EVERY === 0) say(`${count} disconnects, ${play.book.counts.acknowledged} movements acknowledged`);
    await delay(random.below(pauseMsMax));
  }
  await killing;
}

async function startFollowers(
  { databaseUrl, streams, seed }: DisconnectsOptions,
  gateways: readonly Gateway[],
  fault: (what: string) => void,
): Promise<Follower[]> {
  const urls = gateways.map(({ callbackUrl }) => `${new URL(callbackUrl).origin.replace('http', 'ws')}/graphql`);
  const random = seeded(seed + 2);
  const wallets = await readWallets(databaseUrl);
  const staff = await token('service', 'watcher');
  const ofWallets = wallets.map(async ({ player, walletId }) => {
    const watcher = watchWallet({ urls, random, fault, walletId, token: await token('player', player) });
    return { watcher, walletId, name: `The client of ${player}` };
  });
  const ofBrand = Array.from({ length: streams }, (_, index) => {
    return { watcher: watchBrand({ urls, random, fault, token: staff }), walletId: undefined, name: `Stream ${index}` };
  });
  return [...(await Promise.all(ofWallets)), ...ofBrand];
}

interface Watching {
  readonly urls: readonly string[];
  readonly random: Random;
  readonly fault: (what: string) => void;
  readonly token: string;
}

interface BalanceData {
  readonly balanceChanged: {
    readonly sequence: string;
    readonly balance: { readonly amount: string };
    readonly transaction: { readonly id: string } | null;
  };
}

function watchWallet({ walletId, ...watching }: Watching & { walletId: string }): Watcher {
  return startWatcher({
    ...watching,
    query: (resume) =>
      `subscription { balanceChanged(walletId: "${walletId}", coalesce: false${resume === undefined ? '' : `, after: "${resume}"`})
        { sequence balance { amount } transaction { id } } }`,
    read(data) {
      const { sequence, balance, transaction } = (data as BalanceData).balanceChanged;
      const told = { walletId, sequence: BigInt(sequence), balance: balance.amount };
      return { told, resume: sequence, isSnapshot: transaction === null };
    },
  });
}

interface PostedData {
  readonly transactionPosted: {
    readonly cursor: string;
    readonly transaction: {
      readonly sequence: string;
      readonly balanceAfter: { readonly amount: string };
      readonly wallet: { readonly id: string };
    };
  };
}

function watchBrand(watching: Watching): Watcher {
  return startWatcher({
    ...watching,
    query: (resume) =>
      `subscription { transactionPosted${resume === undefined ? '' : `(after: "${resume}")`}
        { cursor transaction { sequence balanceAfter { amount } wallet { id } } } }`,
    read(data) {
      const { cursor, transaction } = (data as PostedData).transactionPosted;
      const { sequence, balanceAfter, wallet } = transaction;
      const told = { walletId: wallet.id, sequence: BigInt(sequence), balance: balanceAfter.amount };
      return { told, resume: cursor, isSnapshot: false };
    },
  });
}

function hasCaughtUp({ watcher, walletId }: Follower, ledger: Ledger): boolean {
  const last = new Map(watcher.told.map((each) => [each.walletId, each.sequence]));
  return [...ledger].every(
    ([id, rows]) =>
      (walletId !== undefined && id !== walletId) || !last.has(id) || last.get(id) === rows.at(-1)?.sequence,
  );
}

/** @param since what each wallet had reached when every client had seen something: from there on nothing may be missing */
function compare({ watcher, walletId, name }: Follower, ledger: Ledger, since: ReadonlyMap<string, bigint>): string[] {
  const faults: string[] = [];
  const told = Map.groupBy(watcher.told, (each) => each.walletId);
  for (const [id, rows] of ledger) {
    if (walletId !== undefined && id !== walletId) continue;
    const events = told.get(id) ?? [];
    const before = events[0] === undefined ? (since.get(id) ?? 0n) : events[0].sequence - 1n;
    if (before > (since.get(id) ?? 0n)) faults.push(`${name} was told of ${id} only from ${before + 1n} on`);
    const expected = rows.filter(({ sequence }) => sequence > before);
    events.forEach(({ sequence, balance }, index) => {
      const row = expected[index];
      if (row?.sequence !== sequence) faults.push(`${name} was told of ${id} ${sequence} in place of ${row?.sequence}`);
      else if (row.balance !== balance) faults.push(`${name} was told that ${id} had ${balance}, not ${row.balance}`);
    });
    if (events.length < expected.length) {
      faults.push(`${name} was not told of the last ${expected.length - events.length} of ${id}`);
    }
  }
  return faults;
}

async function until(isSo: () => boolean, what: string | undefined): Promise<void> {
  for (const deadline = performance.now() + CATCH_UP_MS; !isSo();) {
    if (performance.now() > deadline) {
      if (what === undefined) return;
      throw new Error(`It took too long for ${what}`);
    }
    await delay(20);
  }
}

interface WalletRow {
  readonly player: string;
  readonly lane: number;
  readonly id: string;
  readonly sequence: string;
}

async function readWallets(url: string): Promise<{ player: string; walletId: string; sequence: bigint }[]> {
  const rows = await query<WalletRow>(
    url,
    'select p.external_id as player, w.lane, w.id, w.sequence from wallet w join player p on p.lane = w.lane and p.id = w.player_id',
  );
  return rows.map(({ player, lane, id, sequence }) => ({
    player,
    walletId: formatId('wallet', { lane, id: BigInt(id) }),
    sequence: BigInt(sequence),
  }));
}

async function readSequences(url: string): Promise<Map<string, bigint>> {
  return new Map((await readWallets(url)).map(({ walletId, sequence }) => [walletId, sequence]));
}

async function readLedger(url: string): Promise<Ledger> {
  const rows = await query<{ lane: number; id: string; sequence: string; cents: string }>(
    url,
    // The bench's scale is 6, and its amounts are whole cents.
    `select lane, wallet_id as id, sequence, round(balance_after / 1000000.0, 2)::text as cents
     from ledger_transaction order by lane, wallet_id, sequence`,
  );
  const named = rows.map(({ lane, id, sequence, cents }) => ({
    walletId: formatId('wallet', { lane, id: BigInt(id) }),
    sequence: BigInt(sequence),
    balance: cents,
  }));
  return Map.groupBy(named, ({ walletId }) => walletId);
}

async function query<Columns extends object>(url: string, text: string): Promise<Columns[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Columns>(text)).rows;
  } finally {
    await client.end();
  }
}

function token(role: Role, subject: string): Promise<string> {
  return issueToken(new Secret(authSecret), { subject, brand: bench.brand, roles: [role] }, 3_600);
}
