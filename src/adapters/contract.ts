import type { z } from 'zod';
import type { BalanceInquiry, Flag, Outcome, WalletCommand } from '../ledger/commands.js';
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
  /** Address of the peer: behind a proxy, that of the proxy. */
  readonly remoteAddress: string;
}

declare const verified: unique symbol;
/** A request whose bytes were found signed with a live secret of the integration. Only `verify` makes one. */
export interface VerifiedCallback extends CallbackRequest {
  readonly [verified]: true;
}

/** Checks who is calling, and signs as the provider does: gateway, simulators, tests and the bench use the same object. */
export interface Signer {
  /**
   * Compares in constant time with every live secret. What it returns is what was signed, and all that is read from then on:
   * a secret path is taken off, a body signed in another form is that form. @returns undefined when no secret fits.
   */
  verify(request: CallbackRequest): VerifiedCallback | undefined;
  /** The request as the provider would send it, signed with the newest (first) secret. */
  sign(request: WireRequest): WireRequest;
  /** The path without what is secret in it, for journal and log; absent where nothing is. */
  readonly publicPath?: (path: string) => string;
}

/** A request as a provider sends it; the path is that below `/callbacks/{integration}`. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** Without "?"; empty when there is none. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
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

/** A message that moves no money and asks for none, such as the end of a round. It is journaled and answered. */
export interface Notice {
  readonly kind: 'notice';
  readonly brand: string;
  readonly integration: string;
  /** Its round, where it is of one; rows of a round share a lane. */
  readonly round?: string | undefined;
  /** The player's external id, where it is of one. */
  readonly player?: string | undefined;
  /** The round is over: for this player, or where none is named for everybody who played it. */
  readonly closesRound?: true | undefined;
}

/** Asks for the balance, and tells that the player's round is over: a loss is answered with the balance it left as it was. */
export interface LossNotice extends BalanceInquiry {
  readonly integration: string;
  readonly round: string | undefined;
  readonly closesRound: true;
}

/** A refusal that a person should look at: flags stand beside its code in journal and log. */
export interface FlaggedRefusal {
  readonly kind: 'refusal';
  readonly code: WalletErrorCode;
  readonly flags: readonly Flag[];
  /** The provider's id of the movement that was refused. */
  readonly key?: string | undefined;
}

/** The launch that a one-time token belongs to. */
export interface LaunchedPlay {
  /** The player's external id. */
  readonly player: string;
  readonly currency: string;
  readonly game: string | undefined;
}

/** What a callback asks for; or what it is refused with for what its schema cannot say, such as a forged player. */
export type CallbackCommand = WalletCommand | Notice | LossNotice | FlaggedRefusal | WalletErrorCode;

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
  /**
   * The one-time launch token that the callback presents. It is redeemed before `command` is called, which then gets the
   * play it belongs to; an unknown one is refused as SESSION_UNKNOWN. A repeat within the minute redeems it again.
   */
  readonly launchToken?: (body: Body) => string;
  readonly command: (
    body: Body,
    integration: IntegrationContext<Settings>,
    play: LaunchedPlay | undefined,
  ) => CallbackCommand;
  /** Where the request itself says which of the provider's rules apply to it. `policy` is the integration's row. */
  readonly policy?: (policy: Policy, body: Body) => Policy;
  /** Called for every outcome but a refusal. Pure: the same receipt gives the same bytes. */
  readonly reply: (
    outcome: Exclude<Outcome, { type: 'refused' }>,
    body: Body,
    integration: IntegrationContext<Settings>,
    play: LaunchedPlay | undefined,
  ) => Reply;
}

/** A player's wish to play, as a provider's launch call needs it. */
export interface LaunchRequest {
  /** Public id of the launch; unique. */
  readonly launchId: string;
  /** One-time token for providers that ask who a player is; only its hash is kept. */
  readonly token: string;
  /** The player's external id. */
  readonly player: string;
  /** The player's public id: `[a-z0-9_]`, at most 18 characters. */
  readonly playerPublicId: string;
  readonly currency: string;
  /** Decimals that amounts of the currency are shown with: 2, or 8 for crypto. */
  readonly displayDecimals: number;
  /** Provider's id of the game; undefined where the provider is one game (a sportsbook). */
  readonly game: string | undefined;
  /** ISO 639-1 language code. */
  readonly language: string | undefined;
  /** Where the game sends the player at its end. */
  readonly returnUrl: string | undefined;
  readonly platform: 'desktop' | 'mobile';
  /** Play money of the provider's own. */
  readonly demo: boolean;
}

/** One game of a provider's catalogue. */
export interface CatalogueGame {
  /** The provider's id of the game, as launches and callbacks name it. */
  readonly id: string;
  readonly name: string;
  readonly category: string | undefined;
  /** Absolute URL. */
  readonly thumbnailUrl: string | undefined;
  readonly features: readonly string[];
  /** Milliseconds that the game's end is shown later than it is sent. */
  readonly balanceUpdateDelayMs: number | undefined;
  /** Empty where the provider does not say: then all of the integration. */
  readonly currencies: readonly string[];
}

