import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createReads, type Reads } from '../../src/database/reads.js';
import { createProofs, headText, type Proof, ProofError, type Proofs } from '../../src/history/proof.js';
import { formatTransactionId } from '../../src/ledger/ids.js';
import { Secret } from '../../src/observability/secret.js';
import { createTestDatabase, createTestPlayer, type TestDatabase, type TestPlayer } from '../support/database.js';
import { writeRows } from './ledger-rows.js';

const keys = generateKeyPairSync('ed25519');
const otherKeys = generateKeyPairSync('ed25519');
const pemOf = (key: typeof keys): string => key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const publicPemOf = (key: typeof keys): string => key.publicKey.export({ format: 'pem', type: 'spki' }).toString();

let db: TestDatabase;
let reads: Reads;
let directory: string;
let proofs: Proofs;
let broken: object[];
let alice: TestPlayer;

beforeAll(async () => {
  db = await createTestDatabase();
  reads = createReads({ primary: { connectionString: db.url, max: 2 }, logger: pino({ level: 'silent' }) });
  directory = mkdtempSync(join(tmpdir(), 'croupier-proof-'));
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await reads.close();
  await db.close();
});
beforeEach(async () => {
  broken = [];
  const config = { privateKey: new Secret(pemOf(keys)), earlierKeys: [publicPemOf(otherKeys)] };
  proofs = createProofs({ reads, config, broken: (place) => broken.push(place) });
  alice = await createTestPlayer(db, { balances: { EUR: '0' } });
});

const start = Date.parse('2026-05-01T10:00:00.000Z');
const place = (sequence: bigint) => ({ lane: alice.lane, walletId: alice.wallets.get('EUR') ?? 0n, sequence });

/** A wallet of alternating wins and bets; rounds in several scripts, because sizes are counted in bytes. */
async function play(count: number): Promise<void> {
  await writeRows(
    db,
    alice,
    Array.from({ length: count }, (_, index) => ({
      createdAt: new Date(start + index * 1_000),
      effect: index % 2 === 0 ? 100n : -30n,
      round: ['r1', 'Ränder|円 🎰', null][index % 3] ?? null,
    })),
  );
}

interface Shown {
  readonly id: string;
  readonly proof: {
    text: string;
    previousHash: string;
    hash: string;
    links: { sequence: string; text: string; hash: string }[];
    head: { walletId: string; sequence: string; hash: string; signedAt: string; keyId: string; signature: string };
  };
}

/** As the API shows it. */
function shown(sequence: bigint, { head, ...proof }: Proof): Shown {
  return {
    id: formatTransactionId(place(sequence)),
    proof: {
      text: proof.text,
      previousHash: proof.previousHash.toString('hex'),
      hash: proof.hash.toString('hex'),
      links: proof.links.map((link) => ({
        sequence: String(link.sequence),
        text: link.text,
        hash: link.hash.toString('hex'),
      })),
      head: {
        walletId: head.walletId,
        sequence: String(head.sequence),
        hash: head.hash.toString('hex'),
        signedAt: head.signedAt.toISOString(),
        keyId: head.keyId,
        signature: head.signature.toString('base64'),
      },
    },
  };
}

const run = promisify(execFile);
/** What the example of the documentation says of a proof. */
async function verified(answer: object, pem = publicPemOf(keys)): Promise<string> {
  const [answerFile, keyFile] = [join(directory, 'answer.json'), join(directory, 'key.pem')];
  writeFileSync(answerFile, JSON.stringify({ data: { transaction: answer } }));
  writeFileSync(keyFile, pem);
  const script = join(import.meta.dirname, '../../docs/examples/verify-proof.mjs');
  try {
    return (await run(process.execPath, [script, answerFile, keyFile])).stdout;
  } catch (error) {
    return error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
  }
}

