import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, type GraphqlAnswer, queriesDuring, request } from './client.js';
import {
  amount,
  byWallet,
  connection,
  type Connection,
  history,
  pagesOf,
  play as playOn,
  walletId,
} from './transaction-lists.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let support: string;

beforeAll(async () => {
  app = await startTestApp();
  support = await app.token('support');
});
afterAll(() => app.close());

const play = (player: TestPlayer, movement: Parameters<typeof playOn>[2]) => playOn(app, player, movement);

describe('what a transaction tells', () => {
  test('a bet, its rollback and the tombstone of an unknown one name each other', async () => {
    const player = await createTestPlayer(app.database);
    await play(player, { kind: 'bet', key: 'b1', amount: { digits: 1050n, decimals: 2 }, round: 'r1' });
    await play(player, { kind: 'rollback', key: 'b1-undo', target: 'b1' });
    await play(player, { kind: 'rollback', key: 'b2-undo', target: 'b2' });
    const answer = await request(
      app,
      support,
      `query ($id: ID!) { wallet(id: $id) { transactions { edges { node {
        id sequence kind amount { amount currency } balanceAfter { amount } externalKey externalRound integration { id }
        target { externalKey kind } rolledBackBy { externalKey } flags displayAt } } } } }`,
      { id: walletId(player) },
    );
    const node = (sequence: number, rest: object) => ({
      node: {
        id: `tx_${walletId(player).slice(3)}_${sequence}`,
        sequence: String(sequence),
        integration: { id: 'igpx-demo' },
        target: null,
        rolledBackBy: null,
        flags: [],
        displayAt: null,
        externalRound: null,
        ...rest,
      },
    });
    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual({
      wallet: {
        transactions: {
          edges: [
            node(5, {
              kind: 'TOMBSTONE',
              amount: { amount: '0.00', currency: 'EUR' },
              balanceAfter: { amount: '100.00' },
              externalKey: 'b2',
            }),
            node(4, {
              kind: 'ROLLBACK',
              amount: { amount: '0.00', currency: 'EUR' },
              balanceAfter: { amount: '100.00' },
              externalKey: 'b2-undo',
              target: { externalKey: 'b2', kind: 'TOMBSTONE' },
              flags: ['ROLLBACK_OF_UNKNOWN'],
            }),
            node(3, {
              kind: 'ROLLBACK',
              amount: { amount: '10.50', currency: 'EUR' },
              balanceAfter: { amount: '100.00' },
              externalKey: 'b1-undo',
              target: { externalKey: 'b1', kind: 'BET' },
            }),
            node(2, {
              kind: 'BET',
              amount: { amount: '-10.50', currency: 'EUR' },
              balanceAfter: { amount: '89.50' },
              externalKey: 'b1',
              externalRound: 'r1',
              rolledBackBy: { externalKey: 'b1-undo' },
            }),
            node(1, {
              kind: 'DEPOSIT',
              amount: { amount: '100.00', currency: 'EUR' },
              balanceAfter: { amount: '100.00' },
              externalKey: expect.any(String),
              integration: null,
            }),
          ],
        },
      },
    });
    const own = await request(
      app,
      await app.token('player', player.externalId),
      '{ transactions { edges { node { kind flags } } } }',
    );
    expect(JSON.stringify(own.data)).toContain('TOMBSTONE');
    expect(own.text).not.toContain('ROLLBACK_OF_UNKNOWN');
  });

  test('is found by the external key, per player where players share it', async () => {
    const [one, two] = await Promise.all([createTestPlayer(app.database), createTestPlayer(app.database)]);
    await play(one, { kind: 'bet', key: 'shared', amount: amount(1n) });
    await play(two, { kind: 'bet', key: 'shared', amount: amount(2n) });
    const query = `query ($player: ID) { transactionByKey(integration: "igpx-demo", externalKey: "shared", playerId: $player) { amount { amount } } }`;
    const staff = async (player?: TestPlayer) =>
      (await request(app, support, query, player ? { player: formatId('player', player) } : {})).data?.[
        'transactionByKey'
      ];
    expect(await staff()).toEqual({ amount: { amount: '-2.00' } });
    expect(await staff(one)).toEqual({ amount: { amount: '-1.00' } });
    const asOne = await app.token('player', one.externalId);
    expect((await request(app, asOne, query)).data).toEqual({ transactionByKey: { amount: { amount: '-1.00' } } });
    expect((await request(app, asOne, query, { player: formatId('player', two) })).data).toEqual({
      transactionByKey: null,
    });
    const foreign = await app.token('support', 'staff', { brand: 'other' });
    expect((await request(app, foreign, query)).data).toEqual({ transactionByKey: null });
    expect((await request(app, support, query.replace('shared', 'SHARED'))).data).toEqual({ transactionByKey: null });
  });
});

