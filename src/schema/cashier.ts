import { Arg, createUnionType, Ctx, Field, ID, InputType, Mutation, ObjectType, Resolver } from 'type-graphql';
import type { CashierOutcome, CashierRequest } from '../cashier/cashier.js';
import type { Player } from '../entities/index.js';
import { type Balance, CASHIER } from '../ledger/commands.js';
import type { Decimal } from '../ledger/money.js';
import { managedPlayer } from './access.js';
import type { GraphqlContext } from './context.js';
import { apiError } from './errors.js';
import type { TransactionRow, WalletRow } from './loaders.js';
import { MoneyObject } from './money.js';
import { LimitReached } from './player-limits.js';
import { CurrencyNotSupported, RefusalInterface } from './refusals.js';
import { DecimalScalar, decimalText, readName } from './scalars.js';
import { TransactionObject } from './transaction.js';
import { WalletObject } from './wallet.js';

@InputType('CashierInput', { description: 'Money that a player brings in or takes out.' })
export class CashierInput {
  @Field(() => ID, { description: 'Id of the player.' })
  readonly playerId!: string;

  @Field(() => String, {
    description: 'Code of the currency, in capitals. A deposit opens the wallet if the brand lists it.',
  })
  readonly currency!: string;

  @Field(() => DecimalScalar, {
    description: 'Units of the currency, above 0, with no more decimals than the currency is configured with.',
  })
  readonly amount!: Decimal;

  @Field(() => String, {
    description:
      "Names the movement for ever among the player's deposits and withdrawals: 1 to 255 bytes. Repeating a request with its key " +
      'is safe, and answers what the first answered.',
  })
  readonly idempotencyKey!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The operator's own note, such as a payment id, 1 to 255 bytes; kept as the transaction's `externalRound`.",
  })
  readonly reference?: string | null;
}

@ObjectType('CashierReceipt', { description: 'The money moved.' })
class CashierReceipt {
  @Field(() => TransactionObject, { description: 'The movement.' })
  readonly transaction: TransactionObject;

  @Field(() => WalletObject, { description: 'The wallet as it is now.' })
  readonly wallet: WalletObject;

  @Field(() => Boolean, { description: 'True when an earlier request with this key had moved the money already.' })
  readonly repeated: boolean;

  constructor(transaction: TransactionRow, wallet: WalletRow, repeated: boolean) {
    this.transaction = new TransactionObject(transaction);
    this.wallet = new WalletObject(wallet);
    this.repeated = repeated;
  }
}

@ObjectType('InsufficientFunds', {
  implements: RefusalInterface,
  description: 'The balance is lower than the amount, or below zero.',
})
export class InsufficientFunds extends RefusalInterface {
  @Field(() => MoneyObject, { description: 'The balance at that moment.' })
  readonly balance: MoneyObject;

  constructor(balance: Balance) {
    super('The balance is lower than the amount.');
    this.balance = new MoneyObject(decimalText(balance.balanceUnits, balance.scale), balance.currency);
  }
}

@ObjectType('AmountInvalid', {
  implements: RefusalInterface,
  description: 'The amount is not above 0, has more decimals than the currency, or is beyond what a wallet can hold.',
})
export class AmountInvalid extends RefusalInterface {
  constructor() {
    super('The amount must be above 0, with no more decimals than the currency, and fit the wallet.');
  }
}

@ObjectType('IdempotencyConflict', {
  implements: RefusalInterface,
  description: 'The key was used before with another amount, currency, direction or reference; the first stays.',
})
class IdempotencyConflict extends RefusalInterface {
  @Field(() => TransactionObject, { description: 'What the key stands for.' })
  readonly transaction: TransactionObject;

  constructor(transaction: TransactionRow) {
    super('The idempotency key was used before with other facts.');
    this.transaction = new TransactionObject(transaction);
  }
}

const CashierResult = createUnionType({
  name: 'CashierResult',
  description: 'The receipt, or why nothing moved.',
  types: () =>
    [
      CashierReceipt,
      InsufficientFunds,
      AmountInvalid,
      CurrencyNotSupported,
      IdempotencyConflict,
      LimitReached,
    ] as const,
});
type CashierResult = typeof CashierResult;

const common =
  'Exactly once per idempotency key. Needs the role operator or service. Errors: FORBIDDEN, NOT_FOUND for players who do not ' +
  'exist in the brand, BAD_USER_INPUT, UNAVAILABLE (repeating with the same key is safe).';

@Resolver()
export class CashierResolver {
  @Mutation(() => CashierResult, {
    description: `Brings money into a player's wallet, up to the player's limits. ${common}`,
  })
  deposit(
    @Arg('input', () => CashierInput, { description: 'The deposit.' }) input: CashierInput,
    @Ctx() context: GraphqlContext,
  ): Promise<CashierResult> {
    return move(context, input, (request) => context.services.cashier.deposit(request));
  }

  @Mutation(() => CashierResult, {
    description: `Takes money out of a player's wallet, never more than is there. ${common}`,
  })
  withdraw(
    @Arg('input', () => CashierInput, { description: 'The withdrawal.' }) input: CashierInput,
    @Ctx() context: GraphqlContext,
  ): Promise<CashierResult> {
    return move(context, input, (request) => context.services.cashier.withdraw(request));
  }
}

async function move(
  context: GraphqlContext,
  { playerId, currency, amount, idempotencyKey, reference }: CashierInput,
  ask: (request: CashierRequest) => Promise<CashierOutcome>,
): Promise<CashierResult> {
  const player = await managedPlayer(context, playerId);
  const key = readName('idempotencyKey', idempotencyKey);
  const outcome = await ask({
    brand: player.brandId,
    player: player.externalId,
    currency,
    amount,
    idempotencyKey: key,
    reference: reference == null ? undefined : readName('reference', reference),
  });
  context.refresh();
  if (outcome.type === 'refused') return refusalOf(context, outcome, player, currency, key);
  const { lane, walletId, sequence } = outcome.receipt;
  const [transaction, wallet] = await Promise.all([
    context.loaders.transaction.load({ lane, walletId, sequence }),
    context.loaders.wallet.load({ lane, id: walletId }),
  ]);
  if (transaction === undefined || wallet === undefined) throw new Error('A receipt names no ledger row');
  return new CashierReceipt(transaction, wallet, outcome.repeated);
}

async function refusalOf(
  { loaders }: GraphqlContext,
  outcome: Extract<CashierOutcome, { type: 'refused' }>,
  player: Player,
  currency: string,
  key: string,
): Promise<Exclude<CashierResult, CashierReceipt>> {
  switch (outcome.reason) {
    case 'amount-invalid':
      return new AmountInvalid();
    case 'currency-not-supported':
      return new CurrencyNotSupported(currency);
    case 'limit-reached':
      return new LimitReached((await loaders.player.load(player)) ?? player);
    case 'player-unknown':
      throw apiError('NOT_FOUND', 'There is no such player.');
    case 'insufficient-funds':
      if (outcome.balance === undefined) throw new Error('A refusal for lack of funds has no balance');
      return new InsufficientFunds(outcome.balance);
    case 'key-conflict': {
      const owner = { lane: player.lane, playerId: player.id };
      const first = await loaders.byExternalKey.load({ ...owner, integration: CASHIER, externalKey: key });
      if (first === undefined) throw new Error('A conflicting key stands for nothing');
      return new IdempotencyConflict(first);
    }
  }
}
