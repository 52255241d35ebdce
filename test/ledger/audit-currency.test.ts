import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../src/ledger/audit.js';
import type { InvariantName } from '../../src/ledger/audit-invariants.js';
import type { Bet, Deposit, Rollback, Win } from '../../src/ledger/commands.js';
import { formatId } from '../../src/ledger/ids.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { keepReferenceData } from '../../src/reference-data.js';
import { rebuildReports } from '../../src/reports/rebuild.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  type TestPlayer,
  testWorld,
} from '../support/database.js';
import { bet, deposit, policy, rollback, win } from './commands.js';

/** No ledger row names its currency: what tells that a wallet's was changed, and what it must not be mistaken for. */

let db: TestDatabase;
let ledger: Ledger;
let alice: TestPlayer;
let bob: TestPlayer;
beforeEach(async () => {
  db = await createTestDatabase({ audited: false });
  ledger = createTestLedger(db);
  alice = await createTestPlayer(db, { balances: { EUR: '100', USD: '100' } });
  bob = await createTestPlayer(db, { balances: { EUR: '10' } });
  await play(
    bet(alice, 'b1', '10'),
    win(alice, 'w1', '15'),
    bet(alice, 'b2', '1', { currency: 'USD' }),
    bet(bob, 'b1', '1'),
  );
  await project();
});
afterEach(async () => {
  await ledger.close();
  await db.close();
});

async function play(...commands: readonly (Bet | Deposit | Rollback | Win)[]): Promise<void> {
  for (const command of commands) {
    const { outcome } = await ledger.execute(command, { policy, deadlineMs: 5_000 });
    expect(outcome.type).toBe('applied');
  }
}

/** Takes the whole ledger into the reports. */
async function project(): Promise<void> {
  const client = await db.owner.connect();
  // It leaves its settings in the session.
  await rebuildReports(client).finally(() => client.release(true));
}

const idOf = (player: TestPlayer, currency: string) =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get(currency) ?? 0n });

/** As the owner, whom no right stops. */
const rename = (player: TestPlayer, from: string, to: string) =>
  db.owner.query('update wallet set currency = $1 where lane = $2 and id = $3', [
    to,
    player.lane,
    player.wallets.get(from),
  ]);

/** Public ids of all that is broken. */
async function found(): Promise<Partial<Record<InvariantName, (string | null)[]>>> {
  const broken = (await audit(db.orm)).invariants.filter((each) => each.violations.length > 0);
  return Object.fromEntries(broken.map((each) => [each.name, each.violations.map(({ id }) => id)]));
}

const reports: InvariantName = 'reports-count-what-was-played';

describe('the reports tell', () => {
  test('that a wallet was put into another currency', async () => {
    expect(await found()).toEqual({});
    await rename(bob, 'EUR', 'USD');
    expect(await found()).toEqual({ [reports]: [idOf(bob, 'EUR')] });
  });

  test('that it was put into one that its brand does not list', async () => {
    await db.owner.query("insert into currency (code, scale) values ('XXX', 6)");
    await rename(bob, 'EUR', 'XXX');
    expect(await found()).toEqual({ [reports]: [idOf(bob, 'EUR')] });
  });

  test('that two wallets of a player changed places', async () => {
    await rename(alice, 'USD', 'BTC');
    await rename(alice, 'EUR', 'USD');
    await rename(alice, 'USD', 'EUR');
    expect(await found()).toEqual({ [reports]: [idOf(alice, 'EUR'), idOf(alice, 'USD')] });
  });

  test('it of the units that they have taken in, and nothing of those after them', async () => {
    await play(bet(bob, 'b2', '2'), rollback(bob, 'r1', 'b1'), bet(alice, 'b3', '1'), deposit(alice, 'd1', '5'));
    expect(await found()).toEqual({});
    await rename(bob, 'EUR', 'USD');
    expect(await found()).toEqual({ [reports]: [idOf(bob, 'EUR')] });
  });

  test('nothing while they are empty or made anew, or when they never were made', async () => {
    await db.owner.query('truncate player_bucket');
    expect(await found()).toEqual({});
    await db.owner.query('delete from projection_cursor');
    expect(await found()).toEqual({});
    await play(bet(bob, 'b2', '2'));
    await project();
    expect(await found()).toEqual({});
  });
});

test.for([
  ['a launch', "insert into game_session (lane, player_id, integration, currency) values ($1, $2, 'igpx-demo', 'EUR')"],
  [
    'an adjustment',
    "insert into adjustment (lane, player_id, currency, amount, reason, proposed_by) values ($1, $2, 'EUR', 1, 'r', 'sam')",
  ],
] as const)('%s tells that its wallet was put into another currency, played in or not', async ([, insert]) => {
  const carol = await createTestPlayer(db);
  await db.owner.query(insert, [carol.lane, carol.id]);
  expect(await found()).toEqual({});
  await rename(carol, 'EUR', 'USD');
  expect(await found()).toEqual({ 'session-and-adjustment-have-their-wallet': [formatId('player', carol)] });
});

test('a currency that brand and integration list no more leaves the books of its wallets in order', async () => {
  const dollars = <Of extends { readonly currencies: readonly string[] }>(of: Of) => ({ ...of, currencies: ['USD'] });
  await keepReferenceData(db.orm, {
    currencies: new Map([['USD', { code: 'USD', scale: 6 }]]),
    brands: testWorld.brands.map(dollars),
    integrations: testWorld.integrations.map(dollars),
  });
  expect(await found()).toEqual({});
});
