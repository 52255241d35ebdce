import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CASHIER, playerStatuses, type WalletCommand, type Win } from '../../src/ledger/commands.js';
import { Policy } from '../../src/ledger/policy.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import {
  createTestDatabase,
  createTestLedger,
  createTestPlayer,
  type TestDatabase,
  testWorld,
} from '../support/database.js';
import { decimal, policy as gentle, said, strictPolicy } from './commands.js';
import { createWire } from '../support/wire.js';
import { terminateLedgers } from './interruption.js';
import { type Random, seeded } from '../support/random.js';
import { ReferenceModel } from './reference-model.js';

/** Random commands over few players and keys, so that repeats, conflicts and awkward orders are the rule. */

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

/** What was answered, without the balances. */
const seen = new Set<string>();

const currencies = ['EUR', 'EUR', 'EUR', 'USD', 'BTC', 'GBP'] as const;
// Exclusions and closed accounts stay, so they are rare.
const statuses = [...playerStatuses, ...Array.from({ length: 20 }, () => 'SUSPENDED' as const)] as const;
const rounds = ['r1', 'r1', 'r2', 'r3', undefined, undefined] as const;
const multiples = ['0', '1', '1.5', '2', '0.3333333'] as const;
const amounts = ['0', '1', '1', '2.5', '2.50', '10', '70', '0.000001', '1.0000001', '0.00000001', '-1'] as const;
/** Large ones among them, so that a win is often spent when it is undone. */
const stakes = ['35', '70', ...amounts] as const;

type Names = readonly [string, ...string[]];

function randomCommand(random: Random, players: Names): WalletCommand {
  const player = random.pick(players);
  const addressed = { brand: 'demo', player };
  const currency = random.pick(currencies);
  const roll = random.below(100);
  if (roll < 4) {
    return { kind: 'status', ...addressed, status: random.chance(0.6) ? 'ACTIVE' : random.pick(statuses) };
  }
  // Wallets that every player has from the start: whether one in BTC is open already may depend on who shares the unit.
  const opened = random.pick(['EUR', 'USD'] as const);
  if (roll < 8) return { kind: 'balance', ...addressed, currency: opened };
  const key = `k${random.below(30)}`;
  if (roll < 14) {
    const asked = random.chance(0.7) ? key : `x${random.below(14)}`;
    return { kind: 'lookup', ...addressed, integration: 'igpx-demo', currency: opened, key: asked };
  }
  const round = random.pick(rounds);
  if (roll < 20) {
    const kind = random.pick(['deposit', 'withdrawal'] as const);
    const amount = decimal(random.pick(amounts));
    return { kind, ...addressed, integration: CASHIER, currency: opened, key: `${key}-${random.below(3)}`, amount };
  }
  const integration = random.chance(0.9) ? 'igpx-demo' : 'igpx-second';
  const moving = { ...addressed, integration, currency, key, round };
  if (roll < 52) return { kind: 'bet', ...moving, amount: decimal(random.pick(stakes)), free: random.chance(0.1) };
  if (roll < 80) return randomWin(random, moving);
  return {
    kind: 'rollback',
    ...moving,
    key: random.chance(0.9) ? `x${random.below(14)}` : key,
    target: `k${random.below(30)}`,
  };
}

/** One of every way to pay, and not to pay, a bet. */
function randomWin(random: Random, moving: Omit<Win, 'kind' | 'amount'>): Win {
  const named = { bet: `k${random.below(30)}` };
  const pays = random.pick([named, named, 'oldest-of-round', 'oldest-of-round', 'round', 'round', undefined] as const);
  const multiplied = pays !== undefined && random.chance(0.4);
  const amount = multiplied ? { times: decimal(random.pick(multiples)) } : decimal(random.pick(amounts));
  return { kind: 'win', ...moving, amount, ...(pays !== undefined && { pays }) };
}

/** A group of commands, some of which came before. */
function randomGroup(random: Random, size: number, players: Names, past: WalletCommand[]): WalletCommand[] {
  return Array.from({ length: size }, () => {
    const again = random.chance(0.15) ? past[random.below(past.length)] : undefined;
    const command = again ?? randomCommand(random, players);
    past.push(command);
    return command;
  });
}

