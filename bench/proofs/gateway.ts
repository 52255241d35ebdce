import { once } from 'node:events';
import { createServer } from 'node:net';
import { providers } from '../../src/adapters/registry.js';
import { createProvider, type Provider, type ProviderOptions } from './provider.js';
import { bench, settingsOf } from '../bets.js';
import { type Running, startGateway } from '../gateway.js';

/** A real gateway process that can be killed and started again at the same address. */
export interface Gateway {
  readonly callbackUrl: string;
  /** Ends the process without a chance to finish anything, and starts it again. */
  killAndRestart(): Promise<void>;
  /** @throws when the process has ended by itself. */
  assertAlive(): void;
  stop(): Promise<void>;
}

/** @param directory takes its configuration and its log. */
export async function openGateway(directory: string, databaseUrl: string): Promise<Gateway> {
  const port = await freePort();
  let running: Running = await startGateway(directory, databaseUrl, port);
  const assertAlive = (): void => {
    const { exitCode, signalCode } = running.process;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`The gateway ended by itself: ${exitCode ?? signalCode}`);
  };
  return {
    callbackUrl: `http://127.0.0.1:${port}/callbacks/${bench.integration}`,
    async killAndRestart() {
      assertAlive();
      const ended = once(running.process, 'exit');
      running.process.kill('SIGKILL');
      await ended;
      running = await startGateway(directory, databaseUrl, port);
    },
    assertAlive,
    stop: () => running.stop(),
  };
}

/** A provider that keeps to its rules, with short waits so that a proof ends on the same day. */
export function openProvider(
  { callbackUrl }: Gateway,
  options: Pick<ProviderOptions, 'socketsMax' | 'timeoutMs' | 'attemptsMax'>,
): Provider {
  const voice = providers.get(bench.provider)?.side.voice(settingsOf(bench.provider));
  if (voice === undefined) throw new Error(`There is no provider ${bench.provider}`);
  return createProvider({ callbackUrl, voice, retryDelayMs: 40, ...options });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('No free port on 127.0.0.1.');
  return address.port;
}
