import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WireRequest } from '../../src/adapters/contract.js';
import type { ProviderMessage } from '../../src/adapters/provider-side.js';
import { type Answer, rawRequest, send, sendBytes } from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { TestDatabase } from '../support/database.js';
import {
  commandText,
  type Fact,
  hostileAmounts,
  hostileBodies,
  hostileCurrencies,
  hostileIds,
  hostilePaths,
  hostilePlayers,
  hostileStakes,
  hostileTimes,
  hostileWords,
  placesOf,
  timePlaces,
  withText,
} from './contract/hostile.js';
import { arrived, cannotSayNo, heard, said } from './contract/line.js';
import { callbackOf, messagesOf } from './contract/messages.js';
import { currencyOf } from './contract/orders.js';
import { type Channel, dialects, openChannel, otherSecrets, secretsOf } from './contract/providers.js';
import { credentialsOf, type JsonPath, leafPaths, readJson } from './contract/tampering.js';
import { createPeople, inTurns, namesFor, world } from './contract/world.js';

/** What may arrive at any callback of any provider: refused in its own words, with nothing written but the journal. */

let gateway: TestApp & { database: TestDatabase };
beforeAll(async () => {
  gateway = await startTestApp({ config: world });
});
afterAll(async () => {
  expectNoLeak();
  await gateway.close();
});

/** Neither a secret nor a place in the code. */
function expectNoLeak(): void {
  const log = gateway.log.join('');
  for (const { adapter, settings } of dialects) {
    for (const secret of secretsOf(adapter, settings)) expect(log.includes(secret)).toBe(false);
  }
  expect(log).not.toMatch(/\n? {4}at |\.(ts|js):\d+|node_modules|node:internal/);
}

/** What a provider caused in the ledger, in the order of its coming. */
async function rowsOf({ id }: Channel): Promise<string[]> {
  const { rows } = await gateway.database.owner.query<{ row: string }>(
    `select concat_ws(' ', kind, external_key, effect, player_id) as row from ledger_transaction
     where integration = $1 order by created_at, wallet_id, sequence`,
    [id],
  );
  return rows.map(({ row }) => row);
}

type Sent = Omit<WireRequest, 'headers'> & { headers: Readonly<Record<string, string | readonly string[]>> };

function post({ id }: Channel, { path, query, ...request }: Sent, agent?: Agent): Promise<Answer> {
  const target = `/callbacks/${id}${path}${query && `?${query}`}`;
  return send(gateway.url, target, agent === undefined ? request : { ...request, agent });
}

interface Route {
  readonly channel: Channel;
  /** Applied as it stands, but for the tests that refuse it. */
  readonly message: ProviderMessage;
  readonly currency: string;
}

/** A message of a kind, whose bet has been placed where it has one. */
async function openRoute(dialect: (typeof dialects)[number], kind: string): Promise<Route> {
  const channel = openChannel(dialect);
  const currency = currencyOf(dialect);
  const stage = { database: gateway.database, ledger: gateway.app.ledger };
  const [person] = await createPeople(stage, 1, { currency, balance: '100' });
  if (person === undefined) throw new Error('There is no player.');
  const player = namesFor(channel, currency)(person);
  routes += 1;
  const messages = messagesOf(channel, { player, currency, number: routes });
  const [bet] = messages;
  if (bet !== undefined && kind !== 'bet' && kind !== 'balance') {
    const answer = await post(channel, said(channel, bet));
    expect(answer !== 'closed' && heard(channel, bet, answer)).toMatchObject({ type: 'accepted' });
  }
  const message = messages.find((each) => each.kind === kind);
  if (message === undefined) throw new Error(`There is no ${kind}.`);
  return { channel, message, currency };
}

let routes = 0;

/** What is wrong with an answer to a hostile request; undefined when it is refused in the dialect. */
function faultOf({ channel, message }: Route, answer: Answer): string | undefined {
  if (answer === 'closed') return 'closed without an answer';
  if (answer.status >= 500) return `a server error: ${answer.status} ${answer.body}`;
  const verdict = heard(channel, message, answer);
  if (verdict === 'no-answer' || verdict.type === 'refused' || verdict.type === 'failed') return undefined;
  if (verdict.type === 'accepted' && cannotSayNo(channel, callbackOf(channel, message), message)) return undefined;
  return `${verdict.type}: ${answer.status} ${answer.body}`;
}

interface HostileCase {
  readonly what: string;
  readonly request: Sent;
}

const isClientError = (answer: Answer): boolean => answer !== 'closed' && answer.status >= 400 && answer.status < 500;

/**
 * Sends them all, and looks that none was accepted and nothing was written; then an honest request is still served. A long
 * body is refused before it is whole, and its connection ended: those come each on a connection of its own.
 */
