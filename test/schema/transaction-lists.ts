import { policy } from '../../src/adapters/igpx/policy.js';
import type { Movement } from '../../src/ledger/commands.js';
import { formatId } from '../../src/ledger/ids.js';
import type { TestApp } from '../support/app.js';
import type { TestPlayer } from '../support/database.js';
import type { GraphqlAnswer } from './client.js';

/** A movement without whose it is. */
type Rest = Pick<Movement, 'kind'> & Record<string, unknown>;

/** Posts a movement as the gateway would. */
export async function play({ app }: Pick<TestApp, 'app'>, player: TestPlayer, movement: Rest): Promise<void> {
  const command = {
    brand: player.brand,
    player: player.externalId,
    integration: 'igpx-demo',
    currency: 'EUR',
    ...movement,
  };
  const { outcome } = await app.ledger.execute(command as Movement, { policy, deadlineMs: 5_000 });
  if (outcome.type === 'refused') throw new Error(outcome.code);
}

export const amount = (units: bigint) => ({ digits: units, decimals: 0 });
export const walletId = (player: TestPlayer, currency = 'EUR'): string =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get(currency) ?? 0n });

/** Reads the connection under `wallet` or at the top. */
export function connection({ data, errors }: GraphqlAnswer): Connection {
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const top = data as { wallet?: { transactions: Connection }; transactions?: Connection };
  const found = top.wallet?.transactions ?? top.transactions;
  if (found === undefined) throw new Error('no connection');
  return found;
}
export interface Connection {
  edges: { cursor: string; node: { id: string; sequence: string; externalKey: string; amount: { amount: string } } }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}
const fields =
  'edges { cursor node { id sequence externalKey amount { amount } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
export const byWallet = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  wallet(id: $id) { transactions(first: $first, after: $after, last: $last, before: $before) { ${fields} } } }`;
export const history = `query ($filter: TransactionFilter, $first: Int, $after: String, $last: Int, $before: String) {
  transactions(filter: $filter, first: $first, after: $after, last: $last, before: $before) { ${fields} } }`;

export type Read = (args: Record<string, unknown>) => Promise<Connection>;

/** All pages from one end to the other; backward they are turned round. */
export async function pagesOf(read: Read, direction: 'forward' | 'backward', size = 5): Promise<Connection[]> {
  const pages: Connection[] = [];
  let args: Record<string, unknown> = direction === 'forward' ? { first: size } : { last: size };
  for (;;) {
    const page = await read(args);
    pages.push(page);
    const { hasNextPage, hasPreviousPage, endCursor, startCursor } = page.pageInfo;
    if (!(direction === 'forward' ? hasNextPage : hasPreviousPage)) break;
    args = direction === 'forward' ? { first: size, after: endCursor } : { last: size, before: startCursor };
  }
  return direction === 'forward' ? pages : pages.reverse();
}

export async function walk(read: Read): Promise<Connection['edges'][number]['node'][]> {
  return (await pagesOf(read, 'forward')).flatMap(({ edges }) => edges.map(({ node }) => node));
}

export function never(): never {
  throw new Error('This cannot be missing');
}
