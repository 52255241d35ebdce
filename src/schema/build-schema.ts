import './reflect-metadata.js';
import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { AdjustmentResolver } from './adjustments.js';
import { WalletBalanceAtResolver } from './balance-at.js';
import { BalanceChangeResolver } from './balance-change.js';
import { CallbackResolver } from './callbacks.js';
import { CallbackReceivedResolver } from './callback-received.js';
import { CashierResolver } from './cashier.js';
import { GamesResolver } from './games.js';
import { guardSchema } from './guard.js';
import { IntegrationResolver } from './integration.js';
import { LaunchResolver } from './launch.js';
import { MoneyAtRiskResolver } from './money-at-risk.js';
import { PlayerResolver } from './player.js';
import { readPlainly } from './plain-fields.js';
import { PlayerLimitsResolver } from './player-limits.js';
import { ReportResolver } from './report.js';
import { RoundResolver, RoundTransactionsResolver, TransactionRoundResolver } from './rounds.js';
import { TokenResolver } from './tokens.js';
import { ProofKeysResolver, TransactionProofResolver } from './proof.js';
import { PlayerSessionsResolver, SessionResolver, TransactionSessionResolver } from './sessions.js';
import { TransactionPostedResolver } from './transaction-posted.js';
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
  const schema = buildSchemaSync({
    resolvers: [
      PlayerResolver,
      PlayerLimitsResolver,
      PlayerWalletsResolver,
      WalletResolver,
      WalletTransactionsResolver,
      TransactionResolver,
      TransactionRoundResolver,
      RoundResolver,
      RoundTransactionsResolver,
      CallbackResolver,
      CashierResolver,
      LaunchResolver,
      IntegrationResolver,
      ReportResolver,
      MoneyAtRiskResolver,
      GamesResolver,
      BalanceChangeResolver,
      TransactionPostedResolver,
      CallbackReceivedResolver,
      WalletBalanceAtResolver,
      PlayerSessionsResolver,
      SessionResolver,
      TransactionSessionResolver,
      TransactionProofResolver,
      ProofKeysResolver,
      AdjustmentResolver,
      TokenResolver,
    ],
    // Inputs are checked by GraphQL's types and by the services.
    validate: false,
    pubSub: noTopics,
  });
  return guardSchema(readPlainly(schema));
}
