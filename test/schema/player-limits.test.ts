import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let operator: string;
let player: TestPlayer;
let playerId: string;
let own: string;

beforeAll(async () => {
  app = await startTestApp();
  operator = await app.token('operator');
});
beforeEach(async () => {
  player = await createTestPlayer(app.database, { balances: { EUR: '100', USD: '100' } });
  playerId = formatId('player', player);
  own = await app.token('player', player.externalId);
});
afterAll(() => app.close());

const DAY_MS = 24 * 60 * 60_000;
const limits = `limits {
  money { kind period currency amount { amount currency } used { amount } left { amount } periodEndsAt next { amount { amount } from } }
  session { minutes usedMinutes leftMinutes next { minutes from } } }`;

async function ask(token: string, document: string, variables: Record<string, unknown>, field: string) {
  const answer = await request(app, token, document, variables);
  return answer.errors.length > 0 ? codes(answer) : answer.data?.[field];
}

/** A limit of 10 EUR of stakes a day, but for what is told. */
function setLimit(token: string, input: object = {}) {
  const document = `mutation ($input: SetLimitInput!) { setLimit(input: $input) { id ${limits} } }`;
  const usual = { playerId, kind: 'STAKE', period: 'DAY', currency: 'EUR', amount: '10' };
  return ask(token, document, { input: { ...usual, ...input } }, 'setLimit');
}

const session = { kind: 'SESSION_TIME', period: null, currency: null, amount: null };

function setStatus(token: string, status: string, more: object = {}) {
  const document = 'mutation ($input: SetPlayerStatusInput!) { setPlayerStatus(input: $input) { status statusUntil } }';
  return ask(token, document, { input: { playerId, status, ...more } }, 'setPlayerStatus');
}

async function play(action: 'bet' | 'result', id: string, amount: string): Promise<string> {
  const { body } = await app.callback('/transaction', {
    action,
    user_id: player.externalId,
    transaction_id: id,
    amount,
    currency: 'EUR',
  });
  return body;
}

async function launch(token: string, currency = 'EUR') {
  const document = `mutation ($input: LaunchGameInput!) { launchGame(input: $input) {
    __typename ... on LimitReached { message player { ${limits} } } ... on PlayerNotActive { status } } }`;
  return ask(token, document, { input: { integration: 'igpx-demo', currency } }, 'launchGame');
}

function move(field: 'deposit' | 'withdraw', amount: string, key: string) {
  const document = `mutation ($input: CashierInput!) { ${field}(input: $input) {
    __typename ... on LimitReached { player { limits { money { left { amount } } } } } } }`;
  return ask(operator, document, { input: { playerId, currency: 'EUR', amount, idempotencyKey: key } }, field);
}

