import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let operator: string;

beforeAll(async () => {
  app = await startTestApp();
  operator = await app.token('operator');
});
afterAll(() => app.close());

const create = `mutation ($input: CreatePlayerInput!) { createPlayer(input: $input) {
  id externalId brand status wallets { currency balance { amount } sequence } } }`;
const setStatus = 'mutation ($input: SetPlayerStatusInput!) { setPlayerStatus(input: $input) { id status } }';

describe('createPlayer', () => {
  test('opens an empty wallet in each of the currencies, by default all of the brand', async () => {
    const all = await request(app, operator, create, { input: { externalId: 'carol' } });
    expect(all.data).toEqual({
      createPlayer: {
        id: expect.stringMatching(/^pl_/),
        externalId: 'carol',
        brand: 'demo',
        status: 'ACTIVE',
        wallets: ['BTC', 'EUR', 'USD'].map((currency) => ({ currency, balance: { amount: '0.00' }, sequence: '0' })),
      },
    });
    const some = await request(app, operator, create, {
      input: { externalId: 'Carol', brand: 'demo', currencies: ['EUR', 'EUR'] },
    });
    expect(some.data).toMatchObject({ createPlayer: { externalId: 'Carol', wallets: [{ currency: 'EUR' }] } });
    const none = await request(app, operator, create, { input: { externalId: 'zoë 🎲', currencies: [] } });
    expect(none.data).toMatchObject({ createPlayer: { externalId: 'zoë 🎲', wallets: [] } });
  });

  test('again, or many times at once, makes one player', async () => {
    const input = { externalId: 'dave' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => request(app, operator, create, { input })));
    expect(answers.filter(({ data }) => data !== null)).toHaveLength(1);
    expect(answers.flatMap(codes)).toEqual(Array.from({ length: 7 }, () => 'PLAYER_EXISTS'));
    const { rows } = await app.database.owner.query(
      "select count(*)::int as count from wallet w join player p on p.id = w.player_id and p.lane = w.lane where p.external_id = 'dave'",
    );
    expect(rows).toEqual([{ count: 3 }]);
  });

  test('of the same name in another brand is another player', async () => {
    const other = await app.token('operator', 'boss', { brand: 'other' });
    await request(app, operator, create, { input: { externalId: 'erin' } });
    expect((await request(app, other, create, { input: { externalId: 'erin' } })).data).toMatchObject({
      createPlayer: { brand: 'other' },
    });
  });

  test.each([
    ['', 'BAD_USER_INPUT'],
    [' erin', 'BAD_USER_INPUT'],
    ['a\u0000b', 'BAD_USER_INPUT'],
    ['a\nb', 'BAD_USER_INPUT'],
    ['\ud800', 'BAD_USER_INPUT'],
    ['é'.repeat(128), 'BAD_USER_INPUT'],
  ])('refuses the external id %j', async (externalId, code) => {
    expect(codes(await request(app, operator, create, { input: { externalId } }))).toEqual([code]);
  });

  test('refuses currencies the brand does not list, and other brands', async () => {
    const of = async (input: object) =>
      codes(await request(app, operator, create, { input: { externalId: 'x', ...input } }));
    expect(await of({ currencies: ['EUR', 'GBP'] })).toEqual(['CURRENCY_NOT_ALLOWED']);
    expect(await of({ currencies: ['eur'] })).toEqual(['CURRENCY_NOT_ALLOWED']);
    expect(await of({ brand: 'other' })).toEqual(['FORBIDDEN']);
    const ghost = await app.token('operator', 'boss', { brand: 'ghost' });
    expect(codes(await request(app, ghost, create, { input: { externalId: 'x' } }))).toEqual(['NOT_FOUND']);
  });
});

