import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type BoundAdapter,
  type CallbackCommand,
  type CallbackRequest,
  closeConnection,
  type Reply,
} from '../../src/adapters/contract.js';
import { igpx } from '../../src/adapters/igpx/index.js';
import { decimalAmount } from '../../src/adapters/kit/amounts.js';
import { parseJson } from '../../src/adapters/kit/json.js';
import { adapters } from '../../src/adapters/registry.js';
import type { Balance, Outcome, Receipt } from '../../src/ledger/commands.js';
import { isTransient, type WalletErrorCode, walletErrors } from '../../src/ledger/errors.js';
import { formatUnits, unitsFloor } from '../../src/ledger/money.js';

const settings = {
  apiUrl: 'http://127.0.0.1:9',
  apiVersion: '1.0.0',
  username: 'casino',
  password: 'casino-password',
  securityHash: ['test-security-hash'],
};

function bind(overrides: Record<string, unknown> = {}): BoundAdapter {
  return igpx.bind({ id: 'igpx-demo', brand: 'demo', settings: { ...settings, ...overrides } });
}

const bound = bind();
const codes = z.array(z.custom<WalletErrorCode>((code) => typeof code === 'string')).parse(Object.keys(walletErrors));

/** Finds and reads a callback as the gateway does: by path, then by the fields that select it. */
function read(adapter: BoundAdapter, path: string, body: string) {
  const parsed = parseJson(Buffer.from(body));
  const fields = z.record(z.string(), z.unknown()).safeParse(parsed.ok ? parsed.value : undefined).data;
  if (fields === undefined) return undefined;
  const found = adapter.callbacks.filter(
    ({ on }) => on.path === path && Object.entries(on.where ?? {}).every(([field, text]) => fields[field] === text),
  );
  expect(found.length).toBeLessThanOrEqual(1);
  const [callback] = found;
  const message = callback?.read(fields);
  if (callback === undefined || message === undefined) return undefined;
  const reply = (outcome: Parameters<typeof message.reply>[0]): Reply => message.reply(outcome);
  return { name: callback.name, command: message.command(undefined), reply };
}

const receipt: Receipt = {
  transactionId: 'T-1',
  lane: 3,
  walletId: 7n,
  sequence: 12n,
  kind: 'bet',
  effectUnits: -10_500_000n,
  balanceAfterUnits: 89_500_000n,
  currency: 'USD',
  scale: 6,
};
const balanceNow: Balance = {
  lane: 3,
  walletId: 7n,
  sequence: 20n,
  balanceUnits: 1_000_000n,
  currency: 'USD',
  scale: 6,
};
const applied = { type: 'applied', receipt, balance: balanceNow, flags: [] } satisfies Outcome;
const bet = { transaction_id: 'op-tx-1', action: 'bet', user_id: '42', currency: 'USD', amount: '10.50' };
const rollback = { ...bet, transaction_id: 'op-tx-3', rollback_transaction_id: 'op-tx-1', action: 'rollback' };

const arrival = { method: 'POST', query: '', remoteAddress: '203.0.113.7' };

test('the registry has the adapter', () => {
  expect(adapters).toContain(igpx);
});

describe('signature', () => {
  // Self-computed, as the provider publishes no signed sample.
  test.each([
    [JSON.stringify(bet), 'f4ec9455e4a36b1fd3fd017865d656569ed4e73ac1f7db29f72673db3950217c'],
    [
      '{"transaction_id":"op-tx-3","rollback_transaction_id":"op-tx-1","action":"rollback","user_id":"42","currency":"USD","amount":"10.50"}',
      '9a3d76f0017295616ad2cdb44ced61167945f8d6ee7804cb283f15bea6b38f81',
    ],
  ])('of %s', (text, signature) => {
    const body = Buffer.from(text);
    const request = { method: 'POST', path: '/transaction', query: '', headers: { 'x-own': 'kept' }, body };
    expect(bound.signer.sign(request)).toEqual({
      ...request,
      headers: { 'x-own': 'kept', 'x-security-hash': signature },
    });
  });

  test.each(['x-security-hash', 'x-securty-hash'])('is taken from %s', (header) => {
    const body = Buffer.from(JSON.stringify(bet));
    const signature = 'f4ec9455e4a36b1fd3fd017865d656569ed4e73ac1f7db29f72673db3950217c';
    const request = { ...arrival, path: '/transaction', headers: { [header]: signature }, body };
    expect(bound.signer.verify(request)).toBe(request);
  });
});

