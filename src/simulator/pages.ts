import { randomBytes } from 'node:crypto';
import express, { type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import type { ProviderSide, SimulatedGame } from '../adapters/provider-side.js';
import { faultKinds } from './faults.js';
import { games } from './games/games.js';
import { closedPage, playPage, type PlaySetup } from './page.js';
import { createPlay, type Play } from './play.js';
import type { Random } from './random.js';
import type { Exchange, Sender } from './sender.js';

export interface PagesOptions {
  readonly side: ProviderSide;
  /** What the page is headed with. */
  readonly title: string;
  readonly callbackUrl: string;
  readonly sender: Sender;
  readonly canVoid: boolean;
  readonly speed: number;
  readonly random: Random;
}

export interface Pages {
  /** Keeps a play until its page is opened. @returns its path, which works once; again only where it was opened */
  readonly open: (game: SimulatedGame, before: readonly Exchange[]) => string;
  close(): void;
}

const LAUNCH_TTL_MS = 5 * 60_000;
const LAUNCHES_MAX = 1_000;
const PLAYS_MAX = 500;

interface Launch {
  readonly game: SimulatedGame;
  /** What was said while the game was being launched. */
  readonly before: readonly Exchange[];
  readonly expiresAt: number;
}

interface OpenPlay {
  /** The launch it was opened by. */
  readonly launchId: string;
  readonly game: SimulatedGame;
  readonly play: Play;
  readonly watchers: Set<Response>;
}

const Mishap = z.object({ fault: z.enum(faultKinds).nullable() });

/** Holds the key of a page in the browser that opened it, so that a reload finds it. */
const KEY_COOKIE = 'page_key';

/**
 * The playable pages. Their calls carry a key in the path rather than a cookie: inside an iframe of the operator's site a
 * browser keeps third-party cookies back. Only a reload asks for the cookie, so in such an iframe it finds the page closed.
 */
export function mountPages(app: Express, options: PagesOptions): Pages {
  const launches = new Map<string, Launch>();
  const plays = new Map<string, OpenPlay>();

  /** @returns the key of a page that is new; undefined where there is no such launch, or no longer */
  function openLaunch(launchId: string): string | undefined {
    const launch = launches.get(launchId);
    launches.delete(launchId);
    if (launch === undefined || launch.expiresAt <= Date.now()) return undefined;
    const key = randomBytes(24).toString('base64url');
    keep(plays, key, openPlay(options, launchId, launch), PLAYS_MAX, endPlay);
    return key;
  }

  app.get('/play/:launch', (request, response) => {
    const nonce = randomBytes(16).toString('base64');
    // No X-Frame-Options: the page is made for the operator's iframe.
    response.set({
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'`,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    const { launch } = request.params;
    const key = openLaunch(launch) ?? keyIn(request);
    const opened = plays.get(key);
    if (opened?.launchId !== launch) {
      response.status(410).type('html').send(closedPage(nonce));
      return;
    }
    response.cookie(KEY_COOKIE, key, { path: `/play/${launch}`, httpOnly: true, sameSite: 'lax' });
    response.type('html').send(playPage(nonce, setupOf(options, key, opened)));
  });
  mountCalls(app, plays);

  return {
    open(game, before) {
      const id = randomBytes(24).toString('base64url');
      keep(launches, id, { game, before, expiresAt: Date.now() + LAUNCH_TTL_MS }, LAUNCHES_MAX);
      return `/play/${id}`;
    },
    close: () => plays.forEach(endPlay),
  };
}

/** @returns what the cookie says; empty where there is none */
function keyIn({ headers }: Request): string {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const start = `${KEY_COOKIE}=`;
  return pairs.find((pair) => pair.startsWith(start))?.slice(start.length) ?? '';
}

function setupOf({ side, title, callbackUrl }: PagesOptions, key: string, { game }: OpenPlay): PlaySetup {
  const { player, currency } = game;
  const name = side.games.find(({ id }) => id === game.game)?.name ?? game.game;
  return { key, title, name, player, currency, callbackUrl, kind: side.page, rules: games[side.page].rules };
}

function openPlay(options: PagesOptions, launchId: string, { game, before }: Launch): OpenPlay {
  const { side, sender, canVoid, speed, random } = options;
  const watchers = new Set<Response>();
  const tell = (event: string, data: unknown): void => watchers.forEach((watcher) => write(watcher, event, data));
  const play = createPlay({
    ...game,
    plays: games[side.page],
    gameId: game.game ?? side.games[0]?.id ?? side.page,
    sender,
    canVoid,
    speed,
    random,
    onChange: () => tell('state', play.state()),
    onTraffic: (record) => tell('traffic', record),
  });
  for (const exchange of before) play.record(exchange);
  return { launchId, game, play, watchers };
}

/** What the page's script calls. */
function mountCalls(app: Express, plays: ReadonlyMap<string, OpenPlay>): void {
  const json = express.json({ limit: '16kb' });
  const found = (request: Request<{ key: string }>, response: Response): Play | undefined => {
    const open = plays.get(request.params.key);
    if (open === undefined) response.status(404).json({ error: 'This page is no longer open.' });
    return open?.play;
  };
  const answer = (response: Response, done: boolean, error: string): void => {
    response.status(done ? 202 : 409).json(done ? {} : { error });
  };

  app.get('/sessions/:key/events', (request, response) => {
    const open = plays.get(request.params.key);
    if (open === undefined) return void response.status(404).end();
    response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders();
    open.watchers.add(response);
    response.on('close', () => open.watchers.delete(response));
    for (const record of open.play.traffic().toReversed()) write(response, 'traffic', record);
    write(response, 'state', open.play.state());
  });

  app.post('/sessions/:key/bets', json, (request, response) => {
    const ticket = found(request, response)?.bet(request.body);
    if (ticket === undefined) return;
    if (ticket === 'no-bet') {
      response.status(400).json({ error: 'A stake is a plain amount above 0, such as 5 or 2.50.' });
    } else if (ticket === 'too-many') {
      response.status(409).json({ error: 'Too many bets are running; wait for one to end.' });
    } else {
      response.status(202).json(ticket);
    }
  });

  app.post('/sessions/:key/bets/:ticket/act', json, (request, response) => {
    const play = found(request, response);
    if (play) answer(response, play.act(request.params.ticket, request.body), 'This cannot be done now.');
  });

  app.post('/sessions/:key/bets/:ticket/void', (request, response) => {
    const play = found(request, response);
    if (play) answer(response, play.void(request.params.ticket), 'This bet cannot be voided now.');
  });

  app.post('/sessions/:key/mishap', json, (request, response) => {
    const play = found(request, response);
    const wish = Mishap.safeParse(request.body).data;
    if (wish) play?.setMishap(wish.fault);
    if (play) answer(response, wish !== undefined, 'There is no such mishap.');
  });
}

function endPlay({ play, watchers }: OpenPlay): void {
  play.close();
  for (const watcher of watchers) watcher.end();
}

function write(watcher: Response, event: string, data: unknown): void {
  watcher.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
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
