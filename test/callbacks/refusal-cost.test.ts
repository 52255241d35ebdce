import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import { expectRefused, secrets, underAttack } from './impostor.js';
import { bodyOf, send, sign } from './provider.js';

const target = underAttack();

const REQUESTS = 3_000;
/** On a quiet machine; tests share theirs, so they let pass ten times that. */
const P99_MS = 5;
const SLACK = 10;

const good = bodyOf({ transaction_id: 'c', user_id: 'mallory' });
const wide = `{"x":"${'x'.repeat(60 * 1_024)}"`;

test.for<[string, string, Record<string, string>]>([
  ['unsigned', good, {}],
  ['wrongly signed', good, sign(good, secrets.other)],
  ['wrongly signed and 60 KiB long', wide, sign(wide, secrets.other)],
  ['signed and no JSON', '{"a":', sign('{"a":', secrets.current)],
  ['signed and no callback', '{"action":"x"}', sign('{"action":"x"}', secrets.current)],
])('99 of 100 requests that are %s are refused within 5 ms', async ([what, body, headers], { annotate }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const took: number[] = [];
  for (let index = 0; index < REQUESTS / 5; index += 1) {
    const startedAt = performance.now();
    const answer = await send(target().gateway.url, '/callbacks/igpx-demo/transaction', { body, headers, agent });
    took.push(performance.now() - startedAt);
    expectRefused(answer);
  }
  agent.destroy();
  const p99 = took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Infinity;
  await annotate(`${what}: p99 ${p99.toFixed(2)} ms`);
  expect(p99, `${what}: p99 ${p99.toFixed(2)} ms`).toBeLessThan(P99_MS * SLACK);
});
