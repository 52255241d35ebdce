import { z } from 'zod';

export interface OperatorOptions {
  /** Origin of the gateway. */
  readonly url: string;
  /** Of the role operator or service. */
  readonly token: string;
  readonly currency: string;
}

/** The operator's side of a load, as its back office would do it: over GraphQL. */
export interface Operator {
  /** Creates players who have so much each, as decimal text. */
  fund(players: readonly { readonly player: string; readonly balance: string }[]): Promise<void>;
  balances(players: readonly { readonly player: string }[]): Promise<ReadonlyMap<string, string>>;
}

/** Requests at once. */
const ABREAST = 16;

const Answer = z.object({
  data: z.unknown().optional(),
  errors: z.array(z.object({ message: z.string() })).optional(),
});
const Created = z.object({ createPlayer: z.object({ id: z.string() }) });
const Deposited = z.object({ deposit: z.object({ __typename: z.literal('CashierReceipt') }) });
const Wallets = z.object({
  player: z.object({
    wallets: z.array(z.object({ currency: z.string(), balance: z.object({ amount: z.string() }) })),
  }),
});

const createPlayer = `mutation ($player: String!, $currency: String!) {
  createPlayer(input: { externalId: $player, currencies: [$currency] }) { id }
}`;
const deposit = `mutation ($id: ID!, $currency: String!, $balance: Decimal!) {
  deposit(input: { playerId: $id, currency: $currency, amount: $balance, idempotencyKey: "first" }) { __typename }
}`;
const wallets = `query ($player: String!) {
  player(externalId: $player) { wallets { currency balance { amount } } }
}`;

export function createOperator({ url, token, currency }: OperatorOptions): Operator {
  async function ask<Data>(query: string, variables: object, shape: z.ZodType<Data>): Promise<Data> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = Answer.parse(await response.json());
    if (errors !== undefined) throw new Error(`The gateway says: ${errors.map(({ message }) => message).join(' ')}`);
    return shape.parse(data);
  }

  return {
    async fund(players) {
      await abreast(players, async ({ player, balance }) => {
        const { id } = (await ask(createPlayer, { player, currency }, Created)).createPlayer;
        await ask(deposit, { id, currency, balance }, Deposited);
      });
    },
    async balances(players) {
      const found = new Map<string, string>();
      await abreast(players, async ({ player }) => {
        const { player: known } = await ask(wallets, { player }, Wallets);
        const wallet = known.wallets.find((each) => each.currency === currency);
        if (wallet !== undefined) found.set(player, wallet.balance.amount);
      });
      return found;
    },
  };
}

async function abreast<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
