import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { ProofsConfig } from '../config/types.js';
import type { PreparedRead, ReadOptions, Reads } from '../database/reads.js';
import { CHAIN_START, type ChainedRow, chainHash, chainText } from '../ledger/chain.js';
import { CHAINED_COLUMNS, type ChainedColumns, chainedRow } from '../ledger/chained-columns.js';
import { formatId, type TransactionId } from '../ledger/ids.js';
import { keyIdOf, readPrivateKey, readPublicKey } from './proof-key.js';

/**
 * Proof that a row stands in a wallet's chain as it is shown: the texts that were hashed, link by link up to a head that the
 * gateway signs. Whoever keeps a signed head can show later that a row was changed after it (docs/decisions/0015).
 */
export interface Proof {
  /** Exactly what was hashed for the row, after the hash before it. */
  readonly text: string;
  /** Empty before the wallet's first row. */
  readonly previousHash: Buffer;
  readonly hash: Buffer;
  /** The rows after it, oldest first. */
  readonly links: readonly ProofLink[];
  /** Whether the links reach the wallet's last row. */
  readonly complete: boolean;
  readonly head: SignedHead;
}

export interface ProofLink {
  readonly sequence: bigint;
  readonly text: string;
  readonly hash: Buffer;
}

/** The gateway's word, under its key, that the chain of a wallet has this hash at this sequence. */
export interface SignedHead {
  /** Public id of the wallet. */
  readonly walletId: string;
  readonly sequence: bigint;
  readonly hash: Buffer;
  readonly signedAt: Date;
  readonly keyId: string;
  /** Ed25519 over `headText`. */
  readonly signature: Buffer;
}

export interface ProofKey {
  readonly id: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
  /** False for keys that were used before, and no longer sign. */
  readonly current: boolean;
}

export type ProofErrorCode = 'PROOFS_NOT_CONFIGURED' | 'CHAIN_BROKEN';

/** No proof can be given. The message is for whoever asked. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
  constructor(
    readonly code: ProofErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export interface Proofs {
  /** @throws ProofError */
  prove(row: TransactionId, options?: ReadOptions): Promise<Proof>;
  /** The current one first; none when no key is configured. */
  readonly keys: readonly ProofKey[];
}

export interface ProofsOptions {
  readonly reads: Pick<Reads, 'query'>;
  readonly config: ProofsConfig | undefined;
  /** Told when a chain is not what it was, with the place. */
  readonly broken: (place: { wallet: string; sequence: string; what: string }) => void;
  readonly now?: () => Date;
}

/** Rows after the one that is proved. */
export const LINKS_MAX = 1_000;

const NOT_CONFIGURED =
  'This gateway signs no proofs: its configuration has no proofs.privateKey ("openssl genpkey -algorithm ed25519" makes one).';

export function createProofs({ reads, config, broken, now = () => new Date() }: ProofsOptions): Proofs {
  const signer = config === undefined ? undefined : openSigner(config);
  return {
    async prove(place, options) {
      if (signer === undefined) throw new ProofError('PROOFS_NOT_CONFIGURED', NOT_CONFIGURED);
      const chain = await readChain(reads, place, options);
      const fault = faultOf(chain, place.sequence);
      if (fault !== undefined) {
        const wallet = formatId('wallet', { lane: place.lane, id: place.walletId });
        const sequence = fault.sequence.toString();
        broken({ wallet, sequence, what: fault.what });
        throw new ProofError(
          'CHAIN_BROKEN',
          `The hash chain of wallet ${wallet} is broken at sequence ${sequence}: ${fault.what}. Nothing is signed over it.`,
        );
      }
      return proofOf(chain, place, (hash, sequence) => signer.sign(place, sequence, hash, now()));
    },
    keys: signer?.keys ?? [],
  };
}

/** What is signed, in UTF-8. None of the parts can hold the mark between them. */
export function headText({ walletId, sequence, hash, signedAt, keyId }: Omit<SignedHead, 'signature'>): string {
  return `croupier head v1|${walletId}|${sequence}|${hash.toString('hex')}|${signedAt.toISOString()}|${keyId}`;
}

interface Signer {
  readonly keys: readonly ProofKey[];
  sign(wallet: TransactionId, sequence: bigint, hash: Buffer, signedAt: Date): SignedHead;
}