describe('setLimit', () => {
  test('shows the limit, what is used and left, and the raise that waits with its time', async () => {
    const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0)).toISOString();
    const tenOfStakes = {
      kind: 'STAKE',
      period: 'DAY',
      currency: 'EUR',
      amount: { amount: '10.00', currency: 'EUR' },
      used: { amount: '0.00' },
      left: { amount: '10.00' },
      periodEndsAt: midnight,
      next: null,
    };
    expect(await setLimit(own)).toEqual({ id: playerId, limits: { money: [tenOfStakes], session: null } });
    const deposits = { kind: 'DEPOSIT', period: 'MONTH', amount: '500' };
    expect(await setLimit(own, deposits)).toMatchObject({
      limits: {
        money: [{ kind: 'STAKE' }, { kind: 'DEPOSIT', used: { amount: '100.00' }, left: { amount: '400.00' } }],
      },
    });
    const before = Date.now();
    const raised = await setLimit(own, { amount: '20.5' });
    expect(raised).toMatchObject({
      limits: { money: [{ ...tenOfStakes, next: { amount: { amount: '20.50' }, from: expect.any(String) } }, {}] },
    });
    const [from] = JSON.stringify(raised).match(/(?<="from":")[^"]+/) ?? [''];
    expect(Date.parse(from) - DAY_MS).toBeGreaterThanOrEqual(before);
    expect(Date.parse(from) - DAY_MS).toBeLessThanOrEqual(Date.now());
    expect(await setLimit(own, { amount: null })).toMatchObject({
      limits: { money: [{ next: { amount: null } }, {}] },
    });
    expect(await setLimit(own, { amount: '9' })).toMatchObject({
      limits: { money: [{ amount: { amount: '9.00' }, next: null }, {}] },
    });
  });

  test('a bet over it is refused in the words of the provider, a win always lands', async () => {
    await setLimit(own);
    expect(await play('bet', 'b1', '10.00')).toContain('"error":null');
    expect(await play('bet', 'b2', '0.01')).toContain('INSUFFICIENT_FUNDS');
    expect(await play('result', 'w1', '3.00')).toContain('"error":null');
    expect(await setLimit(own, { kind: 'LOSS', period: 'WEEK', amount: '7' })).toMatchObject({
      limits: {
        money: [
          { kind: 'STAKE', used: { amount: '10.00' }, left: { amount: '0.00' } },
          { kind: 'LOSS', used: { amount: '7.00' }, left: { amount: '0.00' } },
        ],
      },
    });
  });

  test('of the time at play is in minutes, across currencies', async () => {
    expect(await setLimit(own, { ...session, minutes: 60 })).toMatchObject({
      limits: { money: [], session: { minutes: 60, usedMinutes: 0, leftMinutes: 60, next: null } },
    });
    expect(await setLimit(own, { ...session, minutes: 90 })).toMatchObject({
      limits: { session: { minutes: 60, next: { minutes: 90, from: expect.any(String) } } },
    });
    expect(await setLimit(own, { ...session, minutes: null })).toMatchObject({
      limits: { session: { next: { minutes: null } } },
    });
    expect(await setLimit(own, { ...session, minutes: 30 })).toMatchObject({
      limits: { session: { minutes: 30, next: null } },
    });
  });

  test.each([
    [{ period: null }],
    [{ currency: null }],
    [{ minutes: 5 }],
    [{ amount: undefined }],
    [{ amount: '-1' }],
    [{ amount: '1.0000001' }],
    [{ amount: '99999999999999999999' }],
    [{ ...session }],
    [{ ...session, minutes: 0 }],
    [{ ...session, minutes: -5 }],
    [{ ...session, minutes: 1441 }],
    [{ ...session, minutes: 60, currency: 'EUR' }],
    [{ ...session, minutes: 60, amount: '1' }],
  ])('refuses %j', async (input) => {
    expect(await setLimit(own, input)).toEqual(['BAD_USER_INPUT']);
  });

  test('in a currency that the brand does not list is refused', async () => {
    for (const currency of ['GBP', 'eur', ''])
      expect(await setLimit(own, { currency })).toEqual(['CURRENCY_NOT_ALLOWED']);
  });

  test('is for the player, support, operators and services of the brand; others learn nothing', async () => {
    for (const role of ['support', 'operator', 'service'] as const) {
      expect(await setLimit(await app.token(role))).toMatchObject({ id: playerId });
    }
    expect(await setLimit(await app.token('analyst'))).toEqual(['FORBIDDEN']);
    const other = await createTestPlayer(app.database);
    const foreign = await createTestPlayer(app.database, { brand: 'other', balances: { EUR: '1' } });
    for (const each of [formatId('player', other), formatId('player', foreign), 'pl_00zzzz', '']) {
      expect(await setLimit(own, { playerId: each })).toEqual(['NOT_FOUND']);
    }
    const elsewhere = await app.token('operator', 'boss', { brand: 'other' });
    expect(await setLimit(elsewhere)).toEqual(['NOT_FOUND']);
    expect(await setLimit(await app.token('player', player.externalId, { brand: 'other' }))).toEqual(['NOT_FOUND']);
    const document = `query ($id: ID) { player(id: $id) { ${limits} } }`;
    expect(await ask(elsewhere, document, { id: playerId }, 'player')).toBeNull();
  });
});

test('a deposit over the limit is refused, shows what is left, and its key stays free', async () => {
  await setLimit(own, { kind: 'DEPOSIT', amount: '150' });
  expect(await move('deposit', '50.01', 'd1')).toEqual({
    __typename: 'LimitReached',
    player: { limits: { money: [{ left: { amount: '50.00' } }] } },
  });
  expect(await move('deposit', '50', 'd1')).toEqual({ __typename: 'CashierReceipt' });
  expect(await move('deposit', '50', 'd1')).toEqual({ __typename: 'CashierReceipt' });
  expect(await move('withdraw', '100', 'w1')).toEqual({ __typename: 'CashierReceipt' });
  expect(await move('deposit', '0.01', 'd2')).toMatchObject({ __typename: 'LimitReached' });
});

