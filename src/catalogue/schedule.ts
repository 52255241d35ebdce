import { type Catalogue, type CatalogueSource, hasCatalogue } from './catalogue.js';
import { CatalogueError } from './errors.js';

const HOUR_MS = 3_600_000;
/** A provider that does not answer now is asked again soon, and then ever later. */
const RETRY_MS = [5_000, 60_000, 600_000] as const;
/** How long the end of the process waits for a synchronisation under way; what is cut off is repeated at the next start. */
const STOP_MS = 2_000;

export interface CatalogueScheduleOptions {
  readonly catalogue: Catalogue;
  readonly sources: ReadonlyMap<string, CatalogueSource>;
  /** Between two synchronisations; 0 for none at all. */
  readonly hours: number;
  readonly failed: (message: string, error: unknown) => void;
}

export interface CatalogueSchedule {
  /** Synchronises every catalogue now, and from then on again and again. What fails is told, and nothing else happens. */
  start(): void;
  stop(): Promise<void>;
}

export function createCatalogueSchedule(options: CatalogueScheduleOptions): CatalogueSchedule {
  const { catalogue, sources, hours, failed } = options;
  const integrations = [...sources].filter(([, source]) => hasCatalogue(source)).map(([id]) => id);
  const periodMs = hours * HOUR_MS;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> = Promise.resolve();

  /** One after the other: nobody waits for it. @returns those worth asking again soon */
  async function syncAll(wanted: readonly string[]): Promise<string[]> {
    const again: string[] = [];
    for (const integration of wanted) {
      if (stopped) return [];
      try {
        await catalogue.syncCatalogue(integration);
      } catch (error) {
        if (stopped) return [];
        const code = error instanceof CatalogueError ? error.code : undefined;
        // Another gateway is at it.
        if (code === 'BUSY') continue;
        failed(`The catalogue of ${integration} was not synchronised`, error);
        if (code === undefined || code === 'PROVIDER_FAILED') again.push(integration);
      }
    }
    return again;
  }

  function next(wanted: readonly string[], retries: number, afterMs: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      underWay = run(wanted, retries);
    }, afterMs);
    timer.unref();
  }

  async function run(wanted: readonly string[], retries: number): Promise<void> {
    const again = await syncAll(wanted);
    const retryMs = RETRY_MS[retries];
    if (again.length > 0 && retryMs !== undefined) next(again, retries + 1, retryMs);
    else next(integrations, 0, periodMs);
  }

  return {
    start() {
      if (hours > 0 && integrations.length > 0) underWay = run(integrations, 0);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.race([underWay, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
    },
  };
}
