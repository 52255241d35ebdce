import type { z } from 'zod';
import type { Outcome, WalletCommand } from '../ledger/commands.js';
import type { WalletErrorCode } from '../ledger/errors.js';
import { type Policy, type PolicyOverrides, withOverrides } from '../ledger/policy.js';

/**
 * What an adapter is: a value that tells how one provider's dialect maps onto the ledger's commands and back. It does no
 * input or output of its own; outgoing calls go through the `ProviderHttp` it is handed.
 */

/** A request as it arrived, nothing of it believed yet. */
export interface CallbackRequest {
  readonly method: string;
  /** Path below `/callbacks/{integration}`, with its leading slash and without the query: "/transaction". */
  readonly path: string;
  /** Query string without "?"; empty when there is none. */
  readonly query: string;
  /** Lower-case names. A header sent twice is joined by ", ", as Node does. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The bytes as received. */
  readonly body: Buffer;
}

declare const verified: unique symbol;
/** A request whose bytes were found signed with a live secret of the integration. Only `verify` makes one. */
export interface VerifiedCallback extends CallbackRequest {
  readonly [verified]: true;
}

/** Checks who is calling, and signs as the provider does: gateway, simulators, tests and the bench use the same object. */
export interface Signer {
  /** Compares in constant time with every live secret. @returns undefined when none fits. */
  verify(request: CallbackRequest): VerifiedCallback | undefined;
  /** Headers a provider would send with this request. Signs with the newest (first) secret. */
  sign(request: Pick<CallbackRequest, 'method' | 'path' | 'query' | 'body'>): Record<string, string>;
}

/** An answer in the provider's dialect; `closeConnection` where any answer would be taken as final. */
export type Reply = { readonly status: number; readonly body: string } | typeof closeConnection;
export const closeConnection = 'close-connection';

/** The integration a callback came in on, as adapters see it. */
export interface IntegrationContext<Settings> {
  readonly id: string;
  readonly brand: string;
  readonly settings: Settings;
}

/** Where a refusal happens: `callback` is undefined until the request was found to be one the protocol describes. */
export interface RefusalContext<Settings> {
  readonly callback: string | undefined;
  readonly integration: IntegrationContext<Settings>;
  /** The ledger's word with the balance at that moment, when the command reached it. */
  readonly outcome: Extract<Outcome, { type: 'refused' }> | undefined;
}

/** One kind of callback: how it is recognised, read, turned into a command and answered. */
export interface CallbackDefinition<Settings, Body> {
  readonly name: string;
  readonly on: {
    readonly path: string;
    /** Body fields with the exact text that selects this callback among those on the same path. */
    readonly where?: Readonly<Record<string, string>>;
  };
  /** Whether these settings have the callback at all; absent means always. */
  readonly enabled?: (settings: Settings) => boolean;
  readonly body: z.ZodType<Body>;
  readonly command: (body: Body, integration: IntegrationContext<Settings>) => WalletCommand;
  /** Called for every outcome but a refusal. Pure: the same receipt gives the same bytes. */
  readonly reply: (
    outcome: Exclude<Outcome, { type: 'refused' }>,
    body: Body,
    integration: IntegrationContext<Settings>,
  ) => Reply;
}

/** A player's wish to play, as a provider's launch call needs it. */
export interface LaunchRequest {
  /** The player's external id. */
  readonly player: string;
  readonly currency: string;
  /** Provider's id of the game; undefined where the provider is one game (a sportsbook). */
  readonly game: string | undefined;
  /** ISO 639-1 language code. */
  readonly language: string | undefined;
}

/** Outgoing calls to a provider: JSON in and out, with the integration's time-out, retries and circuit breaker. */
export interface ProviderHttp {
  /**
   * Posts JSON. `safe` says that repeating the call does no harm, so it may be retried.
   * @throws ProviderError when the provider cannot be reached, answers too late, or answers a success without JSON. An
   * HTTP error status is an answer, not a throw; its body is undefined where it is no JSON. Numbers are `LosslessNumber`s.
   */
  post(
    url: string,
    body: unknown,
    options?: { headers?: Record<string, string>; safe?: boolean },
  ): Promise<{ status: number; body: unknown }>;
}

/** Live outgoing side of one integration; it may hold state such as a cached token. */
export interface ProviderClient {
  /** @returns the URL to open in the player's browser: single use, never cached. @throws ProviderError */
  launch(request: LaunchRequest): Promise<{ url: string }>;
}