describe('pages', () => {
  let player: TestPlayer;
  beforeAll(async () => {
    player = await createTestPlayer(app.database, { balances: { EUR: '100', USD: '100' } });
    // All at once, so that many share their moment of receipt.
    await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        play(player, { kind: 'bet', key: `p${index}`, amount: amount(1n), currency: index % 2 === 0 ? 'EUR' : 'USD' }),
      ),
    );
  });

  const nodesOf = (pages: Connection[]) => pages.flatMap(({ edges }) => edges.map(({ node }) => node));

  test('of a wallet run from the newest to the first and back, each transaction once', async () => {
    const read = async (args: object) =>
      connection(await request(app, support, byWallet, { id: walletId(player), ...args }));
    const forward = await pagesOf(read, 'forward');
    expect(nodesOf(forward).map(({ sequence }) => Number(sequence))).toEqual(
      Array.from({ length: 13 }, (_, index) => 13 - index),
    );
    expect(forward.map(({ pageInfo }) => [pageInfo.hasPreviousPage, pageInfo.hasNextPage])).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(nodesOf(await pagesOf(read, 'backward'))).toEqual(nodesOf(forward));
  });

  test('of a history run over wallets by time, each transaction once, although times repeat', async () => {
    const filter = { playerId: formatId('player', player) };
    const read = async (args: object) => connection(await request(app, support, history, { filter, ...args }));
    const forward = nodesOf(await pagesOf(read, 'forward'));
    expect(forward).toHaveLength(26);
    expect(new Set(forward.map(({ externalKey }) => externalKey)).size).toBe(26);
    expect(nodesOf(await pagesOf(read, 'backward'))).toEqual(forward);
  });

  test('stay where they are while new transactions arrive', async () => {
    const id = walletId(player, 'USD');
    const first = connection(await request(app, support, byWallet, { id, first: 3 }));
    await play(player, { kind: 'bet', key: randomUUID(), amount: amount(1n), currency: 'USD' });
    const second = connection(await request(app, support, byWallet, { id, first: 3, after: first.pageInfo.endCursor }));
    expect(Number(second.edges[0]?.node.sequence)).toBe(Number(first.edges[2]?.node.sequence) - 1);
    const newer = connection(
      await request(app, support, byWallet, { id, last: 3, before: first.pageInfo.startCursor }),
    );
    expect(newer.edges).toHaveLength(1);
  });

  test('of different sizes and starts in one request do not mix', async () => {
    const ids = { a: walletId(player), b: walletId(player, 'USD') };
    const { pageInfo } = connection(await request(app, support, byWallet, { id: ids.a, first: 5 }));
    const { errors, data } = await request(
      app,
      support,
      `query ($a: ID!, $b: ID!, $after: String) {
        a: wallet(id: $a) {
          top: transactions(first: 2) { edges { node { sequence } } pageInfo { hasNextPage } }
          later: transactions(first: 2, after: $after) { edges { node { sequence } } }
          end: transactions(last: 2) { edges { node { sequence } } pageInfo { hasPreviousPage hasNextPage } }
        }
        b: wallet(id: $b) { top: transactions(first: 1) { edges { node { wallet { currency } } } } } }`,
      { ...ids, after: pageInfo.endCursor },
    );
    const edges = (...sequences: number[]) => sequences.map((sequence) => ({ node: { sequence: String(sequence) } }));
    expect(errors).toEqual([]);
    expect(data).toEqual({
      a: {
        top: { edges: edges(13, 12), pageInfo: { hasNextPage: true } },
        later: { edges: edges(8, 7) },
        end: { edges: edges(2, 1), pageInfo: { hasPreviousPage: true, hasNextPage: false } },
      },
      b: { top: { edges: [{ node: { wallet: { currency: 'USD' } } }] } },
    });
  });

  test('cost one query for the rows, and one for each thing their rows name, however many there are', async () => {
    const rows =
      'edges { node { amount { amount } integration { id } wallet { player { id } } target { id } rolledBackBy { id } } }';
    const count = async (query: string) => {
      let answer: GraphqlAnswer | undefined;
      const queries = await queriesDuring(app, async () => {
        answer = await request(app, support, query, { player: formatId('player', player) });
      });
      expect(answer?.errors).toEqual([]);
      // What the gateway asks from time to time, whoever reads, is none of it.
      return queries.filter((each) => !each.includes('token_cutoff')).length;
    };
    for (const first of [1, 26]) {
      // Rows; wallets; players; integrations; rollbacks.
      expect(await count(`{ transactions(first: ${first}) { ${rows} } }`)).toBeLessThanOrEqual(5);
    }
    // Player; its wallets; the pages of all of them together; integrations; rollbacks.
    expect(
      await count(`query ($player: ID) { player(id: $player) { wallets { transactions(first: 10) { ${rows} } } } }`),
    ).toBe(5);
  });

  test.each([
    { first: 0 },
    { first: -1 },
    { first: 101 },
    { first: 1_000_000 },
    { last: 0 },
    { last: 101 },
    { first: 1, last: 1 },
    { after: 'x' },
    { after: '' },
    { before: 'x'.repeat(5_000) },
    { first: 1, before: 'x' },
  ])('are refused for %o', async (args) => {
    for (const [query, target] of [
      [byWallet, { id: walletId(player) }],
      [history, {}],
    ] as const) {
      const answer = await request(app, support, query, { ...target, ...args });
      expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    }
  });

  test('are refused for cursors of another list, filter or reader', async () => {
    const ofWallet = connection(await request(app, support, byWallet, { id: walletId(player) })).pageInfo.endCursor;
    const filter = { playerId: formatId('player', player) };
    const ofHistory = connection(await request(app, support, history, { filter, first: 2 })).pageInfo.endCursor;
    const own = await app.token('player', player.externalId);
    const forged = Buffer.from(`${ofHistory}`).toString('base64url');
    for (const answer of [
      await request(app, support, byWallet, { id: walletId(player, 'USD'), after: ofWallet }),
      await request(app, support, history, { after: ofWallet }),
      await request(app, support, history, { after: ofHistory }),
      await request(app, support, history, { filter: { ...filter, kind: 'BET' }, after: ofHistory }),
      await request(app, own, history, { filter, after: ofHistory }),
      await request(app, support, history, { filter, after: forged }),
      await request(app, support, history, { filter, after: `${ofHistory}A` }),
    ]) {
      expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    }
    expect(connection(await request(app, support, history, { filter, first: 2, after: ofHistory })).edges).toHaveLength(
      2,
    );
  });
});
