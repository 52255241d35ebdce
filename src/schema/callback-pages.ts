import { type Gathered, gather } from '../database/gather.js';
import type { PreparedRead } from '../database/reads.js';
import type { Callback } from '../entities/index.js';
import type { Flag } from '../ledger/commands.js';
import { type CallbackId } from '../ledger/ids.js';
import { LANE_COUNT } from '../ledger/lanes.js';
import type { GraphqlContext } from './context.js';
import { type PageRequest, readHistory } from './history-pages.js';
import type { Loaders } from './loaders.js';
import {
  bothWays,
  lookedAt,
  mergeByTime,
  orderBy,
  parameters,
  type Span,
  timeCursors,
  timeParameters,
  timeValues,
  withinTimes,
} from './merged-ranges.js';
import { type PageOfRows, readPage, toPage } from './paging.js';
import type { TransactionKey } from './rows.js';

/** The parts of a row of the journal that lists show; bodies are read when they are asked for. */
export type CallbackRow = Omit<Callback, 'body' | 'answer'>;

export interface CallbackColumns {
  readonly lane: number;
  readonly received_at: Date;
  readonly id: string;
  readonly integration: string;
  readonly name: string | null;
  readonly path: string;
  readonly verdict: string;
  readonly flags: Flag[];
  readonly status: number | null;
  readonly duration_us: number;
  readonly wallet_id: string | null;
  readonly sequence: string | null;
}

export function callbackColumns(t: string): string {
  const key = ['lane', 'received_at', 'id', 'integration', 'name', 'path'];
  const rest = ['verdict', 'flags', 'status', 'duration_us', 'wallet_id', 'sequence'];
  return [...key, ...rest].map((column) => `${t}.${column}`).join(', ');
}

export function callbackOf(row: CallbackColumns): CallbackRow {
  const { lane, integration, name, path, verdict, flags, status } = row;
  return {
    lane,
    integration,
    name,
    path,
    verdict,
    flags,
    status,
    id: BigInt(row.id),
    receivedAt: row.received_at,
    durationUs: row.duration_us,
    walletId: row.wallet_id === null ? null : BigInt(row.wallet_id),
    sequence: row.sequence === null ? null : BigInt(row.sequence),
  };
}

/** What a list of callbacks is narrowed to. */
export interface CallbackSearch {
  readonly integration: string | undefined;
  readonly name: string | undefined;
  readonly verdicts: readonly string[] | undefined;
  readonly refusedOnly: boolean;
  readonly flagged: boolean | undefined;
  readonly span: Span;
  /** Only those that speak of these wallets; undefined for all. */
  readonly wallets: readonly { readonly lane: number; readonly id: bigint }[] | undefined;
  /** Only those that speak of these ledger rows; undefined for all. */
  readonly transactions: readonly TransactionKey[] | undefined;
}

const its = parameters(0, [
  'lanes',
  'brand',
  'integration',
  'name',
  'verdicts',
  'refusedOnly',
  'flagged',
  'wallets',
  'ledgerWallets',
  'ledgerSequences',
]);
const time = timeParameters(Object.keys(its).length, 2).names;
const order = ['received_at', 'lane', 'id'] as const;

const conditions = `c.integration = any (array(
    select id from integration where brand_id = ${its.brand} and (${its.integration}::text is null or id = ${its.integration})))
  and (${its.name}::text is null or c.name = ${its.name})
  and (${its.verdicts}::text[] is null or c.verdict = any (${its.verdicts}))
  and (not ${its.refusedOnly}::boolean or c.verdict not in ('ok', 'repeat'))
  and (${its.flagged}::boolean is null or (c.flags <> '{}') = ${its.flagged})
  and (${its.wallets}::bigint[] is null or c.wallet_id = any (${its.wallets}))
  and (${its.ledgerWallets}::bigint[] is null or (c.wallet_id, c.sequence) in (
    select * from unnest(${its.ledgerWallets}, ${its.ledgerSequences}::bigint[])))`;

/** The position's time once more, by itself: it tells which days need not be looked at. */
const near = { forward: `c.received_at <= ${time.near}`, backward: `c.received_at >= ${time.near}` } as const;