/** A movement as the provider keeps it, for reconciliation. */
export interface ProviderTransaction {
  /** The external key that the movement has in the ledger. */
  readonly key: string;
  readonly kind: 'bet' | 'win' | 'rollback';
  /** Decimal text in major units. */
  readonly amount: string;
  readonly player: string | undefined;
  readonly round: string | undefined;
  readonly at: Date | undefined;
}

/** Outgoing calls to a provider: JSON in and out, with the integration's time-out, retries and circuit breaker. */
export interface ProviderHttp {
  /**
   * Posts JSON. `safe` says that repeating the call does no harm, so it may be retried.
   * @throws ProviderError when the provider cannot be reached, answers too late, or answers a success without JSON. An
   * HTTP error status is an answer, not a throw; its body is undefined where it is no JSON. Numbers are `LosslessNumber`s.
   */
  post(url: string, body: unknown, options?: CallOptions): Promise<ProviderAnswer>;
  /** Gets JSON; as `post`. */
  get(url: string, query: Readonly<Record<string, string>>, options?: CallOptions): Promise<ProviderAnswer>;
}

export interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly safe?: boolean;
}

export interface ProviderAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Live outgoing side of one integration; it may hold state such as a cached token. */
export interface ProviderClient {
  /** @returns the URL to open in the player's browser: single use, never cached. @throws ProviderError */
  launch(request: LaunchRequest): Promise<{ url: string }>;
  /** All games the provider offers, where it says so. @throws ProviderError */
  readonly catalogue?: () => Promise<readonly CatalogueGame[]>;
  /** The provider's own list of movements in a span of time, or of one of its sessions, where it has one. @throws ProviderError */
  readonly transactions?: (query: {
    readonly from: Date;
    readonly to: Date;
    readonly session?: string | undefined;
  }) => Promise<readonly ProviderTransaction[]>;
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
  /** What these settings change in the row, where a provider's dialects differ. The integration's own overrides come after. */
  readonly dialectPolicy?: (settings: Settings) => PolicyOverrides;
  /** What these settings lack that only production needs, in a sentence; undefined when nothing. */
  readonly missingInProduction?: (settings: Settings) => string | undefined;
  /** From the last byte received to the latest moment a command may still start, in milliseconds. */
  readonly deadlineMs: { readonly bet: number; readonly other: number };
  // `never` bodies: each definition is checked against its own schema by `callback`, then held in one list.
  readonly callbacks: readonly CallbackDefinition<Settings, never>[];
  /** HTTP methods that callbacks come with; POST alone unless told. */
  readonly methods?: (settings: Settings) => readonly string[];
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
  readonly methods: readonly string[];
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
  /** To be redeemed first, if there is one. */
  readonly launchToken: string | undefined;
  readonly policy: Policy;
  command(play: LaunchedPlay | undefined): CallbackCommand;
  /** @param play what `command` got */
  reply(outcome: Exclude<Outcome, { type: 'refused' }>, play?: LaunchedPlay): Reply;
}

export interface Adapter {
  readonly id: string;
  readonly title: string;
  readonly settings: z.ZodType;
  readonly policy: Policy;
  /** As in the definition, of settings as they are written. @throws ZodError when they are not this adapter's. */
  readonly missingInProduction?: (settings: unknown) => string | undefined;
  /** @throws ZodError when the settings are not this adapter's, or the policy contradicts itself. */
  bind(integration: {
    id: string;
    brand: string;
    settings: unknown;
    policy?: PolicyOverrides | undefined;
  }): BoundAdapter;
}

export function defineAdapter<Settings>(definition: AdapterDefinition<Settings>): Adapter {
  const { missingInProduction } = definition;
  return {
    id: definition.id,
    title: definition.title,
    settings: definition.settings,
    policy: definition.policy,
    ...(missingInProduction && {
      missingInProduction: (raw: unknown) => missingInProduction(definition.settings.parse(raw)),
    }),
    bind({ id, brand, settings: raw, policy }) {
      const settings = definition.settings.parse(raw);
      const integration: IntegrationContext<Settings> = { id, brand, settings };
      const row = withOverrides(withOverrides(definition.policy, definition.dialectPolicy?.(settings)), policy);
      return {
        id: definition.id,
        signer: definition.signer(settings),
        policy: row,
        deadlineMs: definition.deadlineMs,
        methods: definition.methods?.(settings) ?? ['POST'],
        callbacks: definition.callbacks
          .filter((each) => each.enabled?.(settings) ?? true)
          .map((each) => bindCallback(each, integration, row)),
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
  policy: Policy,
): BoundCallback {
  return {
    name: definition.name,
    on: definition.on,
    read(raw) {
      const parsed = definition.body.safeParse(raw);
      if (!parsed.success) return undefined;
      const body = parsed.data;
      return {
        launchToken: definition.launchToken?.(body),
        policy: definition.policy?.(policy, body) ?? policy,
        command: (play) => definition.command(body, integration, play),
        reply: (outcome, play) => definition.reply(outcome, body, integration, play),
      };
    },
  };
}
