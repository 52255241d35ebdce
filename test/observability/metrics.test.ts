import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import express from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ObservedCallback } from '../../src/callbacks/observed.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { createMetricsRoute } from '../../src/observability/metrics-route.js';
import { createMoneyAtRisk } from '../../src/observability/money-at-risk.js';
import { boundedNames, operationNamesOf } from '../../src/observability/operation-metrics.js';
import { Secret } from '../../src/observability/secret.js';
import { bodyOf } from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';

let gateway: TestApp & { database: TestDatabase };
let player: TestPlayer;
beforeAll(async () => {
  gateway = await startTestApp();
  player = await createTestPlayer(gateway.database);
});
afterAll(() => gateway.close());

async function read(url = gateway.url, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/metrics`, { headers });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

/** The value of a sample, its labels in any order; undefined where there is none. */
function sample(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text.split('\n').find((each) => {
    const [, of, inside = ''] = /^(\w+)(?:\{(.*)\})? /.exec(each) ?? [];
    const found = inside === '' ? [] : inside.split(',');
    return of === name && found.length === wanted.length && wanted.every((label) => found.includes(label));
  });
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const bet = (id: string, amount = '1.00') =>
  gateway.callback('/transaction', bodyOf({ transaction_id: id, user_id: player.externalId, amount }));

describe('the metrics of a gateway', () => {
  test('count callbacks by integration, name and verdict, and time them', async () => {
    await bet('m1');
    await bet('m1');
    await bet('m2', '1000.00');
    await gateway.callback('/nowhere', '{}');
    const { status, type, text } = await read();
    expect({ status, type }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    const of = { integration: 'igpx-demo', callback: 'bet' };
    expect(sample(text, 'croupier_callbacks_total', { ...of, verdict: 'ok' })).toBe(1);
    expect(sample(text, 'croupier_callbacks_total', { ...of, verdict: 'repeat' })).toBe(1);
    expect(sample(text, 'croupier_callbacks_total', { ...of, verdict: 'INSUFFICIENT_FUNDS' })).toBe(1);
    const none = { integration: 'igpx-demo', callback: 'none', verdict: 'UNKNOWN_CALLBACK' };
    expect(sample(text, 'croupier_callbacks_total', none)).toBe(1);
    expect(sample(text, 'croupier_callback_duration_seconds_count', of)).toBe(3);
    expect(sample(text, 'croupier_callback_duration_seconds_bucket', { ...of, le: '+Inf' })).toBe(3);
    expect(sample(text, 'croupier_callback_duration_seconds_sum', of)).toBeGreaterThan(0);
    expect(sample(text, 'croupier_unit_wait_seconds_count')).toBe(3);
    expect(sample(text, 'croupier_unit_movements_count')).toBe(1);
    expect(sample(text, 'croupier_units_total')).toBeGreaterThanOrEqual(2);
    expect(sample(text, 'croupier_unit_commands_total')).toBe(3);
    expect(sample(text, 'croupier_commands_waiting')).toBe(0);
  });

  test('know the use of the pools, the process, and what nobody has told them of they leave out', async () => {
    const { text } = await read();
    for (const pool of ['orm', 'reads'])
      for (const state of ['used', 'idle', 'waiting'])
        expect(sample(text, 'croupier_pool_connections', { pool, state })).toBeGreaterThanOrEqual(0);
    expect(sample(text, 'process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    expect(sample(text, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
  });

  test('count operations by their names, and what they end in', async () => {
    const token = await gateway.token('player', player.externalId);
    const ask = (query: string, authorization = `Bearer ${token}`) =>
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ query }),
      }).then((response) => response.json());
    await ask('query Mine { me { id } }');
    await ask('query Mine { me { id } }');
    await ask('query { me { id } }');
    await ask('query Others { player(brand: "demo", externalId: "somebody") { id } }');
    // Without a token nothing is executed, and no name is taken.
    await ask('query Forged { me { id } }', 'Bearer x');
    const { text } = await read();
    const operations = (operation: string, outcome: string) =>
      sample(text, 'croupier_graphql_operations_total', { operation, type: 'query', outcome });
    expect(operations('Mine', 'ok')).toBe(2);
    expect(operations('anonymous', 'ok')).toBe(1);
    expect(text).toContain('operation="Others"');
    expect(text).not.toContain('Forged');
    expect(sample(text, 'croupier_graphql_operation_duration_seconds_count', { type: 'query' })).toBe(4);
  });

  test('show the money at risk exactly, and read it from the database only every so often', async () => {
    const { database } = gateway;
    const [wallet] = [player.wallets.get('EUR')];
    const round = (id: string, first: number, rest: string) =>
      database.owner.query(
        `insert into round (lane, wallet_id, first_sequence, last_sequence, player_id, integration, external_id, bets, wins,
           rollbacks, stakes, payouts, started_at, last_at, closed_at)
         values ($1, $2, $3, $3, $4, 'igpx-demo', $5, 1, ${rest})`,
        [player.lane, wallet, 1_000 + first, player.id, id],
      );
    const now = 'now(), now()';
    await round('open-1', 1, `0, 0, 9007199254740993, 0, ${now}, null`);
    await round('open-2', 2, `0, 0, 1, 0, ${now}, null`);
    await round('won', 3, `1, 0, 5000000, 0, ${now}, null`);
    await round('closed', 4, `0, 0, 5000000, 0, ${now}, now()`);
    let count = 0;
    const reads: Parameters<typeof createMoneyAtRisk>[0]['reads'] = {
      async query<Row extends object>({ text }: { text: string }) {
        count += 1;
        return (await database.owner.query<Row>(text)).rows;
      },
    };
    const options = { reads, currencies: gateway.config.currencies, logger: { warn: () => undefined } };
    const risk = createMoneyAtRisk(options);
    const [first, second] = await Promise.all([risk.text(), risk.text()]);
    expect(first).toContain('croupier_money_at_risk{integration="igpx-demo",currency="EUR"} 9007199254.740994\n');
    expect(first).toContain('croupier_open_rounds{integration="igpx-demo",currency="EUR"} 2\n');
    expect(second).toBe(first);
    await risk.text();
    expect(count).toBe(1);
    const eager = createMoneyAtRisk({ ...options, everyMs: 0 });
    await eager.text();
    expect(count).toBe(2);
    await database.owner.query("delete from round where external_id in ('open-1', 'open-2', 'won', 'closed')");
  });

  test('leave the money at risk out while it cannot be read, and show all else', async () => {
    const warnings: string[] = [];
    const risk = createMoneyAtRisk({
      reads: { query: () => Promise.reject(new Error('away')) },
      currencies: new Map(),
      logger: { warn: (_fields: unknown, message?: string) => warnings.push(message ?? '') },
    });
    expect(await risk.text()).toBe('');
    expect(await risk.text()).toBe('');
    expect(warnings).toEqual(['The money at risk could not be read']);
  });

  test('have no label that a request could fill with values of its own', async () => {
    for (let index = 0; index < 30; index += 1) {
      await gateway.callback(`/path-${index}`, `{"action":"action-${index}"}`);
      await fetch(`${gateway.url}/callbacks/integration-${index}/transaction`, { method: 'POST' });
    }
    const { text } = await read();
    for (const made of ['path-', 'action-', 'integration-']) expect(text).not.toContain(made);
  });
});

describe('who may read them', () => {
  test('with a token only whoever shows it', async () => {
    const config = { metrics: { token: new Secret('a-token-for-metrics') } };
    const secured = await startTestApp({ database: gateway.database, config });
    const { url } = secured;
    for (const authorization of ['', 'Bearer', 'Bearer x', 'Basic a-token-for-metrics', 'Bearer a-token-for-metric'])
      expect((await read(url, { authorization })).status).toBe(401);
    const refused = await fetch(`${url}/metrics`);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(await read(url, { authorization: 'Bearer a-token-for-metrics' })).toMatchObject({ status: 200 });
    await secured.close();
  });

  test('in production, without a token, only the own network; what a proxy passes on comes from elsewhere', async () => {
    const metrics = createMetrics();
    const route = createMetricsRoute({ metrics, token: undefined, production: true });
    const server = createServer(express().use(route)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    expect(await read(url)).toMatchObject({ status: 200 });
    const nothing = await (await fetch(`${url}/nothing`)).text();
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      const refused = await read(url, { [name]: '203.0.113.7' });
      expect(refused.status).toBe(404);
      expect(refused.text).toBe(nothing.replace('/nothing', '/metrics'));
    }
    server.close();
    metrics.close();
  });
});

describe('labels', () => {
  test('names of operations are those of the trusted documents, or the first that come', () => {
    const documents = ['query Mine { me { id } } query Other($a: ID) { x }', 'mutation Pay { y }', '{ me { id } }'];
    const known = operationNamesOf(documents);
    expect([...known]).toEqual(['Mine', 'Other', 'Pay']);
    const trusted = boundedNames(200, known);
    expect(['Mine', 'Unknown', undefined, ''].map(trusted)).toEqual(['Mine', 'other', 'anonymous', 'anonymous']);
    const first = boundedNames(2);
    expect(['a', 'b', 'c', 'a', 'x'.repeat(200)].map(first)).toEqual(['a', 'b', 'other', 'a', 'other']);
  });

  test('buckets are cumulative, and what is over all bounds is counted in the last', async () => {
    const metrics = createMetrics();
    const details = { receivedAt: new Date(), waitMs: 1, commitMs: 1, player: undefined, play: undefined };
    for (const ms of [0.5, 1, 3, 60_000])
      metrics.callback(new ObservedCallback('i', 'bet', 'k', 'ok', ms, undefined, details));
    const text = await metrics.text();
    const bucket = (le: string) =>
      sample(text, 'croupier_callback_duration_seconds_bucket', { le, integration: 'i', callback: 'bet' });
    expect(['0.001', '0.0025', '0.005', '5', '+Inf'].map(bucket)).toEqual([2, 2, 3, 3, 4]);
    metrics.close();
  });
});

test('every metric that the dashboard asks for exists', async () => {
  const Panel = z.object({ targets: z.array(z.object({ expr: z.string() })).optional() });
  const Dashboard = z.object({ title: z.string(), uid: z.string(), panels: z.array(Panel) });
  const file = new URL('../../docs/grafana-dashboard.json', import.meta.url);
  const { panels } = Dashboard.parse(JSON.parse(readFileSync(file, 'utf8')));
  const asked = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr)));
  const { text } = await read();
  const shown = new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', type]) => seriesOf(name, type)),
  );
  expect(new Set(asked).size).toBeGreaterThan(15);
  expect([...new Set(asked)].filter((name) => !shown.has(name))).toEqual([]);
});

function namesIn(expression: string): string[] {
  return [...expression.matchAll(/\b((?:croupier|process|nodejs)_\w+)\b/g)].map(([name]) => name);
}

function seriesOf(name: string, type: string | undefined): string[] {
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
