import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Movement } from '../../src/ledger/commands.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { expectTrueProjections, untilProjected } from '../support/projections.js';
import { codes, type GraphqlAnswer, request } from './client.js';

/** Three days of play of two brands, on days that are given: what a report says of them is known to the cent. */

let app: Awaited<ReturnType<typeof startTestApp>>;
let analyst: string;
let one: TestPlayer;
let two: TestPlayer;
let foreign: TestPlayer;

const midnight = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000);
const at = (day: number, hour = 0): string =>
  new Date(midnight.getTime() + (day * 24 + hour) * 3_600_000).toISOString();

beforeAll(async () => {
  // The projector starts when the play has got its dates.
  app = await startTestApp({ config: { projections: false } });
  analyst = await app.token('analyst');
  [one, two, foreign] = await Promise.all([
    createTestPlayer(app.database, { balances: { EUR: '100', USD: '100' } }),
    createTestPlayer(app.database),
    createTestPlayer(app.database, { brand: 'other' }),
  ]);
  await play(one, -3, 5, { kind: 'bet', key: 'a1', amount: cents(1_000), round: 'a', game: 'book' });
  await play(one, -3, 5, { kind: 'win', key: 'a2', amount: cents(250), round: 'a', game: 'book' });
  await play(one, -3, 23, { kind: 'bet', key: 'b1', amount: cents(500), round: 'b', game: 'book' });
  await play(one, -2, 0, { kind: 'rollback', key: 'b2', target: 'b1', round: 'b' });
  await play(one, -2, 7, { kind: 'bet', key: 'c1', amount: cents(300), round: 'c', game: 'crash', currency: 'USD' });
  await play(two, -3, 6, { kind: 'bet', key: 'd1', amount: cents(400), round: 'd', game: 'book' });
  await play(two, -3, 6, { kind: 'bet', key: 'd2', amount: cents(600), round: 'e', game: 'crash' });
  await play(two, -2, 9, { kind: 'bet', key: 'f1', amount: cents(200), round: 'f', integration: 'igpx-second' });
  await play(foreign, -3, 5, {
    kind: 'bet',
    key: 'g1',
    amount: cents(7_700),
    round: 'a',
    game: 'book',
    integration: 'igpx-other',
  });
  const projecting = await startTestApp({ database: app.database });
  await untilProjected(app.database);
  await projecting.close();
});
afterAll(() => app.close());

const cents = (digits: number) => ({ digits: BigInt(digits), decimals: 2 });

/** Books are dated by the clock, so the clock is set to the day. */
async function play(player: TestPlayer, day: number, hour: number, movement: Record<string, unknown>): Promise<void> {
  const command = {
    brand: player.brand,
    player: player.externalId,
    integration: 'igpx-demo',
    currency: 'EUR',
    ...movement,
  };
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(at(day, hour)) });
  const { outcome } = await app.app.ledger
    .execute(command as Movement, { policy, deadlineMs: 5_000 })
    .finally(() => vi.useRealTimers());
  if (outcome.type !== 'applied') throw new Error(JSON.stringify(outcome));
}

interface Asked {
  by: string[];
  from?: string;
  to?: string;
  filter?: Record<string, unknown>;
}
function ask(
  { by, from = at(-3), to = at(0), filter = {} }: Asked,
  fields: string,
  token = analyst,
): Promise<GraphqlAnswer> {
  return request(
    app,
    token,
    `query ($by: [ReportDimension!]!, $from: DateTime!, $to: DateTime!, $filter: ReportFilter) {
      report(by: $by, from: $from, to: $to, filter: $filter) { ${fields} } }`,
    { by, from, to, filter },
  );
}
const money = 'currency stakes { amount } payouts { amount } ggr { amount }';
async function report(asked: Asked, fields = money, token = analyst): Promise<unknown> {
  const { data, errors } = await ask(asked, fields, token);
  expect(errors).toEqual([]);
  return data?.['report'];
}
const sums = (currency: string, stakes: string, payouts: string, ggr: string) => ({
  currency,
  stakes: { amount: stakes },
  payouts: { amount: payouts },
  ggr: { amount: ggr },
});