describe('setPlayerStatus', () => {
  test('changes what the player may do', async () => {
    const player = await createTestPlayer(app.database);
    const input = { playerId: formatId('player', player), status: 'SELF_EXCLUDED' };
    expect((await request(app, operator, setStatus, { input })).data).toEqual({
      setPlayerStatus: { id: input.playerId, status: 'SELF_EXCLUDED' },
    });
  });
});

test('only operators and services change players or move money', async () => {
  const player = await createTestPlayer(app.database);
  const playerId = formatId('player', player);
  const money = { playerId, currency: 'EUR', amount: '1', idempotencyKey: 'forbidden' };
  const attempts = [
    [create, { externalId: 'mallory' }],
    [setStatus, { playerId, status: 'ACTIVE' }],
    ['mutation ($input: CashierInput!) { deposit(input: $input) { __typename } }', money],
    ['mutation ($input: CashierInput!) { withdraw(input: $input) { __typename } }', money],
  ] as const;
  for (const role of ['player', 'support', 'analyst'] as const) {
    const token = await app.token(role, player.externalId);
    for (const [query, input] of attempts)
      expect(codes(await request(app, token, query, { input }))).toEqual(['FORBIDDEN']);
  }
});

test('players of another brand are as unknown to mutations as those who do not exist', async () => {
  const player = await createTestPlayer(app.database);
  const other = await app.token('operator', 'boss', { brand: 'other' });
  const money = { currency: 'EUR', amount: '1', idempotencyKey: 'foreign' };
  for (const playerId of [formatId('player', player), 'pl_00zzzz', '']) {
    const deposit = 'mutation ($input: CashierInput!) { deposit(input: $input) { __typename } }';
    expect(codes(await request(app, other, deposit, { input: { playerId, ...money } }))).toEqual(['NOT_FOUND']);
    expect(codes(await request(app, other, setStatus, { input: { playerId, status: 'CLOSED' } }))).toEqual([
      'NOT_FOUND',
    ]);
  }
});

