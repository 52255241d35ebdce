import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { flexsoft, side } from '../../src/adapters/flexsoft/index.js';
import type { Config } from '../../src/config.js';
import { Secret } from '../../src/observability/secret.js';
import { settingsOf } from '../adapters/contract/providers.js';
import { bodyOf, send } from '../callbacks/provider.js';
import { request } from '../schema/client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { afterThisTest, json, type Received, serve } from '../support/loopback.js';

/** What arrives at a receiver of OTLP over HTTP. */
const Value = z.union([
  z.object({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.object({ intValue: z.coerce.number() }).transform(({ intValue }) => intValue),
  z.object({ doubleValue: z.number() }).transform(({ doubleValue }) => doubleValue),
  z.object({ arrayValue: z.unknown() }).transform(({ arrayValue }) => JSON.stringify(arrayValue)),
]);
const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: z
    .array(z.object({ key: z.string(), value: Value }))
    .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value]))),
  status: z.object({ code: z.number().optional() }).optional(),
});
type Span = z.infer<typeof Span>;
const Export = z.object({
  resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(Span) })) })),
});

let database: TestDatabase;
let player: TestPlayer;
beforeAll(async () => {
  database = await createTestDatabase();
  player = await createTestPlayer(database);
});
afterAll(() => database.close());

const crash: Config['integrations'][number] = {
  id: 'igpx-second',
  adapter: 'flexsoft',
  brand: 'demo',
  currencies: ['EUR'],
  settings: settingsOf(side, 'igpx-second'),
  policy: {},
};

async function receiver() {
  const { url, received } = await serve((_received, response) => json(response, {}));
  const spans = (): Span[] =>
    received.flatMap(({ body }) =>
      Export.parse(JSON.parse(body)).resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) => spans),
      ),
    );
  return { url: `${url}/v1/traces`, received, spans };
}

async function open(tracing: Config['tracing'], config: Partial<Config> = {}, apiUrl?: string): Promise<TestApp> {
  const app = await startTestApp({ database, config: { tracing, ...config }, ...(apiUrl !== undefined && { apiUrl }) });
  afterThisTest(() => app.close());
  return app;
}

const tracingTo = (url: string, sampleRatio = 1): NonNullable<Config['tracing']> => {
  return { url: new Secret(url), sampleRatio, headers: { 'x-api-key': new Secret('key-of-the-receiver') } };
};

/** Sends a crash game's message, signed. */
async function tell({ url }: TestApp, path: string, facts: object): Promise<void> {
  const { signer } = flexsoft.bind({ id: crash.id, brand: 'demo', settings: crash.settings });
  const common = { user_id: player.externalId, currency: 'EUR', amount: 1_000, action_id: 'round-1' };
  const body = Buffer.from(JSON.stringify({ ...common, ...facts }));
  const wire = signer.sign({ method: 'POST', path, query: '', headers: {}, body });
  expect(await send(url, `/callbacks/${crash.id}${wire.path}`, wire)).not.toBe('closed');
}

test('bet, repeat, win and rollback of a round are in one trace, whichever process took them, and no other is', async () => {
  const { url, received, spans } = await receiver();
  const options = { integrations: [crash] };
  const [one, two] = [await open(tracingTo(url), options), await open(tracingTo(url), options)];
  const bet = { action: 'BET', provider_tx_id: 'b1' };
  await tell(one, '/withdraw', bet);
  await tell(two, '/withdraw', bet);
  await tell(two, '/deposit', { action: 'WIN', provider_tx_id: 'w1', withdraw_provider_tx_id: 'b1' });
  await tell(one, '/deposit', { action: 'ROLL_BACK', provider_tx_id: 'r1', withdraw_provider_tx_id: 'b1' });
  await tell(one, '/withdraw', { ...bet, provider_tx_id: 'b2', action_id: 'round-2' });
  const callbacks = () => spans().filter(({ name }) => name.startsWith('callback '));
  await expect.poll(() => callbacks().length, { timeout: 8_000 }).toBe(5);
  const ofRound = (round: string) => callbacks().filter(({ attributes }) => attributes['croupier.play'] === round);
  expect(
    ofRound('round-1')
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['callback bet', 'callback bet', 'callback rollback', 'callback win']);
  const [trace] = ofRound('round-1').map(({ traceId }) => traceId);
  expect(new Set(ofRound('round-1').map(({ traceId }) => traceId))).toEqual(new Set([trace]));
  expect(ofRound('round-2').map(({ traceId }) => traceId)).not.toContain(trace);
  const first = ofRound('round-1').find(({ attributes }) => attributes['croupier.verdict'] === 'ok');
  expect(first?.attributes).toMatchObject({
    'croupier.integration': crash.id,
    'croupier.key': expect.any(String),
    'croupier.unit_wait_ms': expect.any(Number),
    'croupier.commit_ms': expect.any(Number),
  });
  // Inside of it, in its time: the wait and the commit.
  const inside = spans().filter(({ parentSpanId }) => parentSpanId === first?.spanId);
  expect(inside.map(({ name }) => name).toSorted()).toEqual(['commit', 'unit wait']);
  for (const each of inside) {
    expect(each.traceId).toBe(trace);
    expect(each.endTimeUnixNano).toBeLessThanOrEqual(first?.endTimeUnixNano ?? 0n);
  }
  expect(received[0]?.headers['x-api-key']).toBe('key-of-the-receiver');
});

