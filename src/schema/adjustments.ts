import {
  Arg,
  createUnionType,
  Ctx,
  Field,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
} from 'type-graphql';
import {
  type AdjustmentPosition,
  type AdjustmentRow,
  type AdjustmentSearch,
  type AdjustmentState,
  readAdjustment,
  readAdjustments,
} from '../adjustments/adjustment-list.js';
import type { AdjustmentKey, ApprovalOutcome } from '../adjustments/adjustments.js';
import { LANE_COUNT } from '../ledger/lanes.js';
import { parseId } from '../ledger/ids.js';
import { type Decimal, UNITS_MAX } from '../ledger/money.js';
import { playerById, requireStaff } from './access.js';
import { AdjustmentObject, AdjustmentStateEnum } from './adjustment.js';
import { AmountInvalid, InsufficientFunds } from './cashier.js';
import { connectionOf } from './connection.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import type { TransactionRow, WalletRow } from './loaders.js';
import { type CursorFormat, pageArgumentTexts, readPage, toPage } from './paging.js';
import { CurrencyNotSupported, RefusalInterface } from './refusals.js';
import { DecimalScalar } from './scalars.js';
import { TransactionObject } from './transaction.js';
import { WalletObject } from './wallet.js';

@InputType('AdjustmentInput', { description: 'A correction of a balance, for somebody else to approve.' })
class AdjustmentInput {
  @Field(() => ID, { description: 'Id of the player.' })
  readonly playerId!: string;

  @Field(() => String, { description: 'Code of the currency, in capitals; the player has to have a wallet in it.' })
  readonly currency!: string;

  @Field(() => DecimalScalar, {
    description:
      'What the wallet shall gain, or lose where it begins with "-": units of the currency, not 0, with no more decimals than ' +
      'the currency is configured with.',
  })
  readonly amount!: Decimal;

  @Field(() => String, { description: 'Why, for whoever approves and for later: 1 to 1,000 bytes.' })
  readonly reason!: string;
}

@InputType('AdjustmentFilter', { description: 'All that is given must hold.' })
class AdjustmentFilterInput {
  @Field(() => ID, { nullable: true, description: 'Only of this player.' })
  readonly playerId?: string | null;

  @Field(() => AdjustmentStateEnum, { nullable: true, description: 'Only in this state.' })
  readonly state?: AdjustmentState | null;
}

const AdjustmentConnection = connectionOf({
  name: 'Adjustment',
  node: () => AdjustmentObject,
  one: 'an adjustment',
  order: 'By their proposal, newest first.',
});
type AdjustmentConnection = InstanceType<typeof AdjustmentConnection>;

@ObjectType('AdjustmentReceipt', { description: 'The adjustment is approved, and its money moved.' })
class AdjustmentReceipt {
  @Field(() => AdjustmentObject, { description: 'The adjustment.' })
  readonly adjustment: AdjustmentObject;

  @Field(() => TransactionObject, { description: 'The movement.' })
  readonly transaction: TransactionObject;

  @Field(() => WalletObject, { description: 'The wallet as it is now.' })
  readonly wallet: WalletObject;

  @Field(() => Boolean, { description: 'True when the money had moved before.' })
  readonly repeated: boolean;

  constructor(adjustment: AdjustmentRow, transaction: TransactionRow, wallet: WalletRow, repeated: boolean) {
    this.adjustment = new AdjustmentObject(adjustment);
    this.transaction = new TransactionObject(transaction);
    this.wallet = new WalletObject(wallet);
    this.repeated = repeated;
  }
}

@ObjectType('OwnProposal', {
  implements: RefusalInterface,
  description: 'Whoever approves proposed the adjustment; it takes somebody else.',
})
class OwnProposal extends RefusalInterface {
  constructor() {
    super('An adjustment is approved by somebody else than who proposed it.');
  }
}

const AdjustmentResult = createUnionType({
  name: 'AdjustmentResult',
  description: 'The receipt, or why nothing moved.',
  types: () => [AdjustmentReceipt, OwnProposal, InsufficientFunds, AmountInvalid, CurrencyNotSupported] as const,
});
type AdjustmentResult = typeof AdjustmentResult;

