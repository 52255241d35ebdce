import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { providers } from '../src/adapters/registry.js';

/** The bench's world: one brand, an integration with every provider, players `bench-0` … whose wallets never run dry. */
export const bench = {
  brand: 'bench',
  provider: 'igpx',
  integration: 'igpx-bench',
  currency: 'EUR',
  player: (index: number): string => `bench-${index}`,
} as const;

/** The same on both sides and on every run, and another for each provider. */
function secretOf(provider: string): (name: string) => string {
  return (name) => createHash('sha256').update(`bench ${provider} ${name}`).digest('hex');
}

export function integrationOf(provider: string): string {
  return `${provider}-bench`;
}

/** An integration's settings, as its provider would hand them out. */
export function settingsOf(provider: string): Record<string, unknown> {
  const side = providers.get(provider)?.side;
  if (side === undefined) throw new Error(`There is no provider ${provider}`);
  const callbackUrl = `https://bench.example/callbacks/${integrationOf(provider)}`;
  const settings = side.settings({ apiUrl: 'http://127.0.0.1:1', callbackUrl, secret: secretOf(provider) });
  return 'currency' in settings ? { ...settings, currency: bench.currency } : settings;
}

export interface BetsOptions {
  /** Ids are made from here on; two files must not overlap. */
  readonly firstId: number;
  readonly count: number;
  /** Bets go to this many wallets in turn; 1 is the hot wallet. */
  readonly wallets: number;
  /** Whose bets; igpx unless told. */
  readonly provider?: string;
}

/** A file of signed bets, and what all of them have in common. */
export interface BetsFile {
  readonly file: string;
  readonly path: string;
  readonly headerNames: readonly string[];
}

/**
 * Writes signed bets, one a line: the headers' values and then the body, with spaces between. The load generator only has to
 * send them.
 */
export async function writeBets(
  file: string,
  { firstId, count, wallets, provider = bench.provider }: BetsOptions,
): Promise<BetsFile> {
  const side = providers.get(provider)?.side;
  if (side === undefined) throw new Error(`There is no provider ${provider}`);
  const voice = side.voice(settingsOf(provider));
  const game = side.games[0]?.id ?? 'game';
  const signed = (index: number) =>
    voice.signer.sign(
      voice.say({
        kind: 'bet',
        id: voice.newId(firstId + index),
        // A stride that is coprime with the wallets spreads neighbours over all of them.
        player: bench.player((index * 7_919) % wallets),
        currency: bench.currency,
        amount: '1.00',
        round: `round-${firstId + index}`,
        game,
        session: 'bench',
      }),
    );
  const { path, headers } = signed(0);
  const headerNames = Object.keys(headers);
  const out = createWriteStream(file);
  for (let index = 0; index < count; index += 1) {
    const request = signed(index);
    const values = headerNames.map((name) => request.headers[name] ?? '');
    if (values.some((value) => value === '' || value.includes(' ')))
      throw new Error('A header value does not fit a line');
    if (!out.write(`${values.join(' ')} ${request.body.toString()}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return { file, headerNames, path: `/callbacks/${integrationOf(provider)}${path}` };
}
