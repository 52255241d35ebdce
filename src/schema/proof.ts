import { Ctx, Field, FieldResolver, ID, ObjectType, Query, Resolver, Root } from 'type-graphql';
import { type Proof, ProofError, type ProofKey, type ProofLink, type SignedHead } from '../history/proof.js';
import type { GraphqlContext } from './context.js';
import { apiError } from './errors.js';
import { DateTimeScalar } from './scalars.js';
import { TransactionObject } from './transaction.js';

@ObjectType('ProofLink', { description: 'A later row of the same wallet, as it was hashed.' })
class ProofLinkObject {
  readonly link: ProofLink;

  constructor(link: ProofLink) {
    this.link = link;
  }

  @Field(() => String, { description: 'Whole number, as text: the place of the row in its wallet.' })
  get sequence(): string {
    return this.link.sequence.toString();
  }

  @Field(() => String, { description: 'Exactly what was hashed for the row, after the hash before it.' })
  get text(): string {
    return this.link.text;
  }

  @Field(() => String, { description: 'SHA-256 in hex over the bytes of the hash before it and the text in UTF-8.' })
  get hash(): string {
    return this.link.hash.toString('hex');
  }
}

@ObjectType('SignedHead', {
  description:
    "The gateway's word, under its key, for the hash of a wallet's chain at a sequence. What is signed is the text " +
    '`croupier head v1|walletId|sequence|hash|signedAt|keyId` in UTF-8, with the values as they are here.',
})
class SignedHeadObject {
  readonly head: SignedHead;

  constructor(head: SignedHead) {
    this.head = head;
  }

  @Field(() => ID, { description: 'Id of the wallet.' })
  get walletId(): string {
    return this.head.walletId;
  }

  @Field(() => String, { description: 'Whole number, as text: that of the last row of the proof.' })
  get sequence(): string {
    return this.head.sequence.toString();
  }

  @Field(() => String, { description: 'Hash of that row, in hex.' })
  get hash(): string {
    return this.head.hash.toString('hex');
  }

  @Field(() => DateTimeScalar, { description: 'When it was signed.' })
  get signedAt(): Date {
    return this.head.signedAt;
  }

  @Field(() => ID, { description: 'Which of `proofKeys` signed.' })
  get keyId(): string {
    return this.head.keyId;
  }

  @Field(() => String, { description: 'Ed25519, in base64.' })
  get signature(): string {
    return this.head.signature.toString('base64');
  }
}

@ObjectType('Proof', {
  description:
    "All that is needed to check, without trusting the gateway's database, that a transaction stands in its wallet's chain as " +
    'it is shown: docs/examples/verify-proof.mjs does it.',
})
class ProofObject {
  readonly proof: Proof;

  constructor(proof: Proof) {
    this.proof = proof;
  }

  @Field(() => String, {
    description:
      'Exactly what was hashed for the transaction: lane, wallet, sequence, player, effect, balance after it and milliseconds ' +
      'since 1970, then stated amount, undone and paid sequence, kind, integration, external key, target, round, game, rest and ' +
      'flags, each as its size in bytes, ":" and itself, or "~" for nothing.',
  })
  get text(): string {
    return this.proof.text;
  }

  @Field(() => String, { description: "Hash of the row before it, in hex; empty for the wallet's first row." })
  get previousHash(): string {
    return this.proof.previousHash.toString('hex');
  }

  @Field(() => String, { description: 'SHA-256 in hex over the bytes of the hash before it and the text in UTF-8.' })
  get hash(): string {
    return this.proof.hash.toString('hex');
  }

  @Field(() => [ProofLinkObject], { description: 'The rows after it, oldest first; at most 1,000.' })
  get links(): readonly ProofLinkObject[] {
    return this.proof.links.map((link) => new ProofLinkObject(link));
  }

  @Field(() => Boolean, { description: "Whether the links reach the wallet's last row." })
  get complete(): boolean {
    return this.proof.complete;
  }

  @Field(() => SignedHeadObject, { description: 'The last row of the proof, signed.' })
  get head(): SignedHeadObject {
    return new SignedHeadObject(this.proof.head);
  }
}

@ObjectType('ProofKey', { description: 'A key that signed heads are checked with.' })
class ProofKeyObject {
  @Field(() => ID, {
    description: 'The first 16 hex digits of the SHA-256 over the key itself (SubjectPublicKeyInfo).',
  })
  readonly id: string;

  @Field(() => String, { description: 'The public key of Ed25519, in PEM.' })
  readonly publicKey: string;

  @Field(() => Boolean, { description: 'Whether it signs now; the others did before.' })
  readonly current: boolean;

  constructor({ id, publicKey, current }: ProofKey) {
    this.id = id;
    this.publicKey = publicKey;
    this.current = current;
  }
}

@Resolver(() => TransactionObject)
export class TransactionProofResolver {
  @FieldResolver(() => ProofObject, {
    nullable: true,
    description:
      "Proof of the transaction, up to its wallet's last row or 1,000 rows on. The gateway checks the chain before it signs. " +
      'Errors: CHAIN_BROKEN when a row is not as it was written, PROOFS_NOT_CONFIGURED without a key to sign with.',
  })
  async proof(@Root() { row }: TransactionObject, @Ctx() context: GraphqlContext): Promise<ProofObject> {
    try {
      return new ProofObject(await context.services.proofs.prove(row, { signal: context.signal }));
    } catch (error) {
      if (!(error instanceof ProofError)) throw error;
      throw apiError(error.code, error.message);
    }
  }
}

@Resolver()
export class ProofKeysResolver {
  @Query(() => [ProofKeyObject], {
    description:
      'The public keys that proofs are checked with, the current one first; none when the gateway signs none. Keep a copy from ' +
      'elsewhere than the proofs.',
  })
  proofKeys(@Ctx() { services }: GraphqlContext): ProofKeyObject[] {
    return services.proofs.keys.map((each) => new ProofKeyObject(each));
  }
}
