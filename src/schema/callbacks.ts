import { Arg, Ctx, Field, ID, InputType, Int, Query, Resolver } from 'type-graphql';
import type { PreparedRead } from '../database/reads.js';
import { parseCallbackId } from '../ledger/ids.js';
import { playerById, requireStaff, visibleTransaction, visibleWallet } from './access.js';
import { CallbackObject, type CallbackVerdict, CallbackVerdictEnum } from './callback.js';
import {
  callbackById,
  type CallbackColumns,
  callbackOf,
  type CallbackSearch,
  readCallbacks,
} from './callback-pages.js';
import { connectionOf } from './connection.js';
import type { GraphqlContext } from './context.js';
import { badInput } from './errors.js';
import { readSpan } from './history-filter.js';
import { ofBrand, type Span } from './merged-ranges.js';
import { pageArgumentTexts } from './paging.js';
import type { RowKey, TransactionKey } from './rows.js';
import { DateTimeScalar, readKnownName } from './scalars.js';
import { ofRound } from './transaction-pages.js';

const CallbackConnection = connectionOf({
  name: 'Callback',
  node: () => CallbackObject,
  one: 'a callback',
  order: 'Newest first.',
});
type CallbackConnection = InstanceType<typeof CallbackConnection>;

@InputType('CallbackFilter', { description: 'All that is given must hold.' })
export class CallbackFilterInput {
  @Field(() => ID, { nullable: true, description: 'Only to this integration.' })
  readonly integration?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only those that ask this, in the adapter\'s word, such as "bet".',
  })
  readonly name?: string | null;

  @Field(() => [CallbackVerdictEnum], { nullable: true, description: 'Only with one of these verdicts; at least one.' })
  readonly verdicts?: readonly CallbackVerdict[] | null;

  @Field(() => Boolean, { nullable: true, description: 'Only those that were refused, when true.' })
  readonly refusedOnly?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Only with flags when true, only without when false.' })
  readonly flagged?: boolean | null;

  @Field(() => ID, { nullable: true, description: 'Only those that reached a wallet of this player.' })
  readonly playerId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only those that reached this wallet.' })
  readonly walletId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only those that were answered with this transaction.' })
  readonly transactionId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Only those that were answered with a transaction of the round with this id of the provider's.",
  })
  readonly round?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only received at this moment or later.' })
  readonly from?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Only received before this moment.' })
  readonly to?: Date | null;
}

