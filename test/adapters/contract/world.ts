import { CASHIER } from '../../../src/ledger/commands.js';
import { formatId } from '../../../src/ledger/ids.js';
import { laneOf } from '../../../src/ledger/lanes.js';
import type { Ledger } from '../../../src/ledger/ledger.js';
import { parseDecimal } from '../../../src/ledger/money.js';
import { staffPolicy } from '../../../src/cashier/policy.js';
import type { Config } from '../../../src/config.js';
import { createPlayerDirectory } from '../../../src/players/directory.js';
import { createTestDatabase, createTestLedger, type TestDatabase, testWorld } from '../../support/database.js';
import { said, understand } from './line.js';
import { type Channel, dialects } from './providers.js';

/** The tests' world with an integration for every dialect, all of one brand. */
export const world: Pick<Config, 'currencies' | 'brands' | 'integrations'> = {
  ...testWorld,
  integrations: dialects.map(({ id, adapter, settings }) => ({
    id,
    adapter: adapter.id,
    brand: 'demo',
    currencies: ['EUR', 'USD', 'BTC'],
    settings,
    policy: {},
  })),
};

/** A database and a ledger on it, without the gateway around it. */
export interface Stage {
  readonly database: TestDatabase;
  readonly ledger: Ledger;
  /** What the ledger reported as a fault: it should be nothing. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const database = await createTestDatabase({ world });
  const directory = createPlayerDirectory(database.orm);
  const faults: string[] = [];
  const ledger = createTestLedger(database, {
    world,
    failed: (message, error) => faults.push(`${message}: ${String(error)}`),
    findPlayer: (brand, player, playerIs) =>
      playerIs === 'public-id' ? directory.findByPublicId(brand, player) : directory.find(brand, player),
  });
  return {
    database,
    ledger,
    faults,
    async close() {
      await ledger.close();
      await database.close();
    },
  };
}

export interface Person {
  readonly lane: number;
  readonly id: bigint;
  readonly externalId: string;
}

let people = 0;

/** Short and plain, as the narrowest provider takes them. */
function nextName(): string {
  people += 1;
  return `p${people.toString(36).padStart(5, '0')}`;
}

/** Many players at once, each with the same money in one currency; it comes by a deposit, as it does in life. */
export async function createPeople(
  { database, ledger }: Pick<Stage, 'database' | 'ledger'>,
  count: number,
  { currency, balance }: { currency: string; balance: string },
): Promise<Person[]> {
  const names = Array.from({ length: count }, nextName);
  const lanes = names.map((name) => laneOf('demo', name));
  const { rows } = await database.owner.query<{ lane: number; id: string; external_id: string }>(
    `insert into player (lane, brand_id, external_id, status)
     select lane, 'demo', name, 'ACTIVE' from unnest($1::int[], $2::text[]) as one (lane, name)
     returning lane, id, external_id`,
    [lanes, names],
  );
  const created = rows.map(({ lane, id, external_id: externalId }) => ({ lane, id: BigInt(id), externalId }));
  await database.owner.query(
    'insert into wallet (lane, player_id, currency) select lane, id, $3 from unnest($1::int[], $2::bigint[]) as one (lane, id)',
    [created.map(({ lane }) => lane), created.map(({ id }) => String(id)), currency],
  );
  const amount = parseDecimal(balance);
  if (amount === undefined) throw new Error(`${balance} is no decimal`);
  if (amount.digits === 0n) return created;
  await inTurns(created, 500, async ({ externalId: player }) => {
    const { outcome } = await ledger.execute(
      { kind: 'deposit', brand: 'demo', player, integration: CASHIER, currency, key: player, amount },
      { policy: staffPolicy, deadlineMs: 60_000 },
    );
    if (outcome.type !== 'applied') throw new Error(`A first deposit was not applied: ${outcome.type}`);
  });
  return created;
}

/** What the provider calls a player: the external id, or the public one where its adapter takes that. */
export function namesFor(channel: Channel, currency = 'EUR'): (person: Person) => string {
  const probe = { id: channel.voice.newId(1), currency, round: '1', game: gameOf(channel), session: 'probe' };
  const bet = { kind: 'bet', ...probe, player: 'somebody', amount: '1.00' } as const;
  const command = understand(channel, said(channel, bet))?.command;
  const isPublic = typeof command === 'object' && 'playerIs' in command && command.playerIs === 'public-id';
  return ({ lane, id, externalId }) => (isPublic ? formatId('player', { lane, id }) : externalId);
}

export function gameOf({ side }: Channel): string {
  return side.games[0]?.id ?? 'game';
}

/** Does the work for every item, so many at a time. The first failure ends it. */
export async function inTurns<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      const item = items[index];
      if (item !== undefined) await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

/** Ledger units of the wallets of one currency, by the player's id. */
export async function balancesOf({ database }: Stage, currency: string): Promise<Map<bigint, bigint>> {
  const { rows } = await database.owner.query<{ player_id: string; balance: string }>(
    'select player_id, balance from wallet where currency = $1',
    [currency],
  );
  return new Map(rows.map((row) => [BigInt(row.player_id), BigInt(row.balance)]));
}

/** How many rows of the ledger a provider caused, by their kind. */
export async function rowsByKind({ database }: Pick<Stage, 'database'>): Promise<Map<string, number>> {
  const { rows } = await database.owner.query<{ kind: string; count: number }>(
    "select kind, count(*)::int as count from ledger_transaction where kind <> 'deposit' group by kind",
  );
  return new Map(rows.map(({ kind, count }) => [kind, count]));
}
