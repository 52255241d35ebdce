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

/** Who wants to play what. */
export type LaunchGameInput = {
  /** Code of the currency to play in, in capitals. */
  readonly currency: string;
  /** The provider's id of the game, 1 to 255 bytes; absent where the provider is one game, such as a sportsbook. */
  readonly game?: string | null | undefined;
  /** Id of the integration. */
  readonly integration: string | number;
  /** Two small letters, as in ISO 639-1: "en". */
  readonly language?: string | null | undefined;
  /** Id of the player; the token's own when absent. */
  readonly playerId?: string | number | null | undefined;
};

/** What a player may do. Only bets and launches depend on it: money owed to a player is always credited. */
export type PlayerStatus =
  /** May launch games and bet. */
  | 'ACTIVE'
  /** The account is closed: no launches, no bets. */
  | 'CLOSED'
  /** May not launch or bet, by their own wish. */
  | 'SELF_EXCLUDED'
  /** May not launch or bet, by decision of the operator. */
  | 'SUSPENDED';

/** What a transaction is. */
export type TransactionKind =
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
    | { readonly __typename: 'PlayerNotActive', readonly message: string }
    | { readonly __typename: 'ProviderUnavailable', readonly message: string }
   };

export type DepositMutationVariables = Exact<{
  input: CashierInput;
}>;


export type DepositMutation = { readonly deposit:
    | { readonly __typename: 'AmountInvalid', readonly message: string }
    | { readonly __typename: 'CashierReceipt', readonly repeated: boolean, readonly transaction: { readonly id: string }, readonly wallet: { readonly balance: { readonly amount: string } } }
    | { readonly __typename: 'CurrencyNotSupported', readonly message: string }
    | { readonly __typename: 'IdempotencyConflict', readonly message: string }
    | { readonly __typename: 'InsufficientFunds', readonly message: string }
   };

export type CreatePlayerMutationVariables = Exact<{
  input: CreatePlayerInput;
}>;


export type CreatePlayerMutation = { readonly createPlayer: { readonly id: string, readonly wallets: ReadonlyArray<{ readonly id: string, readonly currency: string }> } };

export type BalanceChangedSubscriptionVariables = Exact<{
  walletId: string | number;
  after?: string | null | undefined;
}>;


export type BalanceChangedSubscription = { readonly balanceChanged: { readonly sequence: string, readonly displayAt: string, readonly balance: { readonly amount: string, readonly currency: string }, readonly transaction: { readonly id: string, readonly kind: TransactionKind } | null } };

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