const pages = bothWays('callbacks', (direction) => {
  const range = (far: string) =>
    `select ${callbackColumns('c')} from callback c where c.lane = k.lane and ${withinTimes('c', order, time, direction, far)}
     and ${near[direction]} and ${lookedAt(conditions)} ${orderBy(['received_at', 'id'], direction, 'c')} limit ${time.limit}::bigint`;
  return mergeByTime({ ranges: `unnest(${its.lanes}::smallint[]) k (lane)`, range, order, p: time }, direction);
});

const allLanes = Array.from({ length: LANE_COUNT }, (_, lane) => lane);

/**
 * A page of the journal, newest first, in one query over the lanes that can hold something of it.
 * @param search undefined for an empty list
 */
export async function readCallbacks(
  context: GraphqlContext,
  { args, scope }: PageRequest,
  search: CallbackSearch | undefined,
): Promise<PageOfRows<CallbackRow>> {
  const cursors = timeCursors(scope, 2);
  const page = readPage(args, cursors);
  const lanes = search === undefined ? [] : lanesOf(search);
  const rows =
    search === undefined || lanes.length === 0
      ? []
      : await readHistory<CallbackColumns>(context, pages[page.direction], [
          ...searchValues(search, lanes, context.principal.brand),
          ...timeValues(search.span, page, 2),
        ]);
  const positionOf = ({ receivedAt, lane, id }: CallbackRow) => ({ time: receivedAt, key: [BigInt(lane), id] });
  return toPage(rows.map(callbackOf), page, positionOf, cursors);
}

function lanesOf({ wallets, transactions }: CallbackSearch): readonly number[] {
  const named = [wallets, transactions]
    .filter((each) => each !== undefined)
    .map((each) => each.map(({ lane }) => lane));
  return allLanes.filter((lane) => named.every((lanes) => lanes.includes(lane)));
}

function searchValues(search: CallbackSearch, lanes: readonly number[], brand: string): unknown[] {
  const { integration, name, verdicts, refusedOnly, flagged, wallets, transactions } = search;
  return [
    lanes,
    brand,
    integration ?? null,
    name ?? null,
    verdicts ?? null,
    refusedOnly,
    flagged ?? null,
    wallets?.map(({ id }) => id) ?? null,
    transactions?.map(({ walletId }) => walletId) ?? null,
    transactions?.map(({ sequence }) => sequence) ?? null,
  ];
}

export const callbackById: PreparedRead = {
  name: 'callback_by_id',
  text: `select ${callbackColumns('c')} from callback c join integration i on i.id = c.integration
    where c.lane = $1 and c.received_at = $2 and c.id = $3 and i.brand_id = $4`,
};

export interface CallbackTexts {
  readonly body: Buffer;
  readonly answer: string | null;
}

const texts: PreparedRead = {
  name: 'texts_of_callbacks',
  text: `select c.id, c.body, c.answer
    from unnest($1::smallint[], $2::timestamptz[], $3::bigint[]) k (lane, received_at, id)
    join callback c on c.lane = k.lane and c.received_at = k.received_at and c.id = k.id`,
};

// By the loaders, which every copy of the context shares.
const byOperation = new WeakMap<Loaders, Gathered<CallbackId, CallbackTexts | undefined>>();

/** Bodies and answers of the journal; undefined once the row's day is over its retention. */
export function callbackTexts(context: GraphqlContext): Gathered<CallbackId, CallbackTexts | undefined> {
  const known = byOperation.get(context.loaders);
  if (known !== undefined) return known;
  const made = gather<CallbackId, CallbackTexts | undefined>(async (keys) => {
    const values = [
      keys.map(({ lane }) => lane),
      keys.map(({ receivedAt }) => receivedAt.toISOString()),
      keys.map(({ id }) => id),
    ];
    const rows = await readHistory<CallbackTexts & { id: string }>(context, texts, values);
    const found = new Map(rows.map((row) => [row.id, row]));
    return keys.map(({ id }) => found.get(String(id)));
  });
  byOperation.set(context.loaders, made);
  return made;
}
