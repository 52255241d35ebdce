import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { issueToken } from '../src/auth.js';
import { formatId } from '../src/ledger/ids.js';
import { Secret } from '../src/observability/secret.js';
import { settingsOf } from './bets.js';
import { authSecret, startGateway } from './gateway.js';

/**
 * `npm run bench:lists -- --url <owner's URL of a world that bench:history made>`: pages of the history through the real gateway,
 * each twice, because what the disk does at the first reading is the disk's.
 */

const PORT = 4_823;
const WARM_UP_PAGES = 100;
const { values: flags } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    pages: { type: 'string', default: '300' },
  },
});
const pages = Number(flags.pages);
const say = (text: string): boolean => process.stderr.write(`  ${text}\n`);

const brands = ['demo', 'other'].map((id) => ({ id, currencies: id === 'demo' ? ['EUR', 'USD'] : ['EUR'] }));
/** Those of the large brand. */
const integrations = ['igpx', 'flexsoft', 'hypetech'].map((adapter) => ({
  id: `${adapter}-demo`,
  adapter,
  brand: 'demo',
  currencies: ['EUR', 'USD'],
  settings: settingsOf(adapter),
}));

const directory = await mkdtemp(join(tmpdir(), 'croupier-lists-'));
const world = { currencies: { EUR: {}, USD: {} }, brands, integrations, graphql: { costPerMinute: { staff: 1e12 } } };
const gateway = await startGateway(directory, flags.url, PORT, { ...world, projections: false });
try {
  const token = await issueToken(
    new Secret(authSecret),
    { subject: 'bench', brand: 'demo', roles: ['analyst', 'operator'] },
    36_000,
  );
  const lists = await measureLists(gateway.url, token);
  console.table(lists);
  process.stdout.write(`${JSON.stringify({ bench: 'lists', pages, lists })}\n`);
} finally {
  await gateway.stop();
  await rm(directory, { recursive: true, force: true });
}

interface Known {
  readonly players: readonly string[];
  readonly wallets: readonly string[];
  readonly from: Date;
  readonly to: Date;
}

async function measureLists(url: string, token: string) {
  const known = await readKnown();
  const page = 'edges { node { id kind createdAt amount { amount } } } pageInfo { hasNextPage endCursor }';
  const pick = (all: readonly string[], index: number): string => all[(index * 7_919) % all.length] ?? '';
  const momentOf = (index: number): Date => {
    const span = known.to.getTime() - known.from.getTime();
    return new Date(known.from.getTime() + ((index * 0.618) % 1) * span);
  };
  const filters: Record<string, (index: number) => Record<string, unknown>> = {
    'of the brand, up to a moment': (index) => ({ to: momentOf(index) }),
    'of one integration, up to a moment': (index) => ({ integration: 'igpx-demo', to: momentOf(index) }),
    'deposits, up to a moment': (index) => ({ kinds: ['DEPOSIT'], to: momentOf(index) }),
    'of a player': (index) => ({ playerId: pick(known.players, index) }),
    'of a wallet': (index) => ({ walletId: pick(known.wallets, index) }),
  };
  const query = `query ($filter: TransactionFilter) { transactions(filter: $filter, first: 50) { ${page} } }`;
  const bodyOf = (filter: Record<string, unknown>): string => JSON.stringify({ query, variables: { filter } });
  // A process that has just started compiles as it goes; what that costs is no page's.
  for (const filterOf of Object.values(filters)) {
    for (let index = 0; index < WARM_UP_PAGES; index += 1) await ask(url, token, bodyOf(filterOf(pages + index)));
  }
  const results = [];
  for (const [list, filterOf] of Object.entries(filters)) {
    const ms: number[] = [];
    for (let index = 0; index < pages; index += 1) {
      const body = bodyOf(filterOf(index));
      await ask(url, token, body);
      const startedAt = performance.now();
      const text = await ask(url, token, body);
      ms.push(performance.now() - startedAt);
      if (!text.includes('"edges":[{')) throw new Error(`Nothing in the list ${list}: ${text.slice(0, 200)}`);
    }
    const at = (share: number): number =>
      Number((ms.toSorted((a, b) => a - b)[Math.floor(ms.length * share)] ?? Number.NaN).toFixed(1));
    results.push({ list, 'p50 ms': at(0.5), 'p99 ms (aim 20)': at(0.99) });
    say(`${list}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  }
  return results;
}

async function ask(url: string, token: string, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
  return response.text();
}

async function readKnown(): Promise<Known> {
  const client = new pg.Client({ connectionString: flags.url });
  await client.connect();
  const { rows } = await client.query<{ lane: number; player: string; wallet: string }>(
    `select w.lane, w.player_id as player, w.id as wallet from wallet w join player p on p.lane = w.lane and p.id = w.player_id
     where p.brand_id = 'demo' and w.sequence > 0 order by w.id`,
  );
  const span = await client.query<{ from: Date; to: Date }>(
    "select min(starts_at) + interval '1 day' as from, max(starts_at) as to from report_bucket",
  );
  await client.end();
  return {
    players: rows.map(({ lane, player }) => formatId('player', { lane, id: BigInt(player) })),
    wallets: rows.map(({ lane, wallet }) => formatId('wallet', { lane, id: BigInt(wallet) })),
    from: span.rows[0]?.from ?? new Date(),
    to: span.rows[0]?.to ?? new Date(),
  };
}
