import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { igpxSigner } from '../src/adapters/igpx/index.js';

/** The bench's world: one brand, one integration, players `bench-0` … whose wallets never run dry. */
export const bench = {
  brand: 'bench',
  integration: 'igpx-bench',
  currency: 'EUR',
  securityHash: 'bench-security-hash-of-32-characters',
  player: (index: number): string => `bench-${index}`,
} as const;

export const callbackPath = `/callbacks/${bench.integration}/transaction`;

export interface BetsOptions {
  /** Put into every external key, so that two files share none. */
  readonly prefix: string;
  readonly count: number;
  /** Bets go to this many wallets in turn; 1 is the hot wallet. */
  readonly wallets: number;
}

/** Writes signed bets, one a line: the signature, a space, the body. The load generator only has to send them. */
export async function writeBets(file: string, { prefix, count, wallets }: BetsOptions): Promise<void> {
  const signer = igpxSigner({ securityHash: [bench.securityHash] });
  const out = createWriteStream(file);
  for (let index = 0; index < count; index += 1) {
    // A stride that is coprime with the wallets spreads neighbours over all of them.
    const body = bet(`${prefix}-${index}`, (index * 7_919) % wallets);
    const headers = signer.sign({ method: 'POST', path: '/transaction', query: '', body: Buffer.from(body) });
    if (!out.write(`${headers['x-security-hash'] ?? ''} ${body}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

export function bet(key: string, wallet: number): string {
  return JSON.stringify({
    transaction_id: key,
    action: 'bet',
    user_id: bench.player(wallet),
    currency: bench.currency,
    amount: '1.00',
  });
}
