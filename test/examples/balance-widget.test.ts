import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { openBrowser, openContext } from '../support/browser.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { request } from '../schema/client.js';

const example = join(import.meta.dirname, '../../docs/examples/balance-widget.tsx');

let app: Awaited<ReturnType<typeof startTestApp>>;
let pages: Server;
let browser: Browser;
let player: TestPlayer;
let origin: string;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [example],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'widget',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  let page = '';
  pages = createServer((request, response) => {
    const script = request.url === '/widget.js';
    response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(script ? outputFiles[0]?.text : page);
  });
  await new Promise<void>((resolve) => void pages.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  app = await startTestApp({ config: { graphql: { introspection: false, explorer: false, origins: [origin] } } });
  player = await createTestPlayer(app.database, { balances: { EUR: '10', BTC: '0.5' } });
  const props = JSON.stringify({ url: app.wsUrl, playerId: formatId('player', player) });
  const token = JSON.stringify(await app.token('player', player.externalId));
  page = `<!doctype html><link rel="icon" href="data:,"><main></main><script src="/widget.js"></script>
    <script>widget.mount(document.querySelector('main'), { ...${props}, token: async () => ${token} })</script>`;
  browser = await openBrowser();
}, 60_000);
afterAll(async () => {
  await browser.close();
  pages.close();
  await app.close();
});

test('the balance widget shows what the player has, and follows every change', async () => {
  await using watched = await openContext(browser);
  const page = await watched.context.newPage();
  await page.goto(origin);
  const lines = (): Promise<string[]> => page.locator('li').allTextContents();
  await expect.poll(lines).toEqual(['0.50 BTC', '10.00 EUR']);
  expect(await page.locator('ul').getAttribute('data-live')).toBe('true');
  const token = await app.token('operator');
  const deposit = 'mutation ($input: CashierInput!) { deposit(input: $input) { __typename } }';
  const input = { playerId: formatId('player', player), currency: 'EUR', amount: '2.50', idempotencyKey: 'one' };
  await request(app, token, deposit, { input });
  await expect.poll(lines).toEqual(['0.50 BTC', '12.50 EUR']);
  expect(watched.complaints).toEqual([]);
});
