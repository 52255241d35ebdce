import { Agent } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { igpxHash, startTestApp, type TestApp } from '../support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { type Answer, balanceOf, bodyOf, movementsOf, send, sign, tooPoor } from './provider.js';

/** Two gateways on one database, as during an upgrade or behind a balancer. `npm run prove:once` is the long form. */

let database: TestDatabase;
let gateways: readonly TestApp[];
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
beforeAll(async () => {
  database = await createTestDatabase();
  gateways = [await startTestApp({ database }), await startTestApp({ database })];
});
afterAll(async () => {
  agent.destroy();
  for (const gateway of gateways) await gateway.close();
  await database.close();
});

function post(body: string, turn: number, path = '/transaction'): Promise<Answer> {
  const { url = '' } = gateways[turn % gateways.length] ?? {};
  return send(url, `/callbacks/igpx-demo${path}`, { body, headers: sign(body, igpxHash), agent });
}

const bodyOfAnswer = (answer: Answer): string => (answer === 'closed' ? answer : answer.body);
const accepted = /^\{"error":null,"transaction_id":"tx_\w+"\}$/;

async function movesOnce(player: TestPlayer, send: (turn: number) => Promise<Answer>, kind: string): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 16 }, (_, turn) => send(turn)));
  expect(new Set(answers.map(bodyOfAnswer)).size).toBe(1);
  expect(bodyOfAnswer(answers[0] ?? 'closed')).toMatch(accepted);
  const rows = await movementsOf(database, player.id);
  expect(rows.filter((each) => each.kind === kind)).toHaveLength(1);
}

test('the same bet 16 times at once is one debit, and all answers name it', async () => {
  for (let round = 0; round < 25; round += 1) {
    const player = await createTestPlayer(database);
    const body = bodyOf({ transaction_id: `same-${round}`, user_id: player.externalId });
    await movesOnce(player, (turn) => post(body, turn), 'bet');
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('90.00');
  }
});

test('the same result and the same rollback 16 times at once move once', async () => {
  for (let round = 0; round < 5; round += 1) {
    const player = await createTestPlayer(database);
    const result = bodyOf({ transaction_id: 'won', user_id: player.externalId, action: 'result' });
    await movesOnce(player, (turn) => post(result, turn), 'win');
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('110.00');
    const undo = bodyOf({ transaction_id: 'undo', user_id: player.externalId, rollback_transaction_id: 'won' });
    await movesOnce(player, (turn) => post(undo, turn, '/transaction-rollback'), 'rollback');
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('100.00');
  }
});

test('a bet and its rollback at once leave the wallet as it was, whichever comes first', async () => {
  for (let round = 0; round < 25; round += 1) {
    const player = await createTestPlayer(database);
    const bet = bodyOf({ transaction_id: 'bet', user_id: player.externalId });
    const undo = bodyOf({ transaction_id: 'undo', user_id: player.externalId, rollback_transaction_id: 'bet' });
    const [, undone] = await Promise.all([post(bet, round), post(undo, round + 1, '/transaction-rollback')]);
    expect(bodyOfAnswer(undone)).toMatch(accepted);
    const kinds = (await movementsOf(database, player.id)).map((each) => each.kind).sort();
    expect([
      ['bet', 'rollback'],
      ['rollback', 'tombstone'],
    ]).toContainEqual(kinds);
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('100.00');
  }
});

test('of n bets at once with funds for k, exactly k are taken', async () => {
  for (let round = 0; round < 10; round += 1) {
    const n = 64 - round * 6;
    const k = (round * 7) % (n + 1);
    const player = await createTestPlayer(database, { balances: { EUR: `${k * 10}.00` } });
    const bodies = Array.from({ length: n }, (_, index) =>
      bodyOf({ transaction_id: `b${index}`, user_id: player.externalId }),
    );
    const answers = await Promise.all(bodies.map((body, turn) => post(body, turn)));
    expect(answers.filter((answer) => accepted.test(bodyOfAnswer(answer)))).toHaveLength(k);
    expect(answers.filter((answer) => bodyOfAnswer(answer) === tooPoor.body)).toHaveLength(n - k);
    expect(await movementsOf(database, player.id)).toHaveLength(k);
    expect(await balanceOf(database, player.wallets.get('EUR'))).toBe('0.00');
  }
});
