import { randomUUID } from 'node:crypto';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { PageKind } from '../../src/adapters/provider-side.js';
import { providers } from '../../src/adapters/registry.js';
import { leavingLoopback, openBrowser, openContext } from '../support/browser.js';
import { currency, openWorld, type World } from './world.js';

/** Every provider as a player meets it: launched through the gateway, played in a browser, paid into a real wallet. */

let world: World;
let browser: Browser;
beforeAll(async () => {
  // Drawn in the middle, every game can be won.
  [world, browser] = await Promise.all([openWorld({ random: () => 0.5, speed: 2 }), openBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await world.close();
});

const Launched = z.object({ data: z.object({ launchGame: z.object({ url: z.string() }) }) });

/** A new player's launch. */
async function launch(
  provider: string,
  player = `p${randomUUID().slice(0, 8)}`,
): Promise<{ player: string; url: string }> {
  await world.operator.fund([{ player, balance: '100.00' }]);
  const game = providers.get(provider)?.side.games[0]?.id;
  const response = await fetch(`${world.gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await world.gateway.token('player', player)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      query: 'mutation ($input: LaunchGameInput!) { launchGame(input: $input) { ... on LaunchSession { url } } }',
      variables: { input: { integration: `${provider}-demo`, currency, game } },
    }),
  });
  return { player, url: Launched.parse(await response.json()).data.launchGame.url };
}

/** What a player does between the bet and its end, by kind of page. */
const playOn: Record<PageKind, (page: Page) => Promise<void>> = {
  'bet-slip': () => Promise.resolve(),
  slot: () => Promise.resolve(),
  async mines(page) {
    await page.getByRole('button', { name: 'cell 25' }).click();
    await page.getByRole('button', { name: 'Cash out' }).click();
  },
  rocket: (page) => page.getByRole('button', { name: 'Cash out' }).click(),
  crash: (page) => page.getByRole('button', { name: 'Cash out' }).click(),
};

async function place(page: Page, kind: PageKind, stake: string): Promise<void> {
  if (kind === 'bet-slip') await page.locator('.odds').first().click();
  await page.getByLabel('Stake').fill(stake);
  await page.locator('#place').click();
}

interface Tab {
  readonly page: Page;
  /** Hides the others. */
  readonly show: () => Promise<void>;
}

/** Tabs of a window, each opened in front of the others. A browser without a screen hides no page: it has to be told. */
async function openTabs(context: BrowserContext, count: number, urlOf: () => Promise<string>): Promise<readonly Tab[]> {
  const tabs: Tab[] = [];
  let front: Page | undefined;
  const turn = (page: Page, state: 'hidden' | 'visible'): Promise<void> =>
    page.evaluate(`Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${state}' });
      document.dispatchEvent(new Event('visibilitychange')); undefined`);
  const bringToFront = async (page: Page): Promise<void> => {
    if (front === page) return;
    if (front !== undefined) await turn(front, 'hidden');
    front = page;
    await turn(page, 'visible');
  };
  while (tabs.length < count) {
    const page = await context.newPage();
    await bringToFront(page);
    await page.goto(await urlOf());
    tabs.push({ page, show: () => bringToFront(page) });
  }
  return tabs;
}

const cents = (amount: string | undefined): number => Math.round(Number(amount) * 100);

describe.each([...providers].map(([id, { side }]) => ({ id, kind: side.page })))('$id', ({ id, kind }) => {
  test('a launched game is played, and what is won is in the wallet', async () => {
    const { player, url } = await launch(id);
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    await page.goto(url);
    await place(page, kind, '5');
    await playOn[kind](page);
    const ended = (await page.locator('#tickets .badge.won').textContent()) ?? '';
    const payout = cents(/^won (\d+\.\d\d)$/.exec(ended)?.[1]);
    expect(payout).toBeGreaterThan(0);
    expect(cents(await world.balance(player))).toBe(10_000 - 500 + payout);
    expect(await page.locator('#traffic details').count()).toBeGreaterThanOrEqual(2);
    // Where the dialect tells a balance, the page shows the last one.
    const told = await page.locator('#balance').textContent();
    if (told !== '') expect(cents(told?.split(' ')[0])).toBe(10_000 - 500 + payout);

    await place(page, kind, '5000');
    await page.locator('#tickets .badge.refused').waitFor();
    await page.getByText('The operator declined: ').waitFor();
    expect(cents(await world.balance(player))).toBe(10_000 - 500 + payout);
    expect(opened.complaints).toEqual([]);
    expect(leavingLoopback(opened.urls)).toEqual([]);
  });
});

const voiding = [...providers].filter(([, { side }]) => side.page === 'bet-slip' && side.games.length === 0);
test.each(voiding.map(([id]) => id))(
  '%s: a bet that was paid is voided: the payout goes back, then the stake',
  async (id) => {
    const { player, url } = await launch(id);
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    await page.goto(url);
    await place(page, 'bet-slip', '5');
    await page.locator('.badge.won').waitFor();
    await page.getByRole('button', { name: 'Void' }).click();
    await page.locator('.badge.void').waitFor();
    expect(await world.balance(player)).toBe('100.00');
  },
);

describe('any page', () => {
  const [anyone = ''] = providers.keys();
  const kindOfAnyone = providers.get(anyone)?.side.page ?? 'slot';

  test('stands in an iframe of another site', async () => {
    const { url } = await launch(anyone);
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    await page.setContent(`<iframe src="${url}" width="400" height="700"></iframe>`);
    await page.frameLocator('iframe').getByLabel('Stake').fill('1');
    expect(opened.complaints).toEqual([]);
  });

  test('shows what goes wrong when it is asked to go wrong', async () => {
    const { player, url } = await launch(anyone);
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    await page.goto(url);
    await page.getByLabel('From now on').selectOption('duplicate');
    await place(page, kindOfAnyone, '5000');
    await page.locator('#traffic .badge').nth(1).waitFor();
    expect(await page.locator('#traffic .badge').allTextContents()).toEqual([
      'it comes twice at once',
      'it comes twice at once',
    ]);
    expect(await world.balance(player)).toBe('100.00');
  });

  test('opens once', async () => {
    const { url } = await launch(anyone);
    expect((await fetch(url)).status).toBe(200);
    const again = await fetch(url);
    expect([again.status, await again.text()]).toEqual([410, expect.stringContaining('Launch the game again')]);
  });

  test('is there again when it is reloaded, with its bet, and for no other browser', async () => {
    const { player, url } = await launch(anyone);
    await using opened = await openContext(browser);
    const page = await opened.context.newPage();
    await page.goto(url);
    await place(page, kindOfAnyone, '5');
    await page.locator('#tickets .badge.running').waitFor();
    for (const _again of [1, 2]) {
      expect((await page.reload())?.status()).toBe(200);
      await page.locator('#tickets .badge').waitFor();
    }
    expect(await page.locator('#player').textContent()).toBe(player);
    await page.locator('#tickets .badge.won').waitFor();
    expect(opened.complaints).toEqual([]);

    await using other = await openContext(browser);
    const copied = await other.context.newPage();
    expect((await copied.goto(url))?.status()).toBe(410);
    await copied.getByText('This session is closed').waitFor();
  });

  test("a page's cookie opens no page of another launch", async () => {
    const [mine, other] = [await launch(anyone), await launch(anyone)];
    const [cookie = ''] = (await fetch(mine.url)).headers.getSetCookie();
    expect(cookie).toContain(`Path=${new URL(mine.url).pathname}; HttpOnly; SameSite=Lax`);
    const headers = { cookie: `a=b; ${cookie.split(';')[0]}` };
    expect((await fetch(mine.url, { headers })).status).toBe(200);
    expect((await fetch(other.url)).status).toBe(200);
    expect((await fetch(other.url, { headers })).status).toBe(410);
  });

  test('more pages than a browser has connections are open at once, and each can bet', async () => {
    await using opened = await openContext(browser);
    const tabs = await openTabs(opened.context, 7, async () => (await launch(anyone)).url);
    for (const { page, show } of tabs) {
      await show();
      await place(page, kindOfAnyone, '5000');
      await page.locator('#tickets .badge.refused').waitFor();
    }
    for (const { page, show } of tabs) {
      await show();
      await place(page, kindOfAnyone, '4000');
    }
    // What came while a page was hidden is there when it is shown again, and nothing of it twice.
    for (const { page, show } of tabs) {
      await show();
      await page.locator('#tickets .badge.refused').nth(1).waitFor();
      expect(await page.locator('#tickets .badge').count()).toBe(2);
      expect(await page.locator('#traffic details').count()).toBe(2);
    }
    expect(opened.complaints).toEqual([]);
  });

  test('needs nothing from elsewhere and runs no script but its own', async () => {
    const { url } = await launch(anyone);
    const page = await fetch(url);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('frame-ancestors');
    expect(page.headers.get('x-frame-options')).toBeNull();
    expect(await page.text()).not.toMatch(/(?:src|href)=|url\(|@import|https?:\/\/(?!127\.0\.0\.1|www\.w3\.org)/);
  });

  test('lets no text of the player end its script', async () => {
    const { url } = await launch(anyone, `</script><script>alert(1)</script>${randomUUID().slice(0, 4)}`);
    expect(await (await fetch(url)).text()).not.toContain('<script>alert');
  });

  test('answers nobody without its key', async () => {
    const { url } = world.simulator(anyone);
    const key = 'x'.repeat(32);
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
    expect((await fetch(`${url}/sessions/${key}/events`)).status).toBe(404);
    for (const path of ['bets', 'bets/1/act', 'bets/1/void', 'mishap']) {
      const { status } = await fetch(`${url}/sessions/${key}/${path}`, post);
      expect({ path, status }).toEqual({ path, status: 404 });
    }
  });

  test.each([[{ stake: '0' }], [{ stake: '-5' }], [{ stake: 5 }], [[]], [{}]])('takes no bet of %j', async (bet) => {
    const { player, url } = await launch(anyone);
    const key = /"key":"([\w-]+)"/.exec(await (await fetch(url)).text())?.[1] ?? '';
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(bet) };
    expect((await fetch(`${world.simulator(anyone).url}/sessions/${key}/bets`, post)).status).toBe(400);
    expect(await world.balance(player)).toBe('100.00');
  });

  test('an API route that the provider does not have is not found', async () => {
    const response = await fetch(`${world.simulator(anyone).apiUrl}/no/such/route`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(404);
  });
});
