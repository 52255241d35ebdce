import pg from 'pg';
import { formatId, formatTransactionId, parseId } from '../../src/ledger/ids.js';
import { formatUnits } from '../../src/ledger/money.js';

/**
 * The part of the API that the bench asks for, as somebody would write it who has only this to write: plain resolvers over
 * pg with prepared statements, no roles, no limits. The baselines serve it.
 */
export const typeDefs = `
  type Money { amount: String! currency: String! }
  type Transaction {
    id: ID! sequence: String! kind: String! externalKey: String! createdAt: String! amount: Money! balanceAfter: Money!
  }
  type TransactionEdge { node: Transaction! }
  type PageInfo { hasNextPage: Boolean! }
  type TransactionConnection { edges: [TransactionEdge!]! pageInfo: PageInfo! }
  type Wallet {
    id: ID! currency: String! sequence: String! balance: Money! transactions(first: Int!): TransactionConnection!
  }
  type Query { wallet(id: ID!): Wallet }
`;

interface WalletColumns {
  readonly lane: number;
  readonly id: string;
  readonly currency: string;
  readonly sequence: string;
  readonly balance: string;
}

interface LedgerColumns {
  readonly sequence: string;
  readonly kind: string;
  readonly external_key: string;
  readonly created_at: Date;
  readonly effect: string;
  readonly balance_after: string;
}

const SCALE = 6;

export function createResolvers(databaseUrl: string) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
  const money = (units: string, currency: string) => ({ amount: formatUnits(BigInt(units), SCALE, 2), currency });

  return {
    Query: {
      async wallet(_root: unknown, { id }: { id: string }) {
        const key = parseId('wallet', id);
        if (key === undefined) return null;
        const { rows } = await pool.query<WalletColumns>({
          name: 'wallet',
          text: 'select lane, id, currency, sequence, balance from wallet where lane = $1 and id = $2',
          values: [key.lane, key.id],
        });
        return rows[0] ?? null;
      },
    },
    Wallet: {
      id: ({ lane, id }: WalletColumns) => formatId('wallet', { lane, id: BigInt(id) }),
      balance: ({ balance, currency }: WalletColumns) => money(balance, currency),
      async transactions({ lane, id, currency }: WalletColumns, { first }: { first: number }) {
        const { rows } = await pool.query<LedgerColumns>({
          name: 'page',
          text:
            'select sequence, kind, external_key, created_at, effect, balance_after from ledger_transaction ' +
            'where lane = $1 and wallet_id = $2 order by sequence desc limit $3',
          values: [lane, id, first + 1],
        });
        return {
          edges: rows.slice(0, first).map((row) => ({
            node: {
              id: formatTransactionId({ lane, walletId: BigInt(id), sequence: BigInt(row.sequence) }),
              sequence: row.sequence,
              kind: row.kind.toUpperCase(),
              externalKey: row.external_key,
              createdAt: row.created_at.toISOString(),
              amount: money(row.effect, currency),
              balanceAfter: money(row.balance_after, currency),
            },
          })),
          pageInfo: { hasNextPage: rows.length > first },
        };
      },
    },
  };
}