test('a provider that names no round: its bet and the rollback of it are in one trace', async () => {
  const { url, spans } = await receiver();
  const app = await open(tracingTo(url));
  const undone = bodyOf({ transaction_id: 'undo', rollback_transaction_id: 'plain', user_id: player.externalId });
  await app.callback('/transaction', bodyOf({ transaction_id: 'plain', user_id: player.externalId, amount: '1.00' }));
  await app.callback('/transaction-rollback', undone);
  await app.callback('/transaction', 'no json');
  await expect.poll(() => spans().filter(({ name }) => name.startsWith('callback')).length, { timeout: 8_000 }).toBe(3);
  const [bet, rollback, broken] = ['callback bet', 'callback rollback', 'callback none'].map((name) =>
    spans().find((each) => each.name === name),
  );
  expect(rollback?.traceId).toBe(bet?.traceId);
  expect(broken?.traceId).not.toBe(bet?.traceId);
  expect(broken?.attributes['croupier.verdict']).toBe('MALFORMED');
});

test('an operation holds the calls it makes to providers, and they are told nothing of the trace', async () => {
  const { url, spans } = await receiver();
  const provider = await serve(({ path }, response) =>
    json(response, path.endsWith('/auth') ? { token: 't', expires_in: '3600' } : { url: 'https://games.example/play' }),
  );
  const app = await open(tracingTo(url), {}, provider.url);
  const token = await app.token('player', player.externalId);
  const launch = `mutation Play { launchGame(input: { integration: "igpx-demo", currency: "EUR" }) { __typename } }`;
  expect((await request(app, token, launch)).data).toEqual({ launchGame: { __typename: 'LaunchSession' } });
  await expect.poll(() => spans().find(({ name }) => name === 'mutation Play'), { timeout: 8_000 }).toBeDefined();
  const operation = spans().find(({ name }) => name === 'mutation Play');
  const calls = spans().filter(({ name }) => name === 'call igpx-demo');
  expect(calls.length).toBeGreaterThan(0);
  for (const call of calls)
    expect(call).toMatchObject({ parentSpanId: operation?.spanId, traceId: operation?.traceId });
  const headers = provider.received.flatMap((each: Received) => Object.keys(each.headers));
  expect(headers.length).toBeGreaterThan(0);
  expect(headers.filter((name) => /^(traceparent|tracestate|baggage|b3)/.test(name))).toEqual([]);
  // Neither token nor address of the receiver's or the provider's is in a span.
  expect(JSON.stringify(spans().map(({ attributes }) => attributes))).not.toContain(token);
});

test('a receiver that is away costs nothing but its traces, and is complained of once', async () => {
  const app = await open(tracingTo('http://127.0.0.1:9/v1/traces'));
  const complaints = () => app.log.filter((line) => line.includes('Traces do not arrive'));
  const answer = await app.callback('/transaction', bodyOf({ transaction_id: 'away', user_id: player.externalId }));
  expect(answer.status).toBe(200);
  await expect.poll(() => complaints().length, { timeout: 8_000 }).toBe(1);
});

test('of a ratio of nothing, nothing is sent', async () => {
  const { url, received } = await receiver();
  const app = await open(tracingTo(url, 0));
  await app.callback('/transaction', bodyOf({ transaction_id: 'unsampled', user_id: player.externalId }));
  // Closing sends what is waiting.
  await app.close();
  expect(received).toEqual([]);
});

test('without a configuration nothing of OpenTelemetry is loaded: one file knows it, and is loaded on demand', () => {
  const source = join(import.meta.dirname, '../../src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((each) => each.endsWith('.ts'));
  const texts = files.map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }));
  const knowing = texts.filter(({ text }) => text.includes("from '@opentelemetry/")).map(({ path }) => path);
  expect(knowing).toEqual(['observability/tracing-otlp.ts']);
  expect(texts.filter(({ text }) => /from '[^']*tracing-otlp\.js'/.test(text)).map(({ path }) => path)).toEqual([]);
});