describe('requests', () => {
  test('a bet is read', () => {
    expect(read(bound, '/transaction', JSON.stringify(bet))).toMatchObject({
      name: 'bet',
      command: {
        kind: 'bet',
        brand: 'demo',
        integration: 'igpx-demo',
        player: '42',
        currency: 'USD',
        key: 'op-tx-1',
        amount: { digits: 1050n, decimals: 2 },
      },
    });
  });

  test('a result is a win', () => {
    const message = read(bound, '/transaction', JSON.stringify({ ...bet, action: 'result', amount: '0' }));
    expect(message).toMatchObject({ name: 'result', command: { kind: 'win', amount: { digits: 0n, decimals: 0 } } });
  });

  test('a rollback names its target', () => {
    const message = read(bound, '/transaction-rollback', JSON.stringify(rollback));
    expect(message).toMatchObject({
      name: 'rollback',
      command: { kind: 'rollback', key: 'op-tx-3', target: 'op-tx-1' },
    });
  });

  test('fields the provider may add are ignored', () => {
    expect(read(bound, '/transaction', JSON.stringify({ ...bet, event: { id: 5 } }))).toBeDefined();
  });

  test('ids that differ in case only are different ids', () => {
    const command = read(bound, '/transaction', JSON.stringify({ ...bet, transaction_id: 'OP-TX-1' }))?.command;
    expect(command).toMatchObject({ key: 'OP-TX-1' });
  });

  test.each<[string, string, string]>([
    ['a rollback on the path of bets', '/transaction', JSON.stringify(rollback)],
    ['a bet on the path of rollbacks', '/transaction-rollback', JSON.stringify(bet)],
    ['the bare callback URL unless enabled', '/', JSON.stringify(bet)],
    ['a balance inquiry unless enabled', '/', '{"action":"getBalance","user_id":"42","currency":"USD"}'],
    ['an unknown action', '/transaction', JSON.stringify({ ...bet, action: 'Bet' })],
    ['no action', '/transaction', JSON.stringify({ ...bet, action: undefined })],
    ['an action in a list', '/transaction', JSON.stringify({ ...bet, action: ['bet'] })],
    [
      'a rollback without target',
      '/transaction-rollback',
      JSON.stringify({ ...rollback, rollback_transaction_id: undefined }),
    ],
    ['a numeric player', '/transaction', JSON.stringify({ ...bet, user_id: 42 })],
    ['a numeric id', '/transaction', JSON.stringify({ ...bet, transaction_id: 1 })],
    ['a blank id', '/transaction', JSON.stringify({ ...bet, transaction_id: ' ' })],
    ['an id of 300 characters', '/transaction', JSON.stringify({ ...bet, transaction_id: 'x'.repeat(300) })],
    ['a padded currency', '/transaction', JSON.stringify({ ...bet, currency: ' USD' })],
    ['a lone surrogate', '/transaction', JSON.stringify({ ...bet, user_id: '\ud800' })],
    ['a missing amount', '/transaction', JSON.stringify({ ...bet, amount: undefined })],
    ['a negative amount', '/transaction', JSON.stringify({ ...bet, amount: '-10.50' })],
    ['an exponent', '/transaction', JSON.stringify(bet).replace('"10.50"', '1e3')],
    ['a repeated amount', '/transaction', JSON.stringify(bet).replace('}', ',"\\u0061mount":"1"}')],
    ['null', '/transaction', 'null'],
    ['a list', '/transaction', '[]'],
    ['text', '/transaction', '"x"'],
    ['a number', '/transaction', '123'],
    ['nothing', '/transaction', ''],
  ])('%s is not read', (_what, path, body) => {
    expect(read(bound, path, body)).toBeUndefined();
  });

  test.each(['/', ''])('bareRoute tells the callbacks apart by action on "%s"', (path) => {
    const bare = bind({ bareRoute: true });
    expect(read(bare, path, JSON.stringify(bet))?.name).toBe('bet');
    expect(read(bare, path, JSON.stringify({ ...bet, action: 'result' }))?.name).toBe('result');
    expect(read(bare, path, JSON.stringify(rollback))?.name).toBe('rollback');
    expect(read(bare, '/transaction', JSON.stringify(bet))?.name).toBe('bet');
    expect(read(bare, path, '{"action":"getBalance","user_id":"42","currency":"USD"}')).toBeUndefined();
  });
});

