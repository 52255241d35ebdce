import { Arg, Resolver, Root, Subscription } from 'type-graphql';
import type { JournalRow } from '../events/journal-feed.js';
import { playerById, requireStaff, visibleWallet } from './access.js';
import { CallbackObject } from './callback.js';
import { CallbackFilterInput } from './callbacks.js';
import type { GraphqlContext } from './context.js';
import { apiError, badInput } from './errors.js';
import type { EventRoot } from './event-results.js';
import { readKnownName } from './scalars.js';

class CallbackEvent implements EventRoot {
  /** The same for all who are told of it. */
  readonly shared: JournalRow;

  constructor(row: JournalRow) {
    this.shared = row;
  }

  /** Nothing of a callback is known but the row itself. */
  prime(): void {}
}

@Resolver()
export class CallbackReceivedResolver {
  @Subscription(() => CallbackObject, {
    subscribe: ({ args, context }: { args: { filter?: CallbackFilterInput | null }; context: GraphqlContext }) =>
      subscribeToCallbacks(context, args.filter ?? {}),
    description:
      "Callbacks of the brand's integrations as the journal takes them in, by whichever gateway, within a second: those received " +
      'from now on. What happens while nobody listens is in `callbacks`. A client that reads more slowly than callbacks come is ' +
      'closed with code 4490. Needs a role of staff or service. WebSocket only. Errors: FORBIDDEN; NOT_FOUND for a player or wallet ' +
      'that does not exist or that the token may not see; BAD_USER_INPUT for parts of the filter that have no meaning for a stream: ' +
      '"from", "to", "round" and "transactionId".',
  })
  callbackReceived(
    @Arg('filter', () => CallbackFilterInput, {
      nullable: true,
      description: 'Everything that may be seen when absent.',
    })
    _filter: CallbackFilterInput | null,
    @Root() { shared }: CallbackEvent,
  ): CallbackObject {
    return new CallbackObject(shared);
  }
}

type RowTest = (row: JournalRow) => boolean | Promise<boolean>;

/** What a stream can be narrowed to. */
const streamed: ReadonlySet<string> = new Set<keyof CallbackFilterInput>([
  'integration',
  'name',
  'verdicts',
  'refusedOnly',
  'flagged',
  'playerId',
  'walletId',
]);

async function subscribeToCallbacks(
  context: GraphqlContext,
  filter: CallbackFilterInput,
): Promise<AsyncIterableIterator<CallbackEvent>> {
  requireStaff(context);
  for (const [name, value] of Object.entries(filter)) {
    if (value != null && !streamed.has(name)) throw badInput(`"${name}" has no meaning for a stream.`);
  }
  const tests = [...rowTests(filter), ...(await walletTests(context, filter))];
  const { services, principal, signal, outlet } = context;
  const stopping = new AbortController();
  const source = services.feed.journal.follow({
    // Those that have left the configuration get no callbacks.
    matches: (row) => services.integrations.get(row.integration)?.brand === principal.brand,
    signal: signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]),
    overrun: () => outlet?.closeSlow('callbacks come faster than they are read: reconnect'),
  });
  const events: AsyncIterableIterator<CallbackEvent> = {
    async next(): Promise<IteratorResult<CallbackEvent>> {
      for (;;) {
        const { value, done } = await source.next();
        if (done === true) return { done, value: undefined };
        if (await passes(value, tests)) return { done: false, value: new CallbackEvent(value) };
      }
    },
    async return(): Promise<IteratorResult<CallbackEvent>> {
      stopping.abort();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}

async function passes(row: JournalRow, tests: readonly RowTest[]): Promise<boolean> {
  for (const test of tests) if (!(await test(row))) return false;
  return true;
}

function rowTests({ integration, name, verdicts, refusedOnly, flagged }: CallbackFilterInput): RowTest[] {
  if (verdicts?.length === 0) throw badInput('"verdicts" must name at least one.');
  const tests: RowTest[] = [];
  if (integration != null) {
    const wanted = readKnownName('integration', integration);
    tests.push((row) => row.integration === wanted);
  }
  if (name != null) {
    const wanted = readKnownName('name', name);
    tests.push((row) => row.name === wanted);
  }
  if (verdicts != null) tests.push(({ verdict }) => verdicts.some((each) => each === verdict));
  if (refusedOnly === true) tests.push(({ verdict }) => verdict !== 'ok' && verdict !== 'repeat');
  if (flagged != null) tests.push(({ flags }) => flags.length > 0 === flagged);
  return tests;
}

async function walletTests(
  context: GraphqlContext,
  { playerId, walletId }: Pick<CallbackFilterInput, 'playerId' | 'walletId'>,
): Promise<RowTest[]> {
  const tests: RowTest[] = [];
  if (walletId != null) {
    const wallet = await visibleWallet(context, walletId);
    if (wallet === undefined) throw apiError('NOT_FOUND', 'There is no such wallet.');
    tests.push((row) => row.lane === wallet.lane && row.walletId === wallet.id);
  }
  if (playerId != null) {
    const player = await playerById(context, playerId);
    if (player === undefined) throw apiError('NOT_FOUND', 'There is no such player.');
    tests.push(async ({ lane, walletId: id }) => {
      if (id == null || lane !== player.lane) return false;
      const found = await context.services.rows.wallet({ lane, id });
      return found?.wallet.playerId === player.id;
    });
  }
  return tests;
}
