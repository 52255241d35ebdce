import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providers } from '../../src/adapters/registry.js';
import { type FaultKind, faultKinds, type Faults } from '../../src/simulator/faults.js';
import { type LoadReport, runLoad } from '../../src/simulator/load/load.js';
import { currency, openWorld, type World } from './world.js';

/** The short form of `npm run simulate`, for every provider. */

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const PLAYERS = 12;
let groups = 0;

interface LoadWish {
  readonly faults: Faults;
  readonly seconds: number;
  readonly rate: number;
  readonly dialect?: string;
}

async function load(id: string, { faults, seconds, rate }: LoadWish): Promise<LoadReport> {
  const provider = providers.get(id);
  if (provider === undefined) throw new Error(`Nobody knows ${id}.`);
  const { side, adapter } = provider;
  const group = `s${++groups}`;
  const balances = ['1000.00', '10.00'];
  const players = Array.from({ length: PLAYERS }, (_, index) => ({
    player: `${group}_${index}`,
    balance: balances[index % balances.length] ?? '0',
  }));
  await world.operator.fund(players);
  const settings = world.settings(id);
  return runLoad({
    side,
    settings,
    policy: adapter.policy,
    deadlineMs: adapter.bind({ id: `${id}-demo`, brand: 'demo', settings }).deadlineMs.bet,
    callbackUrl: world.callbackUrl(id),
    players,
    currency,
    rate,
    seconds,
    faults,
    seed: 7,
    patience: 0.01,
    balances: () => world.operator.balances(players),
    // The books are audited after each test.
    audit: () => Promise.resolve([]),
  });
}

test.each([...providers.keys()])('%s under load and with every fault contradicts itself nowhere', async (id) => {
  const report = await load(id, { faults: { rate: 0.2 }, seconds: 1.5, rate: 80 });
  expect(report.contradictions).toEqual([]);
  expect(report.accepted).toBeGreaterThan(40);
  // Some players are poor, and some bets are beyond what anybody has.
  expect(report.refused).toBeGreaterThan(0);
});

describe.each([...faultKinds])('%s', (kind: FaultKind) => {
  test('ends with straight books for every provider', async () => {
    for (const [id, { side }] of providers) {
      const canMeet = kind !== 'rollback-first' || side.voice(world.settings(id)).speaks.includes('rollback');
      const report = await load(id, { faults: { rate: 0.5, kinds: [kind] }, seconds: 0.3, rate: 80 });
      const { contradictions, faults } = report;
      expect({ id, contradictions, met: faults[kind] > 0 }).toEqual({ id, contradictions: [], met: canMeet });
    }
  });
});
