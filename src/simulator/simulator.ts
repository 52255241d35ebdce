import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import type { ApiAnswer, ApiCall, ProviderSide, SimulatorHost } from '../adapters/provider-side.js';
import { serveApi } from './api.js';
import type { Faults } from './faults.js';
import { mountPages } from './pages.js';
import type { Random } from './random.js';
import { createSender, type Exchange, type Sender } from './sender.js';

export interface SimulatorOptions {
  readonly side: ProviderSide;
  /** The same as the integration's; its API's address should be the `apiUrl` returned here. */
  readonly settings: unknown;
  /** What the pages are headed with: the provider's name. */
  readonly title?: string | undefined;
  /** Where the operator takes callbacks: `…/callbacks/{integration}`. */
  readonly callbackUrl: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Address to listen on; 127.0.0.1 unless told. */
  readonly host?: string | undefined;
  /** Origin under which browsers and the gateway reach the simulator, where that differs from host and port. */
  readonly publicUrl?: string | undefined;
  /** What goes wrong on the way; nothing unless told. */
  readonly faults?: Faults | undefined;
  /** Decides games and faults; `Math.random` unless told. */
  readonly random?: Random | undefined;
  /** What the games' times are divided by, and the waits between attempts; 1 unless told. */
  readonly speed?: number | undefined;
  /** The provider's clock. */
  readonly now?: (() => Date) | undefined;
  readonly logger?: { info(fields: object, message: string): void } | undefined;
}

export interface Simulator {
  /** Origin of the simulator's pages. */
  readonly url: string;
  /** Where the provider's API is: what the integration's settings must name. */
  readonly apiUrl: string;
  readonly sender: Sender;
  close(): Promise<void>;
}

const API_PATH = '/api';

/** Where a simulator serves its API. */
export function apiUrlOf(origin: string): string {
  return origin + API_PATH;
}

/** A provider to try the gateway against: its documented API, a page to play on, and callbacks as it sends them. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const {
    side,
    settings,
    callbackUrl,
    port,
    host = '127.0.0.1',
    faults,
    random = Math.random,
    speed = 1,
    logger,
  } = options;
  const { title = 'Simulated provider' } = options;
  const voice = side.voice(settings);
  const { timeoutMs } = side;
  const sender = createSender({ voice, callbackUrl, timeoutMs, faults, random, patience: 1 / speed });
  const app = express().disable('x-powered-by').disable('etag');
  const server = createServer(app);
  server.listen(port, host);
  await once(server, 'listening');
  const { port: boundPort } = addressOf(server.address());
  const url =
    options.publicUrl?.replace(/\/+$/, '') ?? `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;

  const canVoid = side.page === 'bet-slip' && voice.speaks.includes('rollback');
  const pages = mountPages(app, { side, title, callbackUrl, sender, canVoid, speed, random });
  app.use(API_PATH, ...serveApi(openApi(options, url, sender, pages.open)));
  app.get('/', (_request, response) => {
    response.type('text').send(`${title}, simulated. Its pages are opened by launching a game.\n`);
  });
  app.use((_request, response) => void response.status(404).json({ error: 'NOT_FOUND' }));
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    const status = z.object({ status: z.number().min(400).max(499) }).safeParse(error);
    response
      .status(status.success ? status.data.status : 500)
      .json({ error: status.success ? 'BAD_REQUEST' : 'INTERNAL' });
  });
  logger?.info({ url, callbackUrl }, 'simulator is listening');

  return {
    url,
    apiUrl: apiUrlOf(url),
    sender,
    async close() {
      sender.close();
      pages.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type OpenGame = ReturnType<typeof mountPages>['open'];

/** The provider's API. What it asks the operator while it answers a launch is shown on the page that the launch opens. */
function openApi(
  { side, settings, now = () => new Date() }: SimulatorOptions,
  url: string,
  sender: Sender,
  open: OpenGame,
) {
  const asked = new AsyncLocalStorage<Exchange[]>();
  const host: SimulatorHost = {
    openGame: (game) => url + open(game, asked.getStore() ?? []),
    callBack: (request) => sender.callBack(request, (exchange) => asked.getStore()?.push(exchange)),
    accepted: () => sender.accepted(),
    token: () => randomBytes(24).toString('base64url'),
    now,
  };
  const api = side.api(settings, host);
  return (call: ApiCall): Promise<ApiAnswer | undefined> => asked.run([], () => api(call));
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new TypeError('The simulator listens on TCP only.');
  return address;
}