async function expectAllRefused(
  route: Route,
  cases: readonly HostileCase[],
  allowed: (answer: Answer) => boolean = () => false,
): Promise<void> {
  const { channel, message } = route;
  const before = await rowsOf(channel);
  const faults: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  await inTurns(cases, 8, async ({ what, request }) => {
    const answer = await post(channel, request, request.body.length > 32 * 1_024 ? undefined : agent);
    const fault = allowed(answer) ? undefined : faultOf(route, answer);
    if (fault !== undefined) faults.push(`${what}: ${fault}`);
  });
  agent.destroy();
  expect(faults).toEqual([]);
  expect((await rowsOf(channel)).slice(before.length)).toEqual([]);
  const honest = await post(channel, said(channel, message));
  expect(honest !== 'closed' && heard(channel, message, honest)).toMatchObject({ type: 'accepted' });
}

const kinds = dialects.flatMap((dialect) =>
  openChannel(dialect).voice.speaks.map((kind) => ({ dialect, kind, name: `${dialect.id}, ${kind}` })),
);

describe.each(kinds)('$name', ({ dialect, kind }) => {
  function signedCases(route: Route, bodies: readonly (readonly [string, string | Buffer])[]): HostileCase[] {
    const { channel, message } = route;
    const bare = channel.voice.say(message);
    return bodies.map(([what, body]) => ({
      what: `a body ${what}`,
      request: channel.voice.signer.sign({ ...bare, body: Buffer.from(body) }),
    }));
  }

  test('a signed body that is no good JSON object is refused', async () => {
    const route = await openRoute(dialect, kind);
    const whole = route.channel.voice.say(route.message).body.toString();
    await expectAllRefused(route, signedCases(route, hostileBodies(whole)));
  });

  const values: readonly (readonly [Fact, readonly string[]])[] = [
    ['amount', kind === 'bet' ? [...hostileAmounts, ...hostileStakes] : hostileAmounts],
    ['player', hostilePlayers],
    ['currency', kind === 'rollback' ? [] : hostileCurrencies],
    ['id', hostileIds],
    ['target', kind === 'rollback' ? hostileIds : []],
  ];

  test('amounts, names and ids that are none are refused', async () => {
    const route = await openRoute(dialect, kind);
    const { channel, message } = route;
    const bare = channel.voice.say(message);
    const original = commandText(channel, said(channel, message));
    const cases = values.flatMap(([fact, texts]) =>
      placesOf(channel, message, fact).flatMap((path) =>
        texts.map((json) => {
          const request = channel.voice.signer.sign({ ...bare, body: withText(bare.body, path, json) });
          return { what: `${fact} at ${path.join('.')}: ${json.slice(0, 40)}`, request };
        }),
      ),
    );
    // A dialect that reads an absent or odd value as it reads the original asks for nothing else.
    const hostile = cases.filter(({ request }) => commandText(channel, request) !== original);
    expect(hostile.length).toBeGreaterThan(30);
    await expectAllRefused(route, hostile);
  });

  test('words that select no callback, and times of another year, cause no movement', async () => {
    const route = await openRoute(dialect, kind);
    const { channel, message } = route;
    const bare = channel.voice.say(message);
    const selectors = new Set(channel.adapter.callbacks.flatMap(({ on }) => Object.keys(on.where ?? {})));
    const places = leafPaths(readJson(bare.body)).filter((path) => path.length === 1 && selectors.has(String(path[0])));
    const before = await rowsOf(channel);
    const original = commandText(channel, said(channel, message));
    const put = (path: JsonPath, json: string): WireRequest =>
      channel.voice.signer.sign({ ...bare, body: withText(bare.body, path, json) });
    const words = places.flatMap((path) => hostileWords.map((json) => put(path, json)));
    for (const request of words.filter((each) => commandText(channel, each) !== original)) {
      const answer = await post(channel, request);
      expect(answer !== 'closed' && answer.status, `for ${request.body.toString()}`).toBeLessThan(500);
    }
    expect((await rowsOf(channel)).slice(before.length)).toEqual([]);
    for (const request of timePlaces(bare.body).flatMap((path) => hostileTimes.map((json) => put(path, json)))) {
      const answer = await post(channel, request);
      expect(answer !== 'closed' && answer.status, `for ${request.body.toString()}`).toBeLessThan(500);
    }
    // A time is no fact: whether it is believed or not, the movement is one.
    expect((await rowsOf(channel)).length - before.length).toBeLessThanOrEqual(1);
  });

  test('a signature that covers something else is refused', async () => {
    const route = await openRoute(dialect, kind);
    const { channel, message } = route;
    const bare = channel.voice.say(message);
    const { signer } = channel.voice;
    const text = bare.body.toString();
    const spaced = JSON.stringify(JSON.parse(text), null, 1);
    const sorted = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed()));
    const sent = (signedBody: string, body: string): WireRequest => ({
      ...signer.sign({ ...bare, body: Buffer.from(signedBody) }),
      body: Buffer.from(body),
    });
    const strangers = dialects.filter(({ id }) => id !== dialect.id).map((each) => openChannel(each).voice.signer);
    const cases: HostileCase[] = [
      {
        what: 'other secrets',
        request: dialect.side.voice(otherSecrets(dialect.adapter, dialect.settings)).signer.sign(bare),
      },
      ...strangers.map((each) => ({ what: 'another integration', request: each.sign(bare) })),
      { what: 'the same written in another way', request: sent(spaced, text) },
      { what: 'other order of keys', request: sent(sorted, text) },
      { what: 'one byte more', request: sent(`${text}\n`, text) },
      { what: 'one byte less', request: sent(text, `${text}\n`) },
      { what: 'nothing', request: sent('', text) },
      { what: 'in the query', request: { ...bare, query: Object.entries(signer.sign(bare).headers).join('&') } },
    ];
    // What its own signer takes is meant to be taken: it covers no body, or secrets are shared between the tests' dialects.
    const forged = cases.filter(
      ({ request }) => channel.adapter.signer.verify(arrived(request as WireRequest)) === undefined,
    );
    expect(forged.length).toBeGreaterThanOrEqual(credentialsOf(signer).coversBody ? 5 : 2);
    await expectAllRefused(route, forged);
  });

  test('other methods and other paths lead nowhere', async () => {
    const route = await openRoute(dialect, kind);
    const { channel, message } = route;
    const bare = channel.voice.say(message);
    const methods = ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE'].filter(
      (method) => !channel.adapter.methods.includes(method),
    );
    await expectAllRefused(
      route,
      methods.map((method) => ({ what: method, request: channel.voice.signer.sign({ ...bare, method }) })),
    );
    const served = new Set(channel.adapter.callbacks.map(({ on }) => on.path));
    const paths = hostilePaths.map((change) => change(bare.path)).filter((path) => !served.has(path));
    const strange = paths.map((path) => ({
      what: path.slice(0, 60),
      request: channel.voice.signer.sign({ ...bare, path }),
    }));
    await expectAllRefused(await openRoute(dialect, kind), strange, isClientError);
  });

  test('what is sent in a strange way is no way in', async () => {
    const { channel, message } = await openRoute(dialect, kind);
    const signed = said(channel, message);
    const path = `/callbacks/${channel.id}${signed.path}`;
    const before = await rowsOf(channel);
    const length = String(signed.body.length);
    const raw = async (headers: Record<string, string>, body: Buffer): Promise<string> =>
      sendBytes(gateway.url, rawRequest({ path, headers: { ...signed.headers, ...headers } }, body), { end: true });
    const many = Object.fromEntries(Array.from({ length: 800 }, (_, index) => [`x-${index}`, 'v'.repeat(20)]));
    expect(await raw({ ...many, 'content-length': length }, signed.body)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw({ 'content-length': '5', 'transfer-encoding': 'chunked' }, signed.body)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    await raw({ 'content-length': String(signed.body.length + 1) }, signed.body);
    await raw({ 'content-length': String(signed.body.length - 1) }, signed.body);
    await raw({ 'transfer-encoding': 'chunked' }, Buffer.from(`${length}\r\n`));
    expect((await rowsOf(channel)).slice(before.length)).toEqual([]);
  });
});

