import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unitsFloor, parseDecimal } from '../../src/ledger/money.js';
import { seeded } from '../support/random.js';
import {
  basicEvents,
  currencyOf,
  everyEvent,
  OPENING,
  type Order,
  ordersOf,
  playOf,
  policyVariants,
  sampleOf,
  sayable,
} from './contract/orders.js';
import { playOrder } from './contract/played-order.js';
import { type Dialect, dialects, openChannel } from './contract/providers.js';
import { balancesOf, createPeople, inTurns, namesFor, openStage, type Stage, world } from './contract/world.js';

/**
 * Every order of awkward events that a provider can send, played against the real ledger and held against the rule book. A
 * sample by default; `ORDERS=all` plays them all, and `SEED=…` another sample.
 */
const isLong = process.env['ORDERS'] === 'all';
const seed = Number(process.env['SEED'] ?? 1);
const perDialect = isLong ? { chance: 3_000, variants: 400 } : { chance: share(900), variants: share(600) };

function share(all: number): number {
  return Math.ceil(all / dialects.length);
}

let stage: Stage;
let played = 0;
let events = 0;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => {
  process.stdout.write(`\n${played} orders of ${events} events were played (seed ${seed})\n`);
  await stage.close();
});

/** As many at once as a ledger takes into one unit of work. */
const AT_ONCE = 400;
const BATCH = 5_000;

let plays = 0;

/** @returns what differs, a few at most: the first ones tell it all */
async function play(dialect: Dialect, orders: readonly Order[], policy = {}): Promise<string[]> {
  const channel = openChannel(dialect, { policy });
  const currency = currencyOf(dialect);
  const scale = world.currencies.get(currency)?.scale ?? 0;
  const units = unitsFloor(parseDecimal(OPENING) ?? { digits: 0n, decimals: 0 }, scale).units;
  const wantsFirstAnswer = openChannel(dialect).adapter.policy.duplicate === 'first-answer';
  const nameOf = namesFor(channel, currency);
  const differences: string[] = [];
  for (let start = 0; start < orders.length; start += BATCH) {
    const batch = orders.slice(start, start + BATCH);
    const people = await createPeople(stage, batch.length, { currency, balance: OPENING });
    const balances = new Map<bigint, bigint>();
    await inTurns(batch, AT_ONCE, async (order, index) => {
      const person = people[index];
      if (person === undefined) throw new Error('There are fewer players than orders.');
      plays += 1;
      const one = { channel, order, externalId: person.externalId, opening: { units, scale }, wantsFirstAnswer };
      const { difference, balance } = await playOrder(stage, {
        ...one,
        play: playOf(channel, plays, nameOf(person), currency),
      });
      if (difference === undefined) balances.set(person.id, balance);
      else differences.push(difference);
    });
    const stored = await balancesOf(stage, currency);
    for (const [id, balance] of balances) {
      if (stored.get(id) !== balance) differences.push(`player ${id} has ${stored.get(id)}, not ${balance}`);
    }
  }
  played += orders.length;
  events += orders.reduce((sum, each) => sum + each.length, 0);
  return differences.slice(0, 5);
}

describe.each(dialects)('$id', (dialect) => {
  const currency = currencyOf(dialect);
  const channel = openChannel(dialect);
  const timeout = isLong ? 3_600_000 : 60_000;

  test('every order of events is answered as the rule book says', { timeout }, async () => {
    const random = seeded(seed);
    const basic = sayable(channel, basicEvents, currency);
    const orders = [
      ...ordersOf(basic, isLong ? 5 : 2),
      ...sampleOf(everyEvent(channel, currency), perDialect.chance, random),
    ];
    expect(await play(dialect, orders)).toEqual([]);
  });

  test('so it is under every other answer to a question of its policy', { timeout }, async () => {
    const random = seeded(seed + 1);
    const variants = policyVariants(dialect);
    expect(variants.length).toBeGreaterThan(5);
    const each = isLong ? perDialect.variants : Math.ceil(perDialect.variants / variants.length);
    const differences: string[] = [];
    for (const { overrides } of variants) {
      const orders = sampleOf(everyEvent(channel, currency), each, random);
      differences.push(...(await play(dialect, orders, overrides)));
    }
    expect(differences.slice(0, 5)).toEqual([]);
  });
});

test('there are as many orders as were promised', () => {
  expect(played).toBeGreaterThanOrEqual(isLong ? 10_000 : 1_000);
});
