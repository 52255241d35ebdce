import './node-version.js';
import type { AddressInfo } from 'node:net';
import { adapters } from './adapters/registry.js';
import { createApp } from './app.js';
import { type Config, describeProblems, loadConfig } from './config.js';
import { createLogger, exit, type Logger } from './observability/logger.js';
import { openSandbox } from './sandbox/sandbox.js';

/** Reads the configuration, starts the gateway, listens, and stops cleanly. */

/** A supervisor kills what has not ended by then; so it is ended before. */
const EXIT_MS = 9_500;

try {
  const config = loadConfig(process.env, { adapters });
  const logger = createLogger({ level: config.logLevel, production: config.mode === 'production' });
  const started = start(config, logger);
  // Also while it still starts: an embedded database must not be left behind.
  const stop = stopOnce(started, logger);
  process.on('SIGTERM', stop).on('SIGINT', stop);
  await started;
} catch (error) {
  process.stderr.write(`${describeProblems(error)}\n`);
  process.exit(1);
}

/** @returns what closes it all again */
async function start(config: Config, logger: Logger): Promise<() => Promise<unknown>> {
  const app = await createApp(config, logger);
  try {
    await new Promise<void>((resolve, reject) => {
      app.http.once('error', reject).listen(config.http.port, config.http.host, resolve);
    });
    const url = `http://${config.http.host}:${(app.http.address() as AddressInfo).port}`;
    logger.info({ url }, 'listening');
    const sandbox = config.simulators.length > 0 ? await openSandbox(config, app, url, logger) : undefined;
    return () => Promise.all([app.close(), sandbox?.close()]);
  } catch (error) {
    await app.close();
    throw error;
  }
}

function stopOnce(started: Promise<() => Promise<unknown>>, logger: Logger): (signal: string) => void {
  const end = (code: number, message: string): void => {
    logger.info(message);
    exit(logger, code);
  };
  let stopping: Promise<void> | undefined;
  return (signal) => {
    logger.info({ signal }, 'stopping');
    setTimeout(() => end(1, 'cut off what was still under way'), EXIT_MS).unref();
    stopping ??= started
      .then((close) => close())
      .then(() => end(0, 'stopped'))
      .catch((error: unknown) => logger.error({ err: error }, 'not stopped cleanly'))
      .finally(() => end(1, 'stopped'));
  };
}
