import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseDecimal } from '../../src/ledger/money.js';
import { matches, parseStake, payoutOf, playMatch, selections } from '../../src/simulator/igpx/matches.js';
import type { IgpxSimulatorOptions } from '../../src/simulator/igpx/server.js';
import { launch, simulate } from '../support/igpx.js';
import { type Answerer, json, type Received, serve } from '../support/loopback.js';

describe('stakes and payouts', () => {
  test.each([
    ['10', '1.85', '18.50'],
    ['0.01', '1.85', '0.01'],
    ['3.33', '3.40', '11.32'],
    ['0.07', '1.10', '0.07'],
    ['999999.99', '9.50', '9499999.90'],
    ['0.00012345', '4.20', '0.00051849'],
  ])('%s at %s pays %s', (stake, odds, payout) => {
    expect(payoutOf(parseDecimal(stake) ?? { digits: 0n, decimals: 0 }, odds)).toBe(payout);
  });

  test.each(['', '0', '0.00', '-1', '1e3', '1,5', ' 1', '1000000.01', '0.000000001', '١'])('%j is no stake', (text) => {
    expect(parseStake(text)).toBeUndefined();
  });

  test.each(selections)('a match that ends %s has the score of it', (winner) => {
    const [match] = matches;
    if (match === undefined) throw new Error('There is no match.');
    const starts = { '1': 0, X: 0.6, '2': 0.99 };
    let first = true;
    const course = playMatch(match, () => {
      const drawn = first ? starts[winner] : 0.5;
      first = false;
      return drawn;
    });
    const difference = course.homeGoals.length - course.awayGoals.length;
    expect([course.winner, Math.sign(difference)]).toEqual([winner, { '1': 1, X: 0, '2': -1 }[winner]]);
  });
});

