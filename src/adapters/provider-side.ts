import type { Signer, WireRequest } from './contract.js';

/**
 * The other side of the wire: what a provider sends, how it takes answers, when it sends again, and the API it offers. The
 * simulators, the load, the certification and the tests all speak through this, so a provider's dialect is written once.
 */
export interface ProviderSide {
  /** Integration settings that fit the simulator. `secret` gives the sandbox's own secret of a name: the same on every call. */
  readonly settings: (at: SimulatedAt) => Record<string, unknown>;
  /** Further dialects of the protocol: what to lay over `settings` for each. The plain settings are the default dialect. */
  readonly dialects: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What its page looks like, and the games it offers; one without games is one game itself. */
  readonly page: PageKind;
  readonly games: readonly { readonly id: string; readonly name: string }[];
  /** Currencies of an integration with these settings, where they leave no choice; absent where any will do. */
  readonly currencies?: readonly string[];
  /** Milliseconds it waits for an answer, and then takes it for lost. */
  readonly timeoutMs: number;
  /** @throws ZodError when the settings are not this adapter's */
  readonly voice: (settings: unknown) => ProviderVoice;
  /** What the certification examines beside movements, for protocols that have more: notices, sessions, look-ups. */
  readonly cases?: (settings: unknown) => readonly ProviderCase[];
  /** The provider's API as the gateway's client calls it. @returns undefined for a route it does not have */
  readonly api: (settings: unknown, host: SimulatorHost) => (call: ApiCall) => Promise<ApiAnswer | undefined>;
}

export type PageKind = 'bet-slip' | 'slot' | 'mines' | 'rocket' | 'crash';

export interface SimulatedAt {
  /** Where the simulator serves the provider's API. */
  readonly apiUrl: string;
  /** Where the gateway takes callbacks: `…/callbacks/{integration}`. */
  readonly callbackUrl: string;
  readonly secret: (name: string) => string;
}

/** How a provider talks to one integration. */
export interface ProviderVoice {
  readonly signer: Signer;
  /** Kinds of message that the protocol has. */
  readonly speaks: readonly ProviderMessage['kind'][];
  /** A fresh id in the provider's form. `seed` is unique among the ids asked for, 1 to 2^40. */
  readonly newId: (seed: number) => string;
  /** The request of a message, not signed yet. The same message gives the same bytes but for times. */
  readonly say: (message: ProviderMessage) => WireRequest;
  readonly hear: (message: ProviderMessage, answer: WireAnswer) => ProviderVerdict;
  /** The documented rules for sending again. `attempt` counts from 1. */
  readonly afterwards: (message: ProviderMessage, attempt: number, result: ProviderVerdict | 'no-answer') => Afterwards;
}

export type ProviderMessage = ProviderMovement | BalanceQuestion;

/** A movement as the provider means it, before it is put into the dialect. */
export interface ProviderMovement {
  readonly kind: 'bet' | 'win' | 'rollback';
  /** From `newId`. */
  readonly id: string;
  /** The player's external id; the voice makes of it what the wire carries. */
  readonly player: string;
  readonly currency: string;
  /** Decimal text in major units; of a rollback the target's. */
  readonly amount: string;
  readonly round: string;
  readonly game: string;
  /** The provider's session token, or whatever it calls that. */
  readonly session: string;
  /** The bet that a win pays (absent: none the provider knows of), or what a rollback undoes. */
  readonly target?: ProviderMovement | undefined;
}

export interface BalanceQuestion {
  readonly kind: 'balance';
  readonly id: string;
  readonly player: string;
  readonly currency: string;
  readonly session: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

/** What an answer means to the provider. */
export type ProviderVerdict =
  | {
      readonly type: 'accepted';
      /** Decimal text, where the dialect tells it. */
      readonly balance: string | undefined;
      readonly transactionId: string | undefined;
    }
  | {
      readonly type: 'refused';
      readonly why: 'funds' | 'duplicate' | 'unknown' | 'authentication' | 'other';
      /** Decimal text, where the dialect tells it. */
      readonly balance: string | undefined;
    }
  /** A transient failure, by the provider's own reading. */
  | { readonly type: 'failed' }
  /** Not what the provider's document allows. */
  | { readonly type: 'unreadable'; readonly what: string };

export type Afterwards =
  | { readonly act: 'rest' }
  | { readonly act: 'repeat'; readonly afterMs: number }
  /** It takes the movement back by a rollback of its own. */
  | { readonly act: 'roll-back' };

/** A case of the certification that movements cannot say. */
export interface ProviderCase {
  /** The rule, as a sentence. */
  readonly name: string;
  /** Requests in their order. Ids in them must be fresh on every call. */
  readonly steps: (at: { player: string; currency: string; game: string }) => readonly {
    readonly what: string;
    readonly request: WireRequest;
    /** False sends it as it stands. */
    readonly signed?: boolean;
    /** What is wrong with an answer; undefined when it is right. */
    readonly problem: (answer: WireAnswer) => string | undefined;
  }[];
}

/** What a simulator lends the API it serves. */
export interface SimulatorHost {
  /** Opens a page for one play. @returns its URL, which works once */
  openGame(game: SimulatedGame): string;
  /** Sends a signed callback and waits for the answer. */
  callBack(request: WireRequest): Promise<WireAnswer | 'no-answer'>;
  /** What this provider has sent and seen accepted, oldest first. */
  readonly accepted: () => readonly { readonly message: ProviderMovement; readonly at: Date }[];
  /** Text that nobody can guess. */
  token(): string;
  now(): Date;
}

export interface SimulatedGame {
  /** The player's external id. */
  readonly player: string;
  readonly currency: string;
  readonly game: string | undefined;
  readonly language: string | undefined;
  readonly returnUrl: string | undefined;
  readonly session: string;
}

export interface ApiCall {
  readonly method: string;
  /** Path below the API's URL, with its leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawBody: Buffer;
  /** Parsed by `JSON.parse`; undefined when there is none or it is no JSON. */
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}
