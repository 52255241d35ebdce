/* eslint-disable */
import * as types from './graphql.js';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "query Me {\n  me {\n    id\n    externalId\n    brand\n    status\n    wallets {\n      id\n      currency\n      balance {\n        amount\n        currency\n      }\n      sequence\n    }\n  }\n}\n\nquery WalletHistory($walletId: ID!, $first: Int, $after: String) {\n  wallet(id: $walletId) {\n    transactions(first: $first, after: $after) {\n      edges {\n        cursor\n        node {\n          id\n          sequence\n          kind\n          amount {\n            amount\n            currency\n          }\n          balanceAfter {\n            amount\n          }\n          createdAt\n          rolledBackBy {\n            id\n          }\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nmutation Launch($input: LaunchGameInput!) {\n  launchGame(input: $input) {\n    __typename\n    ... on LaunchSession {\n      id\n      url\n    }\n    ... on Refusal {\n      message\n    }\n  }\n}\n\nmutation Deposit($input: CashierInput!) {\n  deposit(input: $input) {\n    __typename\n    ... on CashierReceipt {\n      repeated\n      transaction {\n        id\n      }\n      wallet {\n        balance {\n          amount\n        }\n      }\n    }\n    ... on Refusal {\n      message\n    }\n  }\n}\n\nmutation CreatePlayer($input: CreatePlayerInput!) {\n  createPlayer(input: $input) {\n    id\n    wallets {\n      id\n      currency\n    }\n  }\n}\n\nsubscription BalanceChanged($walletId: ID!, $after: String) {\n  balanceChanged(walletId: $walletId, after: $after) {\n    sequence\n    balance {\n      amount\n      currency\n    }\n    transaction {\n      id\n      kind\n    }\n    displayAt\n  }\n}": typeof types.MeDocument,
};
const documents: Documents = {
    "query Me {\n  me {\n    id\n    externalId\n    brand\n    status\n    wallets {\n      id\n      currency\n      balance {\n        amount\n        currency\n      }\n      sequence\n    }\n  }\n}\n\nquery WalletHistory($walletId: ID!, $first: Int, $after: String) {\n  wallet(id: $walletId) {\n    transactions(first: $first, after: $after) {\n      edges {\n        cursor\n        node {\n          id\n          sequence\n          kind\n          amount {\n            amount\n            currency\n          }\n          balanceAfter {\n            amount\n          }\n          createdAt\n          rolledBackBy {\n            id\n          }\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nmutation Launch($input: LaunchGameInput!) {\n  launchGame(input: $input) {\n    __typename\n    ... on LaunchSession {\n      id\n      url\n    }\n    ... on Refusal {\n      message\n    }\n  }\n}\n\nmutation Deposit($input: CashierInput!) {\n  deposit(input: $input) {\n    __typename\n    ... on CashierReceipt {\n      repeated\n      transaction {\n        id\n      }\n      wallet {\n        balance {\n          amount\n        }\n      }\n    }\n    ... on Refusal {\n      message\n    }\n  }\n}\n\nmutation CreatePlayer($input: CreatePlayerInput!) {\n  createPlayer(input: $input) {\n    id\n    wallets {\n      id\n      currency\n    }\n  }\n}\n\nsubscription BalanceChanged($walletId: ID!, $after: String) {\n  balanceChanged(walletId: $walletId, after: $after) {\n    sequence\n    balance {\n      amount\n      currency\n    }\n    transaction {\n      id\n      kind\n    }\n    displayAt\n  }\n}": types.MeDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Me {\n  me {\n    id\n    externalId\n    brand\n    status\n    wallets {\n      id\n      currency\n      balance {\n        amount\n        currency\n      }\n      sequence\n    }\n  }\n}\n\nquery WalletHistory($walletId: ID!, $first: Int, $after: String) {\n  wallet(id: $walletId) {\n    transactions(first: $first, after: $after) {\n      edges {\n        cursor\n        node {\n          id\n          sequence\n          kind\n          amount {\n            amount\n            currency\n          }\n          balanceAfter {\n            amount\n          }\n          createdAt\n          rolledBackBy {\n            id\n          }\n        }\n      }\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n    }\n  }\n}\n\nmutation Launch($input: LaunchGameInput!) {\n  launchGame(input: $input) {\n    __typename\n    ... on LaunchSession {\n      id\n      url\n    }\n    ... on Refusal {\n      message\n    }\n  }\n}\n\nmutation Deposit($input: CashierInput!) {\n  deposit(input: $input) {\n    __typename\n    ... on CashierReceipt {\n      repeated\n      transaction {\n        id\n      }\n      wallet {\n        balance {\n          amount\n        }\n      }\n    }\n    ... on Refusal {\n      message\n    }\n  }\n}\n\nmutation CreatePlayer($input: CreatePlayerInput!) {\n  createPlayer(input: $input) {\n    id\n    wallets {\n      id\n      currency\n    }\n  }\n}\n\nsubscription BalanceChanged($walletId: ID!, $after: String) {\n  balanceChanged(walletId: $walletId, after: $after) {\n    sequence\n    balance {\n      amount\n      currency\n    }\n    transaction {\n      id\n      kind\n    }\n    displayAt\n  }\n}"): typeof import('./graphql.js').MeDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