describe('a report', () => {
  test('sums the play of a brand by currency', async () => {
    expect(await report({ by: [] }, `${money} rtp bets wins rollbacks rounds players`)).toEqual([
      {
        ...sums('EUR', '22.00', '2.50', '19.50'),
        rtp: '0.113636',
        bets: 4,
        wins: 1,
        rollbacks: 1,
        rounds: 5,
        players: 2,
      },
      { ...sums('USD', '3.00', '0.00', '3.00'), rtp: '0', bets: 1, wins: 0, rollbacks: 0, rounds: 1, players: 1 },
    ]);
  });

  test('counts a rollback on the day it came, which may take that day below zero', async () => {
    expect(
      await report({ by: ['DAY'], filter: { currencies: ['EUR'], games: ['book'] } }, `day ${money} rtp bets`),
    ).toEqual([
      { day: at(-3), ...sums('EUR', '19.00', '2.50', '16.50'), rtp: '0.131578', bets: 3 },
      { day: at(-2), ...sums('EUR', '-5.00', '0.00', '-5.00'), rtp: null, bets: -1 },
    ]);
  });

  test('tells apart games with their integrations, players and brands', async () => {
    expect(
      await report(
        { by: ['GAME', 'BRAND'], filter: { currencies: ['EUR'] } },
        'brand integration { id } gameId stakes { amount }',
      ),
    ).toEqual([
      { brand: 'demo', integration: { id: 'igpx-demo' }, gameId: 'book', stakes: { amount: '14.00' } },
      { brand: 'demo', integration: { id: 'igpx-demo' }, gameId: 'crash', stakes: { amount: '6.00' } },
      { brand: 'demo', integration: { id: 'igpx-second' }, gameId: null, stakes: { amount: '2.00' } },
    ]);
    expect(
      await report(
        { by: ['PLAYER'], filter: { currencies: ['EUR'] } },
        'player { id } stakes { amount } players brand day',
      ),
    ).toEqual(
      [
        { player: { id: formatId('player', one) }, stakes: { amount: '10.00' }, players: 1, brand: null, day: null },
        { player: { id: formatId('player', two) }, stakes: { amount: '12.00' }, players: 1, brand: null, day: null },
      ].sort((a, b) => (a.player.id < b.player.id ? -1 : 1)),
    );
  });

  test('goes by the hour where it must: for hours, and for days that begin in the middle', async () => {
    expect(
      await report({ by: ['HOUR'], to: at(-2), filter: { currencies: ['EUR'] } }, 'hour stakes { amount }'),
    ).toEqual([
      { hour: at(-3, 5), stakes: { amount: '10.00' } },
      { hour: at(-3, 6), stakes: { amount: '10.00' } },
      { hour: at(-3, 23), stakes: { amount: '5.00' } },
    ]);
    expect(
      await report(
        { by: ['DAY'], from: at(-3, 6), to: at(-2, 9), filter: { currencies: ['EUR'] } },
        'day stakes { amount } players',
      ),
    ).toEqual([
      { day: at(-3), stakes: { amount: '15.00' }, players: 2 },
      { day: at(-2), stakes: { amount: '-5.00' }, players: 1 },
    ]);
  });

  test('counts each player once, however a row is made', async () => {
    const players = async (by: string[], filter: object = { currencies: ['EUR'] }) =>
      report({ by, filter: { ...filter } }, 'players');
    const numbers = (...all: number[]) => all.map((each) => ({ players: each }));
    expect(await players([])).toEqual(numbers(2));
    expect(await players(['DAY'])).toEqual(numbers(2, 2));
    expect(await players(['INTEGRATION'])).toEqual(numbers(2, 1));
    expect(await players(['GAME'])).toEqual(numbers(2, 1, 1));
    expect(await players(['DAY', 'GAME'])).toEqual(numbers(2, 1, 1, 1));
    expect(await players(['HOUR', 'GAME'])).toEqual(numbers(1, 1, 1, 1, 1, 1));
    expect(await players([], { playerId: formatId('player', two) })).toEqual(numbers(1));
    expect(await players([], { games: ['crash'], currencies: ['EUR'] })).toEqual(numbers(1));
  });

  test('is narrowed to integrations, games, currencies and a player, all at once', async () => {
    const filter = {
      integrations: ['igpx-demo'],
      games: ['book', 'crash'],
      currencies: ['EUR'],
      playerId: formatId('player', two),
    };
    expect(await report({ by: ['INTEGRATION'], filter }, 'stakes { amount } rounds')).toEqual([
      { stakes: { amount: '10.00' }, rounds: 2 },
    ]);
    expect(await report({ by: [], filter: { ...filter, games: [] } }, 'bets')).toEqual([]);
  });

  test('is empty for a time without play', async () => {
    expect(await report({ by: ['DAY'], from: at(-30), to: at(-20) })).toEqual([]);
  });
});