describe('a launch', () => {
  // No provider listens: whatever gets past the limits ends there.
  const past = { __typename: 'ProviderUnavailable' };

  test('is refused when nothing is left to stake in its currency', async () => {
    await setLimit(own);
    expect(await launch(own)).toEqual(past);
    await play('bet', 'b1', '10.00');
    expect(await launch(own)).toMatchObject({
      __typename: 'LimitReached',
      player: { limits: { money: [{ left: { amount: '0.00' } }] } },
    });
    expect(await launch(own, 'USD')).toEqual(past);
  });

  test('is refused when the time at play is over', async () => {
    await setLimit(own, { ...session, minutes: 30 });
    await play('bet', 'b1', '1.00');
    expect(await launch(own, 'USD')).toEqual(past);
    const since = new Date(Date.now() - 30 * 60_000).toISOString();
    await app.database.owner.query(
      `update player set limits = jsonb_set(limits, '{play,since}', to_jsonb($2::text)) where id = $1`,
      [player.id, since],
    );
    expect(await launch(own, 'USD')).toMatchObject({
      __typename: 'LimitReached',
      player: { limits: { session: { usedMinutes: 30, leftMinutes: 0 } } },
    });
    expect(await play('bet', 'b2', '1.00')).toContain('INSUFFICIENT_FUNDS');
  });
});

describe('setPlayerStatus', () => {
  const later = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

  test('a player excludes itself, for longer and longer, and nobody shortens it', async () => {
    const [week, month] = [later(7), later(30)];
    expect(await setStatus(own, 'SELF_EXCLUDED', { until: week })).toEqual({
      status: 'SELF_EXCLUDED',
      statusUntil: week,
    });
    expect(await launch(own)).toEqual({ __typename: 'PlayerNotActive', status: 'SELF_EXCLUDED' });
    expect(await setStatus(own, 'SELF_EXCLUDED', { until: month })).toMatchObject({ statusUntil: month });
    for (const token of [own, operator, await app.token('service'), await app.token('support')]) {
      expect(await setStatus(token, 'SELF_EXCLUDED', { until: week })).toEqual(['EXCLUSION_RUNS']);
    }
    for (const status of ['ACTIVE', 'SUSPENDED']) expect(await setStatus(operator, status)).toEqual(['EXCLUSION_RUNS']);
    expect(await setStatus(own, 'SELF_EXCLUDED')).toEqual({ status: 'SELF_EXCLUDED', statusUntil: null });
    expect(await setStatus(operator, 'ACTIVE')).toEqual(['EXCLUSION_RUNS']);
    await app.database.owner.query("update player set status_changed_at = now() - interval '24 hours' where id = $1", [
      player.id,
    ]);
    expect(await setStatus(own, 'SELF_EXCLUDED', { until: week })).toEqual(['EXCLUSION_RUNS']);
    expect(await setStatus(operator, 'ACTIVE')).toEqual({ status: 'ACTIVE', statusUntil: null });
  });

  test('an exclusion that has ended is over everywhere', async () => {
    await setStatus(own, 'SELF_EXCLUDED', { until: later(7) });
    expect(await play('bet', 'b1', '1.00')).not.toContain('"error":null');
    await app.database.owner.query('update player set status_until = now() where id = $1', [player.id]);
    const document = 'query ($id: ID) { player(id: $id) { status statusUntil } }';
    expect(await ask(own, document, { id: playerId }, 'player')).toEqual({ status: 'ACTIVE', statusUntil: null });
    expect(await launch(own)).toEqual({ __typename: 'ProviderUnavailable' });
    expect(await play('bet', 'b2', '1.00')).toContain('"error":null');
  });

  test("a player's token may do nothing else", async () => {
    for (const status of ['ACTIVE', 'SUSPENDED', 'CLOSED']) expect(await setStatus(own, status)).toEqual(['FORBIDDEN']);
    const other = formatId('player', await createTestPlayer(app.database));
    for (const id of [other, 'pl_00zzzz', '']) {
      expect(await setStatus(own, 'SELF_EXCLUDED', { playerId: id })).toEqual(['NOT_FOUND']);
    }
  });

  test('a suspension does not end with an exclusion of the own wish, and a closed account stays closed', async () => {
    await setStatus(operator, 'SUSPENDED');
    expect(await setStatus(own, 'SELF_EXCLUDED', { until: later(1) })).toEqual(['PLAYER_SUSPENDED']);
    expect(await setStatus(operator, 'CLOSED')).toMatchObject({ status: 'CLOSED' });
    for (const status of ['ACTIVE', 'SUSPENDED', 'SELF_EXCLUDED']) {
      expect(await setStatus(operator, status)).toEqual(['PLAYER_CLOSED']);
    }
    expect(await setStatus(operator, 'CLOSED')).toMatchObject({ status: 'CLOSED' });
  });

  test.each([
    ['SUSPENDED', 1],
    ['SELF_EXCLUDED', -1],
    ['SELF_EXCLUDED', 0],
  ])('%s with an end %i days away is refused', async (status, days) => {
    expect(await setStatus(operator, status, { until: later(days) })).toEqual(['BAD_USER_INPUT']);
  });
});