describe('the betting page', () => {
  const State = z.object({
    tickets: z.array(z.object({ id: z.string(), status: z.string(), note: z.string() }).loose()),
    traffic: z.array(z.object({ what: z.string(), body: z.string(), outcome: z.unknown() }).loose()),
  });
  type State = z.infer<typeof State>;

  /** Opens the page as a browser does, and gives its calls. */
  async function openPage(answer: Answerer, options: Partial<IgpxSimulatorOptions> = {}) {
    const gateway = await serve(answer);
    const simulated = await simulate({
      callbackUrl: gateway.url,
      retryDelayMs: 1,
      matchMs: 150,
      random: () => 0,
      ...options,
    });
    const { url } = await simulated.client.launch(launch);
    const page = await fetch(url);
    const html = await page.text();
    const key = /"key":"([\w-]+)"/.exec(html)?.[1] ?? '';
    const base = `${simulated.simulator.url}/sessions/${key}`;
    const post = (path: string, body: unknown) =>
      fetch(base + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    return { ...simulated, received: gateway.received, url, page, html, post, base };
  }

  /** Follows the page's events until they show what is looked for. */
  async function waitFor(base: string, found: (state: State) => boolean): Promise<State> {
    const ending = new AbortController();
    const response = await fetch(`${base}/events`, { signal: ending.signal });
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const state = State.parse(JSON.parse(event.slice('data: '.length)));
        if (!found(state)) continue;
        ending.abort();
        return state;
      }
    }
    throw new Error('The events ended.');
  }

  const withStatus =
    (...statuses: string[]) =>
    (state: State) =>
      statuses.includes(state.tickets[0]?.status ?? '');
  const accept = (_received: Received, response: ServerResponse) =>
    json(response, { error: null, transaction_id: 'T-1' });
  const homeWin = { match: 'm1', selection: '1', stake: '10' };
  const movements = (received: readonly Received[]) =>
    received.map(({ body }) => {
      const { action, amount } = z.object({ action: z.string(), amount: z.string() }).parse(JSON.parse(body));
      return [action, amount];
    });

  test('a launch URL opens once', async () => {
    const { url, page } = await openPage(accept);
    expect(page.status).toBe(200);
    const again = await fetch(url);
    expect([again.status, await again.text()]).toEqual([410, expect.stringContaining('Launch the game again')]);
  });

  test('the page needs nothing from elsewhere and can stand in an iframe', async () => {
    const { page, html } = await openPage(accept);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('frame-ancestors');
    expect(page.headers.get('x-frame-options')).toBeNull();
    expect(html).not.toMatch(/(?:src|href)=|url\(|@import|https?:\/\/(?!127\.0\.0\.1)/);
  });

  test('no text of the player ends the script', async () => {
    const { client, simulator } = await simulate();
    const { url } = await client.launch({ ...launch, player: '</script><script>alert(1)</script>' });
    const html = await (await fetch(url)).text();
    expect(url.startsWith(simulator.url)).toBe(true);
    expect(html).not.toContain('<script>alert');
  });

  test('a won bet is paid by a result', async () => {
    const { post, base, received } = await openPage(accept);
    expect((await post('/bets', homeWin)).status).toBe(202);
    const state = await waitFor(base, withStatus('won', 'lost'));
    expect(state.tickets[0]).toMatchObject({ status: 'won', stake: '10.00', payout: '18.50', minute: 90 });
    expect(movements(received)).toEqual([
      ['bet', '10.00'],
      ['result', '18.50'],
    ]);
    expect(state.traffic.map(({ what, outcome }) => [what, outcome])).toEqual([
      ['result', { status: 200, body: '{"error":null,"transaction_id":"T-1"}' }],
      ['bet', { status: 200, body: '{"error":null,"transaction_id":"T-1"}' }],
    ]);
  });

  test('a lost bet is ended by a result of 0', async () => {
    const { post, base, received } = await openPage(accept);
    await post('/bets', { ...homeWin, selection: '2' });
    await waitFor(base, withStatus('lost'));
    expect(movements(received)[1]).toEqual(['result', '0.00']);
  });

  test('a declined bet plays no match', async () => {
    const { post, base, received } = await openPage((_received, response) =>
      json(response, { error: 'INSUFFICIENT_FUNDS' }),
    );
    await post('/bets', homeWin);
    const { tickets } = await waitFor(base, withStatus('refused'));
    expect(tickets[0]?.note).toContain('INSUFFICIENT_FUNDS');
    expect(received).toHaveLength(1);
  });

  test('an unanswered bet is taken back', async () => {
    const { post, base, received } = await openPage((_received, response, count) => {
      if (count === 1) response.destroy();
      else json(response, { error: null, transaction_id: 'T-1' });
    });
    await post('/bets', homeWin);
    await waitFor(base, withStatus('void'));
    expect(movements(received).map(([action]) => action)).toEqual(['bet', 'rollback']);
  });

  test('a running bet can be voided, once', async () => {
    const { post, base, received } = await openPage(accept, { matchMs: 600_000 });
    const { id } = z.object({ id: z.string() }).parse(await (await post('/bets', homeWin)).json());
    await waitFor(base, withStatus('running'));
    expect((await post(`/bets/${id}/void`, {})).status).toBe(202);
    await waitFor(base, withStatus('void'));
    expect((await post(`/bets/${id}/void`, {})).status).toBe(409);
    expect(movements(received)).toEqual([
      ['bet', '10.00'],
      ['rollback', '10.00'],
    ]);
    const ids = z.object({ transaction_id: z.string(), rollback_transaction_id: z.string().optional() });
    const [bet, rollback] = received.map(({ body }) => ids.parse(JSON.parse(body)));
    expect(rollback?.rollback_transaction_id).toBe(bet?.transaction_id);
  });

  test('voiding a paid bet takes the payout back before the stake is returned', async () => {
    const { post, base, received } = await openPage(accept);
    const { id } = z.object({ id: z.string() }).parse(await (await post('/bets', homeWin)).json());
    await waitFor(base, withStatus('won'));
    await post(`/bets/${id}/void`, {});
    await waitFor(base, withStatus('void'));
    expect(movements(received).slice(2)).toEqual([
      ['rollback', '18.50'],
      ['rollback', '10.00'],
    ]);
  });

  test.each([
    [{ ...homeWin, stake: '0' }],
    [{ ...homeWin, stake: '-5' }],
    [{ ...homeWin, stake: '1e3' }],
    [{ ...homeWin, stake: 5 }],
    [{ ...homeWin, selection: '3' }],
    [{ ...homeWin, match: 'm9' }],
    [[]],
  ])('%j is no bet', async (bet) => {
    const { post, received } = await openPage(accept);
    expect((await post('/bets', bet)).status).toBe(400);
    expect(received).toHaveLength(0);
  });

  test('a key nobody was given opens nothing', async () => {
    const { simulator } = await openPage(accept);
    const response = await fetch(`${simulator.url}/sessions/${'x'.repeat(32)}/events`);
    expect(response.status).toBe(404);
  });
});
