import { createServer } from 'node:http';
import express from 'express';
import { pino } from 'pino';
import { igpx } from '../src/adapters/igpx/index.js';
import { createJournal } from '../src/callbacks/journal.js';
import { createCallbackHandler, routeCallbacks } from '../src/callbacks/router.js';
import { openDatabase } from '../src/database.js';
import type { Outcome } from '../src/ledger/commands.js';
import type { Ledger } from '../src/ledger/ledger.js';
import { createLogger } from '../src/observability/logger.js';
import { createStatements } from '../src/ledger/statements.js';
import { formatTransactionId } from '../src/ledger/ids.js';
import { createPlayerDirectory } from '../src/players/directory.js';
import { benchLimits } from './bench-database.js';
import { bench, settingsOf } from './bets.js';
import { createOneTransactionLedger } from './baselines/one-transaction.js';

/**
 * The gateway's own HTTP stack over another ledger, as a process of its own: `none` answers without a database,
 * `one-transaction` runs one MikroORM transaction per request. Ends by SIGTERM.
 */

function answerWithoutDatabase(): Pick<Ledger, 'execute'> {
  let sequence = 0n;
  return {
    execute(command) {
      if (command.kind !== 'bet') throw new Error('The bench sends bets only');
      sequence += 1n;
      const row = { lane: 0, walletId: 1n, sequence };
      const receipt = {
        ...row,
        transactionId: formatTransactionId(row),
        kind: command.kind,
        effectUnits: -command.amount.digits * 10_000n,
        balanceAfterUnits: 1n,
        currency: command.currency,
        scale: 6,
      };
      const balance = { ...row, balanceUnits: 1n, currency: command.currency, scale: 6 };
      const outcome: Outcome = { type: 'applied', receipt, balance, flags: [] };
      return Promise.resolve({ outcome, journaled: true });
    },
  };
}

async function oneTransaction(url: string) {
  const logger = pino({ level: 'error' });
  const database = await openDatabase({ kind: 'url', url, ownerUrl: url, ...benchLimits }, { logger });
  const journal = createJournal(database.orm, createStatements(database.orm), (message) => logger.error(message));
  const directory = createPlayerDirectory(database.orm);
  const currencies = new Set([bench.currency]);
  const ledger = createOneTransactionLedger(database.orm, {
    currencies: new Map([[bench.currency, { code: bench.currency, scale: 6 }]]),
    brandCurrencies: new Map([[bench.brand, currencies]]),
    integrationCurrencies: new Map([[bench.integration, currencies]]),
    findPlayer: (brand, externalId) => directory.find(brand, externalId),
    committed: () => undefined,
    failed: (message, error) => logger.error({ err: error }, message),
  });
  return { ledger, journal };
}

const [kind, port, url = ''] = process.argv.slice(2);
const nothing = { append: () => undefined, close: () => Promise.resolve() };
const { ledger, journal } =
  kind === 'one-transaction' ? await oneTransaction(url) : { ledger: answerWithoutDatabase(), journal: nothing };
const adapter = igpx.bind({
  ...bench,
  id: bench.integration,
  settings: settingsOf(bench.provider),
});
const integrations = new Map([[bench.integration, { id: bench.integration, brand: bench.brand, adapter }]]);
const log = createLogger({ level: 'info' });
const handler = createCallbackHandler(integrations, {
  ledger,
  journal,
  redeem: () => Promise.resolve(undefined),
  observed: (callback) => log.info(callback, 'callback'),
  failed: (message, error) => log.error({ err: error }, message),
});
const others = express().disable('x-powered-by').disable('etag');
const server = createServer(routeCallbacks(handler, others));
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
