import { Ctx, Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import type { AdjustmentRow, AdjustmentState } from '../adjustments/adjustment-list.js';
import { ADJUSTMENT } from '../ledger/commands.js';
import { formatId } from '../ledger/ids.js';
import type { GraphqlContext } from './context.js';
import { MoneyObject, toMoney } from './money.js';
import { PlayerObject } from './player.js';
import { DateTimeScalar } from './scalars.js';
import { TransactionObject } from './transaction.js';

export const AdjustmentStateEnum = {
  PROPOSED: 'proposed',
  APPROVED: 'approved',
  APPLIED: 'applied',
} as const satisfies Record<Uppercase<AdjustmentState>, AdjustmentState>;

registerEnumType(AdjustmentStateEnum, {
  name: 'AdjustmentState',
  description: 'What became of an adjustment.',
  valuesConfig: {
    PROPOSED: { description: 'Waits for somebody else to approve it.' },
    APPROVED: {
      description:
        'Approved, but nothing moved: funds were lacking, or the gateway was cut off. Approving again tries again.',
    },
    APPLIED: { description: 'The money moved.' },
  },
});

@ObjectType('Adjustment', {
  description: 'A correction of a balance by hand: one person proposes it, another one approves it.',
})
export class AdjustmentObject {
  readonly row: AdjustmentRow;

  constructor(row: AdjustmentRow) {
    this.row = row;
  }

  @Field(() => ID, { description: 'Opaque and stable; also the external key of its transaction.' })
  get id(): string {
    return formatId('adjustment', this.row);
  }

  @Field(() => PlayerObject, { description: 'Whose balance it corrects.' })
  async player(@Ctx() { loaders }: GraphqlContext): Promise<PlayerObject> {
    const player = await loaders.player.load({ lane: this.row.lane, id: this.row.playerId });
    if (player === undefined) throw new Error('An adjustment has no player');
    return new PlayerObject(player);
  }

  @Field(() => MoneyObject, { description: 'What the wallet gains; negative for what it loses.' })
  amount(@Ctx() context: GraphqlContext): MoneyObject | Promise<MoneyObject> {
    return toMoney(context, this.row.amount, this.row.currency);
  }

  @Field(() => String, { description: 'Why, in the words of whoever proposed it.' })
  get reason(): string {
    return this.row.reason;
  }

  @Field(() => AdjustmentStateEnum, { description: 'What became of it.' })
  get state(): AdjustmentState {
    return this.row.state;
  }

  @Field(() => String, { description: 'Subject of the token that proposed it.' })
  get proposedBy(): string {
    return this.row.proposedBy;
  }

  @Field(() => DateTimeScalar, { description: 'When it was proposed.' })
  get proposedAt(): Date {
    return this.row.proposedAt;
  }

  @Field(() => String, { nullable: true, description: 'Subject of the token that approved it first; null until then.' })
  get approvedBy(): string | null {
    return this.row.approvedBy;
  }

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it was approved; null until then.' })
  get approvedAt(): Date | null {
    return this.row.approvedAt;
  }

  @Field(() => TransactionObject, { nullable: true, description: 'The movement; null until the money has moved.' })
  async transaction(@Ctx() { loaders }: GraphqlContext): Promise<TransactionObject | undefined> {
    if (this.row.state !== 'applied') return undefined;
    const { lane, playerId } = this.row;
    const row = await loaders.byExternalKey.load({ lane, playerId, integration: ADJUSTMENT, externalKey: this.id });
    return row && new TransactionObject(row);
  }
}
