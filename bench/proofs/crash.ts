import { type Gateway, openGateway, openProvider } from './gateway.js';
import { startPlay } from './play.js';
import { seeded } from '../../test/support/random.js';
import { type Reckoning, reckon } from './reckoning.js';

export interface CrashOptions {
  /** Of a bench database with its wallets funded. */
  readonly databaseUrl: string;
  readonly directory: string;
  /** Of each player's wallet, in ledger units. */
  readonly funds: readonly bigint[];
  readonly kills: number;
  /** The next kill comes after so many more movements: in full swing, at no particular moment of a unit of work. */
  readonly betweenKills: { readonly least: number; readonly most: number };
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface CrashReport extends Reckoning {
  readonly kills: number;
  readonly seed: number;
  readonly seconds: number;
  readonly acknowledged: number;
  readonly declined: number;
  readonly unknown: number;
  readonly repeated: number;
}

const TABLES = 48;

/**
 * Kills the gateway under load again and again. The provider sends bets once and everything else until it is answered; a
 * bet without an answer it rolls back. In the end the ledger must hold what was acknowledged, once, and nothing else.
 */
export async function proveCrash(options: CrashOptions): Promise<CrashReport> {
  const gateway = await openGateway(options.directory, options.databaseUrl);
  try {
    return await run(gateway, options);
  } finally {
    await gateway.stop();
  }
}

async function run(gateway: Gateway, options: CrashOptions): Promise<CrashReport> {
  const { databaseUrl, funds, kills, betweenKills, seed, say } = options;
  const startedAt = performance.now();
  const random = seeded(seed);
  const provider = openProvider(gateway, { socketsMax: TABLES * 2, timeoutMs: 5_000, attemptsMax: 8 });
  const play = startPlay({ provider, random: seeded(seed + 1), players: funds.length, tables: TABLES });
  try {
    for (let kill = 1; kill <= kills; kill += 1) {
      await play.acknowledgedMore(random.between(betweenKills.least, betweenKills.most));
      await gateway.killAndRestart();
      const { acknowledged, unknown } = play.book.counts;
      say(`kill ${kill} of ${kills}: ${acknowledged} acknowledged, ${unknown} bets without an answer`);
    }
    await play.acknowledgedMore(betweenKills.least);
    await play.finish();
  } finally {
    provider.close();
  }
  const reckoning = await reckon(databaseUrl, play.book.sent, funds);
  return {
    kills,
    seed,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ...play.book.counts,
    ...reckoning,
    violations: [...play.book.faults, ...reckoning.violations],
  };
}
