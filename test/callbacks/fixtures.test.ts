import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { IgpxSettings } from '../../src/adapters/igpx/index.js';
import { parseTransactionId } from '../../src/ledger/ids.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer, testWorld } from '../support/database.js';
import { balanceOf, send } from './provider.js';

const Balances = z.record(z.string(), z.record(z.string(), z.string()));
const Fixture = z.object({
  title: z.string(),
  settings: z.record(z.string(), z.unknown()).default({}),
  before: Balances,
  exchanges: z.array(
    z.object({
      request: z.object({
        method: z.string(),
        path: z.string(),
        headers: z.record(z.string(), z.string()),
        body: z.string(),
      }),
      command: z.object({ kind: z.string(), key: z.string().optional() }).optional(),
      answer: z.object({ status: z.number(), body: z.string() }),
      after: Balances,
    }),
  ),
});

const folder = new URL('../../src/adapters/igpx/fixtures/', import.meta.url);
const fixtures = readdirSync(folder).map((file) => ({
  // A brand and an integration of its own for each: their players and ids are the same.
  id: file.replace('.json', ''),
  ...Fixture.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))),
}));

let gateway: TestApp & { database: TestDatabase };
beforeAll(async () => {
  gateway = await startTestApp({
    config: {
      brands: [...testWorld.brands, ...fixtures.map(({ id }) => ({ id, currencies: ['USD'] }))],
      integrations: fixtures.map(({ id, settings }) => ({
        id,
        adapter: 'igpx',
        brand: id,
        currencies: ['USD'],
        policy: {},
        settings: IgpxSettings.parse({
          apiUrl: 'http://127.0.0.1:1',
          apiVersion: '1.0.0',
          username: 'casino',
          password: 'casino-password',
          securityHash: ['test-security-hash'],
          ...settings,
        }),
      })),
    },
  });
});
afterAll(() => gateway.close());

test('there are fixtures', () => {
  expect(fixtures.length).toBeGreaterThanOrEqual(12);
});

test.each(fixtures)('$id: $title', async ({ id, before, exchanges }) => {
  const players = new Map<string, TestPlayer>();
  for (const [externalId, balances] of Object.entries(before)) {
    players.set(externalId, await createTestPlayer(gateway.database, { brand: id, externalId, balances }));
  }
  await expectBalances(players, before);
  const named = new Map<string, string>();
  for (const { request, command, answer, after } of exchanges) {
    const got = await send(gateway.url, `/callbacks/${id}${request.path}`, request);
    if (got === 'closed') throw new Error('The connection was closed without an answer');
    expect(got.status).toBe(answer.status);
    expect(got.body).toBe(fillIn(answer.body, got.body, named));
    const transactionId = z
      .object({ transaction_id: z.string().optional() })
      .parse(JSON.parse(got.body)).transaction_id;
    if (transactionId !== undefined) expect(await keyOf(transactionId)).toBe(command?.key);
    await expectBalances(players, after);
  }
  // Different names in a fixture are different transactions.
  expect(new Set(named.values()).size).toBe(named.size);
});

/** "{bet}" in a fixture stands for the id the gateway gave it, the same wherever the name occurs again. */
function fillIn(expected: string, got: string, named: Map<string, string>): string {
  return expected.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const id = named.get(name) ?? /"transaction_id":"(tx_[0-9a-z_]+)"/.exec(got)?.[1] ?? 'no transaction id';
    named.set(name, id);
    return id;
  });
}

async function keyOf(transactionId: string): Promise<string | undefined> {
  const id = parseTransactionId(transactionId);
  const { rows } = await gateway.database.owner.query<{ external_key: string }>(
    'select external_key from ledger_transaction where lane = $1 and wallet_id = $2 and sequence = $3',
    [id?.lane, id?.walletId, id?.sequence],
  );
  return rows[0]?.external_key;
}

async function expectBalances(
  players: ReadonlyMap<string, TestPlayer>,
  expected: z.infer<typeof Balances>,
): Promise<void> {
  for (const [externalId, balances] of Object.entries(expected)) {
    for (const [currency, balance] of Object.entries(balances)) {
      expect(await balanceOf(gateway.database, players.get(externalId)?.wallets.get(currency))).toBe(balance);
    }
  }
}
