import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { openClient, queriesDuring } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const walletId = (player: TestPlayer, currency = 'EUR'): string =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get(currency) ?? 0n });

async function bet(player: TestPlayer, key: string, currency = 'EUR'): Promise<void> {
  const { outcome } = await app.app.ledger.execute(
    {
      kind: 'bet',
      brand: player.brand,
      player: player.externalId,
      integration: 'igpx-demo',
      currency,
      key,
      amount: { digits: 1n, decimals: 0 },
    },
    { policy, deadlineMs: 5_000 },
  );
  if (outcome.type !== 'applied') throw new Error('not applied');
}

interface Change {
  sequence: string;
  balance: { amount: string };
  wallet: { id: string; sequence: string; balance: { amount: string } };
  transaction: {
    kind: string;
    externalKey: string;
    sequence: string;
    amount: { amount: string };
    wallet: { id: string };
  } | null;
  displayAt: string;
}
const fields = `sequence balance { amount } wallet { id sequence balance { amount } }
  transaction { kind externalKey sequence amount { amount } wallet { id } } displayAt`;

/** Reads changes until told to stop. */
async function listen(token: string, args: string) {
  const client = openClient(app, token);
  const stream = client.iterate<{ balanceChanged: Change }>({
    query: `subscription { balanceChanged(${args}) { ${fields} } }`,
  });
  return {
    async next(): Promise<Change> {
      const { value } = await stream.next();
      if (value === undefined || value.data == null) throw new Error(JSON.stringify(value));
      return value.data.balanceChanged;
    },
    async refusal(): Promise<unknown> {
      const result = await stream.next().catch((error: unknown) => ({ value: { errors: error } }));
      const { errors } = result.value as { errors?: { extensions: Record<string, unknown> }[] };
      return errors?.map(({ extensions }) => extensions['code']);
    },
    async close() {
      await stream.return?.();
      await client.dispose();
    },
  };
}

