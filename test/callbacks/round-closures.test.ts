import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProviderSide } from '../../src/adapters/provider-side.js';
import { flexsoft, side as flexsoftSide } from '../../src/adapters/flexsoft/index.js';
import { hypetech, side as hypetechSide } from '../../src/adapters/hypetech/index.js';
import { phoenix, side as phoenixSide } from '../../src/adapters/phoenix/index.js';
import { createRoundClosures } from '../../src/callbacks/round-closures.js';
import { createPlayerDirectory } from '../../src/players/directory.js';
import { settingsOf } from '../adapters/contract/providers.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { type Answer, movementsOf, send } from './provider.js';

/** What providers say besides moving money: that a round is over, and what a person has to look at. */

const ours = [
  { adapter: flexsoft, side: flexsoftSide, id: 'crash' },
  { adapter: hypetech, side: hypetechSide, id: 'rocket' },
  { adapter: phoenix, side: phoenixSide, id: 'mines' },
];

let gateway: TestApp & { database: TestDatabase };
beforeAll(async () => {
  const integrations = ours.map(({ adapter, side, id }) => ({
    id,
    adapter: adapter.id,
    brand: 'demo',
    currencies: ['EUR'],
    settings: settingsOf(side, id),
    policy: {},
  }));
  gateway = await startTestApp({ config: { integrations } });
});
afterAll(() => gateway.close());

/** Sends a body as the integration's provider would. */
function tell(id: string, path: string, body: object): Promise<Answer> {
  const { adapter, side } = ours.find((each) => each.id === id) ?? { adapter: flexsoft, side: flexsoftSide };
  const { signer } = adapter.bind({ id, brand: 'demo', settings: settingsOf(side satisfies ProviderSide, id) });
  const bytes = Buffer.from(JSON.stringify(body));
  const wire = signer.sign({ method: 'POST', path, query: '', headers: {}, body: bytes });
  return send(gateway.url, `/callbacks/${id}${wire.path}`, wire);
}

interface Closure {
  readonly player_id: string;
  readonly integration: string;
  readonly lane: number;
}

async function closuresOf(round: string): Promise<Closure[]> {
  const { rows } = await gateway.database.owner.query<Closure>(
    'select lane, player_id, integration from round_closure where external_id = $1 order by player_id',
    [round],
  );
  return rows;
}

const closed = (round: string) => expect.poll(() => closuresOf(round), { timeout: 5_000 });
const of = (integration: string, { id, lane }: TestPlayer) => ({ lane, player_id: String(id), integration });

async function crashBet(player: TestPlayer, round: string): Promise<void> {
  const facts = { user_id: player.externalId, currency: 'EUR', amount: 1_000, action_id: round };
  expect(await tell('crash', '/withdraw', { ...facts, action: 'BET', provider_tx_id: randomUUID() })).toMatchObject({
    status: 200,
  });
}

const crashEnd = (round: string) => ({
  action: 'CLOSE_ROUND',
  amount: 0,
  provider_tx_id: `${round}-end`,
  round_id: round,
  attributes: { aviadroneCashOutCoefficients: '[0]', aviadroneBets: '[1000]' },
});

test('the end of a round without a player closes it for everybody who played it, once, and moves nothing', async () => {
  const [one, two, other] = [
    await createTestPlayer(gateway.database),
    await createTestPlayer(gateway.database),
    await createTestPlayer(gateway.database),
  ];
  for (const player of [one, two, two]) await crashBet(player, 'crash-1');
  await crashBet(other, 'crash-2');
  for (let time = 0; time < 3; time += 1) {
    expect(await tell('crash', '/deposit', crashEnd('crash-1'))).toMatchObject({ status: 200 });
  }
  const wanted = [of('crash', one), of('crash', two)].toSorted((a, b) => Number(a.player_id) - Number(b.player_id));
  await closed('crash-1').toEqual(wanted);
  expect(await movementsOf(gateway.database, one.id)).toHaveLength(1);
  expect(await closuresOf('crash-2')).toEqual([]);
});

test('the end of a round that nobody played, and one that is not signed, close nothing', async () => {
  expect(await tell('crash', '/deposit', crashEnd('nobodys'))).toMatchObject({ status: 200 });
  const player = await createTestPlayer(gateway.database);
  await crashBet(player, 'unsigned');
  await send(gateway.url, '/callbacks/crash/deposit', { body: JSON.stringify(crashEnd('unsigned')) });
  // What comes after them is written after them.
  await crashBet(player, 'after');
  await tell('crash', '/deposit', crashEnd('after'));
  await closed('after').toEqual([of('crash', player)]);
  expect(await closuresOf('nobodys')).toEqual([]);
  expect(await closuresOf('unsigned')).toEqual([]);
});

