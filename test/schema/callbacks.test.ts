import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { policy } from '../../src/adapters/igpx/policy.js';
import type { Movement } from '../../src/ledger/commands.js';
import { formatId } from '../../src/ledger/ids.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, queriesDuring, request } from './client.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
let support: string;
let foreign: string;

beforeAll(async () => {
  app = await startTestApp();
  support = await app.token('support');
  foreign = await app.token('operator', 'boss', { brand: 'other' });
});
afterAll(() => app.close());

/** Rows of the journal put in by hand, some on days of their own. @returns the integration they are of */
async function journal(
  rows: readonly {
    at: string;
    lane?: number;
    body?: Buffer;
    verdict?: string;
    flags?: string;
    answer?: string | null;
  }[],
  integration = 'igpx-second',
): Promise<void> {
  for (const { at, lane = 0, body = Buffer.from('{}'), verdict = 'ok', flags = '{}', answer = '{}' } of rows) {
    await app.database.owner.query(
      `insert into callback (lane, received_at, integration, name, path, body, verdict, flags, status, answer, duration_us)
       values ($1, $2, $3, 'bet', '/transaction', $4, $5, $6, $7, $8, 1500)`,
      [lane, at, integration, body, verdict, flags, answer === null ? null : 200, answer],
    );
  }
}