describe('balanceChanged', () => {
  test('begins with a snapshot and goes on with every change, none missing, none twice', async () => {
    const player = await createTestPlayer(app.database);
    const listener = await listen(await app.token('player', player.externalId), `walletId: "${walletId(player)}"`);
    expect(await listener.next()).toEqual({
      sequence: '1',
      balance: { amount: '100.00' },
      wallet: { id: walletId(player), sequence: '1', balance: { amount: '100.00' } },
      transaction: null,
      displayAt: expect.any(String),
    });
    await Promise.all(Array.from({ length: 30 }, (_, index) => bet(player, `n${index}`)));
    for (let sequence = 2; sequence <= 31; sequence += 1) {
      const change = await listener.next();
      const balance = { amount: `${101 - sequence}.00` };
      expect(change).toMatchObject({
        sequence: String(sequence),
        balance,
        wallet: { id: walletId(player), sequence: String(sequence), balance },
        transaction: {
          kind: 'BET',
          sequence: String(sequence),
          amount: { amount: '-1.00' },
          wallet: { id: walletId(player) },
        },
      });
    }
    await listener.close();
  });

  test('loses nothing that is committed while it starts', async () => {
    const player = await createTestPlayer(app.database);
    const playing = Promise.all(Array.from({ length: 40 }, (_, index) => bet(player, `s${index}`)));
    const listener = await listen(await app.token('player', player.externalId), `walletId: "${walletId(player)}"`);
    let last = Number((await listener.next()).sequence);
    while (last < 41) {
      const { sequence } = await listener.next();
      expect(Number(sequence)).toBe(last + 1);
      last += 1;
    }
    await playing;
    await listener.close();
  });

  test('with "after" resumes with the next change, without a snapshot', async () => {
    const player = await createTestPlayer(app.database);
    for (const key of ['r1', 'r2', 'r3']) await bet(player, key);
    const listener = await listen(await app.token('support'), `walletId: "${walletId(player)}", after: "2"`);
    expect(await listener.next()).toMatchObject({ sequence: '3', transaction: { externalKey: 'r2' } });
    expect(await listener.next()).toMatchObject({ sequence: '4' });
    await bet(player, 'r4');
    expect(await listener.next()).toMatchObject({ sequence: '5', transaction: { externalKey: 'r4' } });
    await listener.close();
    const whole = await listen(await app.token('support'), `walletId: "${walletId(player)}", after: "0"`);
    expect(await whole.next()).toMatchObject({ sequence: '1', transaction: { kind: 'DEPOSIT' } });
    await whole.close();
  });

  test("of a player shows all wallets' snapshots, then each wallet's changes", async () => {
    const player = await createTestPlayer(app.database, { balances: { EUR: '5', USD: '7' } });
    const listener = await listen(
      await app.token('player', player.externalId),
      `playerId: "${formatId('player', player)}"`,
    );
    const snapshots = [await listener.next(), await listener.next()];
    expect(snapshots.map(({ wallet, balance }) => [wallet.id, balance.amount])).toEqual([
      [walletId(player), '5.00'],
      [walletId(player, 'USD'), '7.00'],
    ]);
    await bet(player, 'u1', 'USD');
    expect(await listener.next()).toMatchObject({
      wallet: { id: walletId(player, 'USD') },
      balance: { amount: '6.00' },
    });
    await bet(player, 'e1');
    expect(await listener.next()).toMatchObject({ wallet: { id: walletId(player) }, balance: { amount: '4.00' } });
    await listener.close();
  });

  test('an event costs no query', async () => {
    const player = await createTestPlayer(app.database);
    const listener = await listen(await app.token('player', player.externalId), `walletId: "${walletId(player)}"`);
    await listener.next();
    await bet(player, 'q0');
    await listener.next();
    const queries = await queriesDuring(app, async () => {
      await bet(player, 'q1');
      expect(await listener.next()).toMatchObject({ transaction: { externalKey: 'q1' } });
    });
    // The feed looks at its lanes now and then, whatever happens.
    expect(queries.filter((query) => / from "?(?:wallet|player)/.test(query))).toEqual([]);
    await listener.close();
  });

  test('tells nobody about what they may not see', async () => {
    const player = await createTestPlayer(app.database);
    const stranger = await createTestPlayer(app.database);
    const tokens = [
      await app.token('player', stranger.externalId),
      await app.token('operator', 'boss', { brand: 'other' }),
      await app.token('player', 'nobody'),
    ];
    for (const token of tokens) {
      for (const args of [
        `walletId: "${walletId(player)}"`,
        `playerId: "${formatId('player', player)}"`,
        'walletId: "wa_00zzzz"',
        'playerId: "x"',
      ]) {
        const listener = await listen(token, args);
        expect(await listener.refusal()).toEqual(['NOT_FOUND']);
        await listener.close();
      }
    }
  });

  test('refuses arguments that make no sense', async () => {
    const player = await createTestPlayer(app.database);
    const [wallet, whole] = [`walletId: "${walletId(player)}"`, `playerId: "${formatId('player', player)}"`];
    const nonsense = [
      `${wallet}, ${whole}`,
      'after: "1"',
      `${whole}, after: "1"`,
      ...['-1', '01', '1.0', '', 'x', '2', '9223372036854775808'].map((after) => `${wallet}, after: "${after}"`),
    ];
    for (const args of nonsense) {
      const listener = await listen(await app.token('support'), args);
      expect([args, await listener.refusal()]).toEqual([args, ['BAD_USER_INPUT']]);
      await listener.close();
    }
  });
});

test('a change that the game shows later carries that moment, live and resumed, and the balance does not wait for it', async () => {
  const player = await createTestPlayer(app.database, { externalId: 'patient', balances: { EUR: '10' } });
  const token = await app.token('player', 'patient');
  const stream = await listen(token, `walletId: "${walletId(player)}"`);
  await stream.next();
  const displayAt = new Date(Date.now() + 5_000);
  const amount = { digits: 1n, decimals: 0 };
  const facts = {
    brand: player.brand,
    player: player.externalId,
    integration: 'igpx-demo',
    currency: 'EUR',
    key: 'late',
  };
  await app.app.ledger.execute({ kind: 'win', ...facts, amount, displayAt }, { policy, deadlineMs: 5_000 });
  const live = await stream.next();
  expect(live).toMatchObject({ balance: { amount: '11.00' }, displayAt: displayAt.toISOString() });
  await stream.close();
  const resumed = await listen(token, `walletId: "${walletId(player)}", after: "1"`);
  expect(await resumed.next()).toMatchObject({ sequence: '2', displayAt: displayAt.toISOString() });
  await resumed.close();
});