describe('who may see it', () => {
  test('another brand sees its own play only, whatever its filter names', async () => {
    const other = await app.token('analyst', 'staff', { brand: 'other' });
    expect(await report({ by: ['BRAND'] }, `brand ${money}`, other)).toEqual([
      { brand: 'other', ...sums('EUR', '77.00', '0.00', '77.00') },
    ]);
    for (const filter of [
      { playerId: formatId('player', one) },
      { integrations: ['igpx-demo'] },
      { games: ['crash'] },
    ]) {
      expect(await report({ by: ['PLAYER'], filter }, 'stakes { amount } players', other)).toEqual([]);
    }
    expect(await report({ by: [], filter: { playerId: formatId('player', foreign) } }, 'bets')).toEqual([]);
    expect(await report({ by: [], filter: { playerId: 'pl_00nobody' } }, 'bets')).toEqual([]);
  });

  test('players may not', async () => {
    const player = await app.token('player', one.externalId);
    expect(codes(await ask({ by: [] }, 'bets', player))).toEqual(['FORBIDDEN']);
    for (const query of ['{ reportFreshness }', '{ moneyAtRisk { rounds } }']) {
      expect(codes(await request(app, player, query))).toEqual(['FORBIDDEN']);
    }
  });
});

describe('what is refused, and says why', () => {
  test.for([
    [{ by: [], from: at(-3).replace('00:00.000', '30:00.000') }, /whole hours/],
    [{ by: [], to: at(-3).replace(':00.000', ':00.001') }, /whole hours/],
    [{ by: [], from: at(0), to: at(-3) }, /"from" must be before "to"/],
    [{ by: [], from: at(0), to: at(0) }, /"from" must be before "to"/],
    [{ by: [], from: at(-401) }, /400 days at most/],
    [{ by: ['HOUR'], from: at(-63) }, /62 days at most/],
    [{ by: ['DAY'], from: at(-63, 1) }, /62 days at most/],
    [{ by: [], filter: { games: Array.from({ length: 201 }, () => 'g') } }, /200 at most/],
    [{ by: [], filter: { games: [''] } }, /"games" must be/],
    [{ by: [], filter: { integrations: ['\0'] } }, /"integrations" must be/],
  ] satisfies [Asked, RegExp][])('%j', async ([asked, message]) => {
    const answer = await ask(asked, 'bets');
    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.errors[0]?.message).toMatch(message);
  });

  test('the longest times are answered', async () => {
    expect(await report({ by: ['DAY'], from: at(-400) }, 'bets')).not.toEqual([]);
    expect(await report({ by: ['HOUR'], from: at(-62) }, 'bets')).not.toEqual([]);
  });

  test('more than ten thousand rows, which it asks to narrow', async () => {
    await app.database.owner.query(
      `insert into report_bucket select 'demo', 'day', $1, 'igpx-demo', 'filler-' || n, 'EUR', 1, 0, 1, 0, 0, 1, 1
       from generate_series(1, 10001) n`,
      [at(-300)],
    );
    const asked = { by: ['GAME'], from: at(-300), to: at(-299) };
    const answer = await ask(asked, 'bets');
    expect(codes(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.errors[0]?.message).toMatch(/more than 10000 rows; narrow/);
    await app.database.owner.query("delete from report_bucket where game = 'filler-1'");
    expect(await report(asked, 'bets')).toHaveLength(10_000);
    await app.database.owner.query("delete from report_bucket where game like 'filler-%'");
  });
});