export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  constructor(
    readonly code: 'UNREACHABLE' | 'TIMEOUT' | 'CIRCUIT_OPEN' | 'REFUSED' | 'INVALID_ANSWER',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface AdapterDefinition<Settings> {
  readonly id: string;
  readonly title: string;
  /** Credentials and URLs of one integration. Secrets are lists, newest first: the old one works during the overlap. */
  readonly settings: z.ZodType<Settings>;
  /** There is no default signer. */
  readonly signer: (settings: Settings) => Signer;
  readonly policy: Policy;
  /** From the last byte received to the latest moment a command may still start, in milliseconds. */
  readonly deadlineMs: { readonly bet: number; readonly other: number };
  // `never` bodies: each definition is checked against its own schema by `callback`, then held in one list.
  readonly callbacks: readonly CallbackDefinition<Settings, never>[];
  /** Total over every WalletErrorCode: the type of the tables behind it must be `Record<WalletErrorCode, …>`. */
  readonly refuse: (code: WalletErrorCode, context: RefusalContext<Settings>) => Reply;
  readonly client: (settings: Settings, http: ProviderHttp) => ProviderClient;
}

/** Ties a callback's schema to its functions. */
export function callback<Settings, Body>(
  name: string,
  definition: Omit<CallbackDefinition<Settings, Body>, 'name'>,
): CallbackDefinition<Settings, never> {
  return { name, ...definition } as unknown as CallbackDefinition<Settings, never>;
}

/** An adapter bound to one integration's settings: what the rest of the gateway works with. Settings no longer show. */
export interface BoundAdapter {
  readonly id: string;
  readonly signer: Signer;
  readonly policy: Policy;
  readonly deadlineMs: { readonly bet: number; readonly other: number };
  readonly callbacks: readonly BoundCallback[];
  refuse(
    code: WalletErrorCode,
    context: { callback: string | undefined; outcome?: Extract<Outcome, { type: 'refused' }> | undefined },
  ): Reply;
  client(http: ProviderHttp): ProviderClient;
}

export interface BoundCallback {
  readonly name: string;
  readonly on: CallbackDefinition<never, never>['on'];
  /** @returns undefined when the body is not what the schema describes. */
  read(body: unknown): BoundMessage | undefined;
}

/** A callback that was read: its command, and its answer once the outcome is known. */
export interface BoundMessage {
  readonly command: WalletCommand;
  reply(outcome: Exclude<Outcome, { type: 'refused' }>): Reply;
}

export interface Adapter {
  readonly id: string;
  readonly title: string;
  readonly settings: z.ZodType;
  readonly policy: Policy;
  /** @throws ZodError when the settings are not this adapter's. */
  bind(integration: {
    id: string;
    brand: string;
    settings: unknown;
    policy?: PolicyOverrides | undefined;
  }): BoundAdapter;
}

export function defineAdapter<Settings>(definition: AdapterDefinition<Settings>): Adapter {
  return {
    id: definition.id,
    title: definition.title,
    settings: definition.settings,
    policy: definition.policy,
    bind({ id, brand, settings: raw, policy }) {
      const settings = definition.settings.parse(raw);
      const integration: IntegrationContext<Settings> = { id, brand, settings };
      return {
        id: definition.id,
        signer: definition.signer(settings),
        policy: withOverrides(definition.policy, policy),
        deadlineMs: definition.deadlineMs,
        callbacks: definition.callbacks
          .filter((each) => each.enabled?.(settings) ?? true)
          .map((each) => bindCallback(each, integration)),
        refuse: (code, context) =>
          definition.refuse(code, { callback: context.callback, integration, outcome: context.outcome }),
        client: (http) => definition.client(settings, http),
      };
    },
  };
}

function bindCallback<Settings>(
  definition: CallbackDefinition<Settings, never>,
  integration: IntegrationContext<Settings>,
): BoundCallback {
  return {
    name: definition.name,
    on: definition.on,
    read(raw) {
      const parsed = definition.body.safeParse(raw);
      if (!parsed.success) return undefined;
      const body = parsed.data;
      return {
        command: definition.command(body, integration),
        reply: (outcome) => definition.reply(outcome, body, integration),
      };
    },
  };
}
