import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeConnection, type Reply, type WireRequest } from '../../src/adapters/contract.js';
import { providers } from '../../src/adapters/registry.js';
import { isTransient } from '../../src/ledger/errors.js';
import { parseTransactionId } from '../../src/ledger/ids.js';
import { send } from '../callbacks/provider.js';
import { startTestApp, type TestApp } from '../support/app.js';
import type { TestDatabase } from '../support/database.js';
import { seeded } from '../support/random.js';
import {
  balancesOf,
  channelOf,
  copies,
  type Fixture,
  fillIn,
  fixtures,
  fixtureWorld,
  fundFixtures,
  providerOf,
  requestOf,
  rowsOf,
} from './contract/fixtures.js';
import { expectExactAmounts } from './contract/amounts.js';
import { arrived, codes, finalCodes, heard, said, understand } from './contract/line.js';
import { callbackOf, messagesOf } from './contract/messages.js';
import { currencyOf } from './contract/orders.js';
import {
  type Channel,
  type Dialect,
  dialects,
  duringRotation,
  openChannel,
  otherSecrets,
  secretsOf,
} from './contract/providers.js';
import { openStage, type Stage } from './contract/world.js';
import {
  fieldPaths,
  flips,
  forgeries,
  readJson,
  replaced,
  unsigned,
  withStrangers,
  writeJson,
} from './contract/tampering.js';

/** What every adapter has to keep, played over real HTTP with the fixtures that each brings along. */

let gateway: TestApp & { database: TestDatabase };
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  gateway = await startTestApp({ config: fixtureWorld() });
  await fundFixtures(gateway);
});
afterAll(async () => {
  await gateway.close();
  await stage.close();
});

type Sent = Omit<WireRequest, 'headers'> & { headers: Readonly<Record<string, string | readonly string[]>> };

async function post({ id }: Channel, { path, query, ...request }: Sent): Promise<{ status: number; body: string }> {
  const answer = await send(gateway.url, `/callbacks/${id}${path}${query && `?${query}`}`, request);
  if (answer === 'closed') throw new Error('The connection was closed without an answer');
  return answer;
}

test.each([...providers.keys()])('%s brings fixtures of what it accepts and of what it refuses', (provider) => {
  const own = fixtures.filter((each) => each.provider === provider);
  expect(own.length).toBeGreaterThanOrEqual(3);
  expect(new Set(own.map(({ title }) => title)).size).toBe(own.length);
});

const named = fixtures.map((fixture) => ({ name: `${fixture.provider}: ${fixture.title}`, fixture }));

describe('a fixture is answered byte for byte, and the wallets are as it says', () => {
  test.each(named)('$name', async ({ fixture }) => {
    const channel = channelOf(fixture, 'exact');
    const ids = new Map<string, string>();
    expect(await balancesOf(gateway, channel)).toMatchObject(fixture.before);
    for (const each of fixture.exchanges) {
      // What a request is signed with comes from the fixture's own settings.
      if (each.command !== undefined) expect(unsigned(channel, requestOf(each))).toBeDefined();
      const got = await post(channel, requestOf(each));
      expect(got).toEqual({ status: each.answer.status, body: fillIn(each.answer.body, got.body, ids) });
      expect(await balancesOf(gateway, channel)).toMatchObject(each.after);
      if (each.command !== undefined) expectCommand(channel, each);
    }
    // Different names in a fixture are different transactions, all of them ours.
    expect(new Set(ids.values()).size).toBe(ids.size);
    for (const id of ids.values()) expect(parseTransactionId(id)).toBeDefined();
  });
});

function expectCommand(channel: Channel, each: Fixture['exchanges'][number]): void {
  const command = understand(channel, requestOf(each))?.command;
  if (typeof command !== 'object' || each.command === undefined) return;
  const { kind, key, player, currency } = each.command;
  const said = Object.entries({ kind, key, player, currency }).filter(([, fact]) => fact !== undefined);
  expect(command).toMatchObject(Object.fromEntries(said));
}

/** Requests of a fixture that are signed and read, each of its bytes once. */
function acceptable(fixture: Fixture, channel: Channel): WireRequest[] {
  const requests = fixture.exchanges.map(requestOf).filter((request) => understand(channel, request) !== undefined);
  return requests.filter((request, index) => requests.findIndex((each) => each.body.equals(request.body)) === index);
}

describe('the same bytes three times and ten at once have one effect, and get the answer that the policy says', () => {
  test.each(named)('$name', async ({ fixture }) => {
    const channel = channelOf(fixture, 'repeated');
    for (const each of fixture.exchanges) {
      const request = requestOf(each);
      const before = await rowsOf(gateway, channel);
      const first = await post(channel, request);
      const after = await rowsOf(gateway, channel);
      const again = [await post(channel, request), await post(channel, request), await post(channel, request)];
      again.push(...(await Promise.all(Array.from({ length: 10 }, () => post(channel, request)))));
      expect(await rowsOf(gateway, channel)).toEqual(after);
      expect(await balancesOf(gateway, channel)).toMatchObject(each.after);
      const isApplied = after.real > before.real;
      const policy = understand(channel, request)?.policy;
      const expected = isApplied && policy?.duplicate === 'first-answer' ? first : again[0];
      for (const answer of again) expect(answer).toEqual(expected);
    }
  });
});

