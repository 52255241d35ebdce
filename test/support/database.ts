import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { inject } from 'vitest';
import type { Config } from '../../src/config.js';
import { type Database, openDatabase } from '../../src/database.js';
import type { PlayerStatus } from '../../src/ledger/commands.js';
import { laneOf } from '../../src/ledger/lanes.js';
import { createLedger, type Ledger, type LedgerOptions } from '../../src/ledger/ledger.js';
import { parseDecimal } from '../../src/ledger/money.js';
import { createStatements } from '../../src/ledger/statements.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { policy as igpxPolicy } from '../../src/adapters/igpx/policy.js';
import { keepReferenceData } from '../../src/reference-data.js';
import { auditFromNowOn } from './books.js';

/** What the tests' databases know of the world; no settings, because no adapter is bound here. */
export const testWorld: Pick<Config, 'currencies' | 'brands' | 'integrations'> = {
  currencies: new Map([
    ['EUR', { code: 'EUR', scale: 6 }],
    ['USD', { code: 'USD', scale: 6 }],
    ['BTC', { code: 'BTC', scale: 8 }],
  ]),
  brands: [
    { id: 'demo', currencies: ['EUR', 'USD', 'BTC'] },
    { id: 'other', currencies: ['EUR'] },
  ],
  integrations: [
    { id: 'igpx-demo', adapter: 'igpx', brand: 'demo', currencies: ['EUR', 'USD'], settings: {}, policy: {} },
    { id: 'igpx-second', adapter: 'igpx', brand: 'demo', currencies: ['EUR', 'USD'], settings: {}, policy: {} },
    { id: 'igpx-other', adapter: 'igpx', brand: 'other', currencies: ['EUR'], settings: {}, policy: {} },
  ],
};

export const databaseLimits = {
  poolMax: 5,
  acquireTimeoutMs: 5_000,
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 5_000,
  idleInTransactionTimeoutMs: 30_000,
  transactionTimeoutMs: 60_000,
};

export interface TestDatabase extends Database {
  /** Superuser's connection, for breaking things by hand. */
  readonly owner: pg.Pool;
}

/** A database without a schema. */
export async function createEmptyDatabase(): Promise<Pick<TestDatabase, 'url' | 'owner' | 'close'>> {
  const serverUrl = inject('serverUrl');
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  await asServer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const owner = new pg.Pool({ connectionString: url.href, max: 2 });
  const close = async (): Promise<void> => {
    await owner.end();
    await asServer(serverUrl, `drop database ${name} with (force)`);
  };
  return { url: url.href, owner, close };
}

export interface TestDatabaseOptions {
  readonly world?: typeof testWorld;
  /** Not for books that a test makes crooked on purpose. */
  readonly audited?: boolean;
}

/** A database of its own, cloned from the migrated template and audited after each test; `close` drops it. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { world = testWorld, audited = true } = options;
  const serverUrl = inject('serverUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asServer(serverUrl, `create database ${name} template template_croupier`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const logger = pino({ level: 'silent' });
  const database = await openDatabase(
    { kind: 'url', url: url.href, ownerUrl: url.href, ...databaseLimits },
    { logger },
  );
  await keepReferenceData(database.orm, world);
  const owner = new pg.Pool({ connectionString: url.href, max: 2 });
  owner.on('error', () => undefined);
  const audits = audited ? auditFromNowOn(database) : undefined;
  return {
    ...database,
    owner,
    close: async () => {
      try {
        await audits?.end();
      } finally {
        await owner.end();
        await database.close();
        await asServer(serverUrl, `drop database ${name} with (force)`);
      }
    },
  };
}

async function asServer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A ledger on the test database, as a gateway process would have it. Several stand for several processes. */
export function createTestLedger(
  database: Database,
  options: Partial<LedgerOptions> & { world?: typeof testWorld } = {},
): Ledger {
  const { world = testWorld, ...overrides } = options;
  const directory = createPlayerDirectory(database.orm);
  return createLedger({
    connection: { connectionString: database.url, application_name: 'croupier-ledger' },
    statements: createStatements(database.orm),
    currencies: world.currencies,
    brandCurrencies: new Map(world.brands.map((each) => [each.id, new Set(each.currencies)])),
    integrationCurrencies: new Map(world.integrations.map((each) => [each.id, new Set(each.currencies)])),
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    committed: () => undefined,
    failed: () => undefined,
    ...overrides,
  });
}

export interface TestPlayer {
  readonly brand: string;
  readonly externalId: string;
  readonly lane: number;
  readonly id: bigint;
  /** Wallet ids by currency. */
  readonly wallets: ReadonlyMap<string, bigint>;
}

export interface TestPlayerOptions {
  brand?: string;
  externalId?: string;
  status?: PlayerStatus;
  /** Balance by currency, as decimal text; each opens a wallet. Money comes by a deposit, as it does in life. */
  balances?: Readonly<Record<string, string>>;
}

export async function createTestPlayer(database: TestDatabase, options: TestPlayerOptions = {}): Promise<TestPlayer> {
  const {
    brand = 'demo',
    externalId = `player-${randomUUID()}`,
    status = 'ACTIVE',
    balances = { EUR: '100' },
  } = options;
  const lane = laneOf(brand, externalId);
  const players = await database.owner.query<{ id: string }>(
    'insert into player (lane, brand_id, external_id, status) values ($1, $2, $3, $4) returning id',
    [lane, brand, externalId, status],
  );
  const id = BigInt(players.rows[0]?.id ?? 0);
  const wallets = await database.owner.query<{ id: string; currency: string }>(
    'insert into wallet (lane, player_id, currency) select $1, $2, unnest($3::text[]) returning id, currency',
    [lane, id, Object.keys(balances)],
  );
  const ledger = createTestLedger(database, { laneSets: 1 });
  for (const [currency, balance] of Object.entries(balances)) {
    const amount = parseDecimal(balance);
    if (amount === undefined) throw new Error(`${balance} is no decimal`);
    if (amount.digits === 0n) continue;
    const { outcome } = await ledger.execute(
      { kind: 'deposit', brand, player: externalId, integration: 'cashier', currency, amount, key: randomUUID() },
      { policy: igpxPolicy, deadlineMs: 10_000 },
    );
    if (outcome.type !== 'applied') throw new Error(`The first deposit was not applied: ${JSON.stringify(outcome)}`);
  }
  await ledger.close();
  return {
    brand,
    externalId,
    lane,
    id,
    wallets: new Map(wallets.rows.map((each) => [each.currency, BigInt(each.id)])),
  };
}
