/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Money that a player brings in or takes out. */
export type CashierInput = {
  /** Units of the currency, above 0, with no more decimals than the currency is configured with. */
  readonly amount: string;
  /** Code of the currency, in capitals. A deposit opens the wallet if the brand lists it. */
  readonly currency: string;
  /** Names the movement for ever among the player's deposits and withdrawals: 1 to 255 bytes. Repeating a request with its key is safe, and answers what the first answered. */
  readonly idempotencyKey: string;
  /** Id of the player. */
  readonly playerId: string | number;
  /** The operator's own note, such as a payment id, 1 to 255 bytes; kept as the transaction's `externalRound`. */
  readonly reference?: string | null | undefined;
};

/** A new player. */
export type CreatePlayerInput = {
  /** Slug of the brand; must be the token's, which is also the default. */
  readonly brand?: string | null | undefined;
  /** Codes of the currencies to open wallets in; all of the brand's when absent. */
  readonly currencies?: ReadonlyArray<string> | null | undefined;
  /** The operator's own name for the player, unique in the brand, for ever: 1 to 255 bytes, no control characters, no white space at the ends. */
  readonly externalId: string;
};

/** All that is given must hold. */
export type GameFilter = {
  /** Only of this category, written as the provider does. */
  readonly category?: string | null | undefined;
  /** Only those that can be played in this currency. */
  readonly currency?: string | null | undefined;
  /** Only with this feature, written as the provider does. */
  readonly feature?: string | null | undefined;
  /** Only of this integration. */
  readonly integration?: string | number | null | undefined;
  /** Only with this text anywhere in the name, whatever the capitals: 1 to 100 characters, each standing for itself. */
  readonly search?: string | null | undefined;
  /** Only of this status. Players see active games only. */
  readonly status?: GameStatus | null | undefined;
};

/** Whether a game can be launched. */
export type GameStatus =
  /** The provider offers it. */
  | 'ACTIVE'
  /** The provider no longer offers it; it may return. */
  | 'WITHDRAWN';

/** Who wants to play what. */
export type LaunchGameInput = {
  /** Code of the currency to play in, in capitals. */
  readonly currency: string;
  /** To play with the provider's own play money, where the provider has that; false when absent. */
  readonly demo?: boolean | null | undefined;
  /** The operator's own word for the device, such as a user agent: 1 to 255 bytes, kept with the session. */
  readonly device?: string | null | undefined;
  /** The provider's id of the game (`Game.externalId`), 1 to 255 bytes; absent where the provider is one game, such as a sportsbook. */
  readonly game?: string | null | undefined;
  /** Id of the integration. */
  readonly integration: string | number;
  /** Two small letters, as in ISO 639-1: "en". */
  readonly language?: string | null | undefined;
  /** What the game is shown on; DESKTOP when absent. */
  readonly platform?: LaunchPlatform | null | undefined;
  /** Id of the player; the token's own when absent. */
  readonly playerId?: string | number | null | undefined;
  /** Where the game sends the player at its end: an https address of an origin that the configuration lists, if it lists any. Outside production a page on localhost may do without TLS. */
  readonly returnUrl?: string | null | undefined;
};

/** What the game is shown on. */
export type LaunchPlatform =
  /** A large screen with a mouse. */
  | 'DESKTOP'
  /** A phone or a tablet. */
  | 'MOBILE';

/** What a limit counts. */
export type LimitKind =
  /** Deposits. */
  | 'DEPOSIT'
  /** Stakes less payouts, of bets and wins that were not undone. */
  | 'LOSS'
  /** Minutes at play, in all currencies, without a pause of 15 minutes between two bets. */
  | 'SESSION_TIME'
  /** Stakes of bets that were not undone. Free bets cost nothing and count nothing. */
  | 'STAKE';

/** How long a limit of money counts, before it begins anew. All in UTC. */
export type LimitPeriod =
  /** From midnight to midnight. */
  | 'DAY'
  /** A month of the calendar. */
  | 'MONTH'
  /** From Monday to Monday. */
  | 'WEEK';

