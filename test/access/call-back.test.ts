import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logStaffReads, noteRead } from '../../src/schema/access.js';
import { GraphqlContext, type Services } from '../../src/schema/context.js';
import { formatId } from '../../src/ledger/ids.js';
import type { Principal, Role } from '../../src/auth.js';
import { codes, request } from '../schema/client.js';
import { startTestApp } from '../support/app.js';

let app: Awaited<ReturnType<typeof startTestApp>>;
/** Another gateway on the same database. */
let second: Awaited<ReturnType<typeof startTestApp>>;
let operator: string;

beforeAll(async () => {
  app = await startTestApp();
  second = await startTestApp({ database: app.database });
  operator = await app.token('operator', 'olga');
});
afterAll(async () => {
  await second.close();
  await app.close();
});

const mutation = `mutation ($subject: String!, $reason: String!) {
  callBackTokens(input: { subject: $subject, reason: $reason }) { subject issuedBefore } }`;
const me = '{ me { id } }';
const callBack = (subject: string, reason = 'left the company', token = operator) =>
  request(app, token, mutation, { subject, reason });
const codesAt = async (gateway: { url: string }, token: string) => codes(await request(gateway, token, me));

describe('tokens that were called back', () => {
  test('are refused at once here, and within a second by every other gateway, with a reason', async () => {
    const [gone, stays, foreign] = await Promise.all([
      app.token('support', 'sam'),
      app.token('support', 'sue'),
      app.token('support', 'sam', { brand: 'other' }),
    ]);
    for (const token of [gone, stays, foreign]) {
      expect([await codesAt(app, token), await codesAt(second, token)]).toEqual([[], []]);
    }
    const answer = await callBack('sam');
    expect(answer.data).toEqual({ callBackTokens: { subject: 'sam', issuedBefore: expect.any(String) } });
    const refused = await request(app, gone, me);
    expect([refused.status, ...codes(refused)]).toEqual([401, 'UNAUTHENTICATED']);
    expect(refused.errors[0]?.message).toBe('The token was called back; a new one is needed.');
    expect(refused.text).not.toContain('left the company');
    await expect.poll(() => codesAt(second, gone), { timeout: 1_000, interval: 20 }).toEqual(['UNAUTHENTICATED']);
    for (const token of [stays, foreign]) {
      expect([await codesAt(app, token), await codesAt(second, token)]).toEqual([[], []]);
    }
    const line = app.log.find((each) => each.includes('tokens called back'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      brand: 'demo',
      subject: 'sam',
      by: 'olga',
      reason: 'left the company',
    });
  });

  test('are replaced by new ones: a token issued later is taken', async () => {
    const old = await app.token('support', 'una');
    await callBack('una', 'another role');
    expect(await codesAt(app, old)).toEqual(['UNAUTHENTICATED']);
    // A token says the second it was issued in: within the second of the call-back nobody can tell before from after.
    await expect
      .poll(async () => codesAt(app, await app.token('analyst', 'una')), { timeout: 3_000, interval: 100 })
      .toEqual([]);
    expect(await codesAt(app, old)).toEqual(['UNAUTHENTICATED']);
  });

  test('may be those of a player, or of whoever calls back', async () => {
    const player = await app.token('player', 'paul');
    expect(await codesAt(app, player)).toEqual([]);
    await callBack('paul');
    expect(await codesAt(app, player)).toEqual(['UNAUTHENTICATED']);
    const own = await app.token('operator', 'otto');
    expect((await callBack('otto', 'lost my laptop', own)).errors).toEqual([]);
    expect(await codesAt(app, own)).toEqual(['UNAUTHENTICATED']);
  });
});

describe('a call-back', () => {
  test.each<Role>(['player', 'support', 'analyst'])('is not for the role %s', async (role) => {
    expect(codes(await callBack('sue', 'no', await app.token(role, 'mallory')))).toEqual(['FORBIDDEN']);
  });

  test.each([
    ['an empty subject', '', 'why'],
    ['a subject of 256 characters', 'a'.repeat(256), 'why'],
    ['a subject with a NUL', 'a\0b', 'why'],
    ['a subject that is half a character', 'a\ud800', 'why'],
    ['no reason', 'sue', ''],
    ['a blank reason', 'sue', '   '],
    ['a reason of 501 characters', 'sue', 'a'.repeat(501)],
    ['a reason with a line break', 'sue', 'a\nb'],
  ])('with %s is refused', async (_name, subject, reason) => {
    expect(codes(await callBack(subject, reason))).toEqual(['BAD_USER_INPUT']);
  });

  test('of a subject that nobody knows is no error, and tells nothing', async () => {
    expect((await callBack('nobody-ever')).errors).toEqual([]);
  });
});

describe('what staff reads of players', () => {
  const principalOf = (roles: Role[]): Principal => ({
    subject: 'sue',
    brand: 'demo',
    roles: new Set(roles),
    expiresAt: undefined,
  });
  const linesOf = (context: GraphqlContext): unknown[] => {
    const lines: unknown[] = [];
    const logger = { info: (fields: unknown, message?: string) => void lines.push([fields, message]) };
    logStaffReads(context, 'PlayerPage', logger, 'req-1');
    return lines;
  };
  // Nothing is asked of the services here.
  const services = {} as Services;

  test('is one line an operation: who, of which brand, in which operation, of whom, each once', () => {
    const context = new GraphqlContext(principalOf(['support']), services);
    noteRead(context, [
      { lane: 1, id: 2n },
      { lane: 1, id: 2n },
    ]);
    noteRead(context, [{ lane: 3, id: 4n }]);
    const players = [formatId('player', { lane: 1, id: 2n }), formatId('player', { lane: 3, id: 4n })];
    expect(linesOf(context)).toEqual([
      [
        {
          subject: 'sue',
          brand: 'demo',
          roles: ['support'],
          operation: 'PlayerPage',
          requestId: 'req-1',
          players,
          playerCount: 2,
        },
        'staff read',
      ],
    ]);
    expect(linesOf(context)).toEqual([]);
  });

  test('names fifty players at most, and counts all', () => {
    const context = new GraphqlContext(principalOf(['analyst']), services);
    noteRead(
      context,
      Array.from({ length: 120 }, (_, index) => ({ lane: 0, id: BigInt(index + 1) })),
    );
    const [[fields]] = linesOf(context) as [[{ players: string[]; playerCount: number }]];
    expect([fields.players.length, fields.playerCount]).toEqual([50, 120]);
  });

  test.each<[string, Role[], number]>([
    ['a player', ['player'], 0],
    ['a machine', ['service'], 0],
    ['a machine that is an operator too', ['service', 'operator'], 1],
  ])('is written down for people of the staff alone: %s', (_name, roles, count) => {
    const context = new GraphqlContext(principalOf(roles), services);
    noteRead(context, [{ lane: 1, id: 2n }]);
    expect(linesOf(context)).toHaveLength(count);
  });
});
