import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CASHIER, playerStatuses, type WalletCommand } from '../../src/ledger/commands.js';
import type { Policy } from '../../src/ledger/policy.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { auditAfterEach } from '../support/books.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  testWorld,
} from '../support/database.js';
import { decimal, policy as gentle, said } from './commands.js';
import { createWire, terminateLedgers } from './interruption.js';
import { type Random, seeded } from '../support/random.js';
import { ReferenceModel } from './reference-model.js';

/** Random commands over few players and keys, so that repeats, conflicts and awkward orders are the rule. */

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
auditAfterEach(() => db);

const strict: Policy = {
  duplicate: 'refuse',
  rollbackOfUnknown: 'refuse',
  secondRollback: 'refuse',
  rollbackTargets: ['bet'],
  inactiveWin: 'refuse',
};
const currencies = ['EUR', 'EUR', 'EUR', 'USD', 'BTC', 'GBP'] as const;
const amounts = ['0', '1', '1', '2.5', '2.50', '10', '70', '0.000001', '1.0000001', '0.00000001', '-1'] as const;

function randomCommand(random: Random, players: readonly [string, ...string[]]): WalletCommand {
  const player = random.pick(players);
  const addressed = { brand: 'demo', player };
  const currency = random.pick(currencies);
  const roll = random.below(100);
  if (roll < 4) {
    return { kind: 'status', ...addressed, status: random.chance(0.6) ? 'ACTIVE' : random.pick(playerStatuses) };
  }
  // Wallets that every player has from the start: whether one in BTC is open already may depend on who shares the unit.
  const opened = random.pick(['EUR', 'USD'] as const);
  if (roll < 8) return { kind: 'balance', ...addressed, currency: opened };
  const key = `k${random.below(14)}`;
  const round = random.chance(0.1) ? 'r1' : undefined;
  if (roll < 16) {
    const kind = random.pick(['deposit', 'withdrawal'] as const);
    const amount = decimal(random.pick(amounts));
    return { kind, ...addressed, integration: CASHIER, currency: opened, key: `${key}-${random.below(3)}`, amount };
  }
  const integration = random.chance(0.9) ? 'igpx-demo' : 'igpx-second';
  const moving = { ...addressed, integration, currency, key, round };
  if (roll < 60) return { kind: random.chance(0.7) ? 'bet' : 'win', ...moving, amount: decimal(random.pick(amounts)) };
  return {
    kind: 'rollback',
    ...moving,
    key: random.chance(0.9) ? `x${random.below(14)}` : key,
    target: `k${random.below(14)}`,
  };
}

async function openWorld() {
  const names: [string, ...string[]] = [randomUUID(), randomUUID(), randomUUID()];
  const model = new ReferenceModel(
    new Map([...testWorld.currencies].map(([code, { scale }]) => [code, scale])),
    new Set(['EUR', 'USD', 'BTC']),
    new Set(['EUR', 'USD']),
  );
  const directory = createPlayerDirectory(db.orm);
  for (const externalId of names) {
    await createTestPlayer(db, { externalId, balances: { EUR: '0', USD: '0' } });
    model.addPlayer(externalId, ['EUR', 'USD']);
    await directory.find('demo', externalId);
  }
  // Somebody whom the ledger has never heard of is part of life.
  const players: [string, ...string[]] = [...names, ...names, ...names, 'nobody'];
  return { names, players, model, findPlayer: directory.find.bind(directory) };
}

async function expectSameBalances(names: readonly string[], model: ReferenceModel): Promise<void> {
  const { rows } = await db.owner.query<{ external_id: string; currency: string; balance: string; sequence: string }>(
    'select p.external_id, w.currency, w.balance, w.sequence from wallet w join player p on p.lane = w.lane and p.id = w.player_id where p.external_id = any($1)',
    [names],
  );
  expect(rows.length).toBeGreaterThanOrEqual(names.length);
  for (const row of rows) expect(BigInt(row.balance)).toBe(model.balance(row.external_id, row.currency) ?? 0n);
}

