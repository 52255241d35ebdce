import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, print, Kind, OperationTypeNode } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { buildGraphqlSchema } from '../../src/schema/build-schema.js';
import type { GraphqlContext } from '../../src/schema/context.js';
import { createExecutor } from '../../src/schema/executor.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer } from '../support/database.js';
import { request } from './client.js';

/** One suite over both ways of executing: an operation answers the same when it comes first, and when it has been compiled. */

let app: Awaited<ReturnType<typeof startTestApp>>;
let token: string;
let playerToken: string;
let ids: { player: string; wallet: string; other: string };

beforeAll(async () => {
  app = await startTestApp();
  const player = await createTestPlayer(app.database, { balances: { EUR: '100', BTC: '0.5' } });
  const other = await createTestPlayer(app.database, { brand: 'other' });
  token = await app.token('operator');
  playerToken = await app.token('player', player.externalId);
  const wallet = { lane: player.lane, id: player.wallets.get('EUR') ?? 0n };
  ids = { player: formatId('player', player), wallet: formatId('wallet', wallet), other: formatId('player', other) };
  for (let round = 1; round <= 5; round += 1) {
    await app.callback('/transaction', {
      action: 'bet',
      transaction_id: `bet-${round}`,
      user_id: player.externalId,
      amount: '1.50',
      currency: 'EUR',
    });
  }
});
afterAll(() => app.close());

/** More often than it takes to be compiled. */
const TIMES = 5;

/** The different answers that staff, and then a player, get to one operation sent many times. */
async function answersTo(query: string, variables: Record<string, unknown> = {}): Promise<string[][]> {
  const different: string[][] = [];
  for (const each of [token, playerToken]) {
    const answers = new Set<string>();
    for (let time = 1; time <= TIMES; time += 1) {
      const { status, text } = await request(app, each, query, variables);
      answers.add(`${status} ${text.replaceAll(/"id":"[0-9a-f-]{36}"/g, '"id":"…"')}`);
    }
    different.push([...answers]);
  }
  return different;
}

const operations = parse(readFileSync(join(import.meta.dirname, 'operations.graphql'), 'utf8'));
const fragments = operations.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map(print);
const queries = operations.definitions
  .filter((each) => each.kind === Kind.OPERATION_DEFINITION)
  .filter(({ operation }) => operation === OperationTypeNode.QUERY)
  .map((each) => [each.name?.value ?? '', print(each)] as const);

describe('an operation of the frontends answers the same, compiled or not', () => {
  test.each(queries)('%s', async (_name, query) => {
    const used = fragments.filter((each) => query.includes(`...${/fragment (\w+)/.exec(each)?.[1]}`));
    const variables = { id: ids.wallet, player: ids.player, playerId: ids.player, walletId: ids.wallet, first: 3 };
    expect(await answersTo([query, ...used].join('\n'), variables)).toEqual([[expect.anything()], [expect.anything()]]);
  });
});

describe('compiled or not, the answer is the same', () => {
  test.each<[what: string, query: string, variables?: (known: typeof ids) => Record<string, unknown>]>([
    [
      'for nested lists',
      '{ player(externalId: "nobody") { id } me { wallets { transactions(first: 3) { edges { node { kind amount { amount } wallet { id } } } } } } }',
    ],
    [
      'for aliases and fragments',
      'query ($w: ID!) { a: wallet(id: $w) { ...F } b: wallet(id: $w) { ...F ... on Wallet { sequence } } } fragment F on Wallet { id currency }',
      ({ wallet }) => ({ w: wallet }),
    ],
    [
      'with @skip and @include',
      'query ($w: ID!, $no: Boolean!, $yes: Boolean = true) { wallet(id: $w) { id @skip(if: $no) currency @include(if: $yes) sequence @include(if: $no) } }',
      ({ wallet }) => ({ w: wallet, no: false }),
    ],
    [
      'with default values',
      'query ($w: ID!, $n: Int = 2) { wallet(id: $w) { transactions(first: $n) { edges { node { id } } pageInfo { hasNextPage } } } }',
      ({ wallet }) => ({ w: wallet }),
    ],
    [
      'with a null for a variable',
      'query ($w: ID!, $n: Int) { wallet(id: $w) { transactions(first: $n) { edges { node { id } } } } }',
      ({ wallet }) => ({ w: wallet, n: null }),
    ],
    ['without a variable that is needed', 'query ($w: ID!) { wallet(id: $w) { id } }'],
    ['with a variable of the wrong shape', 'query ($w: ID!) { wallet(id: $w) { id } }', () => ({ w: { x: 1 } })],
    [
      'with an unknown value of an enum',
      'query ($f: TransactionFilter) { transactions(filter: $f) { edges { node { id } } } }',
      () => ({ f: { kinds: ['nothing'], kind: 'nothing' } }),
    ],
    [
      'with a filter in a variable',
      'query ($f: TransactionFilter) { transactions(filter: $f, first: 2) { edges { node { id externalKey } } } }',
      ({ wallet }) => ({ f: { walletId: wallet } }),
    ],
    ['with an error in a field that may be null', '{ transactions(first: 0) { edges { node { id } } } }'],
    [
      'with an error beside data',
      'query ($w: ID!) { wallet(id: $w) { id transactions(first: 1000) { edges { node { id } } } } }',
      ({ wallet }) => ({ w: wallet }),
    ],
    [
      'for what may not be seen',
      'query ($p: ID) { player(id: $p) { id wallets { id } } }',
      ({ other }) => ({ p: other }),
    ],
    [
      'for __typename',
      'query ($w: ID!) { __typename wallet(id: $w) { __typename balance { __typename amount } } }',
      ({ wallet }) => ({ w: wallet }),
    ],
    ['for the schema itself', '{ __schema { queryType { name } } __type(name: "Wallet") { name } }'],
  ])('%s', async (_what, query, variables = () => ({})) => {
    expect(await answersTo(query, variables(ids))).toEqual([[expect.anything()], [expect.anything()]]);
  });
});

test('an operation is compiled once it has come often enough, and only what reads', async () => {
  const schema = buildGraphqlSchema();
  // Only the compiled one never looks at the prototype of the root.
  const executor = createExecutor(schema, { compileAfter: 2 });
  const document = parse('{ __typename }');
  const context = {} as GraphqlContext;
  const first = await executor({ document, context });
  const second = await executor({ document, context });
  expect(second).toEqual(first);
  expect(Object.getPrototypeOf(first.data)).toBe(null);
  expect(Object.getPrototypeOf(second.data)).toBe(Object.prototype);
  const schemaQuery = parse('{ __schema { queryType { name } } }');
  for (let time = 1; time <= 3; time += 1) {
    const { data } = await executor({ document: schemaQuery, context });
    expect(Object.getPrototypeOf(data)).toBe(null);
  }
});