interface Node {
  readonly id: string;
  readonly receivedAt: string;
  readonly [field: string]: unknown;
}
interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
    readonly endCursor: string;
  };
}
const short = 'id receivedAt';
const listOf = (
  fields: string,
) => `query ($filter: CallbackFilter, $first: Int, $after: String, $last: Int, $before: String) {
  callbacks(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { ${fields} } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

async function page(filter: object, args: object = {}, { token = support, fields = short } = {}): Promise<Page> {
  const { data, errors } = await request(app, token, listOf(fields), { filter, ...args });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data?.['callbacks'] as Page;
}
const nodes = async (filter: object, fields = short, token = support): Promise<readonly Node[]> =>
  (await page(filter, { first: 100 }, { token, fields })).edges.map(({ node }) => node);

/** The journal is written a moment after an answer that no unit of work carried. */
async function untilFound(count: number, filter: object, fields = short): Promise<readonly Node[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await nodes(filter, fields);
    if (found.length >= count || Date.now() > deadline) return found;
    await delay(20);
  }
}

const idOf = (player: TestPlayer): string => formatId('player', player);
const walletOf = (player: TestPlayer): string =>
  formatId('wallet', { lane: player.lane, id: player.wallets.get('EUR') ?? 0n });

const bet = (player: TestPlayer, transaction: string, more: object = {}) => ({
  action: 'bet',
  user_id: player.externalId,
  transaction_id: transaction,
  amount: 5,
  currency: 'EUR',
  ...more,
});

const whole = `id receivedAt integration { id } name path body bodyIsBase64 answer verdict flags httpStatus durationMs
  transaction { externalKey } wallet { id } player { externalId }`;

describe('a callback', () => {
  test('tells what was asked and answered, and leads to the transaction it posted', async () => {
    const player = await createTestPlayer(app.database);
    const body = JSON.stringify({ ...bet(player, `t-${player.id}`), meta: 'Grüße' });
    const answered = await app.callback('/transaction', body);
    expect(answered.status).toBe(200);
    const [found] = await untilFound(1, { playerId: idOf(player) }, whole);
    expect(found).toEqual({
      id: expect.stringMatching(/^cb_/),
      receivedAt: expect.stringMatching(/Z$/),
      integration: { id: 'igpx-demo' },
      name: expect.any(String),
      path: '/transaction',
      body,
      bodyIsBase64: false,
      answer: answered.body,
      verdict: expect.any(String),
      flags: [],
      httpStatus: 200,
      durationMs: expect.any(Number),
      transaction: expect.anything(),
      wallet: { id: walletOf(player) },
      player: { externalId: player.externalId },
    });
    const byId = 'query ($id: ID!) { callback(id: $id) { body player { externalId } } }';
    expect((await request(app, support, byId, { id: found?.id })).data).toEqual({
      callback: { body, player: { externalId: player.externalId } },
    });
    expect((await request(app, foreign, byId, { id: found?.id })).data).toEqual({ callback: null });
    for (const id of ['', 'cb_', 'cb_00zzzzzzzzzzzz_1', `${found?.id}x`, found?.id.replace('cb', 'tx')]) {
      expect((await request(app, support, byId, { id })).data).toEqual({ callback: null });
    }
  });

  test('whose body is no text comes in Base64, and one that was not answered without an answer', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x00]);
    await journal([
      { at: '2026-03-01T10:00:00Z', body: bytes, answer: null },
      { at: '2026-03-01T10:00:01Z', body: Buffer.from('a\u0000ü€') },
      { at: '2026-03-01T10:00:02Z', body: Buffer.alloc(0) },
    ]);
    const found = await nodes(
      { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' },
      'body bodyIsBase64 answer httpStatus durationMs transaction { id } wallet { id } player { id }',
    );
    const rest = { durationMs: 1.5, transaction: null, wallet: null, player: null };
    expect(found).toEqual([
      { body: '', bodyIsBase64: false, answer: '{}', httpStatus: 200, ...rest },
      { body: 'a\u0000ü€', bodyIsBase64: false, answer: '{}', httpStatus: 200, ...rest },
      { body: bytes.toString('base64'), bodyIsBase64: true, answer: null, httpStatus: null, ...rest },
    ]);
  });

  test('is for staff only, and its body and answer are not for analysts', async () => {
    await journal([{ at: '2026-03-05T10:00:00Z', body: Buffer.from([0xff]) }]);
    const player = await createTestPlayer(app.database);
    const own = await app.token('player', player.externalId);
    const filter = { from: '2026-03-05T00:00:00Z', to: '2026-03-06T00:00:00Z' };
    expect(codes(await request(app, own, listOf(short), { filter }))).toEqual(['FORBIDDEN']);
    expect(codes(await request(app, own, '{ callback(id: "cb_001_1") { id } }'))).toEqual(['FORBIDDEN']);
    const analyst = await app.token('analyst');
    expect(await nodes(filter, 'verdict body bodyIsBase64 answer', analyst)).toEqual([
      { verdict: 'OK', body: null, bodyIsBase64: false, answer: null },
    ]);
    const [seen] = await nodes(filter, 'body bodyIsBase64 answer', await app.token('operator'));
    expect(seen).toEqual({ body: '/w==', bodyIsBase64: true, answer: '{}' });
  });
});

describe('callbacks', () => {
  test('are found by what they were, and by what they moved', async () => {
    const player = await createTestPlayer(app.database);
    const round = `cb-${randomUUID()}`;
    const movement = (key: string, more: object) => ({
      brand: player.brand,
      player: player.externalId,
      integration: 'igpx-demo',
      currency: 'EUR',
      key,
      ...more,
    });
    for (const command of [
      movement('r1', { kind: 'bet', amount: { digits: 5n, decimals: 0 }, round }),
      movement('r1-undo', { kind: 'rollback', target: 'r1' }),
      movement('x1', { kind: 'bet', amount: { digits: 5n, decimals: 0 }, round: 'another' }),
    ]) {
      await app.app.ledger.execute(command as Movement, { policy, deadlineMs: 5_000 });
    }
    // As the pipeline writes them: with the wallet, and with the row when one was posted or repeated.
    const rows: [sequence: number | null, verdict: string, flags: string][] = [
      [2, 'ok', '{}'],
      [2, 'repeat', '{}'],
      [3, 'ok', '{amount-differs}'],
      [4, 'ok', '{}'],
      [null, 'INSUFFICIENT_FUNDS', '{}'],
    ];
    for (const [index, [sequence, verdict, flags]] of rows.entries()) {
      await app.database.owner.query(
        `insert into callback (lane, received_at, integration, name, path, body, verdict, flags, status, answer, duration_us, wallet_id, sequence)
         values ($1, now() + $2 * interval '1 second', 'igpx-demo', $3, '/', '', $4, $5, 200, '', 1, $6, $7)`,
        [player.lane, index, index === 2 ? 'rollback' : 'bet', verdict, flags, player.wallets.get('EUR'), sequence],
      );
    }
    const scope = { playerId: idOf(player) };
    const found = async (filter: object, token = support) =>
      (await nodes(filter, 'verdict transaction { sequence }', token)).map(({ verdict, transaction }) =>
        `${String(verdict)} ${(transaction as { sequence: string } | null)?.sequence ?? ''}`.trim(),
      );
    const all = ['INSUFFICIENT_FUNDS', 'OK 4', 'OK 3', 'REPEAT 2', 'OK 2'];
    expect(await found(scope)).toEqual(all);
    expect(await found({ walletId: walletOf(player) })).toEqual(all);
    expect(await found({ ...scope, name: 'rollback' })).toEqual(['OK 3']);
    expect(await found({ ...scope, verdicts: ['REPEAT', 'INSUFFICIENT_FUNDS'] })).toEqual([
      'INSUFFICIENT_FUNDS',
      'REPEAT 2',
    ]);
    expect(await found({ ...scope, refusedOnly: true })).toEqual(['INSUFFICIENT_FUNDS']);
    expect(await found({ ...scope, flagged: true })).toEqual(['OK 3']);
    expect(await found({ ...scope, flagged: false, refusedOnly: false })).toHaveLength(4);
    expect(await found({ ...scope, integration: 'igpx-second' })).toEqual([]);
    expect(await found({ round })).toEqual(['OK 3', 'REPEAT 2', 'OK 2']);
    expect(await found({ round, ...scope, name: 'bet' })).toEqual(['REPEAT 2', 'OK 2']);
    const transactionId = `tx_${walletOf(player).slice(3)}_2`;
    expect(await found({ transactionId })).toEqual(['REPEAT 2', 'OK 2']);
    expect(await found({ transactionId, round })).toEqual(['REPEAT 2', 'OK 2']);
    expect(await found({ transactionId: `tx_${walletOf(player).slice(3)}_4`, round })).toEqual([]);
    const stranger = await createTestPlayer(app.database);
    expect(await found({ transactionId, playerId: idOf(stranger) })).toEqual([]);
    expect(await found({ playerId: 'pl_00zz' })).toEqual([]);
    for (const filter of [
      scope,
      { walletId: walletOf(player) },
      { round },
      { transactionId },
      { integration: 'igpx-demo' },
    ]) {
      expect(await found(filter, foreign)).toEqual([]);
    }
  });

  test('of every brand are its own', async () => {
    await journal([{ at: '2026-03-09T10:00:00Z' }]);
    await journal([{ at: '2026-03-09T10:00:00Z' }], 'igpx-other');
    const filter = { from: '2026-03-09T00:00:00Z', to: '2026-03-10T00:00:00Z' };
    const seen = async (token: string) => nodes(filter, 'integration { id }', token);
    expect(await seen(support)).toEqual([{ integration: { id: 'igpx-second' } }]);
    expect(await seen(foreign)).toEqual([{ integration: { id: 'igpx-other' } }]);
  });

  test('run over lanes and days in both directions, each once, while more arrive', async () => {
    await app.database.owner.query(
      `create table if not exists callback_past partition of callback for values from ('2026-02-10') to ('2026-02-11')`,
    );
    const at = (index: number): string =>
      new Date(Date.parse('2026-02-09T12:00:00Z') + Math.floor(index / 4) * 3_600_000).toISOString();
    await journal(Array.from({ length: 180 }, (_, index) => ({ at: at(index), lane: (index * 7) % 64 })));
    const filter = { from: '2026-02-09T00:00:00Z', to: '2026-02-20T00:00:00Z' };
    const order = async (direction: 'forward' | 'backward') => {
      const pages: Page[] = [];
      let args: object = direction === 'forward' ? { first: 23 } : { last: 23 };
      for (;;) {
        const each = await page(filter, args);
        pages.push(each);
        await journal([{ at: '2026-02-19T10:00:00Z', lane: 5 }]);
        const { hasNextPage, hasPreviousPage, startCursor, endCursor } = each.pageInfo;
        if (!(direction === 'forward' ? hasNextPage : hasPreviousPage)) break;
        args = direction === 'forward' ? { first: 23, after: endCursor } : { last: 23, before: startCursor };
      }
      if (direction === 'backward') pages.reverse();
      return pages.flatMap(({ edges }) => edges.map(({ node }) => node));
    };
    const forward = await order('forward');
    expect(forward).toHaveLength(180);
    expect(new Set(forward.map(({ id }) => id)).size).toBe(180);
    const times = forward.map(({ receivedAt }) => receivedAt);
    expect(times).toEqual(times.toSorted().toReversed());
    const backward = await order('backward');
    expect(backward.slice(-180)).toEqual(forward);
    expect(new Set(backward.map(({ id }) => id)).size).toBe(backward.length);
  });

  test('cost one query for the page, and one for the bodies of all of it', async () => {
    await journal(Array.from({ length: 30 }, (_, index) => ({ at: `2026-03-15T10:00:${10 + index}Z`, lane: index })));
    const filter = { from: '2026-03-15T00:00:00Z', to: '2026-03-16T00:00:00Z' };
    const count = async (fields: string, first: number) => {
      const queries = await queriesDuring(app, async () => {
        await page(filter, { first }, { fields });
      });
      return queries.filter((query) => query.includes('callback')).length;
    };
    expect(await count(short, 30)).toBe(1);
    expect(await count('body bodyIsBase64 answer', 1)).toBe(2);
    expect(await count('body bodyIsBase64 answer', 30)).toBe(2);
  });

  test.each([
    [{}, { first: 0 }],
    [{}, { first: -1 }],
    [{}, { last: 1_000_000 }],
    [{}, { first: 1, last: 1 }],
    [{}, { after: 'x' }],
    [{}, { before: 'x'.repeat(5_000) }],
    [{ from: '2027-01-02T00:00:00Z', to: '2027-01-01T00:00:00Z' }, {}],
    [{ verdicts: [] }, {}],
    [{ verdicts: ['ok'] }, {}],
    [{ name: '' }, {}],
    [{ integration: 'a\u0000' }, {}],
    [{ round: '\ud800' }, {}],
    [{ nothing: 1 }, {}],
  ])('are refused for %o with %o', async (filter, args) => {
    expect(codes(await request(app, support, listOf(short), { filter, ...args }))).toEqual(['BAD_USER_INPUT']);
  });

  test('are refused for cursors of another filter or brand, and for made-up ones', async () => {
    await journal([{ at: '2026-03-20T10:00:00Z' }, { at: '2026-03-20T10:00:01Z' }]);
    const filter = { from: '2026-03-20T00:00:00Z' };
    const after = (await page(filter, { first: 1 })).pageInfo.endCursor;
    for (const [token, other, cursor] of [
      [support, {}, after],
      [support, { ...filter, refusedOnly: true }, after],
      [foreign, filter, after],
      [support, filter, `${after}A`],
      [support, filter, after.slice(1)],
    ] as const) {
      expect(codes(await request(app, token, listOf(short), { filter: other, after: cursor }))).toEqual([
        'BAD_USER_INPUT',
      ]);
    }
  });
});