test('a loss closes the round of its player alone, and is answered with the balance as before', async () => {
  const [player, other] = [await createTestPlayer(gateway.database), await createTestPlayer(gateway.database)];
  const facts = (user: string) => ({
    user_id: user,
    currency: 'EUR',
    amount: 10,
    provider: 'rocket',
    provider_tx_id: randomUUID(),
    game: 'rocket',
    action: 'bet',
    action_id: '255',
    session_token: 't',
    platform: 'desktop',
  });
  for (const { externalId } of [player, other]) {
    expect(await tell('rocket', '/register', facts(externalId))).toMatchObject({ status: 200 });
  }
  const answer = await tell('rocket', '/loses', facts(player.externalId));
  expect(answer).toMatchObject({ status: 200 });
  expect(answer).not.toBe('closed');
  expect(JSON.stringify(answer)).toContain('90.00');
  // A player that nobody knows is refused, and closes nothing.
  expect(await tell('rocket', '/loses', facts('nobody'))).toMatchObject({ status: 404 });
  await closed('rocket:255').toEqual([of('rocket', player)]);
});

test('ends of rounds are written when the database is there again, and one that cannot be stored holds up no other', async () => {
  const { database } = gateway;
  const player = await createTestPlayer(database);
  const complaints: string[] = [];
  const directory = createPlayerDirectory(database.orm);
  let away = true;
  const find: typeof directory.find = (brand, externalId) =>
    away ? Promise.reject(new Error('The database is away.')) : directory.find(brand, externalId);
  const ends = createRoundClosures(database.orm, { find }, (message) => complaints.push(message));
  const end = { brand: 'demo', integration: 'crash', player: player.externalId };
  ends.append({ ...end, round: 'kept' });
  ends.append({ ...end, round: 'a\0b' });
  ends.append({ ...end, round: 'unknown', player: 'nobody' });
  ends.append({ ...end, round: 'elsewhere', brand: 'other' });
  await expect.poll(() => complaints.length, { timeout: 5_000 }).toBeGreaterThan(0);
  away = false;
  await closed('kept').toEqual([of('crash', player)]);
  await ends.close();
  for (const round of ['unknown', 'elsewhere']) expect(await closuresOf(round)).toEqual([]);
  expect(new Set(complaints)).toEqual(new Set(['The ends of rounds could not be written; they are tried again']));
});

test('a win of a larger multiple than is allowed is held for a person: journal and log say so', async () => {
  const player = await createTestPlayer(gateway.database);
  const voice = phoenixSide.voice(settingsOf(phoenixSide, 'mines'));
  const movement = { player: player.externalId, currency: 'EUR', game: 'mines', round: randomUUID(), session: 's' };
  const before = gateway.log.length;
  const bet = { ...movement, kind: 'bet', id: '1', amount: '1.00' } as const;
  const started = voice.signer.sign(voice.say(bet));
  expect(await send(gateway.url, `/callbacks/mines${started.path}`, started)).toMatchObject({ status: 200 });
  const won = voice.signer.sign(voice.say({ ...movement, kind: 'win', id: '2', amount: '10001.00', target: bet }));
  expect(await send(gateway.url, `/callbacks/mines${won.path}`, won)).toEqual({ status: 200, body: '{}' });
  const rows = () =>
    gateway.database.owner
      .query("select verdict, flags from callback where integration = 'mines' and name = 'finish'")
      .then((result) => result.rows);
  await expect.poll(rows, { timeout: 5_000 }).toEqual([{ verdict: 'AMOUNT_INVALID', flags: ['quarantined'] }]);
  const lines = gateway.log.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.find((line) => line['callback'] === 'finish')).toMatchObject({
    verdict: 'AMOUNT_INVALID',
    flags: ['quarantined'],
    key: expect.stringMatching(/^finish:/),
  });
  // Nothing to look at, nothing said.
  expect(lines.find((line) => line['callback'] === 'start')).not.toHaveProperty('flags');
  expect(await movementsOf(gateway.database, player.id)).toHaveLength(1);
});
