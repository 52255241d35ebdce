import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { ProviderMovement, ProviderVoice } from '../../src/adapters/provider-side.js';
import { hmacSha256 } from '../../src/adapters/kit/signers.js';
import { faultKinds } from '../../src/simulator/faults.js';
import { seededRandom } from '../../src/simulator/random.js';
import { createSender, type Exchange, type SenderOptions } from '../../src/simulator/sender.js';
import { afterThisTest, json, serve } from '../support/loopback.js';

/** How any provider sends. The one here sends bets once and the rest up to three times, and says its messages as they are. */

const signer = hmacSha256({ headers: ['x-signature'], secrets: ['a-secret-of-the-test'], encoding: 'hex' });

const voice: ProviderVoice = {
  signer,
  speaks: ['bet', 'win', 'rollback'],
  newId: (seed) => `id-${seed}`,
  say({ kind, id, ...message }) {
    const target = 'target' in message ? message.target?.id : undefined;
    const body = Buffer.from(JSON.stringify({ kind, id, target }));
    return { method: 'POST', path: `/${kind}`, query: 'v=1', headers: {}, body };
  },
  hear: (_message, { status, body }) =>
    status === 200
      ? { type: 'accepted', balance: undefined, transactionId: body }
      : status === 500
        ? { type: 'failed' }
        : { type: 'refused', why: 'other', balance: undefined },
  afterwards({ kind }, attempt, result) {
    if (result !== 'no-answer' && result.type !== 'failed') return { act: 'rest' };
    if (kind === 'bet') return { act: 'roll-back' };
    return attempt < 3 ? { act: 'repeat', afterMs: 10 } : { act: 'rest' };
  },
};

const bet: ProviderMovement = {
  kind: 'bet',
  id: 'b-1',
  player: 'alice',
  currency: 'EUR',
  amount: '5.00',
  round: 'r-1',
  game: 'g',
  session: 's',
};
const win: ProviderMovement = { ...bet, kind: 'win', id: 'w-1', target: bet };

const accept = (_received: unknown, response: ServerResponse) => json(response, 'tx');

async function send(answer: Parameters<typeof serve>[0], options: Partial<SenderOptions> = {}) {
  const { url, received } = await serve(answer);
  const sender = createSender({ voice, callbackUrl: `${url}/callbacks/x`, timeoutMs: 200, firstId: 1, ...options });
  afterThisTest(() => sender.close());
  const exchanges: Exchange[] = [];
  const kinds = () => received.map(({ path }) => path.replace('/callbacks/x/', '').replace('?v=1', ''));
  return { sender, received, kinds, exchanges, onExchange: (each: Exchange) => void exchanges.push(each) };
}

describe('without faults', () => {
  test('a message goes to its path, signed over its bytes', async () => {
    const { sender, received, kinds } = await send(accept);
    expect(await sender.deliver(bet)).toMatchObject({ attempts: 1, result: { type: 'accepted' }, undone: undefined });
    expect(kinds()).toEqual(['bet']);
    const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = received;
    const request = { method: 'POST', path, query: '', headers, body: Buffer.from(body), remoteAddress: '' };
    expect(signer.verify(request)).toBe(request);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['a closed connection', (response) => response.destroy()],
    ['a passing failure', (response) => json(response, {}, 500)],
    ['half an answer', (response) => void response.write('{"error":', () => response.destroy())],
    ['silence', () => undefined],
  ])('after %s it is sent again as the document says, byte for byte', async (_what, failure) => {
    const { sender, received } = await send((_received, response, count) =>
      count <= 2 ? failure(response) : accept(_received, response),
    );
    expect(await sender.deliver(win)).toMatchObject({ attempts: 3, result: { type: 'accepted' } });
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
  });

  test('it is given up when the document says so', async () => {
    const { sender, received } = await send((_received, response) => response.destroy());
    expect(await sender.deliver(win)).toMatchObject({ attempts: 3, result: 'no-answer' });
    expect(received).toHaveLength(3);
  });

  test('a bet nobody answered is taken back, where the document says so', async () => {
    const { sender, received, kinds } = await send((_received, response, count) =>
      count === 1 ? response.destroy() : accept(_received, response),
    );
    const { result, undone } = await sender.deliver(bet);
    expect([result, undone?.result]).toEqual(['no-answer', expect.objectContaining({ type: 'accepted' })]);
    expect(kinds()).toEqual(['bet', 'rollback']);
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({ target: 'b-1' });
  });

  test('what was accepted is remembered, once', async () => {
    const { sender } = await send(accept);
    await sender.deliver(bet);
    await sender.deliver(win);
    expect(sender.accepted().map(({ message }) => message.id)).toEqual(['b-1', 'w-1']);
  });

  test('numbers are never given twice', async () => {
    const { sender } = await send(accept, { firstId: 2 ** 40 - 2 });
    expect([sender.newId(), sender.newId(), sender.newId()]).toEqual(['id-1099511627774', 'id-1099511627775', 'id-1']);
  });

  test('closing ends the wait for the next attempt', async () => {
    const { sender, received } = await send((_received, response) => response.destroy(), { patience: 6_000 });
    const delivery = await sender.deliver(win, { onExchange: () => void setImmediate(() => sender.close()) });
    expect(delivery.result).toBe('no-answer');
    expect(received).toHaveLength(1);
  });
});