/** The configuration has been checked at start; what is thrown here would have been refused there. */
function openSigner({ privateKey, earlierKeys }: ProofsConfig): Signer {
  const read = readPrivateKey(privateKey.reveal());
  if ('why' in read) throw new Error(`The key of the proofs ${read.why}`);
  const publicKey = createPublicKey(read.key);
  const keyId = keyIdOf(publicKey);
  const earlier = earlierKeys.map((text) => {
    const each = readPublicKey(text);
    if ('why' in each) throw new Error(`An earlier key of the proofs ${each.why}`);
    return keyOf(each.key, false);
  });
  return {
    keys: [keyOf(publicKey, true), ...earlier],
    sign({ lane, walletId }, sequence, hash, signedAt) {
      const head = { walletId: formatId('wallet', { lane, id: walletId }), sequence, hash, signedAt, keyId };
      return { ...head, signature: sign(null, Buffer.from(headText(head)), read.key) };
    },
  };
}

function keyOf(publicKey: KeyObject, current: boolean): ProofKey {
  const pem = publicKey.export({ format: 'pem', type: 'spki' });
  return { id: keyIdOf(publicKey), publicKey: pem.toString(), current };
}

interface StoredLink extends ChainedRow {
  readonly hash: Buffer;
}

interface Chain {
  readonly head: { readonly sequence: bigint; readonly hash: Buffer };
  /** The row before the one asked for, then that one, then what follows. */
  readonly rows: readonly StoredLink[];
}

interface LinkColumns extends ChainedColumns {
  readonly head_sequence: string;
  readonly head: Buffer;
  readonly hash: Buffer;
}

/** In one statement, so that the head is that of the rows. */
const chainOf: PreparedRead = {
  name: 'chain_of_wallet',
  text: `select w.sequence as head_sequence, w.head, t.hash, ${CHAINED_COLUMNS}
    from wallet w join ledger_transaction t on t.lane = w.lane and t.wallet_id = w.id
      and t.sequence >= $3::bigint - 1 and t.sequence <= $3::bigint + $4
    where w.lane = $1 and w.id = $2 order by t.sequence`,
};

async function readChain(
  reads: Pick<Reads, 'query'>,
  { lane, walletId, sequence }: TransactionId,
  options?: ReadOptions,
): Promise<Chain> {
  const columns = await reads.query<LinkColumns>(chainOf, [lane, walletId, sequence, LINKS_MAX], options);
  const [first] = columns;
  return {
    head: { sequence: BigInt(first?.head_sequence ?? 0), hash: first?.head ?? CHAIN_START },
    rows: columns.map((row) => ({ ...chainedRow(row), hash: row.hash })),
  };
}

interface Fault {
  readonly sequence: bigint;
  readonly what: string;
}

/** Whether the chain is what it says: every row in its place, every hash and balance following from the one before. */
function faultOf({ head, rows }: Chain, asked: bigint): Fault | undefined {
  // The first row of a wallet stands on nothing.
  const following = rows.filter(({ sequence }) => sequence >= asked);
  let before = rows.find(({ sequence }) => sequence === asked - 1n);
  if (asked > 1n && before === undefined) return { sequence: asked - 1n, what: 'the row is missing' };
  let expected = asked;
  for (const row of following) {
    if (row.sequence !== expected) break;
    if (!chainHash(before?.hash ?? CHAIN_START, row).equals(row.hash)) {
      return { sequence: row.sequence, what: 'the row, or the one before it, is not as it was written' };
    }
    if (row.balanceAfter !== (before?.balanceAfter ?? 0n) + row.effect) {
      return { sequence: row.sequence, what: 'the balance does not follow from the one before' };
    }
    before = row;
    expected += 1n;
  }
  const last = expected - 1n;
  if (last < asked || (last < head.sequence && last < asked + BigInt(LINKS_MAX))) {
    return { sequence: expected, what: 'the row is missing' };
  }
  if (last > head.sequence || (last === head.sequence && before?.hash.equals(head.hash) !== true)) {
    return { sequence: last, what: 'the wallet has another head' };
  }
  return undefined;
}

/** @param chain without fault */
function proofOf(
  { head, rows }: Chain,
  { sequence }: TransactionId,
  signHead: (hash: Buffer, sequence: bigint) => SignedHead,
): Proof {
  const [row, ...links] = rows.filter((each) => each.sequence >= sequence);
  const last = links.at(-1) ?? row;
  if (row === undefined || last === undefined) throw new Error('A chain without fault lacks its row');
  return {
    text: chainText(row),
    previousHash: rows.find((each) => each.sequence === sequence - 1n)?.hash ?? CHAIN_START,
    hash: row.hash,
    links: links.map((each) => ({ sequence: each.sequence, text: chainText(each), hash: each.hash })),
    complete: last.sequence === head.sequence,
    head: signHead(last.hash, last.sequence),
  };
}
