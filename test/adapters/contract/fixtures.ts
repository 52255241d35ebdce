import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { WireRequest } from '../../../src/adapters/contract.js';
import { providers } from '../../../src/adapters/registry.js';
import { staffPolicy } from '../../../src/cashier/policy.js';
import type { Config } from '../../../src/config.js';
import { CASHIER } from '../../../src/ledger/commands.js';
import { laneOf } from '../../../src/ledger/lanes.js';
import { formatUnits, parseDecimal } from '../../../src/ledger/money.js';
import { PolicyPart } from '../../../src/ledger/policy.js';
import type { TestApp } from '../../support/app.js';
import { type TestDatabase, testWorld } from '../../support/database.js';
import { type Channel, openChannel, settingsOf } from './providers.js';

/** Balances as decimal text, by player and currency. */
const Balances = z.record(z.string(), z.record(z.string(), z.string()));

/** One file of an adapter's fixtures: requests byte by byte, the wallets before and after, and the answers. */
const Fixture = z.strictObject({
  title: z.string(),
  /** Where the provider's document says so. */
  source: z.string(),
  /** What to lay over the settings of the provider's side. */
  settings: z.record(z.string(), z.unknown()).default({}),
  policy: PolicyPart.default({}),
  before: Balances,
  exchanges: z
    .array(
      z.strictObject({
        request: z.strictObject({
          method: z.string(),
          /** With its query, where it has one. */
          path: z.string(),
          headers: z.record(z.string(), z.string()),
          body: z.string(),
        }),
        /** What it asks for; absent where it is refused before that is known. */
        command: z.record(z.string(), z.unknown()).optional(),
        answer: z.strictObject({ status: z.number(), body: z.string() }),
        after: Balances,
      }),
    )
    .min(1),
});

export interface Fixture extends z.infer<typeof Fixture> {
  readonly provider: string;
  readonly file: string;
  /** Of its integration and brand; players and ids repeat between fixtures. */
  readonly id: string;
}

export const fixtures: readonly Fixture[] = [...providers.keys()].flatMap((provider) => {
  const folder = new URL(`../../../src/adapters/${provider}/fixtures/`, import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file, index) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      return { provider, file, id: `${provider}-${index}`, ...Fixture.parse(JSON.parse(text)) };
    });
});

/** Every fixture is played several times, each time by an integration, a brand and players of its own. */
export const copies = ['exact', 'repeated', 'untouched'] as const;
export type Copy = (typeof copies)[number];

export function channelOf(fixture: Fixture, copy: Copy): Channel {
  const { adapter, side } = providerOf(fixture);
  const id = `${fixture.id}-${copy}`;
  const settings = { ...settingsOf(side, `${fixture.provider}-plain`), ...fixture.settings };
  return openChannel({ id, adapter, side, settings }, { brand: id, policy: fixture.policy });
}

export function providerOf({ provider }: Pick<Fixture, 'provider'>) {
  const found = providers.get(provider);
  if (found === undefined) throw new Error(`There is no provider ${provider}.`);
  return found;
}

/** A world for all copies of all fixtures. */
export function fixtureWorld(): Pick<Config, 'currencies' | 'brands' | 'integrations'> {
  const played = fixtures.flatMap((fixture) => copies.map((copy) => ({ fixture, channel: channelOf(fixture, copy) })));
  const currenciesOf = ({ before, exchanges }: Fixture): string[] => [
    ...new Set([before, ...exchanges.map(({ after }) => after)].flatMap(Object.values).flatMap(Object.keys)),
  ];
  return {
    currencies: testWorld.currencies,
    brands: [
      ...testWorld.brands,
      ...played.map(({ fixture, channel }) => ({ id: channel.brand, currencies: currenciesOf(fixture) })),
    ],
    integrations: played.map(({ fixture, channel: { id, brand, settings } }) => ({
      id,
      brand,
      adapter: fixture.provider,
      currencies: currenciesOf(fixture),
      settings,
      policy: fixture.policy,
    })),
  };
}

