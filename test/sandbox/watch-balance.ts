import type { Client } from 'graphql-ws';
import { z } from 'zod';

const Change = z.object({
  balanceChanged: z.object({
    sequence: z.string(),
    balance: z.object({ amount: z.string() }),
    transaction: z.object({ kind: z.string() }).nullable(),
  }),
});

/** Balance changes of a wallet as they arrive. */
export function watchBalance(client: Client, walletId: string) {
  const seen: z.infer<typeof Change>['balanceChanged'][] = [];
  let arrived = (): void => undefined;
  let fault: unknown;
  const query = `subscription { balanceChanged(walletId: "${walletId}") { sequence balance { amount } transaction { kind } } }`;
  const wake = (error: unknown): void => {
    fault = error;
    arrived();
  };
  client.subscribe(
    { query },
    {
      next(message) {
        seen.push(Change.parse(message.data).balanceChanged);
        arrived();
      },
      error: wake,
      complete: () => wake(new Error('The subscription ended.')),
    },
  );
  return {
    seen,
    async until(count: number): Promise<void> {
      while (seen.length < count) {
        if (fault !== undefined) throw fault;
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
    },
  };
}
