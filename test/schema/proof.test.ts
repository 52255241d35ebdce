import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatTransactionId } from '../../src/ledger/ids.js';
import { Secret } from '../../src/observability/secret.js';
import { startTestApp } from '../support/app.js';
import { createTestPlayer, type TestPlayer } from '../support/database.js';
import { codes, request } from './client.js';

const keys = generateKeyPairSync('ed25519');
const privateKey = new Secret(keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
let app: Awaited<ReturnType<typeof startTestApp>>;
let without: Awaited<ReturnType<typeof startTestApp>>;
let alice: TestPlayer;

beforeAll(async () => {
  app = await startTestApp({ config: { proofs: { privateKey, earlierKeys: [] } } });
  without = await startTestApp({ database: app.database });
  alice = await createTestPlayer(app.database, { externalId: 'alice' });
  await createTestPlayer(app.database, { externalId: 'bob' });
});
afterAll(async () => {
  await without.close();
  await app.close();
});

const query = `query ($id: ID!) { transaction(id: $id) { proof { text previousHash hash complete links { sequence text hash }
  head { walletId sequence hash signedAt keyId signature } } } }`;
const transactionId = (player = alice): string =>
  formatTransactionId({ lane: player.lane, walletId: player.wallets.get('EUR') ?? 0n, sequence: 1n });

interface Head {
  readonly walletId: string;
  readonly sequence: string;
  readonly hash: string;
  readonly signedAt: string;
  readonly keyId: string;
  readonly signature: string;
}

test('staff and the player itself get a proof that holds under the key the gateway names', async () => {
  for (const as of [await app.token('player', 'alice'), await app.token('support')]) {
    const { data, errors } = await request(app, as, query, { id: transactionId() });
    expect(errors).toEqual([]);
    const transaction = data?.['transaction'] as { proof: { head: Head; hash: string; text: string } };
    const { proof } = transaction;
    expect(proof).toMatchObject({ previousHash: '', complete: true, links: [] });
    expect(proof.text).toMatch(/\|7:deposit\|7:cashier\|/);
    expect(proof.head.hash).toBe(proof.hash);
    const { walletId, sequence, hash, signedAt, keyId, signature } = proof.head;
    const answer = await request(app, as, '{ proofKeys { id publicKey current } }');
    const proofKeys = answer.data?.['proofKeys'] as { id: string; publicKey: string; current: boolean }[];
    const [key] = proofKeys;
    expect(key).toMatchObject({ id: keyId, current: true });
    const signed = `croupier head v1|${walletId}|${sequence}|${hash}|${signedAt}|${keyId}`;
    const publicKey = createPublicKey(key?.publicKey ?? '');
    expect(verify(null, Buffer.from(signed), publicKey, Buffer.from(signature, 'base64'))).toBe(true);
  }
  expect(app.log.join('')).not.toContain('PRIVATE KEY');
});

test('nobody else gets one', async () => {
  const unknown = await request(app, await app.token('player', 'bob'), query, { id: 'tx_00zzzz_1' });
  for (const as of [await app.token('player', 'bob'), await app.token('operator', 'boss', { brand: 'other' })])
    expect((await request(app, as, query, { id: transactionId() })).text).toBe(unknown.text);
  expect((await request(app, undefined, query, { id: transactionId() })).status).toBe(401);
});

test('a gateway without a key says how to have one, and answers the rest', async () => {
  const as = await app.token('support');
  const both = 'query ($id: ID!) { proofKeys { id } transaction(id: $id) { sequence proof { hash } } }';
  const answer = await request(without, as, both, { id: transactionId() });
  expect(codes(answer)).toEqual(['PROOFS_NOT_CONFIGURED']);
  expect(answer.errors[0]?.message).toContain('proofs.privateKey');
  expect(answer.data).toEqual({ proofKeys: [], transaction: { sequence: '1', proof: null } });
});

test('a broken chain is told, and logged as an error, and not signed', async () => {
  const victim = await createTestPlayer(app.database);
  const setKey = (change: string): Promise<unknown> =>
    app.database.owner.query(`update ledger_transaction set external_key = ${change} where player_id = $1`, [
      victim.id,
    ]);
  await setKey("'forged ' || external_key");
  const before = app.log.length;
  const answer = await request(app, await app.token('support'), query, { id: transactionId(victim) });
  await setKey("replace(external_key, 'forged ', '')");
  expect(codes(answer)).toEqual(['CHAIN_BROKEN']);
  expect(answer.data).toEqual({ transaction: { proof: null } });
  const lines = app.log.slice(before).map((line): Record<string, unknown> => JSON.parse(line));
  expect(lines.filter(({ level }) => level === 50)).toEqual([
    expect.objectContaining({ msg: 'the hash chain of a wallet is broken', wallet: expect.any(String), sequence: '1' }),
  ]);
});

test('three proofs are as much as one operation may ask for', async () => {
  const as = await app.token('player', 'alice');
  const list = (first: number): string =>
    `{ transactions(first: ${first}) { edges { node { proof { links { sequence text hash } } } } } }`;
  expect(codes(await request(app, as, list(2)))).toEqual([]);
  expect(codes(await request(app, as, list(4)))).toEqual(['QUERY_TOO_COMPLEX']);
});
