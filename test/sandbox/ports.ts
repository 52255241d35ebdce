import { once } from 'node:events';
import { createServer } from 'node:net';

/** As the environment names them. */
export interface Ports {
  readonly PORT: string;
  readonly SIMULATOR_PORT: string;
}

/** A port for the gateway, and one from which as many are free as there are simulators. */
export async function freePorts(simulators: number): Promise<Ports> {
  for (;;) {
    const [gateway] = await tryPorts(0, 1);
    const [first] = await tryPorts(0, 1);
    if (gateway === undefined || first === undefined) continue;
    const all = await tryPorts(first, simulators);
    if (all.length === simulators && !all.includes(gateway)) {
      return { PORT: String(gateway), SIMULATOR_PORT: String(first) };
    }
  }
}

/** Listens on so many ports in a row at once, and lets go of them. @returns those that were free */
async function tryPorts(first: number, count: number): Promise<number[]> {
  const opened = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const server = createServer();
      const listening = once(server, 'listening').then(
        () => server,
        () => undefined,
      );
      server.listen(first === 0 ? 0 : first + index, '127.0.0.1');
      return listening;
    }),
  );
  const found: number[] = [];
  for (const server of opened) {
    const address = server?.address();
    if (server === undefined || typeof address !== 'object' || address === null) continue;
    found.push(address.port);
    await once(server.close(), 'close');
  }
  return found;
}
