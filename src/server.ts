import type { AddressInfo } from 'node:net';
import { adapters } from './adapters/registry.js';
import { createApp } from './app.js';
import { type Config, describeProblems, loadConfig } from './config.js';
import { createLogger, type Logger } from './observability/logger.js';
import { openSandbox } from './sandbox/sandbox.js';

/** Reads the configuration, starts the gateway, listens, and stops cleanly. */

/** A supervisor kills what has not ended by then; so it is ended before. */
const EXIT_MS = 9_500;

try {
  await serve(loadConfig(process.env, { adapters }));
} catch (error) {
  process.stderr.write(`Croupier did not start.\n${describeProblems(error)}\n`);
  process.exit(1);
}

async function serve(config: Config): Promise<void> {
  const logger = createLogger({ level: config.logLevel, production: config.mode === 'production' });
  const app = await createApp(config, logger);
  await new Promise<void>((resolve, reject) => {
    app.http.once('error', reject).listen(config.http.port, config.http.host, resolve);
  });
  const { port } = app.http.address() as AddressInfo;
  const url = `http://${config.http.host}:${port}`;
  const sandbox = config.simulators.length > 0 ? await openSandbox(config, app, url, logger) : undefined;
  logger.info({ url }, 'listening');

  const stop = once((signal: string): void => {
    logger.info({ signal }, 'stopping');
    setTimeout(() => end(logger, 1, 'cut off what was still under way'), EXIT_MS).unref();
    Promise.all([app.close(), sandbox?.close()]).then(
      () => end(logger, 0, 'stopped'),
      (error: unknown) => {
        logger.error({ err: error }, 'not stopped cleanly');
        end(logger, 1, 'stopped');
      },
    );
  });
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

function once(work: (signal: string) => void): (signal: string) => void {
  let done = false;
  return (signal) => {
    if (!done) work(signal);
    done = true;
  };
}

function end(logger: Logger, code: number, message: string): void {
  logger.info(message);
  logger.flush();
  process.exit(code);
}