describe('faults', () => {
  test('a lost answer was given, and the provider acts as if it was not', async () => {
    const { sender, kinds, exchanges, onExchange } = await send(accept);
    const { result, undone } = await sender.deliver(bet, { fault: 'lose-answer', onExchange });
    expect([result, undone?.result]).toEqual(['no-answer', expect.objectContaining({ type: 'accepted' })]);
    expect(kinds()).toEqual(['bet', 'rollback']);
    expect(exchanges.map(({ verdict, fault }) => [verdict, fault])).toEqual([
      [expect.objectContaining({ type: 'accepted' }), 'lose-answer'],
      [expect.objectContaining({ type: 'accepted' }), undefined],
    ]);
  });

  test('a duplicate is the same bytes twice, before either is answered', async () => {
    const waiting: ServerResponse[] = [];
    const { sender, received } = await send((_received, response) => {
      waiting.push(response);
      if (waiting.length === 2) for (const each of waiting) json(each, 'tx');
    });
    expect(await sender.deliver(win, { fault: 'duplicate' })).toMatchObject({
      attempts: 1,
      result: { type: 'accepted' },
    });
    expect(received).toHaveLength(2);
    expect(received[0]?.body).toBe(received[1]?.body);
  });

  test("a movement out of order comes after the player's next one, and waits for nobody else's", async () => {
    const { sender, received } = await send(accept, { patience: 1_000 });
    const held = sender.deliver(bet, { fault: 'reorder' });
    await sender.deliver({ ...bet, id: 'b-2', player: 'bob' });
    await sender.deliver({ ...bet, id: 'b-3' });
    await held;
    expect(received.map(({ body }) => (JSON.parse(body) as { id: string }).id)).toEqual(['b-2', 'b-3', 'b-1']);
  });

  test('a movement out of order without a next one goes all the same', async () => {
    const { sender, received } = await send(accept, { patience: 0.01 });
    await sender.deliver(bet, { fault: 'reorder' });
    expect(received).toHaveLength(1);
  });

  test('an early rollback comes before its bet', async () => {
    const { sender, kinds } = await send(accept);
    const { undone } = await sender.deliver(bet, { fault: 'rollback-first' });
    expect(undone?.message.target).toBe(bet);
    expect(kinds()).toEqual(['rollback', 'bet']);
  });

  test('a protocol without rollbacks has no early ones', async () => {
    const { sender, kinds } = await send(accept, { voice: { ...voice, speaks: ['bet', 'win'] } });
    await sender.deliver(bet, { fault: 'rollback-first' });
    expect(kinds()).toEqual(['bet']);
  });

  test.each([...faultKinds])('%s: the same seed meets it at the same messages', async (kind) => {
    const met: string[][] = [];
    for (let run = 0; run < 2; run++) {
      const { sender, exchanges, onExchange } = await send(accept, {
        random: seededRandom(7),
        faults: { rate: 0.5, kinds: [kind] },
        patience: 0.001,
      });
      for (let index = 0; index < 20; index++) await sender.deliver({ ...bet, id: `b-${index}` }, { onExchange });
      met.push(exchanges.flatMap(({ message, fault }) => (fault === undefined ? [] : [message?.id ?? ''])));
    }
    expect(met[0]?.length).toBeGreaterThan(0);
    expect(met[1]).toEqual(met[0]);
  });
});