describe('a refusal costs little', () => {
  /** On a quiet machine; tests share theirs, so they let pass ten times that. */
  const P99_MS = 5;
  const SLACK = 10;

  test.each(dialects)('$id', async (dialect) => {
    const channel = openChannel(dialect);
    const [message] = messagesOf(channel, { player: 'nobody', currency: currencyOf(dialect), number: 77 });
    if (message === undefined) throw new Error('The voice says nothing.');
    const bare = channel.voice.say(message);
    const strangers = dialect.side.voice(otherSecrets(dialect.adapter, dialect.settings)).signer;
    const { signer } = channel.voice;
    const requests = [
      ['unsigned', bare],
      ['wrongly signed', strangers.sign(bare)],
      ['wrongly signed and 60 KiB long', strangers.sign({ ...bare, body: Buffer.alloc(60 * 1_024, 'x') })],
      ['signed and no JSON', signer.sign({ ...bare, body: Buffer.from('{"a":') })],
      ['signed and no callback', signer.sign({ ...bare, path: '/nothing' })],
    ] as const;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const told: string[] = [];
    for (const [what, request] of requests) {
      let best = Infinity;
      // The first round warms up. A pause of the machine is no cost of the gateway's: the best of the others counts.
      for (let round = 0; round < 5 && (round < 2 || best > P99_MS); round += 1) {
        const took: number[] = [];
        for (let index = 0; index < 100; index += 1) {
          const startedAt = performance.now();
          const answer = await post(channel, request, agent);
          took.push(performance.now() - startedAt);
          expect(answer).not.toBe('closed');
        }
        const p99 = took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Infinity;
        if (round > 0) best = Math.min(best, p99);
      }
      told.push(`${what} ${best.toFixed(2)} ms`);
      expect(best, `p99 in ms, ${what}`).toBeLessThan(P99_MS * SLACK);
    }
    agent.destroy();
    process.stdout.write(`\n${dialect.id}: p99 of refusals: ${told.join(', ')}\n`);
  });
});
