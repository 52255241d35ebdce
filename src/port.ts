import { once } from 'node:events';
import { createServer } from 'node:net';

/** Tries the port before anything else is started, so that a start in vain ends at once. @throws what `listen` would */
export async function assertPortFree({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  if (port === 0) return;
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