describe('a proof', () => {
  test('of any row of a wallet is verified by the example, with what the row says', async () => {
    await play(7);
    for (const sequence of [1n, 2n, 6n, 7n]) {
      const proof = await proofs.prove(place(sequence));
      expect(proof.links).toHaveLength(7 - Number(sequence));
      expect(proof.complete).toBe(true);
      const said = await verified(shown(sequence, proof));
      expect(JSON.parse(said)).toMatchObject({
        proved: formatTransactionId(place(sequence)),
        externalKey: `EUR-${sequence}`,
        effectUnits: sequence % 2n === 1n ? '100' : '-30',
        round: ['r1', 'Ränder|円 🎰', null][(Number(sequence) - 1) % 3],
        receivedAt: new Date(start + (Number(sequence) - 1) * 1_000).toISOString(),
        rowsAfterIt: 7 - Number(sequence),
      });
    }
  });

  test('is signed by the current key, over one form of text', async () => {
    await play(2);
    const { head } = await proofs.prove(place(2n));
    expect(headText(head)).toBe(
      `croupier head v1|${head.walletId}|2|${head.hash.toString('hex')}|${head.signedAt.toISOString()}|${head.keyId}`,
    );
    const current = proofs.keys.find(({ id }) => id === head.keyId);
    expect(current?.current).toBe(true);
    const key = createPublicKey(current?.publicKey ?? '');
    expect(verify(null, Buffer.from(headText(head)), key, head.signature)).toBe(true);
  });

  test('names the keys of before as well, which sign no more', () => {
    expect(proofs.keys.map(({ publicKey, current }) => ({ publicKey, current }))).toEqual([
      { publicKey: publicPemOf(keys), current: true },
      { publicKey: publicPemOf(otherKeys), current: false },
    ]);
    expect(new Set(proofs.keys.map(({ id }) => id)).size).toBe(2);
  });

  test('goes 1,000 rows on at most, and the head is that of its last row', async () => {
    await play(1_003);
    const cut = await proofs.prove(place(2n));
    expect([cut.links.length, cut.complete, cut.head.sequence]).toEqual([1_000, false, 1_002n]);
    expect(await verified(shown(2n, cut))).toContain('"rowsAfterIt": 1000');
    const whole = await proofs.prove(place(3n));
    expect([whole.links.length, whole.complete, whole.head.sequence]).toEqual([1_000, true, 1_003n]);
  });

  test('that was tampered with anywhere is refused by the example', async () => {
    await play(4);
    const honest = shown(2n, await proofs.prove(place(2n)));
    const { proof } = honest;
    const [first, second] = proof.links;
    if (first === undefined || second === undefined) throw new Error('No links');
    const flipped = (hash: string): string => (hash.startsWith('0') ? '1' : '0') + hash.slice(1);
    const withHead = (head: object): object => ({ ...honest, proof: { ...proof, head: { ...proof.head, ...head } } });
    const withLinks = (links: object[]): object => ({ ...honest, proof: { ...proof, links } });
    const withProof = (more: object): object => ({ ...honest, proof: { ...proof, ...more } });
    const tampered: Record<string, object> = {
      'another amount': withProof({ text: proof.text.replace('|-30|', '|-20|') }),
      'another round': withProof({ text: proof.text.replace('円', '元') }),
      'text behind the row': withProof({ text: `${proof.text}|~` }),
      'another hash': withProof({ hash: flipped(proof.hash) }),
      'another hash before it': withProof({ previousHash: flipped(proof.previousHash) }),
      'no hash before it': withProof({ previousHash: '' }),
      'another transaction': { ...honest, id: honest.id.replace(/_2$/, '_3') },
      'a link left out': withLinks([second]),
      'links exchanged': withLinks([second, first]),
      'the last link left out': withLinks([first]),
      'a link twice': withLinks([first, first, second]),
      'another amount in a link': withLinks([{ ...first, text: first.text.replace('|100|', '|900|') }, second]),
      'another sequence of a link': withLinks([{ ...first, sequence: '4' }, second]),
      'another wallet': withHead({ walletId: `${proof.head.walletId}0` }),
      'another time': withHead({ signedAt: new Date(0).toISOString() }),
      'another head': withHead({ sequence: '5' }),
      'another signature': withHead({ signature: Buffer.alloc(64).toString('base64') }),
      'no signature': withHead({ signature: '' }),
      'a key that nobody knows': withHead({ keyId: '0000000000000000' }),
      'no proof': { id: honest.id, proof: null },
    };
    expect(await verified(honest)).toContain('"proved"');
    for (const [name, answer] of Object.entries(tampered)) {
      expect(`${name}: ${await verified(answer)}`).toMatch(/: NOT PROVED: /);
    }
    expect(await verified(honest, publicPemOf(otherKeys))).toMatch(/^NOT PROVED: no key/);
  });
});

