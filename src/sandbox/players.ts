import type { Ledger } from '../ledger/ledger.js';
import { parseDecimal } from '../ledger/money.js';
import { createCashier } from '../cashier/cashier.js';
import type { Config } from '../config.js';
import type { Database } from '../database.js';
import { createPlayers, PlayerError } from '../players/players.js';

const welcome = { EUR: '1000.00', USD: '1000.00', BTC: '0.5' };
export const demoPlayers = ['alice', 'bob', 'carol'] as const;

/** Creates the demo players on the first start. Their money comes by deposits under one key each, so a restart adds nothing. */
export async function seedDemoPlayers(
  config: Config,
  { database, ledger }: { database: Database; ledger: Ledger },
): Promise<void> {
  const brand = config.brands[0];
  if (brand === undefined) return;
  const brandCurrencies = new Map(config.brands.map((each) => [each.id, new Set(each.currencies)]));
  const players = createPlayers({ orm: database.orm, ledger, brandCurrencies });
  const cashier = createCashier({ ledger, currencies: config.currencies });
  for (const externalId of demoPlayers) {
    try {
      await players.create({ brand: brand.id, externalId });
    } catch (error) {
      if (!(error instanceof PlayerError && error.code === 'PLAYER_EXISTS')) throw error;
    }
    for (const [currency, text] of Object.entries(welcome)) {
      const amount = parseDecimal(text);
      if (amount === undefined || !brand.currencies.includes(currency)) continue;
      await cashier.deposit({
        brand: brand.id,
        player: externalId,
        currency,
        amount,
        idempotencyKey: `sandbox-welcome-${currency}`,
        reference: undefined,
      });
    }
  }
}
