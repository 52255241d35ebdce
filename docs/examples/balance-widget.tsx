import { createClient } from 'graphql-ws';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

/** A player's balances, live. Each connection begins with a snapshot, so a widget that was away is right again at once. */

const query = `subscription Balances($playerId: ID!) {
  balanceChanged(playerId: $playerId) { wallet { id } sequence balance { amount currency } displayAt }
}`;

type Change = {
  wallet: { id: string };
  sequence: string;
  balance: { amount: string; currency: string };
  displayAt: string;
};
/** `wss://gateway.example/graphql`, and how to get a token that is valid now. */
type WidgetProps = { url: string; token: () => Promise<string>; playerId: string };

export function BalanceWidget({ url, token, playerId }: WidgetProps) {
  const [balances, setBalances] = useState(new Map<string, Change>());
  const [live, setLive] = useState(false);
  useEffect(() => {
    const timers = new Set<number>();
    const show = (change: Change) =>
      setBalances((shown) => {
        // A game may show its end later than it sends it; whatever was shown meanwhile must not go back.
        const before = shown.get(change.wallet.id)?.sequence ?? '-1';
        return BigInt(change.sequence) < BigInt(before) ? shown : new Map(shown).set(change.wallet.id, change);
      });
    const client = createClient({
      url,
      connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
      retryAttempts: Infinity,
      on: { connected: () => setLive(true), closed: () => setLive(false) },
    });
    const stop = client.subscribe<{ balanceChanged: Change }>(
      { query, variables: { playerId } },
      {
        next({ data }) {
          if (!data) return;
          const waitMs = new Date(data.balanceChanged.displayAt).getTime() - Date.now();
          timers.add(window.setTimeout(show, Math.max(0, waitMs), data.balanceChanged));
        },
        error: (error) => console.error('balances', error),
        complete: () => undefined,
      },
    );
    return () => (stop(), timers.forEach((timer) => clearTimeout(timer)), void client.dispose());
  }, [url, token, playerId]);
  const lines = [...balances.values()].map(({ balance }) => `${balance.amount} ${balance.currency}`).sort();
  return (
    <ul data-live={live}>
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
export const mount = (place: Element, props: WidgetProps) => createRoot(place).render(<BalanceWidget {...props} />);
