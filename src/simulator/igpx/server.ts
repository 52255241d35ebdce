import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import { type IgpxSettings, igpxSigner } from '../../adapters/igpx/index.js';
import { createIgpxProvider, type IgpxProvider } from './callbacks.js';
import { matches, parseStake, selections } from './matches.js';
import { closedPage, playPage } from './page.js';
import { createPlay, type Play } from './play.js';

export interface IgpxSimulatorOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Address to listen on; 127.0.0.1 unless told. */
  readonly host?: string | undefined;
  /** Origin under which browsers and the gateway reach the simulator, where that differs from host and port. */
  readonly publicUrl?: string | undefined;
  /** Where the operator takes callbacks: `…/callbacks/{integration}`. */
  readonly callbackUrl: string;
  /** The same settings as the integration's; its `apiUrl` should be the one returned here. */
  readonly settings: IgpxSettings;
  readonly retryDelayMs?: number | undefined;
  /** How long a match takes (6 s unless told). */
  readonly matchMs?: number | undefined;
  /** How long an access token lives (an hour unless told). */
  readonly tokenSeconds?: number | undefined;
  /** Decides matches; `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
  readonly logger?: { info(fields: object, message: string): void } | undefined;
}

export interface IgpxSimulator {
  /** Origin of the simulator's pages. */
  readonly url: string;
  /** What `apiUrl` must be in the integration's settings. */
  readonly apiUrl: string;
  /** Forgets all access tokens, as a provider does that was restarted. */
  revokeTokens(): void;
  close(): Promise<void>;
}

const LAUNCH_TTL_MS = 5 * 60_000;
const LAUNCHES_MAX = 1_000;
const PLAYS_MAX = 500;
const TOKENS_MAX = 1_000;

interface Launch {
  readonly player: string;
  readonly currency: string;
  readonly language: string | undefined;
  readonly expiresAt: number;
}

interface OpenPlay {
  readonly play: Play;
  readonly watchers: Set<Response>;
}