type Gateway = TestApp & { database: TestDatabase };

/** The players of all copies, with their money before. */
export async function fundFixtures({ app, database }: Gateway): Promise<void> {
  const wallets = fixtures.flatMap(({ id, before }) =>
    copies.flatMap((copy) =>
      Object.entries(before).flatMap(([player, balances]) =>
        Object.entries(balances).map(([currency, balance]) => ({ brand: `${id}-${copy}`, player, currency, balance })),
      ),
    ),
  );
  const brands = wallets.map(({ brand }) => brand);
  const players = wallets.map(({ player }) => player);
  const lanes = wallets.map(({ brand, player }) => laneOf(brand, player));
  await database.owner.query(
    `insert into player (lane, brand_id, external_id, status)
     select distinct lane, brand, name, 'ACTIVE' from unnest($1::int[], $2::text[], $3::text[]) as one (lane, brand, name)`,
    [lanes, brands, players],
  );
  await database.owner.query(
    `insert into wallet (lane, player_id, currency)
     select p.lane, p.id, currency from unnest($1::int[], $2::text[], $3::text[], $4::text[]) as one (lane, brand, name, currency)
     join player p on p.lane = one.lane and p.brand_id = brand and p.external_id = name`,
    [lanes, brands, players, wallets.map(({ currency }) => currency)],
  );
  await Promise.all(
    wallets.map(async ({ brand, player, currency, balance }) => {
      const amount = parseDecimal(balance);
      if (amount === undefined) throw new Error(`${balance} is no decimal`);
      if (amount.digits === 0n) return;
      const deposit = {
        kind: 'deposit',
        brand,
        player,
        integration: CASHIER,
        currency,
        key: currency,
        amount,
      } as const;
      const { outcome } = await app.ledger.execute(deposit, { policy: staffPolicy, deadlineMs: 30_000 });
      if (outcome.type !== 'applied') throw new Error(`${brand} has no money: ${outcome.type}`);
    }),
  );
}

export function requestOf({ request }: Fixture['exchanges'][number]): WireRequest {
  const [path = '', query = ''] = request.path.split('?', 2);
  return { ...request, path, query, body: Buffer.from(request.body) };
}

/** Balances of the players of a fixture's copy, in the words of the fixture. */
export async function balancesOf(
  { database }: Gateway,
  { brand }: Channel,
): Promise<Record<string, Record<string, string>>> {
  const { rows } = await database.owner.query<{ player: string; currency: string; balance: string; scale: number }>(
    `select p.external_id as player, w.currency, w.balance, c.scale from wallet w
     join player p on p.lane = w.lane and p.id = w.player_id join currency c on c.code = w.currency
     where p.brand_id = $1`,
    [brand],
  );
  const found: Record<string, Record<string, string>> = {};
  for (const { player, currency, balance, scale } of rows) {
    found[player] = { ...found[player], [currency]: formatUnits(BigInt(balance), scale, 2) };
  }
  return found;
}

/** Ledger rows of an integration, without the tombstones that a refusal may leave. */
export async function rowsOf(
  { database }: Gateway,
  { id }: Pick<Channel, 'id'>,
): Promise<{ all: number; real: number }> {
  const { rows } = await database.owner.query<{ all: number; real: number }>(
    `select count(*)::int as all, count(*) filter (where kind <> 'tombstone')::int as real
     from ledger_transaction where integration = $1`,
    [id],
  );
  return rows[0] ?? { all: 0, real: 0 };
}

/** "{bet}" in an answer stands for the id that the gateway gave it: the same wherever the name occurs again. */
export function fillIn(expected: string, got: string, named: Map<string, string>): string {
  const ids = (got.match(/tx_[0-9a-z]+_[0-9a-z]+/g) ?? []).filter((id) => ![...named.values()].includes(id));
  return expected.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const id = named.get(name) ?? ids.shift() ?? 'no transaction id';
    named.set(name, id);
    return id;
  });
}
