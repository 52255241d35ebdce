import type { Reads } from '../database/reads.js';
import { formatUnits } from '../ledger/money.js';
import type { Logger } from './logger.js';

/** What players have staked in rounds that are still open. */
export interface MoneyAtRisk {
  /** In Prometheus's own words; empty while it cannot be read. Never throws. */
  text(): Promise<string>;
}

export interface MoneyAtRiskOptions {
  readonly reads: Pick<Reads, 'query'>;
  readonly currencies: ReadonlyMap<string, { readonly scale: number }>;
  readonly logger: Pick<Logger, 'warn'>;
  /** However often the metrics are read, the database is asked no sooner than this after the last time. */
  readonly everyMs?: number;
}

/** And for so many times as long as it took: where very many rounds stay open, the sum is not free. */
const PAUSE_PER_READ = 20;

const OPEN_ROUNDS = {
  name: 'money_at_risk',
  text:
    'select r.integration, w.currency, sum(r.stakes)::text as stakes, count(*)::text as rounds from round r ' +
    'join wallet w on w.lane = r.lane and w.id = r.wallet_id ' +
    'where r.bets > 0 and r.wins = 0 and r.closed_at is null group by r.integration, w.currency order by 1, 2',
};

interface Row {
  readonly integration: string;
  readonly currency: string;
  readonly stakes: string;
  readonly rounds: string;
}

export function createMoneyAtRisk({ reads, currencies, logger, everyMs = 15_000 }: MoneyAtRiskOptions): MoneyAtRisk {
  let known = '';
  let nextAt = 0;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const startedAt = performance.now();
    try {
      const rows = await reads.query<Row>(OPEN_ROUNDS, [], { from: 'history' });
      known = write(rows, currencies);
    } catch (error) {
      // A sum of long ago would pass for one of now.
      known = '';
      logger.warn({ err: error }, 'The money at risk could not be read');
    }
    const endedAt = performance.now();
    nextAt = endedAt + Math.max(everyMs, (endedAt - startedAt) * PAUSE_PER_READ);
    reading = undefined;
  }

  return {
    async text() {
      if (reading === undefined && performance.now() >= nextAt) reading = read();
      await reading;
      return known;
    },
  };
}

/** By hand and not through a gauge, which would make a float of the money: the digits leave as the ledger has them. */
function write(rows: readonly Row[], currencies: MoneyAtRiskOptions['currencies']): string {
  const samples = rows.flatMap(({ integration, currency, stakes, rounds }) => {
    const scale = currencies.get(currency)?.scale;
    if (scale === undefined) return [];
    const labels = `{integration="${integration}",currency="${currency}"}`;
    return [{ labels, rounds, amount: formatUnits(BigInt(stakes), scale) }];
  });
  return [
    '# HELP croupier_money_at_risk Stakes in open rounds, in units of the currency.',
    '# TYPE croupier_money_at_risk gauge',
    ...samples.map(({ labels, amount }) => `croupier_money_at_risk${labels} ${amount}`),
    '# HELP croupier_open_rounds Rounds with a stake and no end.',
    '# TYPE croupier_open_rounds gauge',
    ...samples.map(({ labels, rounds }) => `croupier_open_rounds${labels} ${rounds}`),
    '',
  ].join('\n');
}