describe.for([
  { policyName: 'forgiving', policy: gentle, laneSets: 1 },
  { policyName: 'strict', policy: strict, laneSets: 2 },
])('with a $policyName policy and $laneSets lane sets', ({ policy, laneSets }) => {
  test.for([11, 12, 13, 14, 15, 16])(
    'groups of any size answer exactly what one command after the other would be answered (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const { names, players, model, findPlayer } = await openWorld();
      const ledger = createTestLedger(db, { laneSets, findPlayer });
      const history: string[] = [];
      for (let round = 0; round < 40; round += 1) {
        const commands = Array.from({ length: 1 + random.below(random.pick([1, 4, 25])) }, () =>
          randomCommand(random, players),
        );
        const expected = commands.map((command) => model.apply(command, policy));
        const executions = await Promise.all(
          commands.map((command) => ledger.execute(command, { policy, deadlineMs: 20_000 })),
        );
        const got = executions.map(({ outcome }) => said(outcome));
        history.push(...commands.map((command, index) => `${JSON.stringify(command, bigintText)} ${got[index]}`));
        // The commands that led there are what a failure is understood by.
        const led = history.slice(-60);
        expect({ led, answers: got }).toEqual({ led, answers: expected });
      }
      await ledger.close();
      await expectSameBalances(names, model);
    },
  );
});

test.for([21, 22, 23])(
  'a wire that is cut at every moment changes no answer but the word for it, and no balance (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const { names, players, model, findPlayer } = await openWorld();
    const wire = await createWire(db.url);
    const connection = { connectionString: wire.url, application_name: 'croupier-ledger' };
    const ledger = createTestLedger(db, { laneSets: 1, findPlayer, connection });
    for (let round = 0; round < 40; round += 1) {
      // What was refused leaves nothing behind. When its unit had committed and runs again, it is decided again, after its
      // neighbours; so only a command that is alone is sure of the same refusal.
      const alone = random.chance(0.6);
      const commands = Array.from({ length: alone ? 1 : 2 + random.below(12) }, () => randomCommand(random, players));
      const expected = commands.map((command) => model.apply(command, gentle));
      if (random.chance(0.5)) wire.cutAt(alone ? random.pick(['before-commit', 'after-commit']) : 'before-commit');
      const executions = commands.map((command) => ledger.execute(command, { policy: gentle, deadlineMs: 20_000 }));
      if (alone && random.chance(0.3)) await terminateLedgers(db.owner);
      const got = (await Promise.all(executions)).map(({ outcome }) => said(outcome));
      expect(got.map(firstWord)).toEqual(expected.map(firstWord));
    }
    await ledger.close();
    await wire.close();
    await expectSameBalances(names, model);
  },
);

/** What was committed before the wire was cut is found again, so its first answer is a repeat. */
function firstWord(answer: string): string {
  return answer.replace(/^replayed/, 'applied');
}

test.for([31, 32, 33])(
  'two gateways at once apply every key once and agree on every answer about it (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const { names, players, findPlayer } = await openWorld();
    const ledgers = [createTestLedger(db, { findPlayer }), createTestLedger(db, { findPlayer })];
    const receipts = new Map<string, string>();
    let applied = 0;
    for (let round = 0; round < 20; round += 1) {
      const group = Array.from({ length: 10 }, () => randomCommand(random, players));
      const executions = ledgers.flatMap((ledger) => group.map((command) => ({ ledger, command })));
      await Promise.all(
        executions.map(async ({ ledger, command }) => {
          const { outcome } = await ledger.execute(command, { policy: gentle, deadlineMs: 20_000 });
          if (!('receipt' in outcome) || !('key' in command)) return;
          const facts = `${outcome.receipt.transactionId} ${outcome.receipt.balanceAfterUnits}`;
          const key = `${command.player} ${command.integration} ${command.key}`;
          expect(receipts.get(key) ?? facts).toBe(facts);
          receipts.set(key, facts);
          if (outcome.type === 'applied') applied += 1;
        }),
      );
    }
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    expect(applied).toBe(receipts.size);
    const { rows } = await db.owner.query<{ count: string }>(
      `select count(*) from ledger_transaction t join player p on p.lane = t.lane and p.id = t.player_id
     where p.external_id = any($1) and t.kind <> 'tombstone'`,
      [names],
    );
    expect(Number(rows[0]?.count)).toBe(applied);
  },
);

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