describe('a signed request of which one bit is changed is refused', () => {
  test.each(named)('$name', async ({ fixture }) => {
    const channel = channelOf(fixture, 'untouched');
    for (const request of acceptable(fixture, channel)) {
      const bare = unsigned(channel, request);
      if (bare === undefined) throw new Error('An accepted request is not signed.');
      const passed: string[] = [];
      let index = 0;
      for (const { what, request: flipped } of flips(channel, request, bare)) {
        const verified = channel.adapter.signer.verify(arrived(flipped));
        // What is read is what was signed: a signer may put right what changed, but not read it.
        const isRepaired = verified !== undefined && verified.body !== flipped.body && bare.body.equals(verified.body);
        if (verified !== undefined && !isRepaired) passed.push(what);
        index += 1;
        if (index % 397 === 1 && Object.values(flipped.headers).every((value) => /^[\x20-\x7e]*$/.test(value))) {
          expect(await post(channel, flipped)).toEqual(
            channel.adapter.refuse('UNAUTHENTICATED', { callback: undefined }),
          );
        }
      }
      expect(passed).toEqual([]);
    }
    expect(await rowsOf(gateway, channel)).toEqual({ all: 0, real: 0 });
  });
});

describe('credentials that are missing, empty, repeated, cut, strange or of somebody else are refused', () => {
  test.each(named)('$name', async ({ fixture }) => {
    const channel = channelOf(fixture, 'untouched');
    const { adapter, side } = providerOf(fixture);
    const strangers = side.voice(otherSecrets(adapter, channel.settings)).signer;
    for (const request of acceptable(fixture, channel)) {
      const bare = unsigned(channel, request);
      if (bare === undefined) throw new Error('An accepted request is not signed.');
      for (const { what, request: forged } of forgeries(channel, bare, strangers)) {
        const answer = await post(channel, forged);
        expect({ what, answer }).toEqual({
          what,
          answer: channel.adapter.refuse('UNAUTHENTICATED', { callback: undefined }),
        });
      }
    }
    expect(await rowsOf(gateway, channel)).toEqual({ all: 0, real: 0 });
  });
});

describe('a field that is required cannot be left out, and one that nobody knows does no harm', () => {
  test.each(named)('$name', async ({ fixture }) => {
    const channel = channelOf(fixture, 'untouched');
    const refusals = refusalsOf(channel);
    for (const request of acceptable(fixture, channel)) {
      const bare = unsigned(channel, request);
      const understood = understand(channel, request);
      if (bare === undefined || typeof understood?.command !== 'object') continue;
      const body = readJson(bare.body);
      const signed = (value: unknown): WireRequest => channel.voice.signer.sign({ ...bare, body: writeJson(value) });
      const { command } = understood;
      expect(asText(understand(channel, signed(withStrangers(body)))?.command)).toBe(asText(command));
      let required = 0;
      for (const path of fieldPaths(body)) {
        const lacking = signed(replaced(body, path, undefined));
        const read = understand(channel, lacking)?.command;
        if (typeof read === 'object' && read.kind === command.kind) continue;
        required += 1;
        const answer = await post(channel, lacking);
        if (typeof read !== 'object') expect(refusals).toContain(`${answer.status} ${answer.body}`);
        expect(answer.status).toBeLessThan(500);
      }
      expect(required).toBeGreaterThan(0);
    }
    expect(await rowsOf(gateway, channel)).toEqual({ all: 0, real: 0 });
  });
});

/** Times that are made from the clock are no facts. */
function asText(command: unknown): string {
  return JSON.stringify(command, (key, value: unknown) => {
    if (key === 'displayAt') return undefined;
    return typeof value === 'bigint' ? value.toString() : value;
  });
}

function refusalsOf({ adapter }: Channel): string[] {
  const callbacks = [undefined, ...adapter.callbacks.map(({ name }) => name)];
  return callbacks.flatMap((callback) =>
    codes.flatMap((code) => {
      const reply = adapter.refuse(code, { callback });
      return reply === closeConnection ? [] : [`${reply.status} ${reply.body}`];
    }),
  );
}

const unread = new Set<string>(['UNAUTHENTICATED', 'MALFORMED', 'TOO_LARGE', 'UNKNOWN_CALLBACK']);

const speech = (dialect: Dialect, number: number, player = 'somebody') => ({
  player,
  number,
  currency: currencyOf(dialect),
});

