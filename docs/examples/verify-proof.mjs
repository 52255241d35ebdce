#!/usr/bin/env node
// Verifies the proof of a transaction with nothing but Node: no package, no database, no word of the gateway but its signature.
//
//   node verify-proof.mjs answer.json public-key.pem [more-keys.pem …]
//
// answer.json is the answer to
//
//   query ($id: ID!) {
//     transaction(id: $id) {
//       id
//       proof {
//         text previousHash hash complete
//         links { sequence text hash }
//         head { walletId sequence hash signedAt keyId signature }
//       }
//     }
//   }
//
// and the keys are those of `proofKeys { id publicKey }`, kept from before: a key that comes with the proof proves nothing.
// Exit code 0 with what the row says, or 1 with what is wrong.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [answerFile, ...keyFiles] = process.argv.slice(2);
if (answerFile === undefined || keyFiles.length === 0) {
  console.error('Usage: node verify-proof.mjs answer.json public-key.pem [more-keys.pem …]');
  process.exit(2);
}

try {
  const answer = JSON.parse(readFileSync(answerFile, 'utf8'));
  const transaction = answer.data?.transaction ?? answer.transaction ?? answer;
  const row = verifyProof(transaction, keyFiles.map(readKey));
  console.log(JSON.stringify(row, null, 2));
} catch (error) {
  console.error(`NOT PROVED: ${error.message}`);
  process.exit(1);
}

/** @returns what the row says, once everything holds; throws otherwise */
function verifyProof({ id, proof }, keys) {
  check(proof != null, 'the answer holds no proof');
  const { head, links } = proof;

  // The row says which wallet it stands in and where, and that is what its id says.
  const row = readRow(proof.text);
  const place = row.lane.toString(36).padStart(2, '0') + row.walletId.toString(36);
  check(id === `tx_${place}_${row.sequence.toString(36)}`, 'the row is another one than was asked for');
  check(head.walletId === `wa_${place}`, 'the signed head is that of another wallet');
  check((row.sequence === 1n) === (proof.previousHash === ''), 'only the first row stands on nothing');
  check(proof.previousHash === '' || isHash(proof.previousHash), 'the hash before the row is no hash');
  check(row.sequence > 1n || row.balanceAfter === row.effect, 'the first balance is not what moved');

  // Every hash follows from the one before it, every row from the row before it.
  check(hashOf(proof.previousHash, proof.text) === proof.hash, 'the row does not have its hash');
  let before = { ...row, hash: proof.hash };
  for (const link of links) {
    const next = readRow(link.text);
    check(next.lane === row.lane && next.walletId === row.walletId, 'a link is of another wallet');
    check(
      next.sequence === before.sequence + 1n && String(next.sequence) === link.sequence,
      'a link is out of its place',
    );
    check(next.balanceAfter === before.balanceAfter + next.effect, `the balance at ${next.sequence} does not follow`);
    check(hashOf(before.hash, link.text) === link.hash, `the row at ${next.sequence} does not have its hash`);
    before = { ...next, hash: link.hash };
  }

  // The last hash is the one that was signed, by a key that was known before.
  check(
    head.sequence === String(before.sequence) && head.hash === before.hash,
    'the chain does not end at the signed head',
  );
  const key = keys.find((each) => keyIdOf(each) === head.keyId);
  check(key !== undefined, `no key with the id ${head.keyId} was given`);
  const signed = ['croupier head v1', head.walletId, head.sequence, head.hash, head.signedAt, head.keyId].join('|');
  const signature = Buffer.from(head.signature, 'base64');
  check(verify(null, Buffer.from(signed), key, signature), 'the signature of the head is not that of its key');

  return {
    proved: id,
    wallet: head.walletId,
    kind: row.kind,
    integration: row.integration,
    externalKey: row.externalKey,
    round: row.round,
    effectUnits: String(row.effect),
    balanceAfterUnits: String(row.balanceAfter),
    receivedAt: new Date(Number(row.receivedAt)).toISOString(),
    rowsAfterIt: links.length,
    headSignedAt: head.signedAt,
  };
}

/** The facts of a row: seven numbers, then eleven fields of their own size. Sizes are in bytes. */
function readRow(text) {
  const start = /^(\d+)\|(\d+)\|(\d+)\|(\d+)\|(-?\d+)\|(-?\d+)\|(-?\d+)(?=\|)/.exec(text);
  check(start !== null, 'a row is not written as rows are');
  const [lane, walletId, sequence, playerId, effect, balanceAfter, receivedAt] = start.slice(1).map(BigInt);
  let rest = Buffer.from(text.slice(start[0].length));
  const field = () => {
    if (rest.subarray(0, 2).toString() === '|~') {
      rest = rest.subarray(2);
      return null;
    }
    const size = /^\|(\d+):/.exec(rest.toString('latin1'));
    check(size !== null, 'a row is not written as rows are');
    const [from, to] = [size[0].length, size[0].length + Number(size[1])];
    check(to <= rest.length, 'a row is not written as rows are');
    const value = rest.subarray(from, to).toString();
    rest = rest.subarray(to);
    return value;
  };
  const names = [
    'stated',
    'undoes',
    'resolves',
    'kind',
    'integration',
    'externalKey',
    'target',
    'round',
    'game',
    'rest',
  ];
  const fields = Object.fromEntries([...names, 'flags'].map((name) => [name, field()]));
  check(rest.length === 0, 'a row is not written as rows are');
  return { lane, walletId, sequence, playerId, effect, balanceAfter, receivedAt, ...fields };
}

function hashOf(previousHash, text) {
  return createHash('sha256').update(Buffer.from(previousHash, 'hex')).update(text, 'utf8').digest('hex');
}

function isHash(text) {
  return /^[0-9a-f]{64}$/.test(text);
}

function readKey(file) {
  const key = createPublicKey(readFileSync(file, 'utf8'));
  check(key.asymmetricKeyType === 'ed25519', `${file} holds no key of Ed25519`);
  return key;
}

function keyIdOf(key) {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex')
    .slice(0, 16);
}

function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
