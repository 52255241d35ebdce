import './reflect-metadata.js';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { BalanceChangeResolver } from './balance-change.js';
import { CashierResolver } from './cashier.js';
import { GamesResolver } from './games.js';
import { IntegrationResolver } from './integration.js';
import { LaunchResolver } from './launch.js';
import { PlayerResolver } from './player.js';
import { TransactionResolver, WalletTransactionsResolver } from './transactions.js';
import { PlayerWalletsResolver, WalletResolver } from './wallet.js';

/** type-graphql wants one as soon as there are subscriptions; ours read the feed and have no topics. */
const noTopics = {
  publish(): never {
    throw new Error('Nothing is published through the schema');
  },
  subscribe(): never {
    throw new Error('No subscription has topics');
  },
};

/**
 * The whole schema. type-graphql keeps what decorators say in one place for the process, so resolvers hold nothing: what
 * they may ask comes with the context of each operation.
 */
export function buildGraphqlSchema(): GraphQLSchema {
  return buildSchemaSync({
    resolvers: [
      PlayerResolver,
      PlayerWalletsResolver,
      WalletResolver,
      WalletTransactionsResolver,
      TransactionResolver,
      CashierResolver,
      LaunchResolver,
      IntegrationResolver,
      GamesResolver,
      BalanceChangeResolver,
    ],
    // Inputs are checked by GraphQL's types and by the services.
    validate: false,
    pubSub: noTopics,
  });
}
