import { startTestApp, type TestApp } from '../support/app.js';
import { databaseLimits, type TestDatabase } from '../support/database.js';
import { afterThisTest } from '../support/loopback.js';
import { createWire, type Wire } from '../support/wire.js';

/** A gateway whose every word with its database goes over a wire that the test can cut. */
export async function startBehindWire(database: TestDatabase): Promise<{ gateway: TestApp; wire: Wire }> {
  const wire = await createWire(database.ownerUrl);
  afterThisTest(() => wire.close());
  const config = { database: { kind: 'url', url: wire.url, ownerUrl: wire.url, ...databaseLimits } } as const;
  const gateway = await startTestApp({ database, config });
  afterThisTest(() => gateway.close());
  return { gateway, wire };
}
