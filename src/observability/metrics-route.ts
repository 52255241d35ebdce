import { createHash, timingSafeEqual } from 'node:crypto';
import { type NextFunction, type Request, type Response, Router } from 'express';
import { isPrivateAddress } from '../adapters/kit/addresses.js';
import type { Metrics } from './metrics.js';
import type { Secret } from './secret.js';

export interface MetricsRouteOptions {
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Whoever asks has to show it. */
  readonly token: Secret | undefined;
  readonly production: boolean;
}

/**
 * `/metrics`. With a token it is for whoever shows it. Without one it is, in production, for the own network only, and to
 * everybody else it does not exist.
 */
export function createMetricsRoute({ metrics, token, production }: MetricsRouteOptions): Router {
  const router = Router();
  router.get('/metrics', guard, async (_request, response) => {
    response.setHeader('content-type', metrics.contentType).send(await metrics.text());
  });
  return router;

  function guard(request: Request, response: Response, next: NextFunction): void {
    if (token !== undefined && !showsToken(request, token)) {
      response.status(401).setHeader('www-authenticate', 'Bearer').json({ error: 'A token is needed.' });
      return;
    }
    // To others there is no such route.
    if (token === undefined && production && !isNear(request)) next('route');
    else next();
  }
}

/** In constant time, whatever the length. */
function showsToken(request: Request, token: Secret): boolean {
  const [, shown = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return timingSafeEqual(digest(shown), digest(token.reveal()));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The peer itself. Behind a proxy everybody comes from a near address, so what was passed on comes from far. */
function isNear({ headers, socket }: Request): boolean {
  const passedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined);
  return !passedOn && isPrivateAddress(socket.remoteAddress ?? '');
}
