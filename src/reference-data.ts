import type { MikroORM } from '@mikro-orm/postgresql';
import type { Config } from './config.js';
import { ConfigError } from './config.js';
import { Brand, Currency, Integration } from './entities/index.js';
import { ADJUSTMENT, CASHIER } from './ledger/commands.js';

/**
 * Keeps brands, currencies and integrations in step with the configuration. Nothing is deleted, because the ledger refers to
 * it; what has left the configuration is marked inactive.
 * @throws ConfigError when a currency's scale would change under money that exists.
 */
export async function keepReferenceData(
  orm: MikroORM,
  config: Pick<Config, 'currencies' | 'brands' | 'integrations'>,
): Promise<void> {
  await orm.em.fork().transactional(async (em) => {
    const stored = new Map((await em.findAll(Currency)).map((each) => [each.code, each.scale]));
    const problems = [...config.currencies.values()].flatMap(({ code, scale }) => {
      const before = stored.get(code);
      return before === undefined || before === scale
        ? []
        : [
            {
              path: `currencies.${code}.scale`,
              message: `is ${scale}, but the ledger counts ${code} at scale ${before}, and a scale never changes; write { scale: ${before} }.`,
            },
          ];
    });
    const brands = new Map((await em.findAll(Integration)).map((each) => [each.id, each.brandId]));
    for (const [index, { id, brand }] of config.integrations.entries()) {
      const before = brands.get(id);
      if (before === undefined || before === null || before === brand) continue;
      problems.push({
        path: `integrations[${index}].brand`,
        message: `is "${brand}", but the history of ${id} is of "${before}"; give the other brand an integration of its own.`,
      });
    }
    if (problems.length > 0) throw new ConfigError(problems);
    await em.upsertMany(
      Currency,
      [...config.currencies.values()].map(({ code, scale }) => ({ code, scale })),
    );
    await em.upsertMany(
      Brand,
      config.brands.map(({ id, currencies }) => ({ id, currencies: [...currencies] })),
    );
    const current = config.integrations.map(({ id, adapter, brand, currencies }) => ({
      id,
      adapter,
      brandId: brand,
      currencies: [...currencies],
      active: true,
    }));
    const own = [CASHIER, ADJUSTMENT].map((id) => ({
      id,
      adapter: null,
      brandId: null,
      currencies: [...config.currencies.keys()],
      active: true,
    }));
    const all = [...current, ...own];
    await em.upsertMany(Integration, all);
    await em.nativeUpdate(Integration, { id: { $nin: all.map(({ id }) => id) } }, { active: false });
  });
}