/** How long rounds are open already. */
export type OpenStakesAge =
  /** A day and longer: ask the provider what became of them. */
  | 'OLDER'
  /** An hour, but less than a day. */
  | 'UNDER_DAY'
  /** A minute, but less than an hour. */
  | 'UNDER_HOUR'
  /** Less than a minute. */
  | 'UNDER_MINUTE';

/** What a player may do. Only bets and launches depend on it: money owed to a player is always credited. */
export type PlayerStatus =
  /** May launch games and bet. */
  | 'ACTIVE'
  /** The account is closed for ever: no launches, no bets, and no other status any more. */
  | 'CLOSED'
  /** May not launch or bet, by their own wish. ACTIVE again by itself after `Player.statusUntil`; until then it can be made longer, and not lifted or shortened by anybody. One without an end lasts until staff lifts it, 24 hours later at the earliest. */
  | 'SELF_EXCLUDED'
  /** May not launch or bet, by decision of the operator. */
  | 'SUSPENDED';

/** What the rows of a report are told apart by. */
export type ReportDimension =
  /** Brands. A token sees one: its rows say which. */
  | 'BRAND'
  /** Currencies. They are always told apart, because nothing is ever converted. */
  | 'CURRENCY'
  /** Days of UTC. */
  | 'DAY'
  /** Games, and with them integrations: a game is known by the id its provider gave it. */
  | 'GAME'
  /** Hours of UTC; for 62 days at most. */
  | 'HOUR'
  /** Integrations. */
  | 'INTEGRATION'
  /** Players. */
  | 'PLAYER';

/** All that is given must hold. */
export type ReportFilter = {
  /** Only in these currencies; 200 at most. */
  readonly currencies?: ReadonlyArray<string> | null | undefined;
  /** Only of games with these ids of their providers'; 200 at most. */
  readonly games?: ReadonlyArray<string | number> | null | undefined;
  /** Only through these integrations; 200 at most. */
  readonly integrations?: ReadonlyArray<string | number> | null | undefined;
  /** Only of this player. */
  readonly playerId?: string | number | null | undefined;
};

/** What a player may do at most from now on. */
export type SetLimitInput = {
  /** With every kind but SESSION_TIME: units of the currency, 0 or more; null, which must be written, removes the limit. */
  readonly amount?: string | null | undefined;
  /** Code of the currency, in capitals; with every kind but SESSION_TIME. Opens the wallet if the brand lists it. */
  readonly currency?: string | null | undefined;
  /** What the limit counts. */
  readonly kind: LimitKind;
  /** With SESSION_TIME: 1 to 1440; null, which must be written, removes the limit. */
  readonly minutes?: number | null | undefined;
  /** How long it counts; with every kind but SESSION_TIME. */
  readonly period?: LimitPeriod | null | undefined;
  /** Id of the player. */
  readonly playerId: string | number;
};

/** A change of what a player may do. */
export type SetPlayerStatusInput = {
  /** Id of the player. */
  readonly playerId: string | number;
  /** What the player may do from now on. */
  readonly status: PlayerStatus;
  /** When a self-exclusion ends by itself, in the future; with SELF_EXCLUDED only. Without it there is no end. */
  readonly until?: string | null | undefined;
};

/** Whose games to read again. */
export type SyncCatalogueInput = {
  /** Also when more than half of the known games would be withdrawn; false when absent. */
  readonly force?: boolean | null | undefined;
  /** Id of the integration. */
  readonly integration: string | number;
};

/** What a transaction is. */
export type TransactionKind =
  /** Corrected the balance by hand, after two people agreed. */
  | 'ADJUSTMENT'
  /** Took the stake. */
  | 'BET'
  /** Brought money in from outside the games. */
  | 'DEPOSIT'
  /** Undid one bet or win; 0 when there was nothing to undo, or it had been undone before. */
  | 'ROLLBACK'
  /** Stands, without money, in the place of a movement that was rolled back before it arrived. */
  | 'TOMBSTONE'
  /** Gave the payout; 0 records that nothing was won. */
  | 'WIN'
  /** Took money out. */
  | 'WITHDRAWAL';

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { readonly me: { readonly id: string, readonly externalId: string, readonly brand: string, readonly status: PlayerStatus, readonly wallets: ReadonlyArray<{ readonly id: string, readonly currency: string, readonly sequence: string, readonly balance: { readonly amount: string, readonly currency: string } }> } | null };

