import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MikroORM } from '@mikro-orm/postgresql';
import express, { type Router } from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHealthRoutes } from '../../src/observability/health.js';
import { startBehindWire } from '../callbacks/behind-wire.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const alive = { status: 200, body: { status: 'ok' } };
const ready = { status: 200, body: { status: 'ready' } };

async function ask(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

test('a gateway is ready while its database answers, and alive all the time', async () => {
  const { gateway, wire } = await startBehindWire(database);
  const both = async () => [await ask(`${gateway.url}/healthz`), await ask(`${gateway.url}/readyz`)];
  expect(await both()).toEqual([alive, ready]);
  await wire.down();
  const problem = 'the database does not answer';
  const unready = { status: 503, body: { status: 'not ready', problem } };
  expect(await both()).toEqual([alive, unready]);
  expect(await both()).toEqual([alive, unready]);
  await wire.up();
  expect(await both()).toEqual([alive, ready]);
});

test('a gateway whose database is silent says so after a moment', async () => {
  const never = new Promise(() => undefined);
  const silent = { em: { fork: () => ({ execute: () => never }) } } as unknown as MikroORM;
  const url = await serve(createHealthRoutes(silent, () => false));
  const startedAt = performance.now();
  expect((await ask(`${url}/readyz`)).status).toBe(503);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});

test('a gateway that is leaving is not ready, though its database answers', async () => {
  const url = await serve(createHealthRoutes(database.orm, () => true));
  expect(await ask(`${url}/readyz`)).toEqual({ status: 503, body: { status: 'not ready', problem: 'closing' } });
  expect(await ask(`${url}/healthz`)).toEqual(alive);
});

/** The routes alone, for as long as the test lasts. @returns where */
async function serve(routes: Router): Promise<string> {
  const server = await new Promise<Server>((resolve) => {
    const listening = express()
      .use(routes)
      .listen(0, '127.0.0.1', () => resolve(listening));
  });
  afterThisTest(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