describe('open stakes', () => {
  const query = '{ moneyAtRisk { integration { id } currency age stakes { amount } rounds oldestAt } }';

  test('are those of rounds that nothing was paid for, by integration, currency and age', async () => {
    expect((await request(app, analyst, query)).data?.['moneyAtRisk']).toEqual([
      {
        integration: { id: 'igpx-demo' },
        currency: 'EUR',
        age: 'OLDER',
        stakes: { amount: '10.00' },
        rounds: 2,
        oldestAt: at(-3, 6),
      },
      {
        integration: { id: 'igpx-demo' },
        currency: 'USD',
        age: 'OLDER',
        stakes: { amount: '3.00' },
        rounds: 1,
        oldestAt: at(-2, 7),
      },
      {
        integration: { id: 'igpx-second' },
        currency: 'EUR',
        age: 'OLDER',
        stakes: { amount: '2.00' },
        rounds: 1,
        oldestAt: at(-2, 9),
      },
    ]);
    const other = await app.token('analyst', 'staff', { brand: 'other' });
    expect((await request(app, other, query)).data?.['moneyAtRisk']).toMatchObject([{ stakes: { amount: '77.00' } }]);
  });

  test('are told by their age', async () => {
    const ages = ['30 seconds', '30 minutes', '12 hours', '3 days'];
    for (const age of ages) {
      await app.database.owner.query(
        `update round set started_at = now() - $1::interval where player_id = $2 and external_id = 'd'`,
        [age, two.id],
      );
      const { data } = await request(app, analyst, '{ moneyAtRisk { age rounds } }');
      expect(data?.['moneyAtRisk']).toContainEqual({
        age: ['UNDER_MINUTE', 'UNDER_HOUR', 'UNDER_DAY', 'OLDER'][ages.indexOf(age)],
        rounds: age === '3 days' ? 2 : 1,
      });
    }
    await app.database.owner.query(`update round set started_at = $1 where player_id = $2 and external_id = 'd'`, [
      at(-3, 6),
      two.id,
    ]);
  });
});

describe('with a gateway that projects', () => {
  let gateway: Awaited<ReturnType<typeof startTestApp>>;
  beforeAll(async () => {
    gateway = await startTestApp();
  });
  afterAll(() => gateway.close());

  test('the freshness tells from when on something may be missing', async () => {
    const operator = await gateway.token('operator');
    const freshness = async (): Promise<number> => {
      const { data, errors } = await request(gateway, operator, '{ reportFreshness }');
      expect(errors).toEqual([]);
      return Date.parse(String(data?.['reportFreshness']));
    };
    const player = await createTestPlayer(gateway.database);
    const command = {
      kind: 'bet',
      brand: 'demo',
      player: player.externalId,
      integration: 'igpx-demo',
      currency: 'EUR',
    };
    const post = async (): Promise<void> => {
      const movement = { ...command, key: randomUUID(), amount: cents(1), round: 'x' };
      await gateway.app.ledger.execute(movement as Movement, { policy, deadlineMs: 5_000 });
    };
    await post();
    await untilProjected(gateway.database);
    const before = Date.now();
    await expect.poll(freshness, { timeout: 5_000 }).toBeGreaterThanOrEqual(before);
    // Whoever holds the lock keeps all projectors waiting.
    const holder = await gateway.database.owner.connect();
    await holder.query("select pg_advisory_lock(hashtext('croupier.projections'))");
    await post();
    const posted = Date.now();
    expect(await freshness()).toBeLessThanOrEqual(posted);
    expect(await freshness()).toBeLessThanOrEqual(posted);
    await holder.query("select pg_advisory_unlock(hashtext('croupier.projections'))");
    holder.release();
    await expectTrueProjections(gateway.database);
    await expect.poll(freshness, { timeout: 5_000 }).toBeGreaterThan(posted);
  });
});
