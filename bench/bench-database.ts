import pg from 'pg';
import { pino } from 'pino';
import { policy } from '../src/adapters/igpx/policy.js';
import { openDatabase } from '../src/database.js';
import { createLedger } from '../src/ledger/ledger.js';
import { CASHIER } from '../src/ledger/commands.js';
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
  const database = await openDatabase(
    { kind: 'url', url, ownerUrl: url, ...benchLimits },
    { logger: pino({ level: 'error' }) },
  );
  const directory = createPlayerDirectory(database.orm);
  const ledger = createLedger({
    connection: { connectionString: database.url, application_name: 'croupier-ledger' },
    statements: createStatements(database.orm),
    currencies: new Map([[bench.currency, { code: bench.currency, scale: 6 }]]),
    brandCurrencies: new Map([[bench.brand, new Set([bench.currency])]]),
    integrationCurrencies: new Map(),
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    committed: () => undefined,
    failed: (message, error) => {
      throw new Error(message, { cause: error });
    },
  });
  const amount = { digits: 1_000_000_000n, decimals: 0 };
  for (let start = 0; start < wallets; start += 1_000) {
    const deposits = Array.from({ length: Math.min(1_000, wallets - start) }, (_, offset) =>
      ledger.execute(
        {
          kind: 'deposit',
          brand: bench.brand,
          player: bench.player(start + offset),
          integration: CASHIER,
          currency: bench.currency,
          amount,
          key: 'first',
        },
        { policy, deadlineMs: 60_000 },
      ),
    );
    for (const { outcome } of await Promise.all(deposits)) {
      if (outcome.type !== 'applied') throw new Error(`A deposit was not applied: ${outcome.type}`);
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