describe('no proof is given', () => {
  /** Changes what stands in the ledger behind the gateway's back, for the time of one question. */
  async function refusedAfter(change: string, asked = 2n): Promise<ProofError> {
    const client = await db.owner.connect();
    try {
      await client.query('begin');
      // The proof is read on the connection that sees the change.
      const seeing: Pick<Reads, 'query'> = {
        query: async ({ text }, values) => (await client.query(text, [...values])).rows,
      };
      const config = { privateKey: new Secret(pemOf(keys)), earlierKeys: [] };
      const own = createProofs({ reads: seeing, config, broken: (at) => broken.push(at) });
      await client.query(change, [alice.lane, alice.wallets.get('EUR')]);
      const outcome = await own.prove(place(asked)).catch((error: unknown) => error);
      if (!(outcome instanceof ProofError)) throw new Error(`Expected a refusal of: ${change}`);
      return outcome;
    } finally {
      await client.query('rollback');
      client.release();
    }
  }
  const ofWallet = 'lane = $1 and wallet_id = $2';

  test.for([
    ['its amount', 'update ledger_transaction set stated = 31, effect = -31', 'sequence = 2', '2'],
    ['its round', "update ledger_transaction set round = 'x'", 'sequence = 2', '2'],
    ['its flags', "update ledger_transaction set flags = '{late-bet}'", 'sequence = 2', '2'],
    ['its hash', "update ledger_transaction set hash = sha256('x')", 'sequence = 2', '2'],
    ['the hash before it', "update ledger_transaction set hash = sha256('x')", 'sequence = 1', '2'],
    ['a row after it', "update ledger_transaction set external_key = 'x'", 'sequence = 4', '4'],
    ['a time after it', "update ledger_transaction set created_at = created_at + interval '1 ms'", 'sequence = 5', '5'],
    ['a row taken out', 'delete from ledger_transaction', 'sequence = 3', '3'],
    ['the row before it taken out', 'delete from ledger_transaction', 'sequence = 1', '1'],
    ['the row itself taken out', 'delete from ledger_transaction', 'sequence = 2', '2'],
    ['the last row taken out', 'delete from ledger_transaction', 'sequence = 5', '5'],
  ] as const)('when somebody changed %s, and the place is told', async ([, change, where, sequence]) => {
    await play(5);
    const error = await refusedAfter(`${change} where ${ofWallet} and ${where}`);
    expect(error.code).toBe('CHAIN_BROKEN');
    expect(error.message).toContain(`at sequence ${sequence}:`);
    expect(broken).toEqual([{ wallet: expect.stringMatching(/^wa_/), sequence, what: expect.any(String) }]);
  });

  test('when the wallet has another head', async () => {
    await play(3);
    for (const change of ["head = sha256('x')", 'sequence = 4', 'sequence = 2']) {
      const error = await refusedAfter(`update wallet set ${change} where lane = $1 and id = $2`);
      expect(error.code).toBe('CHAIN_BROKEN');
    }
  });

  test('without a key, and the error says how to have one', async () => {
    await play(1);
    const without = createProofs({ reads, config: undefined, broken: (at) => broken.push(at) });
    expect(without.keys).toEqual([]);
    await expect(without.prove(place(1n))).rejects.toMatchObject({
      code: 'PROOFS_NOT_CONFIGURED',
      message: expect.stringContaining('proofs.privateKey'),
    });
    expect(broken).toEqual([]);
  });
});
