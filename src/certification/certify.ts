import type { Provider } from '../adapters/registry.js';
import { textsOf } from '../config/secrets.js';
import { casesFor } from './cases.js';
import { type Exchange, Finding, openConversation } from './conversation.js';

export interface CertifyOptions {
  readonly provider: Provider;
  /** The integration's settings, with the secrets that both sides share. */
  readonly settings: unknown;
  /** Where the wallet takes callbacks. */
  readonly url: string;
  /** The player's external id; funded with at least 1,000 of the currency. */
  readonly player: string;
  readonly currency: string;
  /** Called after each case. */
  readonly progress?: (result: CaseResult, done: number, all: number) => void;
}

export interface CaseResult {
  readonly name: string;
  readonly group: string;
  readonly outcome: 'passed' | 'failed' | 'not-applicable';
  /** What was found, or why the case does not apply. */
  readonly words: string;
  /** As they went over the wire, but for secrets. */
  readonly exchanges: readonly Exchange[];
  readonly ms: number;
}

export interface Certificate {
  readonly provider: string;
  readonly title: string;
  readonly url: string;
  readonly at: Date;
  readonly cases: readonly CaseResult[];
  /** Whether answers tell a balance: where they do not, what moved cannot be seen from outside. */
  readonly seesBalances: boolean;
  readonly passed: boolean;
}

/** Runs a provider's whole list of cases against a wallet, as the provider would: over HTTP, knowing nothing of its inside. */
export async function certify(options: CertifyOptions): Promise<Certificate> {
  const { provider, settings, player, currency, url, progress } = options;
  const { adapter, side } = provider;
  const voice = side.voice(settings);
  const policy = adapter.bind({ id: 'certification', brand: 'certification', settings }).policy;
  const examinee = { url, voice, player, currency, game: side.games[0]?.id ?? 'game', timeoutMs: side.timeoutMs };
  const hide = secretsHider(provider, settings);
  const cases = casesFor(voice, policy, side.cases?.(settings) ?? []);
  const results: CaseResult[] = [];
  for (const each of cases) {
    const conversation = openConversation(examinee);
    const startedAt = performance.now();
    let outcome: CaseResult['outcome'] = 'passed';
    let words = '';
    try {
      const excuse = await each.run(conversation);
      if (typeof excuse === 'string') [outcome, words] = ['not-applicable', excuse];
    } catch (error) {
      if (!(error instanceof Finding)) throw error;
      [outcome, words] = ['failed', error.message];
    }
    const { name, group } = each;
    const exchanges = conversation.exchanges.map((exchange) => hideIn(exchange, hide));
    const result = { name, group, outcome, words: hide(words), exchanges, ms: performance.now() - startedAt };
    results.push(result);
    progress?.(result, results.length, cases.length);
  }
  return {
    provider: adapter.id,
    title: adapter.title,
    url,
    at: new Date(),
    cases: results,
    seesBalances: voice.speaks.includes('balance'),
    passed: results.every((each) => each.outcome !== 'failed'),
  };
}

/** A report is passed around: what both sides keep secret is not in it. */
function secretsHider({ adapter }: Provider, settings: unknown): (text: string) => string {
  const secrets = textsOf(adapter.settings, settings, 'settings')
    .filter((each) => each.secret && each.text !== '')
    .map((each) => each.text);
  return (text) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
}

function hideIn({ request, answer, url, ...rest }: Exchange, hide: (text: string) => string): Exchange {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, hide(value)]));
  const body = Buffer.from(hide(request.body.toString()));
  return {
    ...rest,
    url: hide(url),
    request: { ...request, path: hide(request.path), query: hide(request.query), headers, body },
    answer: answer && { ...answer, body: hide(answer.body) },
  };
}