describe('the cashier', () => {
  let player: TestPlayer;
  beforeAll(async () => {
    player = await createTestPlayer(app.database, { balances: { EUR: '10' } });
  });

  const result = `__typename
    ... on CashierReceipt { repeated transaction { id kind amount { amount currency } externalKey externalRound } wallet { balance { amount } } }
    ... on Refusal { message } ... on InsufficientFunds { balance { amount } } ... on IdempotencyConflict { transaction { externalKey amount { amount } } }
    ... on CurrencyNotSupported { currency }`;
  async function move(field: 'deposit' | 'withdraw', input: object) {
    const query = `mutation ($input: CashierInput!) { ${field}(input: $input) { ${result} } }`;
    const answer = await request(app, operator, query, {
      input: { playerId: formatId('player', player), currency: 'EUR', ...input },
    });
    return answer.errors.length > 0 ? codes(answer) : answer.data?.[field];
  }

  test('a deposit and its repeats move money once', async () => {
    const input = { amount: '12.345', idempotencyKey: 'd1', reference: 'payment 7' };
    const first = await move('deposit', input);
    expect(first).toEqual({
      __typename: 'CashierReceipt',
      repeated: false,
      transaction: {
        id: expect.stringMatching(/^tx_/),
        kind: 'DEPOSIT',
        amount: { amount: '12.345', currency: 'EUR' },
        externalKey: 'd1',
        externalRound: 'payment 7',
      },
      wallet: { balance: { amount: '22.345' } },
    });
    const repeats = await Promise.all(
      Array.from({ length: 8 }, () => move('deposit', { ...input, amount: '12.3450' })),
    );
    for (const repeat of repeats) expect(repeat).toEqual({ ...(first as object), repeated: true });
  });

  test('a withdrawal takes what is there and no more', async () => {
    expect(await move('withdraw', { amount: '22.345', idempotencyKey: 'w1' })).toMatchObject({
      transaction: { kind: 'WITHDRAWAL', amount: { amount: '-22.345' } },
      wallet: { balance: { amount: '0.00' } },
    });
    expect(await move('withdraw', { amount: '0.01', idempotencyKey: 'w2' })).toEqual({
      __typename: 'InsufficientFunds',
      message: expect.any(String),
      balance: { amount: '0.00' },
    });
  });

  test('one key with other facts is refused and shows what it stands for', async () => {
    const conflict = {
      __typename: 'IdempotencyConflict',
      message: expect.any(String),
      transaction: { externalKey: 'd1', amount: { amount: '12.345' } },
    };
    expect(await move('deposit', { amount: '12.35', idempotencyKey: 'd1', reference: 'payment 7' })).toEqual(conflict);
    expect(await move('deposit', { amount: '12.345', idempotencyKey: 'd1' })).toEqual(conflict);
    expect(await move('withdraw', { amount: '12.345', idempotencyKey: 'd1', reference: 'payment 7' })).toEqual(
      conflict,
    );
    expect(
      await move('deposit', { amount: '12.345', idempotencyKey: 'd1', reference: 'payment 7', currency: 'BTC' }),
    ).toEqual(conflict);
  });

  test('amounts that are no money are refused', async () => {
    for (const amount of ['0', '0.00', '-1', '1.0000001', '99999999999999999999']) {
      expect(await move('deposit', { amount, idempotencyKey: 'bad' })).toEqual({
        __typename: 'AmountInvalid',
        message: expect.any(String),
      });
    }
    for (const amount of [
      '',
      ' 12 ',
      '0x10',
      '1e3',
      '1_000',
      '1,50',
      '١٢',
      [5],
      true,
      12.5,
      12,
      '1'.repeat(41),
      null,
    ]) {
      expect(await move('deposit', { amount, idempotencyKey: 'bad' })).toEqual(['BAD_USER_INPUT']);
    }
  });

  test('a deposit opens the wallet the player lacks, a withdrawal does not', async () => {
    const poor = formatId('player', await createTestPlayer(app.database, { balances: { EUR: '0' } }));
    expect(
      await move('withdraw', { playerId: poor, amount: '1', idempotencyKey: 'b0', currency: 'BTC' }),
    ).toMatchObject({ __typename: 'CurrencyNotSupported', currency: 'BTC' });
    expect(
      await move('deposit', { playerId: poor, amount: '0.00000001', idempotencyKey: 'b1', currency: 'BTC' }),
    ).toMatchObject({
      wallet: { balance: { amount: '0.00000001' } },
    });
    for (const currency of ['GBP', 'eur', '', ' EUR', '__proto__']) {
      expect(await move('deposit', { amount: '1', idempotencyKey: 'b2', currency })).toMatchObject({
        __typename: 'CurrencyNotSupported',
        currency,
      });
    }
  });

  test('keys and references that could not be looked up again are refused', async () => {
    for (const text of ['', ' ', 'a\u0000', '\udfff', 'x'.repeat(256)]) {
      expect(await move('deposit', { amount: '1', idempotencyKey: text })).toEqual(['BAD_USER_INPUT']);
      expect(await move('deposit', { amount: '1', idempotencyKey: 'ok', reference: text })).toEqual(['BAD_USER_INPUT']);
    }
  });

  test('several movements of one request each see what the one before did', async () => {
    const { data } = await request(
      app,
      operator,
      `mutation ($a: CashierInput!, $b: CashierInput!) {
        a: deposit(input: $a) { ... on CashierReceipt { wallet { balance { amount } } } }
        b: withdraw(input: $b) { ... on CashierReceipt { wallet { balance { amount } } } } }`,
      {
        a: { playerId: formatId('player', player), currency: 'EUR', amount: '5', idempotencyKey: 's1' },
        b: { playerId: formatId('player', player), currency: 'EUR', amount: '2', idempotencyKey: 's2' },
      },
    );
    expect(data).toEqual({
      a: { wallet: { balance: { amount: '5.00' } } },
      b: { wallet: { balance: { amount: '3.00' } } },
    });
  });
});