@Resolver()
export class AdjustmentResolver {
  @Query(() => AdjustmentConnection, {
    description:
      'Adjustments of the brand: the first edge was proposed last. Needs a role of staff or service. Errors: FORBIDDEN, ' +
      'BAD_USER_INPUT for cursors of another list or filter, and sizes out of range.',
  })
  async adjustments(
    @Arg('filter', () => AdjustmentFilterInput, { nullable: true, description: 'Everything of the brand when absent.' })
    filter: AdjustmentFilterInput | null,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<AdjustmentConnection> {
    requireStaff(context);
    const { principal, services, signal } = context;
    const { playerId, state } = filter ?? {};
    const cursors = adjustmentCursors(JSON.stringify(['adjustments', principal.brand, playerId, state]));
    const page = readPage({ first, after, last, before }, cursors);
    const search = await readSearch(context, playerId, state);
    const { direction, size, from } = page;
    const rows =
      search === undefined
        ? []
        : await readAdjustments(services.reads, search, { direction, from, count: size + 1 }, { signal });
    return new AdjustmentConnection(toPage(rows, page, (row) => row, cursors));
  }

  @Mutation(() => AdjustmentObject, {
    description:
      'Proposes a correction of a balance. Nothing moves until somebody else approves it; repeating makes a second proposal. ' +
      'Needs the role operator. Errors: FORBIDDEN, NOT_FOUND for players who do not exist in the brand, CURRENCY_NOT_ALLOWED ' +
      'when the player has no wallet in the currency, BAD_USER_INPUT.',
  })
  async proposeAdjustment(
    @Arg('input', () => AdjustmentInput, { description: 'The correction.' }) input: AdjustmentInput,
    @Ctx() context: GraphqlContext,
  ): Promise<AdjustmentObject> {
    requireOperator(context);
    const { principal, services } = context;
    const reason = readReason(input.reason);
    const player = await playerById(context, input.playerId);
    if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
    const { currency, amount } = input;
    const proposal = { player, currency, amount, reason, proposedBy: principal.subject };
    const outcome = await services.adjustments.propose(proposal);
    if (outcome.type === 'proposed') return new AdjustmentObject(await ownAdjustment(context, outcome.key));
    if (outcome.reason === 'currency-not-supported') {
      throw apiError('CURRENCY_NOT_ALLOWED', 'The player has no wallet in this currency.');
    }
    throw badInput('"amount" must not be 0, with no more decimals than the currency, and fit the wallet.');
  }

  @Mutation(() => AdjustmentResult, {
    description:
      'Approves an adjustment that somebody else proposed, and moves its money, exactly once however often it is approved. Needs ' +
      'the role operator. Errors: FORBIDDEN, NOT_FOUND for adjustments that do not exist in the brand, UNAVAILABLE (repeating ' +
      'is safe, and completes what was begun).',
  })
  async approveAdjustment(
    @Arg('id', () => ID, { description: 'Id of the adjustment.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<AdjustmentResult> {
    requireOperator(context);
    const { principal, services, loaders } = context;
    const key = parseId('adjustment', id);
    const adjustment = key && (await readAdjustment(services.reads, principal.brand, key));
    if (adjustment === undefined) throw apiError('NOT_FOUND', 'There is no such adjustment.');
    const player = await loaders.player.load({ lane: adjustment.lane, id: adjustment.playerId });
    if (player === undefined) throw new Error('An adjustment has no player');
    const outcome = await services.adjustments.approve({ adjustment, player, approvedBy: principal.subject });
    context.refresh();
    return resultOf(context, adjustment, outcome);
  }
}

/** Money by hand is for people; a service has nobody to ask. @throws FORBIDDEN */
function requireOperator({ principal }: GraphqlContext): void {
  if (!principal.roles.has('operator')) throw apiError('FORBIDDEN');
}

/** @returns undefined when nothing can be found */
async function readSearch(
  context: GraphqlContext,
  playerId: string | null | undefined,
  state: AdjustmentState | null | undefined,
): Promise<AdjustmentSearch | undefined> {
  const common = { brand: context.principal.brand, state: state ?? undefined };
  if (playerId == null) return { ...common, player: undefined };
  const player = await playerById(context, playerId);
  return player && { ...common, player: { lane: player.lane, id: player.id } };
}

async function ownAdjustment({ principal, services }: GraphqlContext, key: AdjustmentKey): Promise<AdjustmentRow> {
  const row = await readAdjustment(services.reads, principal.brand, key);
  if (row === undefined) throw new Error('An adjustment is gone, although adjustments are never removed');
  return row;
}

async function resultOf(
  context: GraphqlContext,
  adjustment: AdjustmentRow,
  outcome: ApprovalOutcome,
): Promise<AdjustmentResult> {
  switch (outcome.type) {
    case 'own-proposal':
      return new OwnProposal();
    case 'unavailable':
      throw apiError(
        'UNAVAILABLE',
        'The ledger could not be reached or did not confirm; approving again is safe, and completes it.',
      );
    case 'refused':
      return refusalOf(adjustment, outcome);
    case 'moved': {
      const { lane, walletId, sequence } = outcome.receipt;
      const [transaction, wallet, row] = await Promise.all([
        context.loaders.transaction.load({ lane, walletId, sequence }),
        context.loaders.wallet.load({ lane, id: walletId }),
        ownAdjustment(context, adjustment),
      ]);
      if (transaction === undefined || wallet === undefined) throw new Error('A receipt names no ledger row');
      return new AdjustmentReceipt(row, transaction, wallet, outcome.repeated);
    }
  }
}

function refusalOf(
  { currency }: AdjustmentRow,
  { reason, balance }: Extract<ApprovalOutcome, { type: 'refused' }>,
): InsufficientFunds | AmountInvalid | CurrencyNotSupported {
  switch (reason) {
    case 'amount-invalid':
      return new AmountInvalid();
    case 'currency-not-supported':
      return new CurrencyNotSupported(currency);
    case 'insufficient-funds':
      if (balance === undefined) throw new Error('A refusal for lack of funds has no balance');
      return new InsufficientFunds(balance);
  }
}

const REASON_BYTES_MAX = 1_000;

/** @throws BAD_USER_INPUT */
function readReason(text: string): string {
  const storable = text.isWellFormed() && !text.includes('\0') && Buffer.byteLength(text) <= REASON_BYTES_MAX;
  if (storable && text.trim() !== '') return text;
  throw badInput(`"reason" must be 1 to ${REASON_BYTES_MAX} bytes of text without NUL characters.`);
}

function adjustmentCursors(scope: string): CursorFormat<AdjustmentPosition> {
  return {
    scope,
    write: ({ proposedAt, lane, id }) => `${proposedAt.getTime()}.${lane}.${id}`,
    read(text) {
      const [, time, lane, id] = /^(\d{1,14})\.(\d{1,2})\.(\d{1,19})$/.exec(text) ?? [];
      if (time === undefined || lane === undefined || id === undefined) return undefined;
      const position = { proposedAt: new Date(Number(time)), lane: Number(lane), id: BigInt(id) };
      return position.lane < LANE_COUNT && position.id <= UNITS_MAX ? position : undefined;
    },
  };
}
