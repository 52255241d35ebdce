import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import { expectRefused, secrets, underAttack } from './impostor.js';
import { bodyOf, send, sign } from './provider.js';

const target = underAttack();

const REQUESTS = 3_000;
/** On a quiet machine. Tests share theirs, so what they take is set beside the cheapest thing there is to ask. */
const P99_MS = 5;
const SLACK = 3;

const good = bodyOf({ transaction_id: 'c', user_id: 'mallory' });
const wide = `{"x":"${'x'.repeat(60 * 1_024)}"`;

test.for<[string, string, Record<string, string>]>([
  ['unsigned', good, {}],
  ['wrongly signed', good, sign(good, secrets.other)],
  ['wrongly signed and 60 KiB long', wide, sign(wide, secrets.other)],
  ['signed and no JSON', '{"a":', sign('{"a":', secrets.current)],
  ['signed and no callback', '{"action":"x"}', sign('{"action":"x"}', secrets.current)],
])(
  '99 of 100 requests that are %s are refused within 5 ms, or thrice the time of /healthz',
  async ([what, body, headers], { annotate }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [refused, healthy]: [number[], number[]] = [[], []];
    const { url } = target().gateway;
    for (let index = 0; index < REQUESTS / 5; index += 1) {
      let startedAt = performance.now();
      const answer = await send(url, '/callbacks/igpx-demo/transaction', { body, headers, agent });
      refused.push(performance.now() - startedAt);
      expectRefused(answer);
      startedAt = performance.now();
      await (await fetch(`${url}/healthz`)).text();
      healthy.push(performance.now() - startedAt);
    }
    agent.destroy();
    const said = `${what}: p99 ${p99(refused).toFixed(2)} ms, of /healthz ${p99(healthy).toFixed(2)} ms`;
    await annotate(said);
    expect(p99(refused)).toBeLessThan(Math.max(P99_MS, SLACK * p99(healthy)));
  },
);

function p99(took: readonly number[]): number {
  return took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Infinity;
}