describe('answers', () => {
  const message = read(bound, '/transaction', JSON.stringify(bet));

  test('an applied movement tells our transaction id, and nothing else', () => {
    expect(message?.reply(applied)).toEqual({ status: 200, body: '{"error":null,"transaction_id":"T-1"}' });
  });

  test('a repeat is answered with the same bytes', () => {
    const later = { ...balanceNow, sequence: 21n, balanceUnits: 0n };
    for (const each of [message, read(bind({ balanceInAnswer: true }), '/transaction', JSON.stringify(bet))]) {
      expect(each?.reply({ ...applied, type: 'replayed', balance: later })).toEqual(each?.reply(applied));
    }
  });

  test('balanceInAnswer adds the balance after this movement', () => {
    const answer = read(bind({ balanceInAnswer: true }), '/transaction', JSON.stringify(bet))?.reply(applied);
    expect(answer).toEqual({
      status: 200,
      body: '{"error":null,"transaction_id":"T-1","balance":"89.50","currency":"USD"}',
    });
  });

  test.each<[Balance, string]>([
    [{ lane: 3, walletId: 7n, sequence: 1n, balanceUnits: 1n, currency: 'USD', scale: 6 }, '0.000001'],
    [{ lane: 3, walletId: 7n, sequence: 1n, balanceUnits: -20_000_000n, currency: 'USD', scale: 6 }, '-20.00'],
    [{ lane: 3, walletId: 7n, sequence: 1n, balanceUnits: 12n, currency: 'JPY', scale: 0 }, '12'],
  ])('a balance inquiry is answered with the balance %#', (balance, text) => {
    const { currency } = balance;
    const inquiry = JSON.stringify({ action: 'getBalance', user_id: '42', currency });
    const asked = read(bind({ balanceCallback: true }), '/', inquiry);
    expect(asked?.command).toEqual({ kind: 'balance', brand: 'demo', player: '42', currency });
    expect(asked?.reply({ type: 'done', balance, flags: [] })).toEqual({
      status: 200,
      body: `{"error":null,"balance":"${text}","currency":"${currency}"}`,
    });
  });
});

describe('refusals', () => {
  const internalError: Reply = { status: 200, body: '{"error":"INTERNAL_ERROR"}' };
  const funds: Reply = { status: 200, body: '{"error":"INSUFFICIENT_FUNDS"}' };

  test.each(codes)('a bet refused with %s gets HTTP 200 and a code of the document', (code) => {
    const expected = ['INSUFFICIENT_FUNDS', 'WALLET_IN_DEBT', 'LIMIT_REACHED'].includes(code) ? funds : internalError;
    expect(bound.refuse(code, { callback: 'bet' })).toEqual(expected);
  });

  test.each(codes.filter(isTransient))(
    '%s leaves results and rollbacks unanswered, so that they come again',
    (code) => {
      expect(bound.refuse(code, { callback: 'result' })).toBe(closeConnection);
      expect(bound.refuse(code, { callback: 'rollback' })).toBe(closeConnection);
      expect(bound.refuse(code, { callback: undefined })).toBe(closeConnection);
      expect(bound.refuse(code, { callback: 'balance' })).toEqual(internalError);
    },
  );

  test.each(codes.filter((code) => !isTransient(code)))('%s is answered, whatever the callback', (code) => {
    for (const callback of ['result', 'rollback', 'balance', undefined]) {
      expect(bound.refuse(code, { callback })).toMatchObject({ status: 200 });
    }
  });

  test("the code for missing funds can have the PDF's spelling", () => {
    const answer = bind({ insufficientFundsCode: 'INSUFFICENT_FUNDS' }).refuse('INSUFFICIENT_FUNDS', {
      callback: 'bet',
    });
    expect(answer).toEqual({ status: 200, body: '{"error":"INSUFFICENT_FUNDS"}' });
  });

  test('a bad signature can be answered with 401, nothing else can', () => {
    const strict = bind({ badSignatureStatus: 401 });
    expect(strict.refuse('UNAUTHENTICATED', { callback: undefined })).toEqual({ ...internalError, status: 401 });
    expect(strict.refuse('MALFORMED', { callback: undefined })).toEqual(internalError);
  });
});