@Resolver()
export class CallbackResolver {
  @Query(() => CallbackObject, {
    nullable: true,
    description:
      'A callback by id; null for what does not exist any more, and for what the token may not see. Needs a role of staff or ' +
      'service. Error: FORBIDDEN.',
  })
  async callback(
    @Arg('id', () => ID, { description: 'Id of the callback.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<CallbackObject | undefined> {
    requireStaff(context);
    const key = parseCallbackId(id);
    if (key === undefined) return undefined;
    const { services, principal, signal } = context;
    const values = [key.lane, key.receivedAt.toISOString(), key.id, principal.brand];
    const [columns] = await services.reads.query<CallbackColumns>(callbackById, values, { signal });
    return columns && new CallbackObject(callbackOf(columns));
  }

  @Query(() => CallbackConnection, {
    description:
      "What providers asked the brand's integrations and were answered, newest first, as long as it is kept. Needs a role of " +
      'staff or service. Errors: FORBIDDEN, BAD_USER_INPUT for cursors of another list or filter, sizes out of range and ' +
      'reversed ranges.',
  })
  async callbacks(
    @Arg('filter', () => CallbackFilterInput, {
      nullable: true,
      description: 'Everything that may be seen when absent.',
    })
    filter: CallbackFilterInput | null,
    @Arg('first', () => Int, { nullable: true, description: pageArgumentTexts.first }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: pageArgumentTexts.after }) after: string | null,
    @Arg('last', () => Int, { nullable: true, description: pageArgumentTexts.last }) last: number | null,
    @Arg('before', () => String, { nullable: true, description: pageArgumentTexts.before }) before: string | null,
    @Ctx() context: GraphqlContext,
  ): Promise<CallbackConnection> {
    requireStaff(context);
    const wanted = filter ?? {};
    const search = await readSearch(context, wanted);
    const request = { args: { first, after, last, before }, scope: scopeName(context, wanted) };
    return new CallbackConnection(await readCallbacks(context, request, search));
  }
}

/**
 * @returns undefined when the token may see nothing of what is asked for
 * @throws BAD_USER_INPUT
 */
async function readSearch(context: GraphqlContext, filter: CallbackFilterInput): Promise<CallbackSearch | undefined> {
  const { verdicts, refusedOnly, flagged, playerId, walletId, transactionId } = filter;
  if (verdicts?.length === 0) throw badInput('"verdicts" must name at least one.');
  const named = (argument: 'integration' | 'name' | 'round'): string | undefined => {
    const text = filter[argument];
    return text == null ? undefined : readKnownName(argument, text);
  };
  const common = {
    integration: named('integration'),
    name: named('name'),
    verdicts: verdicts ?? undefined,
    refusedOnly: refusedOnly ?? false,
    flagged: flagged ?? undefined,
  };
  const span = readSpan(filter);
  const round = named('round');
  const [ofPlayer, wallet, transaction, ofRounds] = await Promise.all([
    playerId == null ? undefined : walletsOf(context, playerId),
    walletId == null ? undefined : visibleWallet(context, walletId),
    transactionId == null ? undefined : visibleTransaction(context, transactionId),
    round === undefined ? undefined : readRound(context, round, common.integration),
  ]);
  if (walletId != null && wallet === undefined) return undefined;
  if (transactionId != null && transaction === undefined) return undefined;
  const wallets = both(ofPlayer, wallet && [wallet], sameRow);
  const transactions = both(ofRounds, transaction && [transaction], sameTransaction);
  return { ...common, wallets, transactions, span: since(span, transactions) };
}

/** What both sets hold; undefined is everything. */
function both<Row>(
  one: readonly Row[] | undefined,
  other: readonly Row[] | undefined,
  same: (a: Row, b: Row) => boolean,
): readonly Row[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((a) => other.some((b) => same(a, b)));
}

function sameRow(a: RowKey, b: RowKey): boolean {
  return a.lane === b.lane && a.id === b.id;
}

function sameTransaction(a: TransactionKey, b: TransactionKey): boolean {
  return a.lane === b.lane && a.walletId === b.walletId && a.sequence === b.sequence;
}

/** @returns none for a player that the token may not see */
async function walletsOf(context: GraphqlContext, playerId: string): Promise<readonly RowKey[]> {
  const player = await playerById(context, playerId);
  return player === undefined ? [] : context.loaders.walletsOfPlayer.load(player);
}

interface PostedRow extends TransactionKey {
  readonly createdAt: Date;
}

/** A callback was received before its transaction was posted, by less than this whatever the clocks said. */
const CLOCKS_MS = 3_600_000;

/** No callback is answered with a transaction long before that exists. */
function since(span: Span, transactions: readonly PostedRow[] | undefined): Span {
  if (transactions === undefined || transactions.length === 0) return span;
  const first =
    transactions.reduce((least, { createdAt }) => Math.min(least, createdAt.getTime()), Infinity) - CLOCKS_MS;
  return { ...span, from: new Date(Math.max(first, span.from?.getTime() ?? first)) };
}

const ROUND_ROWS_MAX = 10_000;
const rowsOfRound: PreparedRead = {
  name: 'rows_of_round',
  text: `select t.lane, t.wallet_id, t.sequence, t.created_at
    from (${ofRound(`t.round = $1 and ($2::text is null or t.integration = $2) and ${ofBrand('$3')}`)}) k
    join ledger_transaction t on t.lane = k.lane and t.wallet_id = k.wallet_id and t.sequence = k.sequence
    limit ${ROUND_ROWS_MAX} + 1`,
};

/** @throws BAD_USER_INPUT for rounds too large to be searched for */
async function readRound(
  { services, signal, principal }: GraphqlContext,
  round: string,
  integration: string | undefined,
): Promise<readonly PostedRow[]> {
  const rows = await services.reads.query<{ lane: number; wallet_id: string; sequence: string; created_at: Date }>(
    rowsOfRound,
    [round, integration ?? null, principal.brand],
    { signal },
  );
  if (rows.length > ROUND_ROWS_MAX) {
    throw badInput(
      `The "round" has more than ${ROUND_ROWS_MAX} transactions; search by "transactionId" or "playerId".`,
    );
  }
  return rows.map((row) => ({
    lane: row.lane,
    walletId: BigInt(row.wallet_id),
    sequence: BigInt(row.sequence),
    createdAt: row.created_at,
  }));
}

/** Names the list for its cursors: of which brand, and through which filter. */
function scopeName({ principal }: GraphqlContext, filter: CallbackFilterInput): string {
  const { integration, name, verdicts, refusedOnly, flagged, playerId, walletId, transactionId, round, from, to } =
    filter;
  const set = verdicts && [...new Set<string>(verdicts)].sort();
  const rest = [integration, name, set, refusedOnly, flagged, playerId, walletId, transactionId, round, from, to];
  return JSON.stringify(['callbacks', principal.brand, ...rest]);
}
