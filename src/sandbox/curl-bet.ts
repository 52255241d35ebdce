import { createHash, createHmac } from 'node:crypto';
import type { ProviderSide } from '../adapters/provider-side.js';

export interface CurlBetOptions {
  readonly adapter: string;
  readonly side: ProviderSide;
  readonly callbackUrl: string;
  readonly player: string;
  readonly currency: string;
}

/**
 * A signed bet of 5.00 as a few lines of shell. openssl makes the signature from the secret that the sandbox keeps, so
 * nothing secret is printed. @returns undefined unless the provider signs plain JSON by an HMAC-SHA-256 of its bytes, in
 * hex, under one header: what one call of openssl makes
 */
export function curlBet({ adapter, side, callbackUrl, player, currency }: CurlBetOptions): string | undefined {
  // The bet is signed with secrets made up for it; the one that fits tells the name of the real one.
  const probes = new Map<string, string>();
  const secret = (name: string): string => {
    const probe = createHash('sha256').update(name).digest('hex');
    probes.set(name, probe);
    return probe;
  };
  const voice = side.voice(side.settings({ apiUrl: new URL(callbackUrl).origin, callbackUrl, secret }));
  const seed = Math.floor(Date.now() / 1_000);
  const { path, query, headers, body } = voice.signer.sign(
    voice.say({
      kind: 'bet',
      id: voice.newId(seed),
      player,
      currency,
      amount: '5.00',
      round: String(seed),
      game: side.games[0]?.id ?? side.page,
      session: `session-${seed}`,
    }),
  );
  const text = body.toString();
  const [header, ...others] = Object.keys(headers).filter((each) => each !== 'content-type');
  const signature = header === undefined ? undefined : headers[header];
  const name = [...probes].find(
    ([, probe]) => createHmac('sha256', probe).update(body).digest('hex') === signature,
  )?.[0];
  if (name === undefined || others.length > 0) return undefined;
  // A shell would not take these as they are, or they hold a secret.
  const plain =
    query === '' && !text.includes("'") && ![...probes.values()].some((each) => (path + text).includes(each));
  if (!plain || !text.includes(String(seed))) return undefined;
  return `  BODY='${text.replaceAll(String(seed), `'$(date +%s)'`)}'
  HASH=$(sed -n '/"${adapter}": {/,/}/s/.*"${name}": "\\(.*\\)".*/\\1/p' .croupier/sandbox.json)
  SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$HASH" | sed 's/.* //')
  curl -s ${callbackUrl}${path} -H "${header}: $SIGNATURE" -d "$BODY"; echo`;
}
