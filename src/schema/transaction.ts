import { Ctx, Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import type { Flag, TransactionKind } from '../ledger/commands.js';
import { ADJUSTMENT, CASHIER } from '../ledger/commands.js';
import { formatTransactionId } from '../ledger/ids.js';
import { isStaff } from './access.js';
import type { GraphqlContext } from './context.js';
import { IntegrationObject } from './integration.js';
import type { TransactionRow, WalletRow } from './loaders.js';
import { MoneyObject, toMoney } from './money.js';
import { DateTimeScalar } from './scalars.js';
import { WalletObject } from './wallet.js';

export const TransactionKindEnum = {
  BET: 'bet',
  WIN: 'win',
  ROLLBACK: 'rollback',
  TOMBSTONE: 'tombstone',
  DEPOSIT: 'deposit',
  WITHDRAWAL: 'withdrawal',
  ADJUSTMENT: 'adjustment',
} as const satisfies Record<Uppercase<TransactionKind>, TransactionKind>;

registerEnumType(TransactionKindEnum, {
  name: 'TransactionKind',
  description: 'What a transaction is.',
  valuesConfig: {
    BET: { description: 'Took the stake.' },
    WIN: { description: 'Gave the payout; 0 records that nothing was won.' },
    ROLLBACK: { description: 'Undid one bet or win; 0 when there was nothing to undo, or it had been undone before.' },
    TOMBSTONE: {
      description: 'Stands, without money, in the place of a movement that was rolled back before it arrived.',
    },
    DEPOSIT: { description: 'Brought money in from outside the games.' },
    WITHDRAWAL: { description: 'Took money out.' },
    ADJUSTMENT: { description: 'Corrected the balance by hand, after two people agreed.' },
  },
});

const flagTexts = {
  'key-conflict': 'The external key came again with other facts.',
  'amount-differs': "The rollback stated another amount than the original's; the original's was moved.",
  'currency-differs': "The rollback stated another currency than the original's.",
  'credit-rounded-down': 'The credit had more decimals than the currency; the rest is kept beside the row.',
  'rollback-of-rollback': 'The rollback named another rollback.',
  'rollback-of-unknown': 'The rollback named a movement that had not arrived.',
  'second-rollback': 'The movement had been rolled back before.',
  'free-bet': 'The provider paid the stake.',
  'win-without-bet': 'The bet that the win pays is not known.',
  'win-of-rolled-back-bet': 'The bet that the win pays had been rolled back.',
  'second-win': 'A win had paid the bet before.',
  'rollback-after-win': 'A win had paid the bet that was rolled back.',
  'stake-differs': 'The win stated another stake than was taken.',
  'late-bet': 'The movement came after its rollback.',
  'win-of-inactive-player': 'The player was not active when the win came.',
  'wallet-opened-by-credit': 'The player had no wallet in the currency.',
  'wallet-in-debt': 'The balance went below zero.',
  'player-unknown': 'The brand has no such player.',
  quarantined: 'The credit could not be placed.',
} as const satisfies Record<Flag, string>;

function flagName(flag: string): string {
  return flag.replaceAll('-', '_').toUpperCase();
}

export const TransactionFlagEnum: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(flagTexts).map((flag) => [flagName(flag), flag]),
);

registerEnumType(TransactionFlagEnum, {
  name: 'TransactionFlag',
  description: 'Something a person should look at.',
  valuesConfig: Object.fromEntries(
    Object.entries(flagTexts).map(([flag, description]) => [flagName(flag), { description }]),
  ),
});

@ObjectType('Transaction', { description: 'One immutable row of the ledger: one movement of one wallet.' })
export class TransactionObject {
  readonly row: TransactionRow;

  constructor(row: TransactionRow) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable; also what providers get as the id on our side.' })
  get id(): string {
    return formatTransactionId(this.row);
  }