describe.each(dialects)('in the dialect $id', (dialect) => {
  const channel = openChannel(dialect);
  const { adapter, voice } = channel;
  const messages = messagesOf(channel, speech(dialect, 1));

  test('every callback can be refused with every code, and what the provider hears is in its document', () => {
    const balance = { lane: 0, walletId: 1n, sequence: 2n, balanceUnits: 12_345_678n, currency: 'EUR', scale: 6 };
    const unreadable: string[] = [];
    for (const code of codes) {
      for (const { name } of adapter.callbacks) {
        for (const known of [balance, undefined]) {
          const outcome = { type: 'refused', code, balance: known, flags: [] } as const;
          expectReply(adapter.refuse(code, { callback: name, outcome }));
        }
        expectReply(adapter.refuse(code, { callback: name }));
      }
      for (const message of messages) {
        // Only what is wrong with the request itself is refused before it is known which callback it is.
        for (const callback of unread.has(code)
          ? [undefined, callbackOf(channel, message)]
          : [callbackOf(channel, message)]) {
          const verdict = heard(channel, message, adapter.refuse(code, { callback }));
          if (verdict === 'no-answer' || verdict.type !== 'unreadable') continue;
          unreadable.push(`${code} of a ${message.kind} (${callback}): ${verdict.what}`);
        }
      }
    }
    expect(unreadable).toEqual([]);
  });

  test('a fault that passes is never told as the end of a win or a rollback', () => {
    for (const message of messages.filter(({ kind }) => kind === 'win' || kind === 'rollback')) {
      for (const code of codes.filter(isTransient)) {
        for (const callback of [callbackOf(channel, message), undefined]) {
          const verdict = heard(channel, message, adapter.refuse(code, { callback }));
          const what = verdict === 'no-answer' ? verdict : verdict.type;
          expect(['no-answer', 'failed'], `${code} of a ${message.kind}`).toContain(what);
        }
      }
    }
  });

  test('a missing stake is told as such, or as all that is refused, and no refusal of a bet as a yes', () => {
    for (const message of messages.filter(({ kind }) => kind === 'bet')) {
      for (const code of finalCodes) {
        const verdict = heard(channel, message, adapter.refuse(code, { callback: callbackOf(channel, message) }));
        const isYes = verdict !== 'no-answer' && verdict.type === 'accepted';
        expect({ code, isYes: isYes && code !== 'DUPLICATE' }).toEqual({ code, isYes: false });
      }
      const poor = heard(
        channel,
        message,
        adapter.refuse('INSUFFICIENT_FUNDS', { callback: callbackOf(channel, message) }),
      );
      expect(poor).toMatchObject({ type: 'refused', why: 'funds' });
    }
  });

  test('a secret works while it is listed, and no longer', () => {
    const { settings: rotating, lists } = duringRotation(dialect.adapter, dialect.settings);
    const rotated = otherSecrets(dialect.adapter, dialect.settings);
    expect(lists).toBeGreaterThan(0);
    const [before, during, after] = [dialect.settings, rotating, rotated].map((settings) =>
      openChannel({ ...dialect, settings }),
    );
    if (before === undefined || during === undefined || after === undefined) throw new Error('Three channels are due.');
    for (const message of messages) {
      const takes = (gateway: Channel, provider: Channel): boolean =>
        typeof understand(gateway, said(provider, message))?.command === 'object';
      expect({ old: takes(during, before), renewed: takes(during, after) }).toEqual({ old: true, renewed: true });
      expect({ old: takes(after, before), renewed: takes(after, after) }).toEqual({ old: false, renewed: true });
      expect(takes(before, after)).toBe(false);
    }
  });

  test('amounts come through exactly, and balances are told rounded down', async () => {
    await expectExactAmounts(stage, dialect, 60, seeded(7));
  });

  test('the same message is the same bytes but for times, and ids are all different', () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => voice.newId(index + 1));
    expect(new Set([...ids, voice.newId(2 ** 40)]).size).toBe(2_001);
    const bytes = (): string[] => messages.map((each) => withoutTimes(said(channel, each).body.toString()));
    expect(bytes()).toEqual(bytes());
  });
});

/** Digits that may be a time in seconds or milliseconds of these years. */
function withoutTimes(text: string): string {
  return text.replaceAll(/\b1[6-9]\d{8}(\d{3})?\b/g, '0');
}

function expectReply(reply: Reply): void {
  if (reply === closeConnection) return;
  expect(reply.status).toSatisfy((status: number) => Number.isInteger(status) && status >= 200 && status <= 599);
  expect(() => JSON.parse(reply.body) as unknown).not.toThrow();
}

test('no secret of any integration is in the log or in the journal', async () => {
  const secrets = new Set(
    fixtures.flatMap((fixture) => secretsOf(providerOf(fixture).adapter, channelOf(fixture, 'exact').settings)),
  );
  expect(secrets.size).toBeGreaterThanOrEqual(providers.size);
  await expect
    .poll(async () => (await journalText()).length, { timeout: 5_000 })
    .toBeGreaterThan(fixtures.length * copies.length);
  const journal = (await journalText()).join('\n');
  const log = gateway.log.join('');
  for (const secret of secrets) {
    expect(log.includes(secret), `the log holds ${secret}`).toBe(false);
    expect(journal.includes(secret), `the journal holds ${secret}`).toBe(false);
  }
});

async function journalText(): Promise<string[]> {
  const { rows } = await gateway.database.owner.query<{ body: Buffer; rest: string }>(
    "select body, (to_jsonb(callback) - 'body')::text as rest from callback",
  );
  return rows.map(({ body, rest }) => `${body.toString('latin1')} ${rest}`);
}