/** Any answer to any question, as long as the row does not contradict itself. */
function randomPolicy(random: Random): Policy {
  for (;;) {
    const policy = Policy.safeParse({
      duplicate: random.pick(['first-answer', 'first-answer', 'refuse']),
      inactiveCheck: random.pick(['after-key', 'before-key']),
      rollbackOfUnknown: random.pick(['accept', 'refuse']),
      secondRollback: random.pick(['accept', 'refuse']),
      rollbackTargets: random.pick([['bet', 'win'], ['bet', 'win'], ['bet'], ['win'], []]),
      rollbackAfterWin: random.pick(['reverse', 'refuse']),
      winWithoutBet: random.pick(['accept', 'refuse', 'quarantine']),
      winOfRolledBackBet: random.pick(['accept', 'refuse', 'quarantine']),
      secondWin: random.pick(['accept', 'refuse']),
      inactiveWin: random.pick(['accept', 'refuse']),
    });
    if (policy.success) return policy.data;
  }
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
  { policyName: 'a forgiving policy', policyOf: () => gentle, laneSets: 1 },
  { policyName: 'a strict policy', policyOf: () => strictPolicy, laneSets: 2 },
  { policyName: 'another policy for each command', policyOf: randomPolicy, laneSets: 1 },
])('with $policyName and $laneSets lane sets', ({ policyOf, laneSets }) => {
  test.for([11, 12, 13, 14, 15, 16])(
    'groups of any size answer exactly what one command after the other would be answered (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const { names, players, model, findPlayer } = await openWorld();
      const ledger = createTestLedger(db, { laneSets, findPlayer });
      const past: WalletCommand[] = [];
      const history: string[] = [];
      for (let round = 0; round < 40; round += 1) {
        const size = 1 + random.below(random.pick([1, 4, 25]));
        const group = randomGroup(random, size, players, past).map((command) => ({
          command,
          policy: policyOf(random),
        }));
        const expected = group.map(({ command, policy }) => model.apply(command, policy));
        const executions = await Promise.all(
          group.map(({ command, policy }) => ledger.execute(command, { policy, deadlineMs: 20_000 })),
        );
        const got = executions.map(({ outcome }) => said(outcome));
        history.push(...group.map((each, index) => `${JSON.stringify(each, bigintText)} ${got[index]}`));
        for (const answer of got) seen.add(answer.replace(/ -?\d+/, ''));
        // The commands that led there are what a failure is understood by.
        const led = history.slice(-60);
        expect({ led, answers: got }).toEqual({ led, answers: expected });
      }
      await ledger.close();
      await expectSameBalances(names, model);
    },
  );
});

test('among them was every answer that the rules know', () => {
  const refusals = [
    'ALREADY_ROLLED_BACK',
    'AMOUNT_INVALID',
    'BET_RESOLVED',
    'BET_ROLLED_BACK',
    'BET_UNKNOWN',
    'CURRENCY_NOT_ALLOWED',
    'DUPLICATE',
    'INSUFFICIENT_FUNDS',
    'KEY_CONFLICT',
    'PLAYER_NOT_ACTIVE',
    'PLAYER_UNKNOWN',
    'TARGET_INVALID',
    'TARGET_UNKNOWN',
    'WALLET_IN_DEBT',
  ].map((code) => `refused ${code}`);
  const found = ['bet', 'win', 'rollback'].map((kind) => `found ${kind}`);
  expect([...seen]).toEqual(
    expect.arrayContaining(['applied', 'replayed', 'done', 'done nothing', ...refusals, ...found]),
  );
});

test.for([21, 22, 23])(
  'a wire that is cut at every moment changes no answer but the word for it, and no balance (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const { names, players, model, findPlayer } = await openWorld();
    const wire = await createWire(db.url);
    const past: WalletCommand[] = [];
    const connection = { connectionString: wire.url, application_name: 'croupier-ledger' };
    const ledger = createTestLedger(db, { laneSets: 1, findPlayer, connection });
    for (let round = 0; round < 40; round += 1) {
      // What was refused leaves nothing behind. When its unit had committed and runs again, it is decided again, after its
      // neighbours; so only a command that is alone is sure of the same refusal.
      const alone = random.chance(0.6);
      const commands = randomGroup(random, alone ? 1 : 2 + random.below(12), players, past);
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