  @Field(() => String, {
    description: "Whole number, as text: the transaction's place in its wallet, 1, 2, 3 … without gaps.",
  })
  get sequence(): string {
    return this.row.sequence.toString();
  }

  @Field(() => TransactionKindEnum, { description: 'What it is.' })
  get kind(): TransactionKind {
    return this.row.kind;
  }

  @Field(() => MoneyObject, { description: 'What the wallet gained; negative for what it lost.' })
  amount(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return moneyOf(this.row, this.row.effect, context);
  }

  @Field(() => MoneyObject, { description: "The wallet's balance right after it." })
  balanceAfter(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return moneyOf(this.row, this.row.balanceAfter, context);
  }

  @Field(() => WalletObject, { description: 'The wallet that moved, as it is now.' })
  async wallet(@Ctx() context: GraphqlContext): Promise<WalletObject> {
    return new WalletObject(await walletOf(this.row, context));
  }

  @Field(() => String, {
    nullable: true,
    description: "The provider's id of the movement, or the idempotency key of a deposit or withdrawal.",
  })
  get externalKey(): string {
    return this.row.externalKey;
  }

  @Field(() => String, {
    nullable: true,
    description:
      "The provider's id of the round, or the reference of a deposit or withdrawal; null where none was stated.",
  })
  get externalRound(): string | null {
    return this.row.round ?? null;
  }

  @Field(() => IntegrationObject, {
    nullable: true,
    description: 'Where it came from; null for deposits and withdrawals.',
  })
  async integration(@Ctx() { loaders }: GraphqlContext): Promise<IntegrationObject | undefined> {
    if (this.row.integration === CASHIER || this.row.integration === ADJUSTMENT) return undefined;
    const integration = await loaders.integration.load(this.row.integration);
    return integration && new IntegrationObject(integration);
  }

  @Field(() => TransactionObject, {
    nullable: true,
    description: 'For a rollback, what stands under the key it names: the movement, or the tombstone in its place.',
  })
  async target(@Ctx() { loaders }: GraphqlContext): Promise<TransactionObject | undefined> {
    const { lane, playerId, integration, target } = this.row;
    if (target == null) return undefined;
    const row = await loaders.byExternalKey.load({ lane, playerId, integration, externalKey: target });
    return row && new TransactionObject(row);
  }

  @Field(() => TransactionObject, { nullable: true, description: 'The rollback that undid it; null while it stands.' })
  async rolledBackBy(@Ctx() { loaders }: GraphqlContext): Promise<TransactionObject | undefined> {
    if (this.row.kind !== 'bet' && this.row.kind !== 'win') return undefined;
    const row = await loaders.rollbackOf.load(this.row);
    return row && new TransactionObject(row);
  }

  @Field(() => [TransactionFlagEnum], { description: 'What a person should look at; always empty for players.' })
  flags(@Ctx() context: GraphqlContext): readonly Flag[] {
    return isStaff(context) ? this.row.flags : [];
  }

  @Field(() => DateTimeScalar, {
    description: 'When the gateway received it. Order comes from the sequence, not from here.',
  })
  get createdAt(): Date {
    return this.row.createdAt;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: 'From when a frontend may show it; null for at once.' })
  get displayAt(): Date | undefined {
    return this.row.displayAt ?? undefined;
  }
}

/** At once where the wallet is known already, as it is on a page of its own transactions: a page has many amounts. */
function moneyOf(row: TransactionRow, units: bigint, context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
  const known = context.loaders.wallet.known({ lane: row.lane, id: row.walletId });
  if (known !== undefined) return toMoney(context, units, known.currency);
  return walletOf(row, context).then(({ currency }) => toMoney(context, units, currency));
}

async function walletOf(row: TransactionRow, { loaders }: GraphqlContext): Promise<WalletRow> {
  const wallet = await loaders.wallet.load({ lane: row.lane, id: row.walletId });
  if (wallet === undefined) throw new Error('A transaction has no wallet');
  return wallet;
}
