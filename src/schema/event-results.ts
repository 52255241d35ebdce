import { createHash } from 'node:crypto';
import type { DocumentNode } from 'graphql';
import type { Principal } from '../auth.js';
import { GraphqlContext, type Services } from './context.js';
import type { ErrorPresenter } from './errors.js';
import type { Executor } from './executor.js';

/** What a subscription's source yields: the root that one event is resolved from. */
export interface EventRoot {
  /** What happened, the same object for all who are told of it; undefined when it is told to one alone. */
  readonly shared?: object | undefined;
  /** Puts what the event says into the loaders, so that what is usually asked for costs no query. */
  prime(context: GraphqlContext): void;
}

/** A subscription under way: what is asked, and by whom. */
export interface Subscribed {
  readonly document: DocumentNode;
  readonly operationName: string | null | undefined;
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  /** The same for the same operation, variables and viewer, and for nothing else. */
  readonly key: string;
}

export interface EventResults {
  /** The event's result as JSON. */
  textOf(root: EventRoot, subscribed: Subscribed): string | Promise<string>;
}

/**
 * Executes a subscription for each event. A thousand sockets that ask the same for the same viewer share one execution and one
 * text: the event is executed for the first of them, and on nobody's behalf in particular, so nobody who leaves spoils it.
 */
export function createEventResults(services: Services, execute: Executor, present: ErrorPresenter): EventResults {
  // Forgotten together with the event.
  const texts = new WeakMap<object, Map<string, string | Promise<string>>>();

  async function executed(root: EventRoot, subscribed: Subscribed, signal: AbortSignal | undefined): Promise<string> {
    const { document, operationName, variables, principal } = subscribed;
    const context = new GraphqlContext(principal, services, { signal });
    root.prime(context);
    const { data, errors } = await execute({ document, operationName, variables, context, root });
    return JSON.stringify({
      data: data ?? null,
      ...(errors !== undefined && { errors: errors.map((error) => present(error)) }),
    });
  }

  return {
    textOf(root, subscribed) {
      const { shared } = root;
      if (shared === undefined) return executed(root, subscribed, subscribed.signal);
      let known = texts.get(shared);
      if (known === undefined) texts.set(shared, (known = new Map()));
      const text = known.get(subscribed.key);
      if (text !== undefined) return text;
      const of = known;
      const pending = executed(root, subscribed, undefined).then((done) => {
        // Whoever comes later need not wait at all.
        of.set(subscribed.key, done);
        return done;
      });
      known.set(subscribed.key, pending);
      return pending;
    },
  };
}

export function keyOf(
  { brand, subject, roles }: Principal,
  operation: { readonly query: string } & Pick<Subscribed, 'operationName' | 'variables'>,
): string {
  const { query, operationName, variables } = operation;
  const asked = JSON.stringify([brand, subject, [...roles].sort(), query, operationName, variables]);
  return createHash('sha256').update(asked).digest('base64');
}

/**
 * Reads events and hands each on, one after the other. To graphql-ws it looks like a subscription that yields nothing until it
 * ends: messages are written here, because there each would be put into JSON once more for every socket.
 */
export function pump(source: AsyncIterator<unknown>, deliver: (event: unknown) => Promise<void> | undefined) {
  const stopping = new AbortController();
  const end: IteratorReturnResult<undefined> = { done: true, value: undefined };
  return {
    async next(): Promise<IteratorResult<never, undefined>> {
      for (;;) {
        const { value, done } = await source.next();
        if (done === true || stopping.signal.aborted) return end;
        const delivered = deliver(value);
        if (delivered !== undefined) await delivered;
      }
    },
    async return(): Promise<IteratorResult<never, undefined>> {
      stopping.abort('the client wants no more');
      await source.return?.();
      return end;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  } satisfies AsyncIterableIterator<never, undefined>;
}