export type WalletHistoryQueryVariables = Exact<{
  walletId: string | number;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type WalletHistoryQuery = { readonly wallet: { readonly transactions: { readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly sequence: string, readonly kind: TransactionKind, readonly createdAt: string, readonly amount: { readonly amount: string, readonly currency: string }, readonly balanceAfter: { readonly amount: string }, readonly rolledBackBy: { readonly id: string } | null } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } } | null };

export type LaunchMutationVariables = Exact<{
  input: LaunchGameInput;
}>;


export type LaunchMutation = { readonly launchGame:
    | { readonly __typename: 'CurrencyNotSupported', readonly message: string }
    | { readonly __typename: 'GameUnavailable', readonly message: string }
    | { readonly __typename: 'LaunchSession', readonly id: string, readonly url: string }
    | { readonly __typename: 'LimitReached', readonly message: string }
    | { readonly __typename: 'PlayerNotActive', readonly message: string }
    | { readonly __typename: 'ProviderUnavailable', readonly message: string }
   };

export type LobbyQueryVariables = Exact<{
  filter?: GameFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type LobbyQuery = { readonly games: { readonly totalCount: number, readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly externalId: string, readonly name: string, readonly category: string | null, readonly thumbnailUrl: string | null, readonly features: ReadonlyArray<string>, readonly currencies: ReadonlyArray<string>, readonly integration: { readonly id: string } } }>, readonly facets: { readonly categories: ReadonlyArray<{ readonly value: string, readonly count: number }>, readonly features: ReadonlyArray<{ readonly value: string, readonly count: number }> }, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type DepositMutationVariables = Exact<{
  input: CashierInput;
}>;


export type DepositMutation = { readonly deposit:
    | { readonly __typename: 'AmountInvalid', readonly message: string }
    | { readonly __typename: 'CashierReceipt', readonly repeated: boolean, readonly transaction: { readonly id: string }, readonly wallet: { readonly balance: { readonly amount: string } } }
    | { readonly __typename: 'CurrencyNotSupported', readonly message: string }
    | { readonly __typename: 'IdempotencyConflict', readonly message: string }
    | { readonly __typename: 'InsufficientFunds', readonly message: string }
    | { readonly __typename: 'LimitReached', readonly message: string }
   };

export type MyLimitsQueryVariables = Exact<{ [key: string]: never; }>;


export type MyLimitsQuery = { readonly me: { readonly status: PlayerStatus, readonly statusUntil: string | null, readonly limits: { readonly money: ReadonlyArray<{ readonly kind: LimitKind, readonly period: LimitPeriod, readonly currency: string, readonly periodEndsAt: string, readonly amount: { readonly amount: string }, readonly used: { readonly amount: string }, readonly left: { readonly amount: string }, readonly next: { readonly from: string, readonly amount: { readonly amount: string } | null } | null }>, readonly session: { readonly minutes: number, readonly usedMinutes: number, readonly leftMinutes: number, readonly next: { readonly minutes: number | null, readonly from: string } | null } | null } } | null };

export type SetLimitMutationVariables = Exact<{
  input: SetLimitInput;
}>;


export type SetLimitMutation = { readonly setLimit: { readonly id: string } };

export type ExcludeMyselfMutationVariables = Exact<{
  input: SetPlayerStatusInput;
}>;


export type ExcludeMyselfMutation = { readonly setPlayerStatus: { readonly status: PlayerStatus, readonly statusUntil: string | null } };

export type CreatePlayerMutationVariables = Exact<{
  input: CreatePlayerInput;
}>;


export type CreatePlayerMutation = { readonly createPlayer: { readonly id: string, readonly wallets: ReadonlyArray<{ readonly id: string, readonly currency: string }> } };

export type BalanceChangedSubscriptionVariables = Exact<{
  walletId: string | number;
  after?: string | null | undefined;
}>;


export type BalanceChangedSubscription = { readonly balanceChanged: { readonly sequence: string, readonly displayAt: string, readonly balance: { readonly amount: string, readonly currency: string }, readonly transaction: { readonly id: string, readonly kind: TransactionKind } | null } };

export type IntegrationsQueryVariables = Exact<{ [key: string]: never; }>;


export type IntegrationsQuery = { readonly integrations: ReadonlyArray<{ readonly id: string, readonly title: string | null, readonly brand: string | null, readonly currencies: ReadonlyArray<string>, readonly active: boolean, readonly policy: ReadonlyArray<{ readonly question: string, readonly asks: string, readonly answer: string, readonly overridden: boolean }> }> };

export type SyncCatalogueMutationVariables = Exact<{
  input: SyncCatalogueInput;
}>;


export type SyncCatalogueMutation = { readonly syncCatalogue:
    | { readonly __typename: 'CatalogueBusy', readonly message: string }
    | { readonly __typename: 'CatalogueInvalid', readonly message: string }
    | { readonly __typename: 'CatalogueMissing', readonly message: string }
    | { readonly __typename: 'CatalogueShrunk', readonly message: string }
    | { readonly __typename: 'CatalogueSynced', readonly added: number, readonly changed: number, readonly withdrawn: number, readonly unchanged: number }
    | { readonly __typename: 'ProviderUnavailable', readonly message: string }
   };

export type ReportQueryVariables = Exact<{
  by: ReadonlyArray<ReportDimension> | ReportDimension;
  from: string;
  to: string;
  filter?: ReportFilter | null | undefined;
}>;


export type ReportQuery = { readonly reportFreshness: string, readonly report: ReadonlyArray<{ readonly day: string | null, readonly hour: string | null, readonly gameId: string | null, readonly currency: string, readonly rtp: string | null, readonly bets: number, readonly wins: number, readonly rounds: number, readonly players: number, readonly integration: { readonly id: string } | null, readonly stakes: { readonly amount: string }, readonly payouts: { readonly amount: string }, readonly ggr: { readonly amount: string } }> };

export type MoneyAtRiskQueryVariables = Exact<{ [key: string]: never; }>;


export type MoneyAtRiskQuery = { readonly moneyAtRisk: ReadonlyArray<{ readonly currency: string, readonly age: OpenStakesAge, readonly rounds: number, readonly oldestAt: string, readonly integration: { readonly id: string }, readonly stakes: { readonly amount: string } }> };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    id
    externalId
    brand
    status
    wallets {
      id
      currency
      balance {
        amount
        currency
      }
      sequence
    }
  }
}
    `) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const WalletHistoryDocument = new TypedDocumentString(`
    query WalletHistory($walletId: ID!, $first: Int, $after: String) {
  wallet(id: $walletId) {
    transactions(first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          sequence
          kind
          amount {
            amount
            currency
          }
          balanceAfter {
            amount
          }
          createdAt
          rolledBackBy {
            id
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    `) as unknown as TypedDocumentString<WalletHistoryQuery, WalletHistoryQueryVariables>;
export const LaunchDocument = new TypedDocumentString(`
    mutation Launch($input: LaunchGameInput!) {
  launchGame(input: $input) {
    __typename
    ... on LaunchSession {
      id
      url
    }
    ... on Refusal {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<LaunchMutation, LaunchMutationVariables>;
export const LobbyDocument = new TypedDocumentString(`
    query Lobby($filter: GameFilter, $first: Int, $after: String) {
  games(filter: $filter, first: $first, after: $after) {
    totalCount
    edges {
      cursor
      node {
        id
        externalId
        name
        category
        thumbnailUrl
        features
        currencies
        integration {
          id
        }
      }
    }
    facets {
      categories {
        value
        count
      }
      features {
        value
        count
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<LobbyQuery, LobbyQueryVariables>;
export const DepositDocument = new TypedDocumentString(`
    mutation Deposit($input: CashierInput!) {
  deposit(input: $input) {
    __typename
    ... on CashierReceipt {
      repeated
      transaction {
        id
      }
      wallet {
        balance {
          amount
        }
      }
    }
    ... on Refusal {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DepositMutation, DepositMutationVariables>;
export const MyLimitsDocument = new TypedDocumentString(`
    query MyLimits {
  me {
    status
    statusUntil
    limits {
      money {
        kind
        period
        currency
        amount {
          amount
        }
        used {
          amount
        }
        left {
          amount
        }
        periodEndsAt
        next {
          amount {
            amount
          }
          from
        }
      }
      session {
        minutes
        usedMinutes
        leftMinutes
        next {
          minutes
          from
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MyLimitsQuery, MyLimitsQueryVariables>;
export const SetLimitDocument = new TypedDocumentString(`
    mutation SetLimit($input: SetLimitInput!) {
  setLimit(input: $input) {
    id
  }
}
    `) as unknown as TypedDocumentString<SetLimitMutation, SetLimitMutationVariables>;
export const ExcludeMyselfDocument = new TypedDocumentString(`
    mutation ExcludeMyself($input: SetPlayerStatusInput!) {
  setPlayerStatus(input: $input) {
    status
    statusUntil
  }
}
    `) as unknown as TypedDocumentString<ExcludeMyselfMutation, ExcludeMyselfMutationVariables>;
export const CreatePlayerDocument = new TypedDocumentString(`
    mutation CreatePlayer($input: CreatePlayerInput!) {
  createPlayer(input: $input) {
    id
    wallets {
      id
      currency
    }
  }
}
    `) as unknown as TypedDocumentString<CreatePlayerMutation, CreatePlayerMutationVariables>;
export const BalanceChangedDocument = new TypedDocumentString(`
    subscription BalanceChanged($walletId: ID!, $after: String) {
  balanceChanged(walletId: $walletId, after: $after) {
    sequence
    balance {
      amount
      currency
    }
    transaction {
      id
      kind
    }
    displayAt
  }
}
    `) as unknown as TypedDocumentString<BalanceChangedSubscription, BalanceChangedSubscriptionVariables>;
export const IntegrationsDocument = new TypedDocumentString(`
    query Integrations {
  integrations {
    id
    title
    brand
    currencies
    active
    policy {
      question
      asks
      answer
      overridden
    }
  }
}
    `) as unknown as TypedDocumentString<IntegrationsQuery, IntegrationsQueryVariables>;
export const SyncCatalogueDocument = new TypedDocumentString(`
    mutation SyncCatalogue($input: SyncCatalogueInput!) {
  syncCatalogue(input: $input) {
    __typename
    ... on CatalogueSynced {
      added
      changed
      withdrawn
      unchanged
    }
    ... on Refusal {
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SyncCatalogueMutation, SyncCatalogueMutationVariables>;
export const ReportDocument = new TypedDocumentString(`
    query Report($by: [ReportDimension!]!, $from: DateTime!, $to: DateTime!, $filter: ReportFilter) {
  report(by: $by, from: $from, to: $to, filter: $filter) {
    day
    hour
    integration {
      id
    }
    gameId
    currency
    stakes {
      amount
    }
    payouts {
      amount
    }
    ggr {
      amount
    }
    rtp
    bets
    wins
    rounds
    players
  }
  reportFreshness
}
    `) as unknown as TypedDocumentString<ReportQuery, ReportQueryVariables>;
export const MoneyAtRiskDocument = new TypedDocumentString(`
    query MoneyAtRisk {
  moneyAtRisk {
    integration {
      id
    }
    currency
    age
    stakes {
      amount
    }
    rounds
    oldestAt
  }
}
    `) as unknown as TypedDocumentString<MoneyAtRiskQuery, MoneyAtRiskQueryVariables>;