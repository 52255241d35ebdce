import type { MikroORM } from '@mikro-orm/postgresql';

const DAYS_AHEAD = 3;
const EVERY_MS = 6 * 60 * 60 * 1_000;

/** Keeps the journal's day partitions made ahead, and drops those older than the retention; several gateways may do so at once. */
export async function keepPartitions(
  orm: MikroORM,
  retentionDays: number,
  failed: (message: string, error: unknown) => void,
): Promise<{ stop(): void }> {
  const keep = async (): Promise<void> => {
    await orm.em.fork().execute('select keep_callback_partitions(?, ?)', [DAYS_AHEAD, retentionDays]);
  };
  await keep();
  const timer = setInterval(() => {
    keep().catch((error: unknown) =>
      failed('The partitions of the journal could not be kept; rows go to the default one', error),
    );
  }, EVERY_MS).unref();
  return { stop: () => clearInterval(timer) };
}