/** A provider to try the gateway against: the documented API, a betting page, and signed callbacks. */
export async function startIgpxSimulator(options: IgpxSimulatorOptions): Promise<IgpxSimulator> {
  const { port, host = '127.0.0.1', callbackUrl, settings, retryDelayMs, logger } = options;
  const provider = createIgpxProvider({ callbackUrl, retryDelayMs, signer: igpxSigner(settings) });
  const app = express().disable('x-powered-by').disable('etag');
  const server = createServer(app);
  server.listen(port, host);
  await once(server, 'listening');
  const { port: boundPort } = addressOf(server.address());
  const url =
    options.publicUrl?.replace(/\/+$/, '') ?? `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;

  const launches = new Map<string, Launch>();
  const tokens = new Map<string, number>();
  const plays = new Map<string, OpenPlay>();

  app.use(express.json({ limit: '16kb' }));
  mountApi(app, { options, launches, tokens, url });
  mountPages(app, { options, launches, plays, provider });
  app.get('/', (_request, response) => {
    response.type('text').send('A simulated IGPX sportsbook. Betting pages are opened by launching the game.\n');
  });
  app.use((_request, response) => void response.status(404).json({ error: 'NOT_FOUND' }));
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    const status = z.object({ status: z.number().min(400).max(499) }).safeParse(error);
    response
      .status(status.success ? status.data.status : 500)
      .json({ error: status.success ? 'BAD_REQUEST' : 'INTERNAL' });
  });
  logger?.info({ url, callbackUrl }, 'IGPX simulator is listening');

  return {
    url,
    apiUrl: url,
    revokeTokens: () => tokens.clear(),
    async close() {
      provider.close();
      for (const { play } of plays.values()) play.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new TypeError('The simulator listens on TCP only.');
  return address;
}

const AuthRequest = z.object({ username: z.string(), password: z.string() });
const StartSessionRequest = z.object({
  user_id: z.string().min(1).max(255),
  currency: z.string().min(1).max(32),
  lang: z.string().max(35).optional(),
});

interface Api {
  readonly options: IgpxSimulatorOptions;
  readonly launches: Map<string, Launch>;
  /** Access tokens and the moments they end. */
  readonly tokens: Map<string, number>;
  readonly url: string;
}

/** The calls the provider documents. Its error answers are not documented; these are made up. */
function mountApi(app: Express, { options, launches, tokens, url }: Api): void {
  const { settings, tokenSeconds = 3_600 } = options;

  app.post(`/${settings.apiVersion}/auth`, (request, response) => {
    const given = AuthRequest.safeParse(request.body);
    const { username, password } = settings;
    if (!given.success || !sameText(given.data.username, username) || !sameText(given.data.password, password)) {
      response.status(401).json({ error: 'INVALID_CREDENTIALS' });
      return;
    }
    const token = randomBytes(24).toString('base64url');
    keep(tokens, token, Date.now() + tokenSeconds * 1_000, TOKENS_MAX);
    // The sample shows the seconds as text.
    response.json({ token, expires_in: String(tokenSeconds) });
  });

  app.post(`/${settings.apiVersion}/start-session`, (request, response) => {
    const bearer = /^Bearer (\S+)$/.exec(request.get('authorization') ?? '')?.[1];
    const endsAt = bearer === undefined ? undefined : tokens.get(bearer);
    if (endsAt === undefined || endsAt <= Date.now()) {
      response.status(401).json({ error: 'INVALID_TOKEN' });
      return;
    }
    const session = StartSessionRequest.safeParse(request.body);
    if (!session.success) {
      response.status(400).json({ error: 'INVALID_REQUEST' });
      return;
    }
    const id = randomBytes(24).toString('base64url');
    const { user_id: player, currency, lang: language } = session.data;
    keep(launches, id, { player, currency, language, expiresAt: Date.now() + LAUNCH_TTL_MS }, LAUNCHES_MAX);
    response.json({ url: `${url}/play/${id}` });
  });
}

const BetRequest = z.object({ match: z.string(), selection: z.enum(selections), stake: z.string().max(40) });

interface Pages {
  readonly options: IgpxSimulatorOptions;
  readonly launches: Map<string, Launch>;
  readonly plays: Map<string, OpenPlay>;
  readonly provider: IgpxProvider;
}

/**
 * The betting page. Its calls carry a key in the path rather than a cookie: inside an iframe of the operator's site a
 * browser keeps third-party cookies back.
 */
function mountPages(app: Express, { options, launches, plays, provider }: Pages): void {
  const { callbackUrl, matchMs = 6_000, random = Math.random } = options;

  app.get('/play/:launch', (request, response) => {
    const nonce = randomBytes(16).toString('base64');
    // No X-Frame-Options: the page is made for the operator's iframe.
    response.set({
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'`,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    const launch = launches.get(request.params.launch);
    launches.delete(request.params.launch);
    if (launch === undefined || launch.expiresAt <= Date.now()) {
      response.status(410).type('html').send(closedPage(nonce));
      return;
    }
    const { player, currency, language } = launch;
    const key = randomBytes(24).toString('base64url');
    const watchers = new Set<Response>();
    const play = createPlay({
      player,
      currency,
      provider,
      matchMs,
      random,
      onChange: () => watchers.forEach((watcher) => sendState(watcher, play)),
    });
    keep(plays, key, { play, watchers }, PLAYS_MAX, endPlay);
    response.type('html').send(playPage({ nonce, key, player, currency, language, callbackUrl, matches }));
  });

  app.get('/sessions/:key/events', (request, response) => {
    const open = plays.get(request.params.key);
    if (open === undefined) return void response.status(404).end();
    response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders();
    open.watchers.add(response);
    response.on('close', () => open.watchers.delete(response));
    sendState(response, open.play);
  });

  app.post('/sessions/:key/bets', (request, response) => {
    const open = plays.get(request.params.key);
    if (open === undefined) return void response.status(404).json({ error: 'This page is no longer open.' });
    const bet = BetRequest.safeParse(request.body);
    const match = bet.success ? matches.find(({ id }) => id === bet.data.match) : undefined;
    const stake = bet.success ? parseStake(bet.data.stake) : undefined;
    if (!bet.success || match === undefined || stake === undefined) {
      response.status(400).json({ error: 'A stake is a plain amount above 0, such as 5 or 2.50.' });
      return;
    }
    const ticket = open.play.bet(match, bet.data.selection, stake);
    if (ticket === undefined) response.status(409).json({ error: 'Too many bets are running; wait for one to end.' });
    else response.status(202).json(ticket);
  });

  app.post('/sessions/:key/bets/:ticket/void', (request, response) => {
    const open = plays.get(request.params.key);
    if (open?.play.void(request.params.ticket) === true) response.status(202).json({});
    else response.status(409).json({ error: 'This bet cannot be voided now.' });
  });
}

function endPlay({ play, watchers }: OpenPlay): void {
  play.close();
  for (const watcher of watchers) watcher.end();
}

function sendState(watcher: Response, play: Play): void {
  watcher.write(`data: ${JSON.stringify(play.state())}\n\n`);
}

/** Adds an entry and drops the oldest beyond the limit. */
function keep<Value>(
  map: Map<string, Value>,
  key: string,
  value: Value,
  sizeMax: number,
  dropped?: (old: Value) => void,
) {
  map.set(key, value);
  if (map.size <= sizeMax) return;
  for (const [oldest, old] of map) {
    map.delete(oldest);
    dropped?.(old);
    return;
  }
}

function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