describe('settings', () => {
  test.each([
    ['an unknown key', { colour: 'blue' }],
    ['no secret', { securityHash: [] }],
    ['a secret that is no list', { securityHash: 'test-security-hash' }],
    ['an empty secret', { securityHash: [''] }],
    ['a short secret', { securityHash: ['changeme'] }],
    ['a padded secret', { securityHash: ['test-security-hash '] }],
    ['a repeated secret', { securityHash: ['test-security-hash', 'test-security-hash'] }],
    ['six secrets', { securityHash: Array.from({ length: 6 }, (_, i) => `test-security-hash-${i}`) }],
    ['an empty password', { password: '' }],
    ['a padded username', { username: ' casino' }],
    ['a script as URL', { apiUrl: 'javascript:alert(1)' }],
    ['a file as URL', { apiUrl: 'file:///etc/passwd' }],
    ['credentials in the URL', { apiUrl: 'https://a:b@provider.example' }],
    ['a query in the URL', { apiUrl: 'https://provider.example/?a=b' }],
    ['a version that climbs', { apiVersion: '..' }],
    ['a version of two segments', { apiVersion: '1/2' }],
    ['another status for bad signatures', { badSignatureStatus: 500 }],
    ['another code for missing funds', { insufficientFundsCode: 'NO_MONEY' }],
    ['text for a switch', { bareRoute: 'yes' }],
    ['no address', { sourceAddresses: [] }],
    ['an address that is no list', { sourceAddresses: '192.0.2.7' }],
    ['a name for an address', { sourceAddresses: ['192.0.2.7', 'igpx.example'] }],
    ['a range of too many bits', { sourceAddresses: ['192.0.2.0/33'] }],
  ])('%s is refused', (_what, overrides) => {
    expect(() => bind(overrides)).toThrow(z.ZodError);
  });

  test('a refused secret is not in the message', () => {
    expect(() => bind({ securityHash: ['swordfish '] })).not.toThrow(/swordfish/);
  });
});

const Fixture = z.strictObject({
  title: z.string(),
  source: z.string(),
  settings: z.record(z.string(), z.unknown()).optional(),
  before: z.record(z.string(), z.record(z.string(), z.string())),
  exchanges: z.array(
    z.strictObject({
      request: z.strictObject({
        method: z.string(),
        path: z.string(),
        headers: z.record(z.string(), z.string()),
        body: z.string(),
      }),
      command: z.record(z.string(), z.string()).optional(),
      answer: z.strictObject({ status: z.number(), body: z.string() }),
      after: z.record(z.string(), z.record(z.string(), z.string())),
    }),
  ),
});

const AcceptedAnswer = z.object({ transaction_id: z.string(), balance: z.string().default('0') });

const fixtures = new URL('../../src/adapters/igpx/fixtures/', import.meta.url);

describe('fixtures', () => {
  test.each(readdirSync(fixtures))('%s is signed, read and answered as it says', (file) => {
    const fixture = Fixture.parse(JSON.parse(readFileSync(new URL(file, fixtures), 'utf8')));
    const adapter = bind(fixture.settings);
    for (const { request, command, answer } of fixture.exchanges) {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      const arrived: CallbackRequest = { ...arrival, ...request, headers, body: Buffer.from(request.body) };
      expect(adapter.signer.verify(arrived) !== undefined).toBe(command !== undefined);
      const message = read(adapter, request.path, request.body);
      if (command === undefined) continue;
      expect(summary(message?.command)).toEqual(command);
      if (!answer.body.startsWith('{"error":null') || kindOf(message?.command) === 'balance') continue;
      const { transaction_id: transactionId, balance } = AcceptedAnswer.parse(JSON.parse(answer.body));
      const { units: balanceAfterUnits } = unitsFloor(decimalAmount.parse(balance), receipt.scale);
      const outcome = { ...applied, receipt: { ...receipt, transactionId, balanceAfterUnits } };
      expect(message?.reply(outcome)).toEqual(answer);
    }
  });
});

function kindOf(command: CallbackCommand | undefined): string | undefined {
  return typeof command === 'object' ? command.kind : command;
}

function summary(command: CallbackCommand | undefined): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const [name, value] of Object.entries(command ?? {})) {
    if (name === 'brand' || name === 'integration') continue;
    const amount = z.object({ digits: z.bigint(), decimals: z.number() }).safeParse(value).data;
    facts[name] = amount === undefined ? String(value) : formatUnits(amount.digits, amount.decimals, amount.decimals);
  }
  return facts;
}
