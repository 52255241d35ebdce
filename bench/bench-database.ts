import pg from 'pg';
import { pino } from 'pino';
import { policy } from '../src/adapters/igpx/policy.js';
import { openDatabase } from '../src/database.js';
import { createLedger } from '../src/ledger/ledger.js';
import { CASHIER, type WalletCommand } from '../src/ledger/commands.js';
import { createStatements } from '../src/ledger/statements.js';
import { migrate } from '../src/migrate.js';
import { createPlayerDirectory } from '../src/players/directory.js';
import { bench } from './bets.js';

export const benchLimits = {
  poolMax: 20,
  acquireTimeoutMs: 10_000,
  statementTimeoutMs: 10_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 10_000,
  transactionTimeoutMs: 20_000,
};

/** A migrated database of its own on the server, with players who have one empty wallet each. @returns its URL. */
export async function openBenchDatabase(serverUrl: string, name: string, wallets: number): Promise<string> {
  await withClient(serverUrl, (client) => client.query(`create database ${name}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await migrate(url.href);
  await withClient(url.href, async (client) => {
    await client.query('insert into currency values ($1, 6)', [bench.currency]);
    await client.query('insert into brand values ($1, array[$2])', [bench.brand, bench.currency]);
    // The lane as ledger/lanes.ts computes it.
    await client.query(
      `with made as (
         insert into player (lane, brand_id, external_id)
         select get_byte(sha256(convert_to($1, 'UTF8') || '\\x00' || convert_to('bench-' || n, 'UTF8')), 0) % 64, $1, 'bench-' || n
         from generate_series(0, $3::int - 1) n returning lane, id)
       insert into wallet (lane, player_id, currency) select lane, id, $2 from made`,
      [bench.brand, bench.currency, wallets],
    );
  });
  return url.href;
}

/** Fills every wallet by a real deposit, so that the books stay straight. */
export async function fundWallets(url: string, wallets: number): Promise<void> {
  const amount = { digits: 1_000_000_000n, decimals: 0 };
  await executeAll(url, wallets, (index) => ({
    kind: 'deposit',
    brand: bench.brand,
    player: bench.player(index),
    integration: CASHIER,
    currency: bench.currency,
    amount,
    key: 'first',
  }));
}

/** Real bets through the ledger, without HTTP: the quick way to a large one. */
export async function growLedger(url: string, prefix: string, bets: number, wallets: number): Promise<void> {
  const amount = { digits: 1n, decimals: 0 };
  await executeAll(url, bets, (index) => ({
    kind: 'bet',
    brand: bench.brand,
    player: bench.player((index * 7_919) % wallets),
    integration: bench.integration,
    currency: bench.currency,
    amount,
    key: `${prefix}-${index}`,
  }));
}

const AT_ONCE = 1_000;

async function executeAll(url: string, count: number, command: (index: number) => WalletCommand): Promise<void> {
  const logger = pino({ level: 'error' });
  const database = await openDatabase({ kind: 'url', url, ownerUrl: url, ...benchLimits }, { logger });
  const directory = createPlayerDirectory(database.orm);
  const currencies = new Set([bench.currency]);
  const ledger = createLedger({
    connection: { connectionString: database.url, application_name: 'croupier-ledger' },
    statements: createStatements(database.orm),
    currencies: new Map([[bench.currency, { code: bench.currency, scale: 6 }]]),
    brandCurrencies: new Map([[bench.brand, currencies]]),
    integrationCurrencies: new Map([[bench.integration, currencies]]),
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    committed: () => undefined,
    failed: (message, error) => logger.error({ err: error }, message),
  });
  for (let start = 0; start < count; start += AT_ONCE) {
    const group = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, offset) =>
      ledger.execute(command(start + offset), { policy, deadlineMs: 60_000 }),
    );
    for (const { outcome } of await Promise.all(group)) {
      if (outcome.type !== 'applied') throw new Error(`A movement of the bench was not applied: ${outcome.type}`);
    }
  }
  await ledger.close();
  await database.close();
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
